//! What every backend must pass, whatever it is made of.
//!
//! A backend's tests call [`all`] on a queue that is empty (and is so again afterwards), [`tenants`] on the queues of two tenants,
//! and [`bounded`] on a queue with a small bound; they check by themselves what needs a server that is killed or frozen.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a failed check panics: that is its answer"
)]

mod burying;
mod hands;
mod order;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;

use crate::{Consumer, Message, Queue, QueueError, Received, Take};

/// Everything that holds of one queue. What an abandoned consumer held comes again after the backend's own time: make it short.
pub async fn all(queue: &dyn Queue) {
    order::odd_bytes(queue).await;
    order::of_each_key(queue).await;
    order::bounds_of_a_take(queue).await;
    order::too_large(queue).await;
    hands::left(queue).await;
    hands::abandoned(queue).await;
    hands::one_at_a_time(queue).await;
    burying::list_replay_discard(queue).await;
    burying::bounds_of_a_list(queue).await;
    let durability = queue.durability().await.unwrap();
    assert!(!durability.words.is_empty());
    until_figures(queue, (0, 0), "the suite leaves nothing").await;
}

/// What is sent to one tenant's queue is nothing to the other's. Both are empty and bear the same name.
pub async fn tenants(one: &dyn Queue, other: &dyn Queue) {
    send(one, [message("key", "for one")]).await;
    assert_eq!((figures(one).await, figures(other).await), ((1, 0), (0, 0)));
    let mut stranger = other.consumer("stranger").await.unwrap();
    assert!(stranger.receive(BRIEF).await.unwrap().is_empty());
    send(other, [message("key", "for the other")]).await;
    assert_eq!(texts(&settle(&mut *stranger, 1).await), ["for the other"]);
    let mut owner = one.consumer("owner").await.unwrap();
    let received = take(&mut *owner, 1).await;
    assert_eq!(texts(&received), ["for one"]);
    owner.bury(received.first().unwrap(), "a test").await.unwrap();
    assert_eq!((figures(one).await.1, figures(other).await.1), (1, 0));
    assert!(other.buried(0, 10).await.unwrap().is_empty());
    assert_eq!(other.discard(&crate::Chosen::All, 10).await.unwrap(), 0);
    assert_eq!(one.discard(&crate::Chosen::All, 10).await.unwrap(), 1);
    stranger.leave().await;
    owner.leave().await;
}

/// A queue that holds at most `most` messages of one key says so, takes nothing then, and goes on when there is room again.
pub async fn bounded(queue: &dyn Queue, most: usize) {
    let producer = queue.producer().await.unwrap();
    let mut taken = 0;
    let refusal = loop {
        match producer.send(message("key", &taken.to_string())).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken <= most, "{taken} messages were taken, {most} are the bound");
    };
    assert!(matches!(refusal, QueueError::Full(_)), "{refusal}");
    assert_eq!(figures(queue).await.0, u64::try_from(taken).unwrap(), "what was refused is not in the queue");
    let mut consumer = queue.consumer("late").await.unwrap();
    let expected: Vec<String> = (0..taken).map(|number| number.to_string()).collect();
    assert_eq!(texts(&settle(&mut *consumer, taken).await), expected);
    until_figures(queue, (0, 0), "there is room again").await;
    producer.send(message("key", "again")).await.unwrap();
    assert_eq!(texts(&settle(&mut *consumer, 1).await), ["again"]);
    consumer.leave().await;
}

/// A look that does not wait for long.
pub const BRIEF: Take = Take { messages: 100, bytes: 1 << 20, wait: Duration::from_millis(50) };
/// A look that waits.
pub const PATIENT: Take = Take { messages: 100, bytes: 1 << 20, wait: Duration::from_secs(1) };
/// Looks in vain after which a test gives up: no assertion about time, but an end for what hangs.
const PATIENCE: usize = 120;

/// A message of these texts.
#[must_use]
pub fn message(key: &str, payload: &str) -> Message {
    Message { key: key.to_owned(), payload: Bytes::copy_from_slice(payload.as_bytes()) }
}

/// Sends these, all at once, and sees that each is taken.
pub async fn send(queue: &dyn Queue, messages: impl IntoIterator<Item = Message>) {
    let producer = queue.producer().await.unwrap();
    for sent in join_all(messages.into_iter().map(|message| producer.send(message))).await {
        sent.unwrap();
    }
}

/// Receives until there are this many.
pub async fn take(consumer: &mut dyn Consumer, number: usize) -> Vec<Received> {
    let mut received = Vec::new();
    let mut vain = 0;
    while received.len() < number {
        let more = consumer.receive(PATIENT).await.unwrap();
        vain = if more.is_empty() { vain + 1 } else { 0 };
        assert!(vain < PATIENCE, "{} of {number} messages came, then no more", received.len());
        received.extend(more);
    }
    assert_eq!(received.len(), number, "more came than were sent");
    received
}

/// By what these are acknowledged.
#[must_use]
pub fn ids(received: &[Received]) -> Vec<crate::MessageId> {
    received.iter().map(|received| received.id.clone()).collect()
}

/// The payloads as texts.
#[must_use]
pub fn texts(received: &[Received]) -> Vec<String> {
    received.iter().map(|received| String::from_utf8_lossy(&received.message.payload).into_owned()).collect()
}

/// The payloads of each key, in the order in which they came.
#[must_use]
pub fn by_key(received: &[Received]) -> BTreeMap<String, Vec<String>> {
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (one, text) in received.iter().zip(texts(received)) {
        keys.entry(one.message.key.clone()).or_default().push(text);
    }
    keys
}

/// Messages that wait, and that are buried.
pub async fn figures(queue: &dyn Queue) -> (u64, u64) {
    let figures = queue.figures().await.unwrap();
    (figures.waiting, figures.buried)
}

/// Waits until so many messages wait and are buried. What was sent counts at once; that it was acknowledged a broker may learn a
/// moment after it was said.
pub async fn until_figures(queue: &dyn Queue, expected: (u64, u64), what: &str) {
    for _ in 0..10 * PATIENCE {
        if figures(queue).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(figures(queue).await, expected, "{what}");
}

/// Receives so many messages and acknowledges them.
pub async fn settle(consumer: &mut dyn Consumer, number: usize) -> Vec<Received> {
    let received = take(consumer, number).await;
    consumer.acknowledge(&ids(&received)).await.unwrap();
    received
}
