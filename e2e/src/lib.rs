//! Helpers for tests against a real Kubernetes, made so that a test reads as what it shows:
//!
//! ```no_run
//! use std::time::Duration;
//! use tracardi_e2e::{Outcome, scenario};
//!
//! #[test]
//! fn the_example_becomes_ready() -> Outcome {
//!     scenario("example", async |test| {
//!         let namespace = test.namespace("shop").await?;
//!         namespace.apply("examples/tracardi.yaml").await?;
//!         let installation = namespace.installation("demo");
//!         installation.ready(Duration::from_secs(120)).await?;
//!         let api = installation.login().await?;
//!         api.get("/profile/count").await?.ok()?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! A [`scenario`] that fails leaves its namespaces as they are and writes everything in them (objects, logs, events)
//! into `artifacts/e2e/NAME/`; one that succeeds removes them. The tests expect a cluster with the operator in it, as
//! `make e2e` prepares it, or any other that `KUBECONFIG` names.

mod cluster;
mod collect;
mod forward;
pub mod http;
mod installation;
pub mod load;
mod manifest;
mod metrics;
mod namespace;
mod node;
mod operator;
mod pod;
mod scenario;
mod servers;
mod value;
mod waiting;

pub use cluster::{Cluster, cluster};
pub use forward::Forward;
pub use installation::Installation;
pub use manifest::{documents, example, repository};
pub use metrics::Metrics;
pub use namespace::Namespace;
pub use node::{freeze_process, kill_process, shell_image};
pub use operator::{Operator, operator_installed};
pub use pod::{Ended, PodRun};
pub use scenario::{Outcome, Scenario, scenario, scenario_alone};
pub use servers::{Servers, put_secret, servers};
pub use value::{Json, condition, decode, field, text};
pub use waiting::{Wanted, eventually, secs};
