//! The queue between those who accept requests and those who carry them out.
//!
//! A message has a **key** (for commands: the profile's id). Messages of one key are received in the order in which they were
//! sent, one consumer at a time; different keys know nothing of each other. [`Producer::send`] returns when the message is
//! durable, as durable as the backend is configured to be ([`Queue::durability`] says it in words). What is received comes
//! again until it is acknowledged or buried: a consumer must be able to meet a message twice, and during a change of hands two
//! consumers may hold the same message at once. Whoever writes what follows from it is fenced by the versions of the documents,
//! not by the queue.
//!
//! | module | what for |
//! |---|---|
//! | [`traits`] | what a queue is |
//! | [`journal`] | a queue in a directory, for one process and without a server |
//! | [`redis`] | a queue of Redis streams |
//! | `group` | orders that wait at the same time share one way to the disk |
//! | [`pulsar`] | the queue on Apache Pulsar |
//! | `conformance` | what every backend must pass (feature `conformance`, for tests) |

#[cfg(feature = "conformance")]
pub mod conformance;
mod group;
pub mod journal;
pub mod pulsar;
pub mod redis;
pub mod traits;

pub use self::journal::Journal;
pub use self::pulsar::{PulsarQueue, PulsarSettings};
pub use self::redis::Redis;
pub use traits::{
    Buried, Chosen, Consumer, Durability, Figures, LISTED, LONGEST_KEY, Message, MessageId, Producer, Queue,
    QueueError, Received, Take,
};
