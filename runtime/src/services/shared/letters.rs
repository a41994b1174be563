//! The queue's dead letters, as the private API asks for them.

use std::sync::Arc;

use tracardi_api::errors::Refusal;
use tracardi_api::queue::{Asked, DeadLetter, DeadLetters};
use tracardi_queue::{Buried, Chosen, MessageId, Queue, QueueError};

/// What a person is told to wait when the queue cannot be asked.
const RETRY_AFTER_S: u64 = 2;

/// Those of a queue.
#[derive(Debug)]
pub(super) struct Letters(pub(super) Arc<dyn Queue>);

impl DeadLetters for Letters {
    fn list(&self, start: u64, limit: u64) -> Asked<'_, (u64, Vec<DeadLetter>)> {
        Box::pin(async move {
            let total = self.0.figures().await.map_err(|error| refused(&error))?.buried;
            let letters = self.0.buried(start, limit).await.map_err(|error| refused(&error))?;
            Ok((total, letters.into_iter().map(letter).collect()))
        })
    }

    fn replay<'a>(&'a self, id: Option<&'a str>, limit: u64) -> Asked<'a, u64> {
        Box::pin(
            async move { self.0.replay(&id.map_or(Chosen::All, one), limit).await.map_err(|error| refused(&error)) },
        )
    }

    fn discard<'a>(&'a self, id: &'a str) -> Asked<'a, u64> {
        Box::pin(async move { self.0.discard(&one(id), 1).await.map_err(|error| refused(&error)) })
    }
}

fn one(id: &str) -> Chosen {
    Chosen::Ids(vec![MessageId(id.to_owned())])
}

fn letter(Buried { id, message, reason, at }: Buried) -> DeadLetter {
    DeadLetter { id: id.0, at, reason, message: message.payload }
}

fn refused(error: &QueueError) -> Refusal {
    tracing::warn!(%error, "the queue's dead letters cannot be had");
    Refusal::Later { reason: error.to_string(), retry_after_s: RETRY_AFTER_S }
}
