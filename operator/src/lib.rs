//! The Kubernetes operator that reconciles a `TracardiInstallation`.
//!
//! One pass of [`controller`] reads as a sentence: **observe** what is there, **validate** the resource against it, **plan**
//! the objects that should be (made by the pure **build**ers), **apply** what differs, **report** the outcome in status.
//! [`validate`], [`plan`], [`build`] and [`report`] are pure: they read no clock and talk to nobody. [`apply`] is the only
//! module that writes, and it asks [`lease`] for leadership before each write. Beside the passes, [`probe`] looks at the servers
//! that installations depend on.

pub mod apply;
pub mod build;
pub mod check;
pub mod children;
pub mod controller;
pub mod error;
pub mod events;
pub mod lease;
pub mod metrics;
pub mod model;
pub mod names;
pub mod observe;
pub mod ownership;
pub mod plan;
pub mod probe;
pub mod rbac;
pub mod report;
pub mod run;
pub mod secrets;
pub mod validate;
pub mod views;

/// Name under which the operator owns fields; stable for ever, because a new name would leave the old fields behind.
pub const FIELD_MANAGER: &str = "tracardi-operator";

#[cfg(test)]
mod testing;
