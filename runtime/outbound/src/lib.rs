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
//! | [`connector`] | one attempt, over whichever transport |
//! | [`http`] | to a web service: request, redirects, what the answer means |
//! | [`catalogue`] | types of resources, and what is wrong with one |
//! | [`kafka`], [`amqp`], [`mqtt`], [`pulsar`], [`redis`] | to a broker: getting in, message, receipt |
//! | `access`, `dial`, `pool` | what brokers have in common: addresses and credentials, connections that may be made, and those that wait |
//! | [`retry`], [`breaker`] | when to try again |
//! | `route` | what the configuration says of a destination |
//! | `worker` | which destinations have something to send |
//! | `job` | serves one destination |
//! | `settler` | writes down what became of attempts |
//! | `figures` | what `/metrics` tells |

mod access;
pub mod amqp;
pub mod breaker;
pub mod catalogue;
pub mod connector;
mod dial;
mod figures;
pub mod guard;
pub mod http;
mod job;
pub mod kafka;
pub mod mqtt;
mod pool;
pub mod pulsar;
pub mod redis;
mod resolve;
pub mod retry;
mod route;
mod sent;
mod settings;
mod settler;
mod worker;

use tracardi_model::Context;

pub use catalogue::ResourceType;
pub use connector::{Connector, Target};
pub use guard::Guard;
pub use sent::{Message, Sent};
pub use worker::{OutboundLimits, OutboundSetup, start};

/// A destination, by context and id.
pub type Key = (Context, String);
