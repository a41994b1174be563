//! The custom resources of the operator, and the contract between operator and runtime.

pub mod contract;
#[cfg(feature = "kubernetes")]
pub mod installation;
pub mod outbound;

#[cfg(feature = "kubernetes")]
pub use installation::{TracardiInstallation, TracardiInstallationSpec};
