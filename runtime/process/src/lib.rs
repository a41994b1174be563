//! What every process of the house shares: supervised tasks, clock and entropy, logging, metrics, health, listeners.
//!
//! Nothing in here knows what Tracardi is: the operator uses it as well.
//!
//! | module | what for |
//! |---|---|
//! | [`supervisor`] | named tasks, watched, stopped phase by phase; the only place where tasks are started |
//! | [`shutdown`] | SIGTERM and SIGINT as a future |
//! | [`bell`] | tells a task for whom there is something to do |
//! | [`lock`] | one process at a time in a directory |
//! | [`clock`] | the time, real or set by hand |
//! | [`endpoint`] | where another server is, and who we are there |
//! | [`setting`] | what is told about it, and which of that an error is about |
//! | [`sighting`] | what a look at another server found |
//! | [`random`] | bytes, tokens and passwords from the operating system |
//! | [`logging`] | log lines as text or JSON |
//! | [`metrics`] | the registry, and figures of the process itself |
//! | [`health`] | `/livez`, `/readyz`, `/healthcheck`, `/metrics` |
//! | [`listen`] | binding and serving with limits on connections, headers and time |

pub mod bell;
pub mod clock;
pub mod endpoint;
pub mod health;
pub mod listen;
pub mod lock;
pub mod logging;
pub mod metrics;
pub mod random;
pub mod setting;
pub mod shutdown;
pub mod sighting;
mod slots;
pub mod supervisor;

pub use bell::Bell;
pub use clock::{Clock, ManualClock, SharedClock, SystemClock};
pub use endpoint::{Endpoint, Secret};
pub use health::{Health, Trouble};
pub use metrics::Metrics;
pub use setting::Setting;
pub use sighting::Sighting;
pub use supervisor::{Phase, Supervisor, TaskFailure};
