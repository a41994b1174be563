//! What an API process does with a request: foresee, send, answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use tracardi_collector::{CollectError, Collector, Intake, LiveEvent, Merged, Moved, News};
use tracardi_engine::{Command, Consent, Envelope, Letter, Order, Rejected, Settings, Submission};
use tracardi_model::{Context, TrackAnswer};
use tracardi_process::{Bell, Metrics, SharedClock, Trouble};
use tracardi_queue::{Message, Producer, QueueError};
use tracardi_store::{Documents, Index};

use crate::figures::Sent;
use crate::foresee::{Foresight, foresee};
use crate::{Bindings, Expected, Feed, Mailbox};

/// What a client is told to wait when the queue does not take its request.
const RETRY_AFTER_S: u64 = 2;

/// What a dispatcher is made of.
#[derive(Debug)]
pub struct DispatcherSetup {
    /// Where requests are put.
    pub producer: Box<dyn Producer>,
    /// Whose sessions are.
    pub bindings: Arc<dyn Bindings>,
    /// Where it is waited for what became of a request, if its client needs to know.
    pub mailbox: Mailbox,
    /// What workers store, for those who listen.
    pub feed: Arc<Feed>,
    /// The writer of this process, for what people ask for one by one: deletions, merges, replays. It makes them true at once; other
    /// writers notice by the versions.
    pub writer: Collector,
    /// Where profiles are.
    pub documents: Arc<dyn Documents>,
    /// Settings of the engine.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Key from which new ids are derived; the workers' is the same.
    pub signing_key: [u8; 32],
    /// The time.
    pub clock: SharedClock,
}

/// Puts requests into a queue.
#[derive(Debug)]
pub struct Dispatcher {
    setup: DispatcherSetup,
    /// Why the queue cannot be used, if it did not take the last request for that.
    trouble: Trouble,
    /// Why it has no room.
    full: Trouble,
    /// When it did not, last; seconds since 1970.
    failed: AtomicI64,
    figures: Sent,
}

/// So long after a failure this process asks not to be given requests. Only a request finds out whether the queue is back, so it
/// cannot be for ever.
const REST_S: i64 = 5;

impl Dispatcher {
    /// A dispatcher; registers its figures.
    #[must_use]
    pub fn new(setup: DispatcherSetup, metrics: &Metrics) -> Self {
        let figures = Sent::registered(metrics);
        Self { setup, trouble: Trouble::default(), full: Trouble::default(), failed: AtomicI64::new(0), figures }
    }

    async fn dispatch(&self, letter: Letter) -> Result<TrackAnswer, CollectError> {
        let DispatcherSetup { settings, bindings, mailbox, signing_key, clock, .. } = &self.setup;
        let (settings, at) = (settings.borrow().clone(), clock.now());
        let envelope = Envelope { at, awaited: None, letter };
        let unwritten = |error| CollectError::Unavailable {
            reason: format!("the request cannot be written down: {error}"),
            retry_after_s: RETRY_AFTER_S,
        };
        // Before the request is taken apart.
        let mut payload = envelope.write().map_err(unwritten)?;
        let order = envelope.letter.order(&settings);
        let known = bindings.known(order.context(), order.session_id(), order.named_profile()).await;
        let foresight = foresee(&order, &known, &settings, signing_key, at).map_err(|rejected| {
            self.figures.ended("rejected");
            CollectError::Rejected(rejected)
        })?;
        let Foresight { answer, key, open } = foresight;
        let expected = if open { mailbox.expect() } else { None };
        if let Some(expected) = &expected {
            expected.awaited().note(&mut payload).map_err(unwritten)?;
        }
        self.send(&order, Message { key, payload: payload.into() }).await?;
        if open { self.hear(&order, answer, expected).await } else { Ok(answer) }
    }

    /// The true answer, if it comes in time, else the one that was foreseen.
    async fn hear(
        &self,
        order: &Order,
        mut foreseen: TrackAnswer,
        expected: Option<Expected>,
    ) -> Result<TrackAnswer, CollectError> {
        let verdict = match expected {
            Some(expected) => expected.verdict().await,
            None => None,
        };
        self.figures.waited(if verdict.is_some() { "told" } else { "foreseen" });
        match verdict {
            Some(Ok(answer)) => {
                // Clients name profiles again and again.
                if let Some(named) = order.named_profile().filter(|named| answer.profile.id.as_deref() == Some(*named))
                {
                    self.setup.bindings.recognise(order.context(), named).await;
                }
                Ok(answer)
            }
            Some(Err(rejected)) => Err(CollectError::Rejected(rejected)),
            None => {
                let patience = self.setup.mailbox.patience().as_secs_f64();
                foreseen.warnings.push(
                    format!(
                        "The request is accepted; what it leads to was not known within {patience} s, and may differ."
                    )
                    .into(),
                );
                Ok(foreseen)
            }
        }
    }

    async fn send(&self, order: &Order, message: Message) -> Result<(), CollectError> {
        let began = Instant::now();
        let sent = self.setup.producer.send(message).await;
        self.figures.receipt.observe(began.elapsed().as_secs_f64());
        let (outcome, error) = match sent {
            Ok(()) => {
                self.figures.ended("queued");
                if self.trouble.end() | self.full.end() {
                    tracing::info!("the queue takes requests again");
                }
                return Ok(());
            }
            Err(QueueError::TooLarge { .. }) => {
                ("too_large", CollectError::Rejected(Rejected::TooLarge { events: order.event_ids().len() }))
            }
            Err(error @ QueueError::Full(_)) => {
                if self.full.begin(error.to_string()) {
                    tracing::error!(%error, "the queue has no room; requests are answered 503 until it does");
                }
                ("queue_full", CollectError::Full { retry_after_s: RETRY_AFTER_S })
            }
            Err(error @ (QueueError::Unavailable(_) | QueueError::Refused(_))) => {
                self.failed.store(self.setup.clock.now().as_second(), Ordering::Relaxed);
                if self.trouble.begin(error.to_string()) {
                    tracing::error!(%error, "the queue takes no requests; they are answered 503 until it does");
                }
                let reason = "the queue cannot take it at the moment".to_owned();
                ("unavailable", CollectError::Unavailable { reason, retry_after_s: RETRY_AFTER_S })
            }
        };
        self.figures.ended(outcome);
        Err(error)
    }

    /// This id of a profile and all others, as far as that can be found out.
    async fn ids(&self, context: Context, id: &str) -> Vec<String> {
        #[derive(Deserialize)]
        struct Known {
            id: String,
            #[serde(default)]
            ids: Vec<String>,
        }
        let mut all = vec![id.to_owned()];
        let found = self.setup.documents.get(context, Index::Profile, id).await.ok().flatten();
        if let Some(Known { id, ids }) = found.and_then(|text| serde_json::from_str(text.get()).ok()) {
            all.extend(ids.into_iter().chain([id]));
        }
        all.sort();
        all.dedup();
        all
    }
}

#[async_trait]
impl Intake for Dispatcher {
    async fn collect(&self, submission: Submission, _: usize) -> Result<TrackAnswer, CollectError> {
        self.dispatch(Letter::Collect(Box::new(submission))).await
    }

    async fn replay(&self, command: Command, bytes: usize) -> Result<(), CollectError> {
        self.setup.writer.collect(command, bytes).await.map(drop)
    }

    async fn consent(&self, consent: Consent, _: usize) -> Result<(), CollectError> {
        self.dispatch(Letter::Consent(consent)).await.map(drop)
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, CollectError> {
        let ids = if index == Index::Profile { self.ids(context, id).await } else { Vec::new() };
        let deleted = self.setup.writer.delete(context, index, id).await?;
        if deleted && index == Index::Profile {
            // Whoever asked for it is not told of this profile any more, however soon they come again, by whatever id of it.
            let gone = |id| Moved { context, id, profile: None };
            let moved = ids.into_iter().map(gone).collect();
            self.setup.bindings.remember(News { moved, ..News::default() }).await;
        }
        Ok(deleted)
    }

    async fn merge(&self, context: Context, ids: &[String]) -> Result<Merged, CollectError> {
        self.setup.writer.merge(context, ids).await
    }

    fn refused(&self, rejected: &Rejected) {
        self.setup.writer.refused(rejected);
    }

    fn live(&self) -> broadcast::Receiver<LiveEvent> {
        self.setup.feed.listen()
    }

    fn outgoing(&self) -> Bell<(Context, String)> {
        self.setup.writer.outgoing()
    }

    fn complaint(&self) -> Option<String> {
        let rested = self.setup.clock.now().as_second() - self.failed.load(Ordering::Relaxed) > REST_S;
        let reason = self.trouble.reason().filter(|_| !rested);
        reason.map(|reason| format!("the queue takes no requests at the moment: {reason}"))
    }
}
