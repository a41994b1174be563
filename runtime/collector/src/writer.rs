//! The one task that writes: group, load, run, commit, answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracardi_engine::{Order, Outcome, Rejected, Settings, State, collect};
use tracardi_model::{Context, SeededEntropy, TrackAnswer, weight};
use tracardi_process::{Bell, SharedClock, Trouble};
use tracardi_store::seal::keyed_hash;
use tracardi_store::{Committed, Documents, Index, StoreError, Written};

use crate::cache::Cache;
use crate::figures::Figures;
use crate::merges::Chores;
use crate::poison::{self, Tried};
use crate::queue::{Deletion, MergeRequest, Request};
use crate::sight::{Missing, Sight};
use crate::{CollectError, CollectorLimits, Company, LiveEvent, Moved, News};

/// What a client is told to wait after a failure of the store.
const RETRY_AFTER_S: u64 = 2;
/// Events that take more memory are not shown live: 128 KiB, times the events that a listener may lag behind.
const LIVE_BYTES: usize = 128 << 10;
/// How often a group is run anew because the store knows more than was thought.
pub(crate) const ATTEMPTS: u32 = 8;
/// How long a group waits before it is tried again in its place, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a housekeeper looks which profiles wait for a merge.
const LOOK: Duration = Duration::from_secs(1);
/// How often a store that failed is tried when no request does it.
const PROBE: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) deletions: mpsc::Receiver<Deletion>,
    pub(crate) merges: mpsc::Receiver<MergeRequest>,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) settings: watch::Receiver<Arc<Settings>>,
    pub(crate) signing_key: [u8; 32],
    pub(crate) clock: SharedClock,
    pub(crate) limits: CollectorLimits,
    pub(crate) company: Company,
    pub(crate) news: Option<mpsc::Sender<News>>,
    pub(crate) leaving: CancellationToken,
    pub(crate) live: broadcast::Sender<LiveEvent>,
    pub(crate) outgoing: Bell<(Context, String)>,
    pub(crate) trouble: Trouble,
    pub(crate) figures: Figures,
    pub(crate) cache: Cache,
    pub(crate) chores: Chores,
}

/// Why an attempt failed.
enum Failure {
    /// One of the new events is stored already.
    EventExists,
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How the engine answered one request.
enum Ran {
    Answer(TrackAnswer),
    Refused(Rejected),
    /// Its profile was deleted while it waited.
    Erased,
    Panicked,
}

/// A group that is on disk, or the first part of it.
struct Stored {
    /// For each request of it, in order.
    answers: Vec<Ran>,
    events: Vec<LiveEvent>,
    /// How many events went into quarantine.
    quarantined: u64,
}

impl Writer {
    /// Runs until asked to end, then stores what is still queued.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut carried: Option<Request> = None;
        let mut stopping = false;
        loop {
            let first = if let Some(request) = carried.take() {
                request
            } else {
                tokio::select! {
                    biased;
                    // Rare, so they come first: requests without end shall not hold them up.
                    Some(deletion) = self.deletions.recv() => {
                        self.delete(deletion).await;
                        continue;
                    }
                    Some(merge) = self.merges.recv() => {
                        self.answer_merge(merge).await;
                        continue;
                    }
                    request = self.requests.recv() => match request {
                        Some(request) => request,
                        // Nobody is left who could ask.
                        None => return stop.cancelled().await,
                    },
                    () = stop.cancelled(), if !stopping => {
                        // What is queued is still answered; then the queue ends.
                        stopping = true;
                        self.requests.close();
                        continue;
                    }
                    () = tokio::time::sleep(PROBE), if self.trouble.is_there() => {
                        self.probe().await;
                        continue;
                    }
                    () = std::future::ready(()), if self.may_do_chores() && !stopping => {
                        self.do_chores().await;
                        continue;
                    }
                    () = tokio::time::sleep(LOOK), if self.company == Company::Housekeeper && !stopping => {
                        self.chores.look();
                        continue;
                    }
                }
            };
            let (group, next) = self.fill(first);
            carried = next;
            self.store(group).await;
            // However much there is to collect, merges go on as well.
            if self.may_do_chores() && !stopping {
                self.do_chores().await;
            }
        }
    }

    /// Removes a document. It leaves the cache first: whatever becomes of it, the store is asked the next time.
    async fn delete(&mut self, Deletion { context, index, id, reply }: Deletion) {
        match index {
            Index::Event => {}
            Index::Session => drop(self.cache.take_session(context, &id)),
            Index::Profile => drop(self.cache.take_profile(context, &id)),
        }
        let deleted = self.documents.delete(context, index, &id).await.map_err(|error| {
            self.figures.store_failed("delete");
            unavailable(&error)
        });
        if index == Index::Profile && matches!(deleted, Ok(true)) {
            self.tell(News { moved: vec![Moved { context, id, profile: None }], ..News::default() });
        }
        // A client that has gone away does not hear it.
        let _ = reply.send(deleted);
    }

    /// A group: what is queued right now, within the limits. Nobody waits for company: while a group is being stored the
    /// next one gathers by itself.
    fn fill(&mut self, first: Request) -> (Vec<Request>, Option<Request>) {
        let mut bytes = first.weight.bytes;
        let mut group = vec![first];
        while group.len() < self.limits.group {
            let Ok(request) = self.requests.try_recv() else { break };
            bytes = bytes.saturating_add(request.weight.bytes);
            if bytes > self.limits.group_bytes {
                return (group, Some(request));
            }
            group.push(request);
        }
        (group, None)
    }

    /// Stores a group and answers everybody in it; in parts, when so much follows from it that memory is at stake.
    async fn store(&mut self, mut group: Vec<Request>) {
        while !group.is_empty() {
            group = self.store_some(group).await;
        }
        self.figures.cached_bytes.set(i64::try_from(self.cache.bytes()).unwrap_or(i64::MAX));
    }

    /// Stores a group or the first part of it and answers; gives the rest.
    async fn store_some(&mut self, mut group: Vec<Request>) -> Vec<Request> {
        let mut rest = Vec::new();
        match self.store_patiently(&group).await {
            Ok(stored) => {
                rest = group.split_off(stored.answers.len().min(group.len()));
                #[allow(clippy::cast_precision_loss, reason = "a group has some hundred requests")]
                self.figures.group.observe(group.len() as f64);
                self.answer(group, stored);
            }
            // One request may be to blame (a document that cannot be read, say); the others shall not suffer with it.
            Err(error) if group.len() > 1 && !error.passes() => {
                for request in group {
                    let alone = vec![request];
                    match self.store_patiently(&alone).await {
                        Ok(stored) => self.answer(alone, stored),
                        Err(error) => self.answer_unavailable(alone, &error),
                    }
                }
            }
            Err(error) => self.answer_unavailable(group, &error),
        }
        rest
    }

    /// Stores a group; where nobody would come again, however long that takes: until the process leaves.
    async fn store_patiently(&mut self, group: &[Request]) -> Result<Stored, StoreError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let stored = self.try_store(group).await;
            let patient = self.company == Company::Worker && matches!(&stored, Err(error) if error.passes());
            if !patient || self.leaving.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return stored;
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Stores a group. At first in the hope that its events are new (the commit itself makes sure of that); if one is not,
    /// nothing has happened yet, and all of it is done again with open eyes.
    ///
    /// Where several processes write, another one may have changed a document since it was read: that shows in the commit,
    /// too, and all is done again on what it left.
    async fn try_store(&mut self, group: &[Request]) -> Result<Stored, StoreError> {
        let mut result = self.attempt(group, false).await;
        for _ in 0..ATTEMPTS {
            match result {
                Err(Failure::EventExists) => self.figures.repeats.inc(),
                Err(Failure::Store(StoreError::Stale)) => self.figures.conflicts.inc(),
                _ => break,
            };
            result = self.attempt(group, true).await;
        }
        match result {
            Ok(stored) => {
                if self.trouble.end() {
                    tracing::info!("the store takes writes again");
                }
                Ok(stored)
            }
            Err(Failure::Store(error)) => {
                if error.passes() {
                    self.mark_unhealthy(&error);
                } else {
                    tracing::error!(%error, "a group of requests could not be stored");
                }
                Err(error)
            }
            Err(Failure::EventExists) => {
                let reason = "an event is there and is not there".to_owned();
                Err(StoreError::Corrupt { what: "index of event ids".to_owned(), reason })
            }
        }
    }

    /// One attempt: whatever it took out of the cache is gone when it fails.
    async fn attempt(&mut self, group: &[Request], every_event: bool) -> Result<Stored, Failure> {
        let settings = self.settings.borrow_and_update().clone();
        let now = self.clock.now();
        let mut sight = Sight::default();
        let missing =
            sight.gather(&mut self.cache, group.iter().map(|request| &request.order), &settings, now, every_event);
        self.load(&mut sight, missing).await?;
        let mut answers = Vec::with_capacity(group.len());
        for Request { order, at, .. } in group {
            if sight.is_full() {
                break;
            }
            let now = at.unwrap_or(now);
            if let Some(id) = order.replayed()
                && !self.is_in_quarantine(&sight, order.context(), id).await?
            {
                let why = "it is not in quarantine".to_owned();
                answers.push(Ran::Refused(Rejected::NotReplayed { why }));
                continue;
            }
            let mut state = sight.state(order, &settings, now);
            if state.is_none() {
                let missing = sight.gather(&mut self.cache, std::iter::once(order), &settings, now, every_event);
                self.load(&mut sight, missing).await?;
                state = sight.state(order, &settings, now);
            }
            let state = state.ok_or_else(|| StoreError::Corrupt {
                what: "profile of a session".to_owned(),
                reason: "the store neither has it nor lacks it".to_owned(),
            })?;
            if at.is_some_and(|at| sight.is_erased(order, &settings, at)) {
                answers.push(Ran::Erased);
                continue;
            }
            let outcome = match self.carry_out(order, state, &settings, now) {
                Ok(outcome) => Some(outcome),
                Err(panic) => self.without_poison(order, &panic, || sight.state(order, &settings, now), &settings, now),
            };
            answers.push(match outcome {
                Some(Ok(outcome)) => {
                    for panic in &outcome.panics {
                        self.figures.panics.inc();
                        tracing::error!(panic, "a workflow panicked on an event; its effects were left out");
                    }
                    let answer = outcome.answer.clone();
                    sight.apply(&self.cache, order, outcome, now);
                    Ran::Answer(answer)
                }
                Some(Err(rejected)) => Ran::Refused(rejected),
                None => Ran::Panicked,
            });
        }
        if self.compare(&mut sight).await? {
            // Before the commit: should its answer get lost, those who wait wait all the same.
            self.chores.merge_waits();
        }
        let batch = sight.batch().map_err(|error| StoreError::Corrupt {
            what: "document to be stored".to_owned(),
            reason: error.to_string(),
        })?;
        let mut written = Written::default();
        if !batch.is_empty() {
            let outgoing: Vec<_> =
                batch.deliveries.iter().map(|(context, one)| ((*context, one.destination.clone()), 1)).collect();
            let began = Instant::now();
            let committed = self.documents.commit(batch).await;
            if !matches!(committed, Ok(Committed::EventExists)) {
                // After a failure, too: they may have been stored before it.
                self.outgoing.ring(outgoing);
            }
            match committed {
                Ok(Committed::Stored(versions)) => {
                    written = versions;
                    self.figures.commit.observe(began.elapsed().as_secs_f64());
                }
                Ok(Committed::EventExists) => return Err(Failure::EventExists),
                Err(StoreError::Stale) => return Err(StoreError::Stale.into()),
                Err(error) => {
                    self.figures.store_failed("commit");
                    return Err(error.into());
                }
            }
        }
        if self.news.is_some() {
            self.tell(News { bound: sight.bound(&written), ..News::default() });
        }
        let quarantined = sight.quarantined();
        Ok(Stored { answers, events: sight.settle(&mut self.cache, &written), quarantined })
    }

    /// Tells the news. A cache hears them: whoever does not is not wrong for ever.
    pub(crate) fn tell(&self, news: News) {
        if let Some(listener) = self.news.as_ref().filter(|_| news != News::default()) {
            let _ = listener.try_send(news);
        }
    }

    /// Whether an event is in quarantine (still). Nobody else writes, so what is found out here holds until the commit.
    async fn is_in_quarantine(&self, sight: &Sight, context: Context, id: &str) -> Result<bool, StoreError> {
        if sight.is_released(context, id) {
            return Ok(false);
        }
        let original = self.documents.original(context, id).await;
        Ok(original.inspect_err(|_| self.figures.store_failed("load"))?.is_some())
    }

    /// What the engine says; it works on values of its own, and what a panic leaves behind is dropped.
    fn carry_out(&self, order: &Order, state: State, settings: &Settings, now: Timestamp) -> Tried {
        let mut entropy = self.entropy(order);
        poison::caught(|| order.carry_out(state, settings, now, &mut entropy))
    }

    fn entropy(&self, order: &Order) -> SeededEntropy {
        entropy(&self.signing_key, order)
    }

    /// What becomes of a request on which the engine has panicked: events that are at fault go into quarantine. None when
    /// there is nothing to be kept of it.
    fn without_poison(
        &self,
        order: &Order,
        panic: &str,
        state: impl Fn() -> Option<State>,
        settings: &Settings,
        now: Timestamp,
    ) -> Option<Result<Outcome, Rejected>> {
        self.figures.panics.inc();
        tracing::error!(panic, "the engine panicked on a request; what is at fault goes into quarantine");
        let Order::Collect(command) = order else { return None };
        if command.is_replay() {
            return Some(Err(Rejected::NotReplayed { why: format!("the program fails on it: {panic}") }));
        }
        let failure = format!("an error of the program: {panic}");
        let outcome = poison::isolate(command, &failure, |command| {
            let state = state().unwrap_or_default();
            let mut entropy = self.entropy(order);
            poison::caught(|| collect(command, state, settings, now, &mut entropy))
        });
        if outcome.is_some() {
            return outcome;
        }
        let stored = state().unwrap_or_default().stored;
        let given_up = poison::caught(|| order.give_up(stored, settings, now, &mut self.entropy(order), &failure));
        given_up.ok().flatten()
    }

    async fn load(&mut self, sight: &mut Sight, missing: Missing) -> Result<(), StoreError> {
        if missing.is_empty() {
            return Ok(());
        }
        self.figures.loads.inc();
        let found = self.documents.load(&missing.wanted()).await.inspect_err(|_| self.figures.store_failed("load"))?;
        sight.take_in(&mut self.cache, missing, found);
        Ok(())
    }

    /// Answers a stored group, then tells the listeners.
    fn answer(&self, group: Vec<Request>, stored: Stored) {
        self.figures.events.inc_by(stored.events.len() as u64);
        for (_, event) in &stored.events {
            self.figures.invalid.inc_by(u64::from(!event.metadata.valid));
            self.figures.warned.inc_by(u64::from(event.metadata.warning));
            self.figures.failed.inc_by(u64::from(event.metadata.error));
        }
        self.figures.quarantined.inc_by(stored.quarantined);
        for (request, ran) in group.into_iter().zip(stored.answers) {
            let reply = match ran {
                Ran::Answer(answer) => {
                    self.figures.ended("stored", "");
                    Ok(answer)
                }
                Ran::Refused(rejected) => {
                    self.figures.ended("rejected", rejected.reason());
                    Err(CollectError::Rejected(rejected))
                }
                Ran::Erased => {
                    self.figures.ended("erased", "");
                    Ok(TrackAnswer::default())
                }
                Ran::Panicked => {
                    self.figures.ended("failed", "");
                    let reason = "this request could not be processed".to_owned();
                    Err(CollectError::Unavailable { reason, retry_after_s: RETRY_AFTER_S })
                }
            };
            // A client that has gone away does not hear it.
            let _ = request.reply.send(reply);
        }
        if self.live.receiver_count() > 0 {
            for event in stored.events {
                // A listener that does not read holds what was sent to it in memory.
                let properties = event.1.properties.as_deref().map_or(0, weight::behind_map);
                if properties.saturating_add(weight::behind_map(&event.1.context)) <= LIVE_BYTES {
                    let _ = self.live.send(event);
                }
            }
        }
    }

    fn answer_unavailable(&self, group: Vec<Request>, error: &StoreError) {
        for request in group {
            self.figures.ended("unavailable", "");
            let _ = request.reply.send(Err(unavailable(error)));
        }
    }

    pub(crate) fn mark_unhealthy(&self, error: &StoreError) {
        if self.trouble.begin(error.to_string()) {
            tracing::error!(%error, "the store takes no writes; requests are answered 503 until it does");
        }
    }

    async fn probe(&self) {
        match self.documents.probe().await {
            Ok(()) if self.trouble.end() => tracing::info!("the store takes writes again"),
            Ok(()) => {}
            Err(error) => self.mark_unhealthy(&error),
        }
    }
}

/// What the ids of all that is made for an order follow from: under the same key the same, in whatever process.
#[must_use]
pub fn entropy(signing_key: &[u8; 32], order: &Order) -> SeededEntropy {
    SeededEntropy::new(keyed_hash(signing_key, &[b"ids: ", &order.digest()]))
}

pub(crate) fn unavailable(error: &StoreError) -> CollectError {
    CollectError::Unavailable { reason: error.to_string(), retry_after_s: RETRY_AFTER_S }
}
