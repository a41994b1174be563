//! One writer per profile: groups requests, runs the engine, commits durably, then acknowledges.
//!
//! The way of a request: [`Collector::collect`] or [`Collector::consent`] puts it into a bounded queue and waits. One task, the writer, takes what
//! is queued as a **group**, loads what its cache does not hold in one round trip, runs the engine request by request
//! over that state, commits the whole group in one durable transaction, and only then answers everybody. While a group
//! is being synced to disk the next one gathers, so the more clients there are, the more events one sync carries.
//!
//! There is one writer, hence one writer for each profile: counters are exact without locks.
//!
//! **Exactly once in effect.** Events have ids that follow from their content. A group is run in the hope that its events
//! are new, and the commit, which stores no event twice, makes sure of it: when one exists already, nothing is stored, and
//! the group is run again knowing which. Events that a source or request does not want kept leave their id behind for the
//! same purpose. No memory of recent ids is involved, so it holds across restarts and however long ago the first time was.
//!
//! **When the store fails** nobody in the group is told that anything was stored, whatever the group had changed is gone
//! from the cache, and the next group starts from what is really on disk. Where a queue stands before the writer
//! ([`Company::Worker`]), the group is tried again in its place until it succeeds: what comes after it waits, so the order stays.
//!
//! **Other writers.** Several processes may write to one store if it knows versions. What another one has changed since it was
//! read shows in the commit; then the group is run again on what is there now.
//!
//! | module | what for |
//! |---|---|
//! | `handle` | [`Collector`]: what the API holds |
//! | `intake` | [`Intake`]: what of that the endpoints see |
//! | `queue` | the bounded queue: requests and bytes under way |
//! | `writer` | the task: group, load, run, commit, answer |
//! | `sight` | what a group sees and changes |
//! | `configured` | the engine's settings, compiled anew when the configuration changes |
//! | `merges` | several profiles of one person become one, between two groups |
//! | `poison` | requests on which the engine panics: what is at fault goes into quarantine |
//! | `cache` | sessions and profiles as last committed |
//! | `figures` | what `/metrics` tells |

mod cache;
mod configured;
mod error;
mod figures;
mod handle;
mod intake;
mod merges;
mod poison;
mod queue;
mod sight;
mod writer;

pub use configured::follow;
pub use error::CollectError;
pub use handle::{Bound, Collector, CollectorLimits, CollectorSetup, Company, LiveEvent, Moved, News, Unsubmitted};
pub use intake::Intake;
pub use merges::Merged;
pub use writer::entropy;
