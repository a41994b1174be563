//! The side of those who send.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracardi_process::Supervisor;
use tracardi_redis::Link;

use super::Base;
use super::names::Names;
use super::scripts::{self, script};
use crate::group::{Carrier, Group};
use crate::{Message, Producer, QueueError};

/// Sends over a connection of its own.
#[derive(Debug)]
pub(super) struct Sender(Group<Appender>);

pub(super) fn producer(base: &Base, names: Arc<Names>, supervisor: Supervisor) -> Sender {
    let super::Settings { longest, largest, replicas, patience, .. } = base.settings;
    Sender(Group::new(Appender { link: base.link(), names, longest, largest, replicas, patience }, supervisor))
}

#[async_trait]
impl Producer for Sender {
    async fn send(&self, message: Message) -> Result<(), QueueError> {
        message.fits(self.largest())?;
        self.0.ask(message).await
    }

    fn largest(&self) -> usize {
        self.0.carrier().largest
    }
}

#[derive(Debug)]
struct Appender {
    link: Link,
    names: Arc<Names>,
    longest: u64,
    largest: usize,
    replicas: u32,
    patience: Duration,
}

#[async_trait]
impl Carrier for Appender {
    type Order = Message;
    type Answer = ();

    fn size(message: &Message) -> usize {
        message.key.len() + message.payload.len()
    }

    async fn carry(&self, group: Vec<Message>) -> Vec<Result<(), QueueError>> {
        match self.append(&group).await {
            Ok(refused) => {
                let mut answers = vec![Ok(()); group.len()];
                for number in refused {
                    if let Some(answer) = answers.get_mut(number) {
                        *answer =
                            Err(QueueError::Full(format!("{} messages wait in the stream of its key", self.longest)));
                    }
                }
                answers
            }
            Err(error) => vec![Err(error); group.len()],
        }
    }
}

impl Appender {
    /// Appends the messages in one round trip; the numbers of those for which there was no room.
    async fn append(&self, group: &[Message]) -> Result<Vec<usize>, QueueError> {
        let mut partitions: Vec<u16> = Vec::new();
        let places: Vec<usize> = group
            .iter()
            .map(|message| {
                let partition = self.names.partition_of(&message.key);
                partitions.iter().position(|it| *it == partition).unwrap_or_else(|| {
                    partitions.push(partition);
                    partitions.len() - 1
                })
            })
            .collect();
        let streams: Vec<&String> = partitions.iter().filter_map(|partition| self.names.stream(*partition)).collect();
        let mut append = script(scripts::SEND).on(&streams);
        append.arg(self.longest);
        for (message, place) in group.iter().zip(places) {
            append.arg(place + 1).arg(&message.key).arg(&*message.payload);
        }
        if self.replicas == 0 {
            return Ok(self.link.ask(&append).await?);
        }
        // Half of what the answer may take: that too few replicas have it is told, not that nothing was heard.
        let millis = u64::try_from(self.patience.as_millis() / 2).unwrap_or(u64::MAX).max(1);
        let mut both = redis::pipe();
        both.add_command(append).cmd("WAIT").arg(self.replicas).arg(millis);
        let (refused, have): (Vec<usize>, u32) = self.link.ask_all(&both).await?;
        if have < self.replicas {
            return Err(QueueError::Unavailable(format!(
                "{have} of {} replicas of Redis have the message: look at them, or demand fewer",
                self.replicas
            )));
        }
        Ok(refused)
    }
}
