//! `TracardiInstallation`, the one resource from which the operator makes an installation.
//!
//! Every field here is read by the operator; a field that nobody reads does not exist. Defaults are applied by the
//! operator ([`defaults`]) and never written into the resource, so that what a user applied stays what a user sees and a
//! GitOps tool finds nothing to complain about.

mod choice;
pub mod defaults;
pub mod reason;
mod schema;
mod servers;
mod spec;
pub mod status;

pub use choice::*;
pub use reason::Reason;
pub use schema::{crd, crd_yaml};
pub use servers::*;
pub use spec::*;
pub use status::{
    ComponentStatus, ConditionType, DependencyStatus, GeneratedSecret, ObjectKey, Phase, TracardiInstallationStatus,
    Urls,
};
