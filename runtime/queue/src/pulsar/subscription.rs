//! What the crate's consumer of one topic does not do by itself: it is left only after its acknowledgements have been said, it is
//! asked whether it is still alive, and it is told what was acknowledged by a text.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use pulsar::consumer::Message as Incoming;
use pulsar::consumer::{Consumer, InitialPosition};
use pulsar::proto::MessageIdData;
use pulsar::{ConsumerOptions, Pulsar, SubType, TokioExecutor};
use tokio::time::Instant;

use super::names::SUBSCRIPTION;
use crate::MessageId;

/// How long a consumer whose buffer may be full is asked before the buffer is looked at.
const MOMENT: Duration = Duration::from_millis(20);

/// A consumer of one topic that is subscribed.
pub(super) struct Subscription {
    topic: String,
    number: usize,
    consumer: Consumer<Vec<u8>, TokioExecutor>,
    /// When the broker last gave a sign of life.
    heard: Instant,
}

impl Subscription {
    /// Subscribes to a topic, which is the number `number` to whoever asks; `ahead` messages are asked for in advance.
    pub(super) async fn open(
        client: &Pulsar<TokioExecutor>,
        topic: String,
        number: usize,
        name: &str,
        kind: SubType,
        ahead: u32,
    ) -> Result<Self, pulsar::Error> {
        let ahead = ahead.max(1);
        let options = ConsumerOptions::default()
            .with_initial_position(InitialPosition::Earliest)
            .durable(true)
            .with_receiver_queue_size(ahead);
        let made = client
            .consumer()
            .with_topic(&topic)
            .with_subscription(SUBSCRIPTION)
            .with_subscription_type(kind)
            .with_consumer_name(name)
            .with_batch_size(ahead)
            .with_options(options)
            .build();
        Ok(Self { topic, number, consumer: Box::pin(made).await?, heard: Instant::now() })
    }

    /// The next message; `None` when the crate has given up.
    pub(super) fn poll(
        &mut self,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Incoming<Vec<u8>>, pulsar::Error>>> {
        let polled = self.consumer.poll_next_unpin(context);
        if matches!(polled, std::task::Poll::Ready(Some(Ok(_)))) {
            self.heard = Instant::now();
        }
        polled
    }

    /// The next message; `None` when the crate has given up.
    pub(super) async fn next(&mut self) -> Option<Result<Incoming<Vec<u8>>, pulsar::Error>> {
        self.consumer.next().await
    }

    /// What has come already.
    pub(super) fn ready(&mut self) -> Option<Result<Incoming<Vec<u8>>, pulsar::Error>> {
        self.consumer.next().now_or_never().flatten()
    }

    /// Acknowledges. It is said soon, not now: [`Subscription::asked`] waits for it.
    pub(super) async fn acknowledge(&mut self, place: Place) -> Result<(), pulsar::Error> {
        let id = MessageIdData { ledger_id: place.ledger, entry_id: place.entry, ..MessageIdData::default() };
        Ok(self.consumer.ack_with_id(&self.topic, id).await?)
    }

    /// Asks the broker whether this consumer is there; the answer comes after all that was said before, acknowledgements included.
    /// Gives how many messages nobody has acknowledged yet, whoever has them.
    pub(super) async fn asked(&mut self) -> Result<u64, pulsar::Error> {
        let mut waiting = 0;
        for stats in Box::pin(self.consumer.get_stats()).await? {
            if let Some(error) = stats.error_message {
                return Err(pulsar::Error::Custom(error));
            }
            waiting += stats.msg_backlog.unwrap_or_default();
        }
        self.heard = Instant::now();
        Ok(waiting)
    }

    /// Has the broker look whether there is something to send. It does so by itself when anything happens, but for one case (seen with
    /// 4.2): a message that had to wait because its key was moving from one consumer to another may be put aside at the moment when
    /// the move is over, and then nobody thinks of it until something else happens in the partition. Asked to send a message again
    /// that no consumer has, the broker sends nothing again and looks at all that was put aside.
    pub(super) async fn nudge(&mut self) -> Result<(), pulsar::Error> {
        let nobodys = MessageIdData { ledger_id: i64::MAX.unsigned_abs(), entry_id: 0, ..MessageIdData::default() };
        Ok(self.consumer.nack_with_id(&self.topic, nobodys).await?)
    }

    /// How long nothing has been heard.
    pub(super) fn quiet(&self) -> Duration {
        self.heard.elapsed()
    }

    /// Says what is to be said, and leaves. What it holds is thrown away: it comes to the next one.
    pub(super) async fn leave(mut self, patience: Duration) {
        let left = async {
            // The crate does not speak while its buffer is full.
            while tokio::time::timeout(MOMENT, Box::pin(self.consumer.close())).await.is_err() {
                while self.ready().is_some() {}
            }
        };
        if tokio::time::timeout(patience, left).await.is_err() {
            tracing::warn!("{} was not left in time; the broker finds out by itself", self.topic);
        }
    }

    /// Its number.
    pub(super) fn number(&self) -> usize {
        self.number
    }
}

/// Where a message stands: the partition, and in it the ledger and the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) partition: usize,
    ledger: u64,
    entry: u64,
}

impl Place {
    /// Where a message that came stands.
    pub(super) fn of(partition: usize, message: &Incoming<Vec<u8>>) -> Self {
        let id = message.message_id();
        Self { partition, ledger: id.ledger_id, entry: id.entry_id }
    }

    /// From a text; `None` when it is none of ours.
    pub(super) fn read(id: &MessageId) -> Option<Self> {
        let mut parts = id.0.split(':');
        let (partition, ledger, entry) = (parts.next()?, parts.next()?, parts.next()?);
        let place =
            Self { partition: partition.parse().ok()?, ledger: ledger.parse().ok()?, entry: entry.parse().ok()? };
        parts.next().is_none().then_some(place)
    }

    /// As a text.
    pub(super) fn id(self) -> MessageId {
        MessageId(format!("{}:{}:{}", self.partition, self.ledger, self.entry))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_is_read_as_it_was_written(partition: usize, ledger: u64, entry: u64) {
            let place = Place { partition, ledger, entry };
            prop_assert_eq!(Place::read(&place.id()), Some(place));
        }

        #[test]
        fn other_texts_are_no_places(text in "[0-9:a-]{0,12}") {
            if let Some(place) = Place::read(&MessageId(text.clone())) {
                prop_assert_eq!(text.split(':').count(), 3);
                prop_assert_eq!(Place::read(&place.id()), Some(place));
            }
        }
    }
}
