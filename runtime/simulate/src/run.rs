//! One run: requests are sent at their time, and what becomes of them is noted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::delivery::Delivery;
use crate::journal::Journal;
use crate::report;
use crate::traffic::{Plan, Request, Share, Traffic};

/// A run, shared by its senders.
pub(crate) struct Run {
    plan: Plan,
    speed: f64,
    began: Instant,
    journal: Mutex<Journal>,
    /// Set when going on is useless.
    stopped: AtomicBool,
    /// Simulated time of the latest acknowledged request, in microseconds.
    simulated: AtomicI64,
}

impl Run {
    /// A run that begins now. `speed` is the number of simulated seconds in one second, or infinite.
    pub(crate) fn new(plan: Plan, speed: f64) -> Self {
        Self {
            plan,
            speed,
            began: Instant::now(),
            journal: Mutex::default(),
            stopped: AtomicBool::new(false),
            simulated: AtomicI64::new(i64::MIN),
        }
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        // Only counters are changed under the lock; they are as good after a panic as before.
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the requests of a share of the visitors, each at its time.
    pub(crate) async fn send(&self, mut delivery: Delivery, share: Share) {
        let mut profiles: HashMap<u64, String> = HashMap::new();
        for request in Traffic::new(self.plan.clone(), share) {
            self.wait_for(request.at).await;
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let profile = profiles.get(&request.visitor).map(String::as_str);
            if let Some(profile) = self.send_one(&mut delivery, &request, profile).await {
                profiles.insert(request.visitor, profile);
            }
        }
    }

    /// Sends one request and notes what became of it. Gives the id of the visitor's profile.
    async fn send_one(&self, delivery: &mut Delivery, request: &Request, profile: Option<&str>) -> Option<String> {
        let stamp = request.at.as_millisecond().to_string();
        let [agent, language] = request.headers;
        let headers = [agent, language, ("content-type", "application/json"), ("x-timestamp", &stamp)];
        match delivery.post("/track", &headers, &request.body(profile)).await {
            Ok(delivered) if (200..300).contains(&delivered.answer.status) => {
                self.simulated.fetch_max(request.at.as_microsecond(), Ordering::Relaxed);
                return self.journal().acknowledge(request, &delivered.answer, delivered.retries);
            }
            Ok(delivered) => {
                self.journal().refuse(&delivered.answer, delivered.retries);
                // The next request would be refused for the same reason.
                if matches!(delivered.answer.status, 401 | 403 | 404 | 405) {
                    self.stopped.store(true, Ordering::Relaxed);
                }
            }
            Err(undelivered) => {
                self.journal().lose(&undelivered.to_string(), undelivered.attempts);
                self.stopped.store(true, Ordering::Relaxed);
            }
        }
        None
    }

    async fn wait_for(&self, at: Timestamp) {
        let after = at.duration_since(self.plan.from).as_secs_f64() / self.speed;
        if let Ok(after) = Duration::try_from_secs_f64(after)
            && !after.is_zero()
        {
            tokio::time::sleep_until(self.began + after).await;
        }
    }

    /// Where it stands, in one line.
    pub(crate) fn progress(&self) -> String {
        let simulated = Timestamp::from_microsecond(self.simulated.load(Ordering::Relaxed)).unwrap_or(self.plan.from);
        report::progress(&self.journal(), &simulated.strftime("%F %T").to_string(), self.began.elapsed())
    }

    /// What became of it and how long it took.
    pub(crate) fn finish(self) -> (Journal, Duration) {
        let elapsed = self.began.elapsed();
        (self.journal.into_inner().unwrap_or_else(PoisonError::into_inner), elapsed)
    }
}
