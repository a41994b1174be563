//! A queue between the endpoints and the writers.
//!
//! The way of a request: an API process knows from a cache whose session it is ([`Bindings`]), tells from that what the client is
//! to be answered and which profile it is about ([`foresee`]), puts it into the queue under that profile, and answers when
//! the queue has it, durably. No database is asked on this way. A [`Worker`] takes it out of the queue and gives it to the writer
//! of its process ([`tracardi_collector`]), which decides anew on what is really stored; only then it is acknowledged.
//!
//! **What the client is told is foreseen, what is stored is decided.** Both come from the same code with the same ids: ids of new
//! profiles follow from the session, ids of events from their content. They can differ when the cache does not know what the
//! store knows: a profile id that nobody has is told back to its client until the worker has given the visitor another one;
//! the next answer has that one. What only the store knows (an event id that belongs to another event) is not refused any more
//! with a status: such a request ends among the dead letters, with the reason.
//!
//! **At least once, with one effect.** What a worker does not acknowledge comes again, to it or to another one. The events'
//! ids tell the writer that it was there already. While a key changes hands two workers may hold the same request: then the
//! versions of the documents decide, and whoever was later finds that it is done.
//!
//! | module | what for |
//! |---|---|
//! | `dispatcher` | [`Dispatcher`]: what an API process does |
//! | [`foresee`] | what can be told before it is done |
//! | [`bindings`] | whose a session is, as far as a cache knows |
//! | `worker` | [`Worker`]: from the queue to the writer |
//! | `figures` | what `/metrics` tells |

pub mod bindings;
mod dispatcher;
mod figures;
pub mod foresee;
mod worker;

pub use bindings::{Bindings, Known};
pub use dispatcher::{Dispatcher, DispatcherSetup};
pub use worker::{Worker, WorkerSetup};
