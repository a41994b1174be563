//! Serves one destination until nothing is left for it.

use std::collections::{HashSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracardi_model::{Entropy as _, SeededEntropy};
use tracardi_store::{ConfigurationSnapshot, Due, Settled, StoreError};

use crate::Key;
use crate::breaker::{Breaker, Way};
use crate::retry::{Patience, after, until};
use crate::route::{Route, Targets};
use crate::sent::{Message, Sent};
use crate::worker::Parts;

/// The clock is looked at this often while something is waited for: it may be set.
const LOOK: Duration = Duration::from_mins(1);
/// The least time between two looks at the store when nothing is to be had.
const BREATH: Duration = Duration::from_millis(5);

pub(crate) struct Job {
    key: Key,
    parts: Arc<Parts>,
    configuration: watch::Receiver<Arc<ConfigurationSnapshot>>,
    breaker: Breaker,
    entropy: SeededEntropy,
    more: Arc<Notify>,
    stop: CancellationToken,
}

/// What a job waits for, besides news of any kind.
enum Next {
    /// Nothing: go on.
    On,
    /// A point in time.
    At(Timestamp),
    /// Only news can help.
    News,
    /// There is nothing left.
    Nothing,
}

/// An attempt that has ended and was written down.
struct Landed {
    seq: i64,
    /// Whether the destination answered, be it with a refusal.
    answered: bool,
    asked: Option<Duration>,
}

impl Job {
    pub(crate) fn new(
        key: Key,
        parts: Arc<Parts>,
        configuration: watch::Receiver<Arc<ConfigurationSnapshot>>,
        entropy: SeededEntropy,
        more: Arc<Notify>,
        stop: CancellationToken,
    ) -> Self {
        let patience = Patience { longest: parts.limits.peace, ..parts.limits.patience };
        let breaker = Breaker::new(parts.limits.failures, patience);
        Self { key, parts, configuration, breaker, entropy, more, stop }
    }

    /// Runs until nothing is left, or the process leaves.
    pub(crate) async fn run(mut self, pause: Duration) {
        self.wait(Next::At(after(self.parts.clock.now(), pause))).await;
        while !self.stop.is_cancelled() {
            let next = match self.pass().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!(%error, destination = self.key.1, "deliveries cannot be read; trying again");
                    Next::At(after(self.parts.clock.now(), self.parts.limits.recover))
                }
            };
            if matches!(next, Next::Nothing) {
                break;
            }
            self.wait(next).await;
        }
    }

    /// Does what can be done now.
    async fn pass(&mut self) -> Result<Next, StoreError> {
        let route = Route::of(&self.configuration.borrow_and_update(), self.key.0, &self.key.1);
        let targets = match route {
            Route::Open(targets) => targets,
            Route::Waits => return Ok(Next::News),
            Route::Closed { reason, exists } => return self.close(reason, exists).await,
        };
        let turn = match self.breaker.way(self.parts.clock.now()) {
            Way::Free => self.parts.limits.turn,
            Way::One => 1,
            Way::Shut(then) => return Ok(Next::At(then)),
        };
        let (parts, stop) = (self.parts.clone(), self.stop.clone());
        let Some(Ok(_turn)) = stop.run_until_cancelled(parts.turns.acquire()).await else {
            return Ok(Next::Nothing);
        };
        if self.turn(&targets, turn).await? { Ok(Next::On) } else { self.left().await }
    }

    /// Makes at most so many attempts, some at a time; gives whether more may be due. Ends early when the breaker opens, when
    /// the configuration changes, or when the process leaves; what is under way is waited for in any case.
    async fn turn(&mut self, targets: &Targets, most: usize) -> Result<bool, StoreError> {
        let (parts, key, stop) = (self.parts.clone(), self.key.clone(), self.stop.clone());
        let limits = parts.limits;
        let mut left_alone = pin!(async {
            stop.cancelled().await;
            sleep(limits.drain).await;
        });
        let mut page: VecDeque<Due> = VecDeque::new();
        let mut under_way = HashSet::new();
        let mut flights = FuturesUnordered::new();
        let (mut may_be_more, mut made) = (true, 0);
        loop {
            while made < most && flights.len() < limits.under_way && self.may_go_on(most) {
                if page.is_empty() && may_be_more {
                    let due = parts.outbox.due(key.0, &key.1, parts.clock.now(), limits.page).await?;
                    may_be_more = due.len() >= limits.page as usize;
                    // What is under way is due as well until it is written down.
                    page.extend(due.into_iter().filter(|due| !under_way.contains(&due.seq)));
                }
                let Some(due) = page.pop_front() else { break };
                under_way.insert(due.seq);
                made += 1;
                flights.push(attempt(&parts, &key, targets, due, self.random()));
            }
            if flights.is_empty() {
                return Ok(may_be_more || !page.is_empty());
            }
            tokio::select! {
                Some(landed) = flights.next() => {
                    under_way.remove(&landed.seq);
                    // The next one of its line is due now.
                    may_be_more = true;
                    self.heed(&landed);
                }
                () = self.more.notified() => may_be_more = true,
                // What is cut off was not written down: it is sent again after the next start, with the same key.
                () = &mut left_alone => return Ok(true),
            }
        }
    }

    fn may_go_on(&self, most: usize) -> bool {
        let way = self.breaker.way(self.parts.clock.now());
        let is_free = way == Way::Free || (most == 1 && way == Way::One);
        is_free && !self.stop.is_cancelled() && !self.configuration.has_changed().unwrap_or(false)
    }

    /// Tells the breaker how an attempt went.
    fn heed(&mut self, landed: &Landed) {
        let now = self.parts.clock.now();
        let was_closed = self.breaker.is_closed();
        if landed.answered {
            self.breaker.answered();
        } else {
            let random = self.random();
            self.breaker.failed(now, random);
        }
        if let Some(pause) = landed.asked {
            self.breaker.rest(after(now, pause.min(self.parts.limits.patience.longest)));
        }
        let is_closed = self.breaker.is_closed();
        if was_closed != is_closed {
            self.parts.figures.breaker(&self.key, !is_closed);
            let (context, destination) = &self.key;
            if is_closed {
                tracing::info!(%context, destination, "the destination works again");
            } else {
                tracing::warn!(%context, destination, "the destination does not work; it is left in peace for a while");
            }
        }
    }

    /// When the next one is due, if anything is left.
    async fn left(&self) -> Result<Next, StoreError> {
        let queues = self.parts.outbox.waiting().await?;
        let mine = queues.into_iter().find(|queue| (queue.context, &queue.destination) == (self.key.0, &self.key.1));
        self.parts.figures.wait(&self.key, mine.as_ref().map_or(0, |queue| queue.waiting));
        let soon = after(self.parts.clock.now(), BREATH);
        Ok(mine.map_or(Next::Nothing, |queue| Next::At(queue.due.max(soon))))
    }

    /// Gives up everything that waits.
    async fn close(&self, reason: &str, exists: bool) -> Result<Next, StoreError> {
        let Parts { outbox, limits, settler, figures, .. } = &*self.parts;
        while !self.stop.is_cancelled() {
            // Whenever it was to be tried again.
            let due = outbox.due(self.key.0, &self.key.1, Timestamp::MAX, limits.page).await?;
            if due.is_empty() {
                break;
            }
            let dead = async |due: &Due| {
                settler.settle(due.seq, Settled::Dead { error: reason.to_owned() }).await;
                figures.ended(&self.key, "dead");
            };
            futures::future::join_all(due.iter().map(dead)).await;
        }
        if !exists {
            figures.forget(&self.key);
        }
        Ok(Next::Nothing)
    }

    /// Until what is waited for, or until there are news: something to send, another configuration, the end.
    async fn wait(&mut self, next: Next) {
        let then = match next {
            Next::On | Next::Nothing => return,
            Next::At(then) => then,
            Next::News => Timestamp::MAX,
        };
        loop {
            let left = until(self.parts.clock.now(), then);
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.more.notified() => return,
                Ok(()) = self.configuration.changed() => return,
                () = sleep(left.min(LOOK)) => {}
            }
        }
    }

    fn random(&mut self) -> u64 {
        u64::from_le_bytes(self.entropy.bytes().first_chunk().copied().unwrap_or_default())
    }
}

/// One attempt, written down.
fn attempt(
    parts: &Arc<Parts>,
    key: &Key,
    targets: &Targets,
    due: Due,
    random: u64,
) -> impl Future<Output = Landed> + Send + use<> {
    let (parts, key) = (parts.clone(), key.clone());
    let target = targets.of(due.delivery.debug);
    async move {
        let Due { seq, delivery, attempts } = due;
        let began = Instant::now();
        let sent = match target {
            Ok(target) => {
                let (profile, at) = (delivery.profile_id.as_deref(), parts.clock.now());
                let message = Message { id: &delivery.id, profile, body: &delivery.body, at };
                parts.connector.send(&target, message).await
            }
            Err(reason) => Sent::Dead(reason),
        };
        parts.figures.took(&key, began.elapsed());
        let now = parts.clock.now();
        let (answered, asked, settled) = match sent {
            Sent::Delivered => (true, None, Settled::Delivered),
            Sent::Dead(error) => (true, None, Settled::Dead { error }),
            Sent::Later { error, asked } => {
                let attempts = attempts.saturating_add(1);
                let settled = match parts.limits.patience.again(attempts, delivery.at, now, asked, random) {
                    Some(due) => Settled::Later { due, error },
                    None => Settled::Dead { error: format!("{error}; given up after {attempts} attempts") },
                };
                (false, asked, settled)
            }
        };
        let outcome = match settled {
            Settled::Delivered => "delivered",
            Settled::Later { .. } => "retried",
            Settled::Dead { .. } => "dead",
        };
        parts.settler.settle(seq, settled).await;
        parts.figures.ended(&key, outcome);
        Landed { seq, answered, asked }
    }
}
