//! Dead letters: messages of a topic beside the queue, held there by a subscription of their own.
//!
//! They are read as anybody reads the topic: from the oldest on, by one reader at a time (the broker sees to that). So each call
//! costs a connection and the reading of what stands before; that is fine for what a person does now and then.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use pulsar::SubType;

use super::client::Shared;
use super::consumer::received;
use super::producer::to_queue;
use super::sender::Outgoing;
use super::stats;
use super::subscription::{Place, Subscription};
use crate::{Buried, Chosen, LISTED, MessageId, QueueError, Received};

/// Where the reason stands.
const REASON: &str = "reason";
/// Characters of the longest reason.
const LONGEST_REASON: usize = 500;
/// Messages that are asked for in advance, and sent again at once. Each may be of the largest size.
const AHEAD: u32 = 16;

/// A message as it is buried. When that happened the broker's metadata say.
pub(super) fn burial(received: &Received, reason: &str) -> Outgoing {
    let reason = reason.chars().map(|character| if character.is_control() { ' ' } else { character });
    Outgoing {
        key: received.message.key.clone(),
        payload: received.message.payload.clone(),
        properties: vec![(REASON, reason.take(LONGEST_REASON).collect())],
    }
}

/// Reads the dead letters, the oldest first.
struct Reader {
    subscription: Subscription,
    shared: Arc<Shared>,
    /// How many there still are.
    left: u64,
}

impl Reader {
    async fn open(shared: &Arc<Shared>) -> Result<Self, QueueError> {
        let client = shared.connect().await?;
        let (topic, ahead) = (shared.names.dead(), AHEAD);
        let opened = Subscription::open(&client, topic, 0, "dead letters", SubType::Exclusive, ahead);
        let subscription = match tokio::time::timeout(shared.settings.patience, opened).await {
            Ok(Ok(subscription)) => subscription,
            Ok(Err(error)) => {
                let error = shared.told(&error);
                return Err(QueueError::Unavailable(format!(
                    "the dead letters cannot be read, or somebody else does: {error}"
                )));
            }
            Err(_) => return Err(shared.silent("does not take a subscription")),
        };
        let left = stats::of_dead(&shared.admin, &shared.names).await?.map_or(0, |stats| stats.waiting());
        Ok(Self { subscription, shared: shared.clone(), left })
    }

    /// The next one; `None` after the last.
    async fn next(&mut self) -> Result<Option<Buried>, QueueError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let message = match tokio::time::timeout(self.shared.settings.patience, self.subscription.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Err(self.shared.told(&error)),
            Ok(None) => return Err(QueueError::Unavailable("the dead letters' stream has ended".to_owned())),
            Err(_) => return Err(self.shared.silent("does not give a dead letter")),
        };
        let properties = &message.payload.metadata.properties;
        let reason = properties.iter().find(|property| property.key == REASON);
        let reason = reason.map_or_else(String::new, |property| property.value.clone());
        let Received { id, message, sent } = received(0, message);
        Ok(Some(Buried { id, message, reason, at: sent }))
    }

    async fn remove(&mut self, id: &MessageId) -> Result<(), QueueError> {
        let Some(place) = Place::read(id) else { return Ok(()) };
        self.subscription.acknowledge(place).await.map_err(|error| self.shared.told(&error))
    }

    async fn leave(self) {
        self.subscription.leave(self.shared.settings.patience).await;
    }
}

/// Some of them, the oldest first.
pub(super) async fn list(shared: &Arc<Shared>, start: u64, limit: u64) -> Result<Vec<Buried>, QueueError> {
    let mut reader = Reader::open(shared).await?;
    let listed = listed(&mut reader, start, limit).await;
    reader.leave().await;
    listed
}

async fn listed(reader: &mut Reader, start: u64, limit: u64) -> Result<Vec<Buried>, QueueError> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for number in 0..start.saturating_add(limit) {
        let Some(buried) = reader.next().await? else { break };
        if number < start {
            continue;
        }
        bytes += buried.message.payload.len();
        if bytes > LISTED && !found.is_empty() {
            break;
        }
        found.push(buried);
    }
    Ok(found)
}

/// What becomes of those that are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// They are sent to the queue again.
    Replayed,
    /// They are forgotten.
    Discarded,
}

/// Takes away those that are chosen, at most so many; how many. One that was sent again and not yet removed when the process
/// ends is sent again the next time.
pub(super) async fn take(shared: &Arc<Shared>, chosen: &Chosen, limit: u64, fate: Fate) -> Result<u64, QueueError> {
    let mut reader = Reader::open(shared).await?;
    let taken = taken(&mut reader, shared, chosen, limit, fate).await;
    reader.leave().await;
    taken
}

async fn taken(
    reader: &mut Reader,
    shared: &Arc<Shared>,
    chosen: &Chosen,
    limit: u64,
    fate: Fate,
) -> Result<u64, QueueError> {
    let mut wanted: Option<BTreeSet<&MessageId>> = match chosen {
        Chosen::All => None,
        Chosen::Ids(ids) => Some(ids.iter().collect()),
    };
    let sender = to_queue(shared);
    let mut done = 0;
    loop {
        let mut some = Vec::new();
        while done + u64::try_from(some.len()).unwrap_or(u64::MAX) < limit
            && some.len() < usize::try_from(AHEAD).unwrap_or(usize::MAX)
            && wanted.as_ref().is_none_or(|wanted| !wanted.is_empty())
        {
            let Some(buried) = reader.next().await? else { break };
            if wanted.as_mut().is_none_or(|wanted| wanted.remove(&buried.id)) {
                some.push(buried);
            }
        }
        if some.is_empty() {
            return Ok(done);
        }
        let sent = join_all(some.iter().map(|buried| async {
            match fate {
                Fate::Discarded => Ok(()),
                Fate::Replayed => {
                    let (key, payload) = (buried.message.key.clone(), buried.message.payload.clone());
                    sender.send(Outgoing { key, payload, properties: Vec::new() }, None).await
                }
            }
        }));
        for (buried, sent) in some.iter().zip(sent.await) {
            sent?;
            reader.remove(&buried.id).await?;
            done += 1;
        }
    }
}
