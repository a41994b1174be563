//! What the API holds: a handle to the writer.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracardi_engine::{Command, Consent, Order, Rejected, Settings};
use tracardi_model::{Context, Event, TrackAnswer};
use tracardi_process::{Bell, Metrics, Phase, SharedClock, Supervisor, Trouble};
use tracardi_store::{Documents, Index, Version};

use crate::CollectError;
use crate::cache::Cache;
use crate::figures::Figures;
use crate::merges::{Chores, Merged, PROFILES_AT_ONCE};
use crate::queue::{Deletion, MergeRequest, Request, Scale};
use crate::writer::Writer;

/// Bounds of the collector; each has a sensible default.
#[derive(Clone, Copy, Debug)]
pub struct CollectorLimits {
    /// Requests that may wait; one more is answered [`CollectError::Full`].
    pub queue: usize,
    /// Memory of all requests that wait or are being stored; beyond: `Full`. Requests of more than a sixty-fourth of it
    /// leave a quarter to the others.
    pub queue_bytes: usize,
    /// Requests in one group (one commit).
    pub group: usize,
    /// Memory of the requests in one group (what is made of them takes about twice as much again); a bigger single
    /// request is a group of its own.
    pub group_bytes: usize,
    /// Memory of cached sessions and profiles.
    pub cache_bytes: usize,
    /// Sessions and events that are led to the survivor of a merge between two groups.
    pub merge_documents: u32,
    /// Events that a slow listener of the live stream may lag behind before it misses some.
    pub live: usize,
}

impl Default for CollectorLimits {
    fn default() -> Self {
        Self {
            queue: 4_096,
            queue_bytes: 128 << 20,
            group: 512,
            group_bytes: 16 << 20,
            cache_bytes: 64 << 20,
            merge_documents: 500,
            live: 256,
        }
    }
}

/// Who else writes to the store, and what that means for a writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Nobody. Requests come from clients, who send them again: what cannot be stored is refused.
    Alone,
    /// Other processes; this one takes requests from a queue that would give them again. A group that cannot be stored stays in its
    /// place and is tried until it succeeds. Merges are left to the housekeeper.
    Worker,
    /// Other processes; this one is asked by people, one by one. What cannot be stored is refused, merges that wait are left to the
    /// housekeeper.
    Guest,
    /// Other processes; this one merges the profiles that wait for it, and leads their history to the survivors.
    Housekeeper,
}

impl Company {
    /// Whether it merges what waits for it.
    pub(crate) const fn merges(self) -> bool {
        matches!(self, Self::Alone | Self::Housekeeper)
    }
}

/// A session and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Production or staging.
    pub context: Context,
    /// Id of the session.
    pub session: String,
    /// Id of the profile.
    pub profile: String,
    /// The version of the session that says so; none: whatever was said before is outdated.
    pub version: Option<Version>,
}

/// An id of a profile that leads elsewhere from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Production or staging.
    pub context: Context,
    /// The id.
    pub id: String,
    /// The profile's own id; none: it was deleted.
    pub profile: Option<String>,
}

/// What those should hear who tell clients whom a request is about before it is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Sessions that have begun, or have got another profile.
    pub bound: Vec<Bound>,
    /// Ids of profiles that were merged or deleted.
    pub moved: Vec<Moved>,
}

/// What a collector is made of.
#[derive(Debug)]
pub struct CollectorSetup {
    /// Where everything is kept.
    pub documents: Arc<dyn Documents>,
    /// Settings of the engine; the newest are used for each group.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Key from which new ids are derived: the same request makes the same ids.
    pub signing_key: [u8; 32],
    /// The time.
    pub clock: SharedClock,
    /// Bounds.
    pub limits: CollectorLimits,
    /// Who else writes.
    pub company: Company,
    /// Told after each commit, merge and deletion; what does not fit is dropped.
    pub news: Option<mpsc::Sender<News>>,
}

/// An order for which there was no room.
#[derive(Debug)]
pub struct Unsubmitted {
    /// Why.
    pub error: CollectError,
    /// The order.
    pub order: Box<Order>,
}

/// An event that has just been stored.
pub type LiveEvent = (Context, Arc<Event>);

/// A handle to the writer; cheap to clone.
#[derive(Clone, Debug)]
pub struct Collector {
    settings: watch::Receiver<Arc<Settings>>,
    requests: mpsc::Sender<Request>,
    deletions: mpsc::Sender<Deletion>,
    merges: mpsc::Sender<MergeRequest>,
    scale: Scale,
    live: broadcast::Sender<LiveEvent>,
    outgoing: Bell<(Context, String)>,
    trouble: Trouble,
    figures: Figures,
}

/// Deletions that may wait: people ask for them one by one.
const DELETIONS: usize = 64;
/// Merges on command that may wait.
const MERGES: usize = 64;
/// What a client is told to wait when the queue is full: the queue empties within a second or two.
const RETRY_AFTER_S: u64 = 1;

impl Collector {
    /// Starts the writer as the task `collector` of phase Flush: it ends after everybody else, when the queue is empty.
    #[must_use]
    pub fn start(supervisor: &Supervisor, setup: CollectorSetup, metrics: &Metrics) -> Self {
        let CollectorSetup { documents, settings, signing_key, clock, limits, company, news } = setup;
        let figures = Figures::registered(metrics);
        let (requests, receiver) = mpsc::channel(limits.queue.max(1));
        let (deletions, to_delete) = mpsc::channel(DELETIONS);
        let (merges, to_merge) = mpsc::channel(MERGES);
        let (live, _) = broadcast::channel(limits.live.max(1));
        let outgoing = Bell::default();
        let trouble = Trouble::default();
        let writer = Writer {
            requests: receiver,
            deletions: to_delete,
            merges: to_merge,
            documents,
            settings: settings.clone(),
            signing_key,
            clock,
            limits,
            company,
            news,
            leaving: supervisor.token(Phase::Flush),
            live: live.clone(),
            outgoing: outgoing.clone(),
            trouble: trouble.clone(),
            figures: figures.clone(),
            cache: Cache::new(limits.cache_bytes),
            chores: Chores::default(),
        };
        supervisor.spawn("collector", Phase::Flush, writer.run(supervisor.token(Phase::Flush)));
        let scale = Scale::new(limits.queue_bytes, figures.clone());
        Self { settings, requests, deletions, merges, scale, live, outgoing, trouble, figures }
    }

    /// Collects a request that takes `bytes` bytes of memory. Ok means: on disk, with everything that follows from it. The
    /// same request again changes nothing and gets the same answer.
    pub async fn collect(&self, command: Command, bytes: usize) -> Result<TrackAnswer, CollectError> {
        self.carry_out(Order::Collect(Box::new(command)), bytes).await
    }

    /// The engine's settings as they are now.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    /// Keeps a decision about consents, sent with `bytes` bytes. Ok means: on disk.
    pub async fn consent(&self, consent: Consent, bytes: usize) -> Result<(), CollectError> {
        self.carry_out(Order::Consent(consent), bytes).await.map(drop)
    }

    async fn carry_out(&self, order: Order, bytes: usize) -> Result<TrackAnswer, CollectError> {
        match self.submit(order, None, bytes) {
            Ok(answer) => answer.await,
            Err(Unsubmitted { error, .. }) => Err(error),
        }
    }

    /// Puts an order into the writer's queue, now and in the order of the calls; what is given waits for the answer. `at`: when it was accepted, if
    /// that was elsewhere.
    pub fn submit(
        &self,
        order: Order,
        at: Option<Timestamp>,
        bytes: usize,
    ) -> Result<impl Future<Output = Result<TrackAnswer, CollectError>> + Send + 'static, Unsubmitted> {
        let Some(weight) = self.scale.take(bytes) else {
            return Err(Unsubmitted { error: self.full(), order: Box::new(order) });
        };
        let (reply, answer) = oneshot::channel();
        if let Err(refused) = self.requests.try_send(Request { order, at, reply, weight }) {
            return Err(match refused {
                mpsc::error::TrySendError::Full(request) => {
                    Unsubmitted { error: self.full(), order: Box::new(request.order) }
                }
                mpsc::error::TrySendError::Closed(request) => {
                    Unsubmitted { error: self.stopping(), order: Box::new(request.order) }
                }
            });
        }
        let figures = self.figures.clone();
        // The writer answers every request it took; it drops them only when the process goes down.
        Ok(async move {
            answer.await.unwrap_or_else(|_| {
                figures.ended("stopping", "");
                Err(CollectError::Stopping)
            })
        })
    }

    /// Removes a document by its own id, from the disk and from the cache; whether there was one. Whoever
    /// is collected afterwards does not see it any more.
    pub async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, CollectError> {
        let (reply, answer) = oneshot::channel();
        let deletion = Deletion { context, index, id: id.to_owned(), reply };
        self.deletions.try_send(deletion).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => CollectError::Full { retry_after_s: RETRY_AFTER_S },
            mpsc::error::TrySendError::Closed(_) => CollectError::Stopping,
        })?;
        answer.await.unwrap_or(Err(CollectError::Stopping))
    }

    /// Makes one profile of all that these ids lead to, and of all that share an id with one of them. The oldest survives.
    /// Ok means: on disk, every id leads to the survivor. Its history (sessions, events) follows in the background.
    /// Merging again changes nothing.
    pub async fn merge(&self, context: Context, ids: &[String]) -> Result<Merged, CollectError> {
        let mut merged = Merged::default();
        // Requests have their turn in between.
        for some in ids.chunks(PROFILES_AT_ONCE - 1) {
            let ids = merged.profile.iter().chain(some).cloned().collect();
            let (reply, answer) = oneshot::channel();
            self.merges.try_send(MergeRequest { context, ids, reply }).map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => CollectError::Full { retry_after_s: RETRY_AFTER_S },
                mpsc::error::TrySendError::Closed(_) => CollectError::Stopping,
            })?;
            let next = answer.await.unwrap_or(Err(CollectError::Stopping))?;
            merged.profile = next.profile.or(merged.profile);
            merged.gone.extend(next.gone);
        }
        Ok(merged)
    }

    fn full(&self) -> CollectError {
        self.figures.ended("queue_full", "");
        CollectError::Full { retry_after_s: RETRY_AFTER_S }
    }

    fn stopping(&self) -> CollectError {
        self.figures.ended("stopping", "");
        CollectError::Stopping
    }

    /// Counts a request that was refused before it came here.
    pub fn refused(&self, rejected: &Rejected) {
        self.figures.ended("rejected", rejected.reason());
    }

    /// Events from now on, right after they are on disk. A listener that lags behind misses some and is told how many.
    #[must_use]
    pub fn live(&self) -> broadcast::Receiver<LiveEvent> {
        self.live.subscribe()
    }

    /// Rung with context and id of each destination for which there is something new in the outbox, on disk.
    #[must_use]
    pub fn outgoing(&self) -> Bell<(Context, String)> {
        self.outgoing.clone()
    }

    /// Whether the store took the last write. When not, it is tried every second.
    #[must_use]
    pub fn healthy(&self) -> bool {
        !self.trouble.is_there()
    }

    /// Why the store did not take the last write; none when it did.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.reason()
    }
}
