//! Whether there is room for another message.
//!
//! At its own bound, the backlog quota, Pulsar leaves producers without an answer instead of saying that it is full. So what
//! waits is read over the admin API every few seconds, by whoever waits for a receipt anyway, and what was sent since is added.
//! Several processes do not know of each other's messages until the next reading: they may go beyond the bound by what they send
//! in that time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, Either, select};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::client::Shared;
use super::stats;
use crate::QueueError;

/// A reading is renewed after this time and up to half as much again, so that processes do not ask all at once.
const OLD: Duration = Duration::from_secs(2);
/// Between two readings there is at least this.
const PAUSE: Duration = Duration::from_millis(50);

/// What is known of the backlog.
pub(super) struct Backlog {
    shared: Arc<Shared>,
    /// By the last reading, and what was sent since.
    waiting: AtomicU64,
    /// Pulsar's own bound is near; in words.
    near: std::sync::RwLock<Option<String>>,
    reading: Mutex<Reading>,
}

struct Reading {
    /// It goes on when somebody has time for it.
    under_way: Option<UnderWay>,
    /// When the last one that is finished began.
    began: Option<Instant>,
    lasts: Duration,
}

struct UnderWay {
    began: Instant,
    /// What was counted then.
    counted: u64,
    read: BoxFuture<'static, Result<Option<stats::Stats>, QueueError>>,
}

impl std::fmt::Debug for Backlog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backlog").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Backlog {
    /// Nothing is known yet: the first message asks.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let reading = Mutex::new(Reading { under_way: None, began: None, lasts: OLD });
        Self { shared, waiting: AtomicU64::new(u64::MAX), near: std::sync::RwLock::default(), reading }
    }

    /// Counts a message in, or says that there is no room for it: by a reading that began after the call, which all share who
    /// called before.
    pub(super) async fn admit(&self) -> Result<(), QueueError> {
        let called = Instant::now();
        if self.counted_in() {
            return Ok(());
        }
        let mut reading = self.reading.lock().await;
        while reading.began.is_none_or(|began| began < called) {
            if let Some(began) = reading.began {
                tokio::time::sleep_until(began + PAUSE).await;
            }
            self.renewed(&mut reading).await?;
        }
        if self.counted_in() { Ok(()) } else { Err(self.full()) }
    }

    fn counted_in(&self) -> bool {
        let most = self.shared.settings.most_waiting;
        let known = self.near.read().is_ok_and(|near| near.is_none());
        known
            && self
                .waiting
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| (waiting < most).then(|| waiting + 1))
                .is_ok()
    }

    fn full(&self) -> QueueError {
        let near = self.near.read().ok().and_then(|near| near.clone());
        QueueError::Full(
            near.unwrap_or_else(|| format!("{} messages wait, as many as may", self.shared.settings.most_waiting)),
        )
    }

    /// Does what is asked, and meanwhile goes on with the reading if it is due. What is asked does not wait for the reading.
    pub(super) async fn beside<T>(&self, asked: impl Future<Output = T> + Send) -> T {
        let mut asked = Box::pin(asked);
        let Ok(mut reading) = self.reading.try_lock() else { return asked.await };
        if reading.under_way.is_none() && reading.began.is_some_and(|began| began.elapsed() < reading.lasts) {
            // Whoever is asked may need it.
            drop(reading);
            return asked.await;
        }
        let first = match select(&mut asked, Box::pin(self.renewed(&mut reading))).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        };
        drop(reading);
        match first {
            Some(done) => done,
            None => asked.await,
        }
    }

    /// Reads, or goes on where somebody who was in a hurry left off.
    async fn renewed(&self, reading: &mut MutexGuard<'_, Reading>) -> Result<(), QueueError> {
        let under_way = reading.under_way.get_or_insert_with(|| {
            let shared = self.shared.clone();
            let read = async move { stats::of_queue(&shared.admin, &shared.names).await };
            let counted = self.waiting.load(Ordering::Relaxed);
            UnderWay { began: Instant::now(), counted, read: Box::pin(read) }
        });
        let (began, counted) = (under_way.began, under_way.counted);
        let read = (&mut under_way.read).await;
        reading.under_way = None;
        reading.began = Some(began);
        let share = tracardi_process::random::bytes::<1>().map_or(0, |[byte]| u32::from(byte));
        reading.lasts = OLD + OLD / 2 * share / 255;
        let stats = match read {
            Ok(Some(stats)) => stats,
            Ok(None) => return Err(QueueError::Unavailable(format!("{} is gone", self.shared.names.topic()))),
            Err(error) => {
                tracing::warn!("what waits in {} is not known: {error}", self.shared.names.topic());
                return Err(error);
            }
        };
        // What was counted in while it was read may be in the figures or not: rather too many than too few.
        let meanwhile = self.waiting.load(Ordering::Relaxed).saturating_sub(counted);
        self.waiting.store(stats.waiting().saturating_add(meanwhile), Ordering::Relaxed);
        if let Ok(mut near) = self.near.write() {
            *near = stats.near_quota();
        }
        Ok(())
    }
}
