//! One writer per profile: groups requests, runs the engine, commits durably, then acknowledges.
//!
//! The way of a request: [`Collector::collect`] puts it into a bounded queue and waits. One task, the writer, takes what
//! is queued as a **group**, loads what its cache does not hold in one round trip, runs the engine request by request
//! over that state, commits the whole group in one durable transaction, and only then answers everybody. While a group
//! is being synced to disk the next one gathers, so the more clients there are, the more events one sync carries.
//!
//! There is one writer, hence one writer for each profile: counters are exact without locks.
//!
//! | module | what for |
//! |---|---|
//! | [`writer`](self) | the task: group, load, run, commit, answer |
//! | `state` | sessions and profiles: cached, loaded, changed by the group |
//! | `figures` | what `/metrics` tells |

mod error;
mod figures;
mod handle;
mod state;
mod writer;

pub use error::CollectError;
pub use handle::{Collector, CollectorLimits, CollectorSetup, LiveEvent};
