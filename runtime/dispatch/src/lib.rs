//! A queue between the endpoints and the writers.
//!
//! The way of a request: an API process knows from a cache whose session it is ([`Bindings`]), tells from that what the client is
//! to be answered and which profile it is about ([`foresee`]), puts it into the queue under that profile, and answers when
//! the queue has it, durably. No database is asked on this way. A [`Worker`] takes it out of the queue and gives it to the writer
//! of its process ([`tracardi_collector`]), which decides anew on what is really stored; only then it is acknowledged.
//!
//! **What the client is told is foreseen, what is stored is decided.** Both come from the same code with the same ids: ids of new
//! profiles follow from the session, ids of events from their content. Where only the store knows the answer, or the client asks
//! for what its events lead to, the API process waits for a while ([`Mailbox`]) until the worker tells it. When that takes too long
//! it answers what it foresaw, with a warning. What nobody waits for (that an event id belongs to another event) is not refused
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
//! | [`answers`] | how an API process hears what became of a request |
//! | [`feed`] | events that other processes have stored, for those who listen in this one |
//! | `worker` | [`Worker`]: from the queue to the writer |
//! | `figures` | what `/metrics` tells |

pub mod answers;
pub mod bindings;
mod dispatcher;
pub mod feed;
mod figures;
pub mod foresee;
mod worker;

pub use answers::{Expected, Mailbox, Post, Reply, Verdict};
pub use bindings::{Bindings, Known, Named};
pub use dispatcher::{Dispatcher, DispatcherSetup};
pub use feed::Feed;
pub use worker::{Worker, WorkerSetup};
