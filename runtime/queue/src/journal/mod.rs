//! A queue in a directory, for one process and without a server.
//!
//! # Format
//!
//! A journal is a directory of **segments** `{number, 20 digits}.journal`, written one after the other, and a file `lock`, which the one
//! process that uses it holds locked. All numbers are little endian.
//!
//! | segment header, 20 bytes | |
//! |---|---|
//! | 4 | `TRQJ` |
//! | 2 | version of the format, 1 |
//! | 2 | zero |
//! | 8 | the segment's number |
//! | 4 | CRC-32C of the 16 bytes before |
//!
//! Then records, until the end:
//!
//! | record | |
//! |---|---|
//! | 4 | `rec1`, by which the next record is found behind a damaged one |
//! | 4 | length of the body |
//! | 4 | CRC-32C of length and body |
//! | … | body: its kind in one byte, and |
//! | 1, message | number (8), microseconds since 1970 (8), length of the key (2), key, payload |
//! | 2, done | numbers (8 each) of messages that are acknowledged |
//! | 3, dead | number (8), microseconds since 1970 (8), reason |
//! | 4, again | number of a dead letter (8), the number that it has as the newest message (8) |
//! | 5, discarded | numbers (8 each) of dead letters |
//!
//! The state of the queue is what comes of applying all records in order. What is said of messages that are not there is nothing, so
//! records may come twice and segments may go, the oldest first.
//!
//! # Limits
//!
//! Messages that wait and dead letters take at most [`Settings::bytes`]; beyond, and when the volume is full,
//! [`QueueError::Full`]. A segment is closed when it has [`Settings::segment`] bytes. The oldest segment is removed when nothing in it is
//! needed; when more than half of all bytes (and more than two segments) are not, what is needed of the oldest is carried to the
//! newest before. So the files take about twice what is needed and two segments more. In memory a message takes some 100 bytes,
//! whatever its size.
//!
//! # Durability
//!
//! What waits at the same time is written in one piece and synced (`fdatasync`) once; only then it is answered and received. A write
//! that fails is taken back; a sync that fails closes the segment, because nobody knows what the disk has of it.
//!
//! # Recovery
//!
//! All segments are read when the journal is opened. What follows the last whole record of the newest segment is the torn end of a
//! write that was not answered; it is cut off. Anything else that is no record is damage: it is reported, its bytes become dead
//! letters with an empty key, and what is whole in that segment is carried to a new one. A newer format is refused.
//!
//! | part | what for |
//! |---|---|
//! | `format` | records as bytes |
//! | `state` | what they come to, and who holds which messages |
//! | `files` | segments on disk |
//! | `core` | files and state together |

mod core;
mod files;
mod format;
mod state;

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use tracardi_model::Tenant;
use tracardi_process::{SharedClock, Supervisor};

use self::core::{Core, Order};
use crate::group::{Carrier, Group};
use crate::{
    Buried, Chosen, Consumer, Durability, Figures, Message, MessageId, Producer, Queue, QueueError, Received, Take,
};

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes that messages and dead letters take at most.
    pub bytes: u64,
    /// Bytes of a segment.
    pub segment: u64,
    /// Bytes of the largest payload.
    pub largest: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { bytes: 1 << 30, segment: 16 << 20, largest: 4 << 20 }
    }
}

/// The queue of one tenant in a directory.
#[derive(Debug)]
pub struct Journal(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    group: Group<Writer>,
    /// Rings when there may be something to receive.
    bell: Notify,
}

#[derive(Debug)]
struct Writer(Arc<Core>);

impl Journal {
    /// Opens the queue `name` of a tenant in `directory/{tenant}/{name}`, which is made if there is none. Blocks while it reads what
    /// is there.
    pub fn open(
        directory: &Path,
        tenant: &Tenant,
        name: &str,
        settings: Settings,
        clock: SharedClock,
        supervisor: Supervisor,
    ) -> Result<Self, QueueError> {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(letters) {
            return Err(QueueError::Refused(format!(
                "{name:?} is no name of a queue: give small letters, digits and `-`"
            )));
        }
        let directory = directory.join(tenant.as_str()).join(name);
        let core = Core::open(&directory, settings, clock).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                QueueError::Full(format!("there is no room for the journal in {}: make space", directory.display()))
            }
            _ => QueueError::Refused(format!("the journal in {} cannot be opened: {error}", directory.display())),
        })?;
        let group = Group::new(Writer(Arc::new(core)), supervisor);
        Ok(Self(Arc::new(Shared { group, bell: Notify::new() })))
    }
}

impl Shared {
    fn core(&self) -> &Arc<Core> {
        &self.group.carrier().0
    }

    async fn order(&self, order: Order) -> Result<u64, QueueError> {
        let done = self.group.ask(order).await;
        self.bell.notify_waiters();
        done
    }

    /// Something that reads files.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Core) -> T + Send + 'static,
    ) -> Result<T, QueueError> {
        let core = self.core().clone();
        let done = tokio::task::spawn_blocking(move || work(&core)).await;
        done.map_err(|error| QueueError::Unavailable(format!("the journal was left: {error}")))
    }

    /// Ends dead letters that are chosen.
    async fn end(&self, chosen: &Chosen, limit: u64, order: impl Fn(Vec<u64>) -> Order) -> Result<u64, QueueError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let numbers = match chosen {
            Chosen::All => self.core().oldest_dead(limit),
            Chosen::Ids(ids) => self.core().dead_among(ids.iter().take(limit).filter_map(read_id)),
        };
        if numbers.is_empty() { Ok(0) } else { self.order(order(numbers)).await }
    }
}

#[async_trait]
impl Carrier for Writer {
    type Order = Order;
    type Answer = u64;

    fn size(order: &Order) -> usize {
        match order {
            Order::Send(message) => message.key.len() + message.payload.len(),
            Order::Done(numbers) | Order::Discard(numbers) | Order::Replay(numbers) => numbers.len() * size_of::<u64>(),
            Order::Bury { reason, .. } => reason.len(),
        }
    }

    async fn carry(&self, group: Vec<Order>) -> Vec<Result<u64, QueueError>> {
        let core = self.0.clone();
        // A panic in there drops the answers, and those who wait are told.
        tokio::task::spawn_blocking(move || core.write(group)).await.unwrap_or_default()
    }
}

#[async_trait]
impl Queue for Journal {
    async fn producer(&self) -> Result<Box<dyn Producer>, QueueError> {
        Ok(Box::new(Sender(self.0.clone())))
    }

    /// The name is told to nobody: there is no broker to look at.
    async fn consumer(&self, _name: &str) -> Result<Box<dyn Consumer>, QueueError> {
        Ok(Box::new(Reader { shared: self.0.clone(), number: self.0.core().consumer(), turn: 0 }))
    }

    async fn figures(&self) -> Result<Figures, QueueError> {
        let (waiting, buried) = self.0.core().figures();
        Ok(Figures { waiting, buried })
    }

    async fn durability(&self) -> Result<Durability, QueueError> {
        let words = "an accepted message is on this process's own disk and survives its crash and a power failure; it is as safe as \
                     that disk";
        Ok(Durability { words: words.to_owned(), warnings: Vec::new() })
    }

    async fn buried(&self, start: u64, limit: u64) -> Result<Vec<Buried>, QueueError> {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let (start, limit) = (number(start), number(limit));
        self.0.blocking(move |core| core.buried(start, limit)).await
    }

    async fn replay(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError> {
        self.0.end(chosen, limit, Order::Replay).await
    }

    async fn discard(&self, chosen: &Chosen, limit: u64) -> Result<u64, QueueError> {
        self.0.end(chosen, limit, Order::Discard).await
    }
}

#[derive(Debug)]
struct Sender(Arc<Shared>);

#[async_trait]
impl Producer for Sender {
    async fn send(&self, message: Message) -> Result<(), QueueError> {
        message.fits(self.largest())?;
        self.0.order(Order::Send(message)).await.map(drop)
    }

    fn largest(&self) -> usize {
        self.0.core().settings.largest
    }
}

/// A consumer. What it holds goes back when it is dropped.
#[derive(Debug)]
struct Reader {
    shared: Arc<Shared>,
    number: u64,
    /// Which line of keys comes first: each in its turn.
    turn: usize,
}

#[async_trait]
impl Consumer for Reader {
    async fn receive(&mut self, take: Take) -> Result<Vec<Received>, QueueError> {
        let until = Instant::now() + take.wait;
        let shared = self.shared.clone();
        loop {
            let rung = shared.bell.notified();
            let mut rung = std::pin::pin!(rung);
            // From here on it is heard.
            rung.as_mut().enable();
            self.turn = self.turn.wrapping_add(1);
            let (number, turn, messages) = (self.number, self.turn, take.messages.max(1));
            // Not left to another thread: who stops waiting for this must not take messages with him.
            let received = shared.core().give(number, turn, messages, take.bytes);
            if !received.is_empty() {
                return Ok(received);
            }
            if timeout_at(until, rung).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    async fn acknowledge(&mut self, done: &[MessageId]) -> Result<(), QueueError> {
        let numbers: Option<Vec<u64>> = done.iter().map(read_id).collect();
        match numbers {
            None => Err(QueueError::Refused("an id is that of no message of this queue".to_owned())),
            Some(numbers) if numbers.is_empty() => Ok(()),
            Some(numbers) => self.shared.order(Order::Done(numbers)).await.map(drop),
        }
    }

    async fn bury(&mut self, received: &Received, reason: &str) -> Result<(), QueueError> {
        let number = read_id(&received.id)
            .ok_or_else(|| QueueError::Refused(format!("{:?} is no message of this queue", received.id.0)))?;
        self.shared.order(Order::Bury { number, reason: reason.to_owned() }).await.map(drop)
    }

    async fn leave(self: Box<Self>) {}
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.core().release(self.number);
        self.shared.bell.notify_waiters();
    }
}

fn read_id(id: &MessageId) -> Option<u64> {
    id.0.parse().ok()
}

#[cfg(test)]
mod tests;
