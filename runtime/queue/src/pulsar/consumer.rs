//! The side of those who receive.
//!
//! A consumer subscribes to every partition, each by itself. Where the crate ends a stream without a word, reports an error, or is
//! silent about a connection that is gone, all subscriptions are made anew; what was not acknowledged comes again.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{BoxFuture, join_all, try_join_all};
use jiff::Timestamp;
use pulsar::consumer::Message as Incoming;

use super::SHARED_BY_KEY;
use super::client::Shared;
use super::dead::burial;
use super::sender::Sender;
use super::subscription::{Place, Subscription};
use crate::{Consumer, Message, MessageId, QueueError, Received, Take};

/// How long nothing may come before the broker is asked whether this consumer is still there.
const QUIET: Duration = Duration::from_secs(5);
/// How long the broker is waited for to confirm acknowledgements.
const CONFIRMED: Duration = Duration::from_millis(500);
/// How long a broker that could not be reached is left in peace.
const RESPITE: Duration = Duration::from_millis(500);

/// Receives from all partitions.
pub(super) struct PulsarConsumer {
    shared: Arc<Shared>,
    name: String,
    session: Session,
    /// Came, and was not given out yet.
    held: VecDeque<Received>,
    /// The partition that is looked at first the next time.
    first: usize,
    dead: Sender,
}

enum Session {
    Open(Vec<Subscription>),
    /// It goes on when somebody wants to receive: an attempt that is dropped would take its connection along.
    Opening(BoxFuture<'static, Result<Vec<Subscription>, QueueError>>),
}

impl std::fmt::Debug for PulsarConsumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PulsarConsumer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PulsarConsumer {
    /// Subscribed.
    pub(super) async fn open(shared: Arc<Shared>, name: &str) -> Result<Self, QueueError> {
        let dead = Sender::new(shared.clone(), vec![shared.names.dead()]);
        let session = Session::Opening(Box::pin(subscribe(shared.clone(), name.to_owned(), Duration::ZERO)));
        let held = VecDeque::new();
        let mut consumer = Self { shared, name: name.to_owned(), session, held, first: 0, dead };
        consumer.subscribed().await?;
        Ok(consumer)
    }

    /// Waits until it is subscribed; the next attempt comes after a while.
    async fn subscribed(&mut self) -> Result<&mut Vec<Subscription>, QueueError> {
        if let Session::Opening(opening) = &mut self.session {
            match opening.await {
                Ok(subscriptions) => {
                    self.session = Session::Open(subscriptions);
                }
                Err(error) => {
                    self.anew(RESPITE);
                    return Err(error);
                }
            }
        }
        match &mut self.session {
            Session::Open(subscriptions) => Ok(subscriptions),
            Session::Opening(_) => Err(QueueError::Unavailable("not subscribed".to_owned())),
        }
    }

    /// Drops all subscriptions. What they held comes again, so nothing is kept.
    fn anew(&mut self, after: Duration) {
        self.held.clear();
        self.session = Session::Opening(Box::pin(subscribe(self.shared.clone(), self.name.clone(), after)));
    }

    fn lost(&mut self, why: &str) {
        tracing::warn!("{} is subscribed anew: {why}", self.shared.names.topic());
        self.anew(Duration::ZERO);
    }

    /// The next message, whenever it comes.
    async fn next(&mut self) -> Result<Received, QueueError> {
        if let Some(held) = self.held.pop_front() {
            return Ok(held);
        }
        loop {
            self.subscribed().await?;
            match poll_fn(|context| self.poll(context)).await {
                Ok(received) => return Ok(received),
                Err(why) => self.lost(&why),
            }
        }
    }

    /// The next message of any partition; the partitions take turns.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Received, String>> {
        let Session::Open(subscriptions) = &mut self.session else { return Poll::Pending };
        let number = subscriptions.len().max(1);
        let first = self.first.min(subscriptions.len());
        let (before, from) = subscriptions.split_at_mut(first);
        for subscription in from.iter_mut().chain(before) {
            match subscription.poll(context) {
                Poll::Pending => {}
                Poll::Ready(Some(Ok(message))) => {
                    self.first = (subscription.number() + 1) % number;
                    return Poll::Ready(Ok(received(subscription.number(), message)));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.to_string())),
                Poll::Ready(None) => return Poll::Ready(Err("a stream has ended".to_owned())),
            }
        }
        Poll::Pending
    }

    /// Makes sure that silence is not deafness: asks the broker about partitions from which nothing has come for long, and where
    /// something waits nonetheless, has it look again.
    async fn listen(&mut self) {
        let Session::Open(subscriptions) = &mut self.session else { return };
        let quiet = subscriptions.iter_mut().filter(|subscription| subscription.quiet() >= QUIET);
        let quiet: Vec<_> = quiet.collect();
        if quiet.is_empty() {
            return;
        }
        let asked = try_join_all(quiet.into_iter().map(async |subscription| match subscription.asked().await? {
            0 => Ok::<_, pulsar::Error>(()),
            _ => subscription.nudge().await,
        }));
        match tokio::time::timeout(self.shared.settings.patience, asked).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => self.lost(&error.to_string()),
            Err(_) => self.lost("the broker does not answer"),
        }
    }

    /// Waits until the broker knows of the acknowledgements in these partitions, where it costs a round trip and no more: where
    /// messages wait to be received, they are said when those are.
    async fn confirmed(&mut self, partitions: &BTreeSet<usize>) {
        let Session::Open(subscriptions) = &mut self.session else { return };
        let mut idle = Vec::new();
        for subscription in subscriptions.iter_mut().filter(|it| partitions.contains(&it.number())) {
            match subscription.ready() {
                Some(Ok(message)) => self.held.push_back(received(subscription.number(), message)),
                Some(Err(_)) => {}
                None => idle.push(subscription),
            }
        }
        // What goes wrong here is found out by who receives.
        let _ = tokio::time::timeout(CONFIRMED, join_all(idle.into_iter().map(Subscription::asked))).await;
    }
}

#[async_trait]
impl Consumer for PulsarConsumer {
    async fn receive(&mut self, take: Take) -> Result<Vec<Received>, QueueError> {
        self.listen().await;
        let Ok(first) = tokio::time::timeout(take.wait, self.next()).await else {
            return Ok(Vec::new());
        };
        let first = first?;
        let mut bytes = first.message.payload.len();
        let mut taken = vec![first];
        // From here on nothing is waited for, so that a call that is given up loses nothing.
        while taken.len() < take.messages {
            let next = match self.held.pop_front() {
                Some(held) => held,
                None => match self.poll(&mut Context::from_waker(std::task::Waker::noop())) {
                    Poll::Ready(Ok(received)) => received,
                    Poll::Ready(Err(why)) => {
                        self.lost(&why);
                        break;
                    }
                    Poll::Pending => break,
                },
            };
            bytes = bytes.saturating_add(next.message.payload.len());
            if bytes > take.bytes {
                self.held.push_front(next);
                break;
            }
            taken.push(next);
        }
        Ok(taken)
    }

    async fn acknowledge(&mut self, done: &[MessageId]) -> Result<(), QueueError> {
        let shared = self.shared.clone();
        let Session::Open(subscriptions) = &mut self.session else {
            return Err(QueueError::Unavailable("not subscribed: what was done comes again".to_owned()));
        };
        let mut partitions = BTreeSet::new();
        for place in done.iter().filter_map(Place::read) {
            if let Some(subscription) = subscriptions.get_mut(place.partition) {
                subscription.acknowledge(place).await.map_err(|error| shared.told(&error))?;
                partitions.insert(place.partition);
            }
        }
        self.confirmed(&partitions).await;
        Ok(())
    }

    async fn bury(&mut self, received: &Received, reason: &str) -> Result<(), QueueError> {
        self.dead.send(burial(received, reason), None).await?;
        self.acknowledge(std::slice::from_ref(&received.id)).await
    }

    async fn leave(self: Box<Self>) {
        if let Session::Open(subscriptions) = self.session {
            let patience = self.shared.settings.patience;
            join_all(subscriptions.into_iter().map(|subscription| subscription.leave(patience))).await;
        }
    }
}

/// Subscribes to all partitions. Within thrice the patience it succeeds or fails.
async fn subscribe(shared: Arc<Shared>, name: String, after: Duration) -> Result<Vec<Subscription>, QueueError> {
    tokio::time::sleep(after).await;
    let client = shared.connect().await?;
    let ahead = shared.settings.ahead;
    let made = (0..shared.partitions)
        .map(|number| Subscription::open(&client, shared.names.partition(number), number, &name, SHARED_BY_KEY, ahead));
    match tokio::time::timeout(shared.settings.patience, try_join_all(made)).await {
        Ok(subscriptions) => subscriptions.map_err(|error| shared.told(&error)),
        Err(_) => Err(shared.silent("does not take a subscription")),
    }
}

/// What came, in our words.
pub(super) fn received(partition: usize, message: Incoming<Vec<u8>>) -> Received {
    let id = Place::of(partition, &message).id();
    let metadata = message.payload.metadata;
    let sent = i64::try_from(metadata.publish_time).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Received {
        id,
        message: Message {
            key: metadata.partition_key.unwrap_or_default(),
            payload: Bytes::from(message.payload.data),
        },
        sent: sent.unwrap_or_default(),
    }
}
