//! Delivers what the outbox holds to its destinations: isolated from each other, in order, again when it failed.
//!
//! The way of a delivery: stored in the transaction of its request, it waits in the [outbox](tracardi_store::Outbox). The
//! [worker](start) is told by a bell and starts a job for the destination. The job reads what is due, sends some at a time,
//! and goes on to the next when it is on disk what became of it. **At least once, in order for each profile**: whoever has
//! answered 2xx gets the same again only when the process died before that was written down, with the same
//! `Idempotency-Key`.
//!
//! **One slow neighbour slows nobody.** A destination has its own job, its own number of connections, its own breaker. What
//! all share is bounded and given in turns; one that does not answer soon takes no turns.
//!
//! | module | what for |
//! |---|---|
//! | [`guard`] | which addresses may be dialled |
//! | `resolve` | names to addresses that may be dialled |
//! | [`http`] | one attempt: request, redirects, what the answer means |
//! | [`retry`], [`breaker`] | when to try again |
//! | `route` | what the configuration says of a destination |
//! | `worker` | which destinations have something to send |
//! | `job` | serves one destination |
//! | `settler` | writes down what became of attempts |
//! | `figures` | what `/metrics` tells |

pub mod breaker;
mod figures;
pub mod guard;
pub mod http;
mod job;
mod resolve;
pub mod retry;
mod route;
mod settler;
mod worker;

use tracardi_model::Context;

pub use guard::Guard;
pub use http::{Connector, Target};
pub use worker::{OutboundLimits, OutboundSetup, start};

/// A destination, by context and id.
pub type Key = (Context, String);
