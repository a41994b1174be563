//! Pure builders of Kubernetes objects: from an [`crate::model::Installation`] and parameters to one object each. They know
//! nothing of each other; [`crate::plan`] puts them together.

pub mod config;
pub mod desired;
pub mod disruption;
pub mod meta;
pub mod network_policy;
pub mod pod;
pub mod sentinel;
pub mod service;
pub mod volume;
pub mod workload;

pub use desired::{Desired, Kind};
