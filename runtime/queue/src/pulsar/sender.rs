//! Sends to topics and waits for the receipts, many at a time.
//!
//! Each topic has a producer of its own, and a turn that is held from the call until the message is handed over, not while its
//! receipt is awaited: so messages of one topic go out in the order of the calls, and receipts overlap. Nothing is batched,
//! because an envelope of several messages has no key.
//!
//! The crate makes its producers anew when the connection is lost and sends again what has no receipt, in order. Where it gives
//! up, a message fails, and the next one finds the whole session anew, with fresh names, once nothing of the old one is under
//! way: no message can overtake one that may still arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, try_join_all};
use pulsar::producer::{Message, SendFuture};
use pulsar::routing_policy::RoutingPolicy;
use pulsar::{Producer, ProducerOptions, TokioExecutor};
use tokio::sync::{Mutex, RwLock, Semaphore};
use tokio::time::Instant;

use super::backlog::Backlog;
use super::client::Shared;
use crate::QueueError;

/// What a message costs besides its key and payload.
const OVERHEAD: usize = 1_024;
/// How long a failure to connect is believed before it is tried again.
const RESPITE: Duration = Duration::from_millis(500);

/// What is sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) key: String,
    pub(super) payload: Bytes,
    /// What Pulsar keeps beside the payload.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// Sends to the topics that it was made for.
pub(super) struct Sender {
    shared: Arc<Shared>,
    topics: Vec<String>,
    /// One for each topic: whoever has it is the next to hand a message over. Fair, so the order is that of the calls.
    turns: Vec<Mutex<()>>,
    /// Held shared by each message that is under way, alone by the one who makes it anew.
    session: RwLock<Session>,
    /// Bytes that may still go under way.
    room: Semaphore,
}

/// One for each topic. (The lock is for the compiler: who hands over has the topic's turn.)
type Producers = Vec<Mutex<Producer<TokioExecutor>>>;

enum Session {
    Open {
        producers: Producers,
        broken: AtomicBool,
    },
    /// It goes on when somebody wants to send: an attempt that is dropped would take its connection along. (The lock is for the
    /// compiler: the future is no more shared than the session, which is held alone then.)
    Opening(Mutex<BoxFuture<'static, Result<Producers, QueueError>>>),
    Failed {
        error: QueueError,
        until: Instant,
    },
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("topics", &self.topics).finish_non_exhaustive()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // The crate's producers say good-bye in a task. Where there are no tasks any more, the process is about to end.
        if tokio::runtime::Handle::try_current().is_err() {
            let gone = QueueError::Unavailable("gone".to_owned());
            let session = Session::Failed { error: gone, until: Instant::now() };
            std::mem::forget(std::mem::replace(self.session.get_mut(), session));
        }
    }
}

impl Sender {
    /// Connects when the first message is sent.
    pub(super) fn new(shared: Arc<Shared>, topics: Vec<String>) -> Self {
        let session = RwLock::new(Session::opening(&shared, &topics));
        let room = Semaphore::new(usize::try_from(shared.settings.bytes_under_way).unwrap_or(usize::MAX));
        let turns = topics.iter().map(|_| Mutex::default()).collect();
        Self { shared, topics, turns, session, room }
    }

    /// Connects, if that has not happened.
    pub(super) async fn ready(&self) -> Result<(), QueueError> {
        while !self.session.read().await.is_usable() {
            self.renew().await?;
        }
        Ok(())
    }

    /// Sends a message to the topic that its key leads to, if there is room in the backlog. Ok: the broker has given a receipt.
    pub(super) async fn send(&self, message: Outgoing, backlog: Option<&Backlog>) -> Result<(), QueueError> {
        let attempt = tokio::time::timeout(self.shared.settings.patience, self.attempt(message, backlog));
        if let Ok(sent) = attempt.await {
            return sent;
        }
        // Nobody waits for the lock here: who makes the session anew finds out by itself.
        if let Ok(session) = self.session.try_read() {
            session.spoil();
        }
        Err(self.shared.silent("gives no receipt"))
    }

    async fn attempt(&self, message: Outgoing, backlog: Option<&Backlog>) -> Result<(), QueueError> {
        let partition = RoutingPolicy::compute_partition_index_for_key(&message.key, self.topics.len());
        let Some(turn) = self.turns.get(partition) else { return Err(self.shared.silent("has no partition")) };
        // Not even the runtime's budget may let somebody pass who called later.
        let turn = tokio::task::unconstrained(turn.lock()).await;
        if let Some(backlog) = backlog {
            backlog.admit().await?;
        }
        let bytes = message.payload.len().saturating_add(message.key.len()).saturating_add(OVERHEAD);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.shared.settings.bytes_under_way.max(1));
        let _room = self.room.acquire_many(bytes).await.map_err(|_| self.shared.silent("is not asked any more"))?;
        let session = loop {
            let session = self.session.read().await;
            if session.is_usable() {
                break session;
            }
            drop(session);
            self.renew().await?;
        };
        let receipt = session.hand_over(partition, message).await;
        drop(turn);
        let receipt = match receipt {
            Ok(receipt) => receipt.await,
            Err(error) => Err(error),
        };
        if receipt.is_err() {
            session.spoil();
        }
        let ledger = receipt.map_err(|error| self.shared.told(&error))?.message_id.map(|id| id.ledger_id);
        // The broker believes that it has seen this one before: nothing was stored.
        if ledger == Some(u64::MAX) {
            return Err(QueueError::Refused(format!(
                "the broker throws messages away as duplicates: let an administrator run `pulsar-admin namespaces set-deduplication {} --disable`",
                self.shared.names.namespace()
            )));
        }
        Ok(())
    }

    /// Waits until nothing is under way, then connects anew.
    async fn renew(&self) -> Result<(), QueueError> {
        let mut session = self.session.write().await;
        match &*session {
            Session::Failed { error, until } if Instant::now() < *until => return Err(error.clone()),
            Session::Opening(_) => {}
            other if other.is_usable() => return Ok(()),
            _ => *session = Session::opening(&self.shared, &self.topics),
        }
        let Session::Opening(opening) = &mut *session else { return Ok(()) };
        match opening.get_mut().await {
            Ok(producers) => {
                *session = Session::Open { producers, broken: AtomicBool::new(false) };
                Ok(())
            }
            Err(error) => {
                *session = Session::Failed { error: error.clone(), until: Instant::now() + RESPITE };
                Err(error)
            }
        }
    }
}

impl Session {
    fn opening(shared: &Arc<Shared>, topics: &[String]) -> Self {
        Self::Opening(Mutex::new(Box::pin(open(shared.clone(), topics.to_vec()))))
    }

    fn is_usable(&self) -> bool {
        matches!(self, Self::Open { broken, .. } if !broken.load(Ordering::Relaxed))
    }

    fn spoil(&self) {
        if let Self::Open { broken, .. } = self {
            broken.store(true, Ordering::Relaxed);
        }
    }

    /// Hands a message over; what comes back waits for its receipt.
    async fn hand_over(&self, partition: usize, message: Outgoing) -> Result<SendFuture, pulsar::Error> {
        let Self::Open { producers, .. } = self else { return Err(pulsar::Error::Custom("not connected".to_owned())) };
        let Some(producer) = producers.get(partition) else {
            return Err(pulsar::Error::Custom("no such partition".to_owned()));
        };
        let message = Message {
            payload: message.payload.into(),
            properties: message.properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            partition_key: Some(message.key),
            ..Message::default()
        };
        let mut producer = producer.lock().await;
        // The crate's future has 16 kB; it ends soon, and whoever waits for the receipt need not carry it.
        Box::pin(producer.send_non_blocking(message)).await
    }
}

/// A producer for each topic. Within twice the patience it succeeds or fails.
async fn open(shared: Arc<Shared>, topics: Vec<String>) -> Result<Producers, QueueError> {
    let client = shared.connect().await?;
    let options = ProducerOptions {
        block_queue_if_full: true,
        // Each producer has one topic, chosen by the key already. Should one ever have more, the key still counts.
        routing_policy: Some(RoutingPolicy::RoundRobin),
        ..ProducerOptions::default()
    };
    // Without a name of our own: two processes would fight for it.
    let made =
        topics.iter().map(|topic| Box::pin(client.producer().with_topic(topic).with_options(options.clone()).build()));
    match tokio::time::timeout(shared.settings.patience, try_join_all(made)).await {
        Ok(Ok(producers)) => Ok(producers.into_iter().map(Mutex::new).collect()),
        Ok(Err(error)) => Err(shared.told(&error)),
        Err(_) => Err(shared.silent("does not take a producer")),
    }
}
