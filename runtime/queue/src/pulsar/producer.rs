//! The side of those who send.

use std::sync::Arc;

use async_trait::async_trait;

use super::backlog::Backlog;
use super::client::Shared;
use super::sender::{Outgoing, Sender};
use crate::{LONGEST_KEY, Message, Producer, QueueError};

/// Looks at sizes and bounds before anything is sent: the broker answers neither.
#[derive(Debug)]
pub(super) struct PulsarProducer {
    largest: usize,
    backlog: Backlog,
    sender: Sender,
}

impl PulsarProducer {
    /// Connected.
    pub(super) async fn open(shared: Arc<Shared>) -> Result<Self, QueueError> {
        let sender = to_queue(&shared);
        sender.ready().await?;
        Ok(Self { largest: shared.largest, backlog: Backlog::new(shared), sender })
    }
}

#[async_trait]
impl Producer for PulsarProducer {
    async fn send(&self, message: Message) -> Result<(), QueueError> {
        let (key, payload) = (message.key.len(), message.payload.len());
        for (bytes, limit) in [(key, LONGEST_KEY), (payload, self.largest)] {
            if bytes > limit {
                return Err(QueueError::TooLarge { bytes, limit });
            }
        }
        let Message { key, payload } = message;
        let message = Outgoing { key, payload, properties: Vec::new() };
        self.backlog.beside(self.sender.send(message, Some(&self.backlog))).await
    }

    fn largest(&self) -> usize {
        self.largest
    }
}

/// Someone who sends to the queue, without asking whether there is room.
pub(super) fn to_queue(shared: &Arc<Shared>) -> Sender {
    let topics = (0..shared.partitions).map(|number| shared.names.partition(number)).collect();
    Sender::new(shared.clone(), topics)
}
