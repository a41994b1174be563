//! What a queue is: messages, the sides of those who send and those who receive, and what goes wrong.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is about: messages with equal keys stay in order. At most [`LONGEST_KEY`] bytes.
    pub key: String,
    /// Its content, at most [`Producer::largest`] bytes.
    pub payload: Bytes,
}

impl Message {
    /// An error if its key is longer than [`LONGEST_KEY`], or its payload than `largest`.
    pub fn fits(&self, largest: usize) -> Result<(), QueueError> {
        for (bytes, limit) in [(self.key.len(), LONGEST_KEY), (self.payload.len(), largest)] {
            if bytes > limit {
                return Err(QueueError::TooLarge { bytes, limit });
            }
        }
        Ok(())
    }
}

/// Bytes of a key.
pub const LONGEST_KEY: usize = 512;

/// Bytes of payloads that [`Queue::buried`] gives at once; one message is given whatever its size.
pub const LISTED: usize = 8 << 20;

/// Where a message stands in its queue, as its backend writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub String);

/// What is received.
#[derive(Clone, Debug)]
pub struct Received {
    /// By this it is acknowledged.
    pub id: MessageId,
    /// What was sent.
    pub message: Message,
    /// When it was sent, by the queue's or the sender's clock.
    pub sent: Timestamp,
}

/// How much is taken at once.
#[derive(Clone, Copy, Debug)]
pub struct Take {
    /// Messages.
    pub messages: usize,
    /// Bytes of payloads; one message is given whatever its size.
    pub bytes: usize,
    /// How long to wait for the first one; then the answer is empty.
    pub wait: Duration,
}

/// A message that nobody could carry out.
#[derive(Clone, Debug)]
pub struct Buried {
    /// Where it stands among its kind.
    pub id: MessageId,
    /// What was sent.
    pub message: Message,
    /// Why it was given up; one line.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

/// Which buried messages are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// These.
    Ids(Vec<MessageId>),
    /// All of them.
    All,
}

/// How a queue stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages that are not acknowledged yet.
    pub waiting: u64,
    /// Buried messages.
    pub buried: u64,
}

/// Why a call of a queue failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The bound is reached: nothing was taken. Passes when the consumers catch up.
    #[error("the queue is full: {0}")]
    Full(String),
    /// It cannot be reached or does not answer. Of a message that was being sent nobody knows whether it arrived.
    #[error("the queue is unavailable: {0}")]
    Unavailable(String),
    /// The message is larger than what the queue takes.
    #[error("a message of {bytes} bytes is too large for the queue, which takes {limit}")]
    TooLarge {
        /// Bytes of the message.
        bytes: usize,
        /// Bytes that are possible.
        limit: usize,
    },
    /// What was configured does not fit: wrong credentials, certificate, name, version. The text names setting and remedy.
    #[error("{0}")]
    Refused(String),
}

/// The side of those who accept requests. Cheap to share.
#[async_trait]
pub trait Producer: Send + Sync + fmt::Debug {
    /// Sends a message. Ok: it is durable. Sends that wait at the same time share what can be shared; for equal keys the order is
    /// that in which the calls were made.
    async fn send(&self, message: Message) -> Result<(), QueueError>;

    /// Bytes of the largest payload.
    fn largest(&self) -> usize;
}

/// The side of one who carries requests out.
#[async_trait]
pub trait Consumer: Send + fmt::Debug {
    /// The next messages, in order for each key. First comes what an earlier consumer received and did not acknowledge.
    async fn receive(&mut self, take: Take) -> Result<Vec<Received>, QueueError>;

    /// These need not come again. A failure loses nothing: they may come again.
    async fn acknowledge(&mut self, done: &[MessageId]) -> Result<(), QueueError>;

    /// Gives a message up: it goes to the dead letters with the reason, durably, and is acknowledged.
    async fn bury(&mut self, received: &Received, reason: &str) -> Result<(), QueueError>;

    /// Hands over what it holds, so that another one goes on at once instead of after a while.
    async fn leave(self: Box<Self>);
}

/// A queue.
#[async_trait]
pub trait Queue: Send + Sync + fmt::Debug {
    /// Someone who sends.
    async fn producer(&self) -> Result<Box<dyn Producer>, QueueError>;

    /// One of those who share the queue's keys among themselves; `name` is told to people who look at the broker.
    async fn consumer(&self, name: &str) -> Result<Box<dyn Consumer>, QueueError>;

    /// How it stands.
    async fn figures(&self) -> Result<Figures, QueueError>;

    /// What an acknowledged message survives, and what it does not, as the backend is configured now: a sentence for log,
    /// metrics and status; and whether that is as it should be.
    async fn durability(&self) -> Result<Durability, QueueError>;

    /// Buried messages, the oldest first; fewer than `limit` where their payloads are more than [`LISTED`].
    async fn buried(&self, start: u64, limit: u64) -> Result<Vec<Buried>, QueueError>;

    /// Buried messages are sent again; how many.
    async fn replay(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError>;

    /// Buried messages are removed; how many.
    async fn discard(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError>;
}

/// What a receipt is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durability {
    /// What an acknowledged message survives and what it does not.
    pub words: String,
    /// Settings of the backend that weaken it, each with its remedy.
    pub warnings: Vec<String>,
}
