//! Visitors who come again and again, each time as somebody else, and the journal of what was acknowledged to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracardi_simulate::client::Client;

use crate::figures::count;
use crate::installation::Installation;
use crate::support::{payload, profile_of};

/// Visitors at a time.
const AT_ONCE: u64 = 32;
/// Events of a visit.
const EVENTS: u64 = 100;
/// How long all send without a pause to see how much that can be.
const TRIAL: Duration = Duration::from_secs(8);
/// How long to wait before a request is repeated.
const AGAIN: Duration = Duration::from_millis(100);

/// Type of the events; the profile counts them in [`COUNTER`].
pub(crate) const KIND: &str = "checkout-completed";
/// Where in a profile.
pub(crate) const COUNTER: &str = "ltcocc";

/// What was acknowledged to a visitor: events with the marks 1 to `events`.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) session: String,
    /// The profile that the visitor was told.
    pub(crate) profile: String,
    pub(crate) events: u64,
}

/// Everybody who is there.
#[derive(Debug)]
pub(crate) struct Visitors {
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    repeated: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

/// Requests a second that are acknowledged and stored when as many come as can.
pub(crate) async fn most(installation: &Installation) -> f64 {
    let began = Instant::now();
    let (visitors, mut finished) = Visitors::begin(installation, Duration::ZERO, "trial");
    tokio::time::sleep(TRIAL).await;
    visitors.leave();
    // Each has left when the last visit has been told.
    while finished.recv().await.is_some() {}
    installation.drained().await;
    count(visitors.accepted()) / began.elapsed().as_secs_f64()
}

impl Visitors {
    /// They come from now on, so many requests a second all together; each visit is told when it is over.
    pub(crate) fn arrive(installation: &Installation, rate: f64) -> (Self, mpsc::UnboundedReceiver<Visit>) {
        Self::begin(installation, Duration::from_secs_f64(count(AT_ONCE) / rate), "soak")
    }

    fn begin(installation: &Installation, every: Duration, name: &str) -> (Self, mpsc::UnboundedReceiver<Visit>) {
        let (told, finished) = mpsc::unbounded_channel();
        let (stop, accepted, repeated) = (Arc::<AtomicBool>::default(), Arc::default(), Arc::default());
        let mut tasks = JoinSet::new();
        for number in 0..AT_ONCE {
            let visitor = Visitor {
                client: Client::new(installation.house.public_url().parse().unwrap(), Duration::from_secs(20)),
                name: format!("{name}-{number}"),
                every,
                stop: Arc::clone(&stop),
                accepted: Arc::clone(&accepted),
                repeated: Arc::clone(&repeated),
                told: told.clone(),
            };
            tasks.spawn(visitor.come());
        }
        (Self { stop, accepted, repeated, _tasks: tasks }, finished)
    }

    /// Everybody leaves; their visits are told.
    pub(crate) fn leave(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Requests that were acknowledged so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How often a request was sent again.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }
}

struct Visitor {
    client: Client,
    name: String,
    every: Duration,
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU64>,
    repeated: Arc<AtomicU64>,
    told: mpsc::UnboundedSender<Visit>,
}

impl Visitor {
    async fn come(mut self) {
        for number in 0_u64.. {
            let visit = self.visit(format!("{}-{number}", self.name)).await;
            if self.told.send(visit).is_err() || self.stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// At least one event, each until it is acknowledged.
    async fn visit(&mut self, session: String) -> Visit {
        let (mut profile, mut events) = (None, 0);
        while events == 0 || (events < EVENTS && !self.stop.load(Ordering::Relaxed)) {
            events += 1;
            let time = format!("2026-03-01T10:{:02}:{:02}Z", events / 60, events % 60);
            let event = json!({"type": KIND, "properties": {"mark": events, "value": 1}, "time": {"create": time}});
            let due = Instant::now() + self.every;
            profile = Some(self.send(&payload(&session, profile.as_deref(), &[event])).await);
            tokio::time::sleep_until(due.into()).await;
        }
        Visit { session, profile: profile.unwrap(), events }
    }

    /// Until it is acknowledged, with the same bytes; the profile that the visitor is told.
    async fn send(&mut self, body: &[u8]) -> String {
        loop {
            let answer = self.client.request("POST", "/track", &[("content-type", "application/json")], body).await;
            match answer {
                Ok(answer) if answer.status == 200 => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    return profile_of(&answer);
                }
                // Nobody there, or nothing durable: later.
                Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.detail()),
                Err(_) => {}
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(AGAIN).await;
        }
    }
}
