//! The task that knows for which destinations there is something to send, and starts a job for each.
//!
//! It learns of new deliveries by a [`Bell`] that is rung after they were stored, and of old ones by asking the store once,
//! at the start. A job ends when nothing is left; so a process without deliveries asks the store for nothing.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tracardi_model::{Entropy as _, SeededEntropy};
use tracardi_process::{Bell, Metrics, Phase, SharedClock, Supervisor, random};
use tracardi_store::{ConfigurationSnapshot, Outbox};

use crate::Key;
use crate::connector::Connector;
use crate::figures::Figures;
use crate::job::Job;
use crate::retry::Patience;
use crate::settler::{Settler, settler};

/// Bounds of what goes out; each has a sensible default.
#[derive(Clone, Copy, Debug)]
pub struct OutboundLimits {
    /// Destinations that are being served at a time; others have their turn then. One that hangs gives its turn away.
    pub destinations: usize,
    /// Deliveries under way to one destination.
    pub under_way: usize,
    /// Attempts in one turn of a destination.
    pub turn: usize,
    /// Deliveries that are read at a time.
    pub page: u32,
    /// Failures in a row after which a destination is left in peace.
    pub failures: u32,
    /// When a delivery is tried again.
    pub patience: Patience,
    /// How long a destination is left in peace at most.
    pub peace: Duration,
    /// How long deliveries under way are waited for when the process leaves.
    pub drain: Duration,
    /// How long to wait after a failure of our own.
    pub recover: Duration,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        Self {
            destinations: 64,
            under_way: 4,
            turn: 256,
            page: 16,
            failures: 5,
            patience: Patience::default(),
            peace: Duration::from_mins(1),
            drain: Duration::from_secs(7),
            recover: Duration::from_secs(1),
        }
    }
}

/// What the worker is made of.
#[derive(Debug)]
pub struct OutboundSetup {
    /// Where deliveries wait.
    pub outbox: Arc<dyn Outbox>,
    /// Destinations and resources; the newest are used.
    pub configuration: watch::Receiver<Arc<ConfigurationSnapshot>>,
    /// Sends.
    pub connector: Connector,
    /// Rung after deliveries were stored or replayed.
    pub bell: Bell<Key>,
    /// The time.
    pub clock: SharedClock,
    /// Bounds.
    pub limits: OutboundLimits,
}

/// What all jobs share.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) connector: Connector,
    pub(crate) clock: SharedClock,
    pub(crate) limits: OutboundLimits,
    pub(crate) figures: Figures,
    pub(crate) settler: Settler,
    /// Turns; first come, first served.
    pub(crate) turns: Semaphore,
}

/// A job has ended, by itself or by a panic.
pub(crate) struct Ended {
    key: Key,
    well: bool,
}

/// Says that a job has ended, however it did.
pub(crate) struct Tell {
    ended: Option<Ended>,
    to: mpsc::UnboundedSender<Ended>,
}

impl Tell {
    /// By itself.
    pub(crate) fn well(mut self) {
        if let Some(ended) = &mut self.ended {
            ended.well = true;
        }
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            // Nobody listens any more: the process leaves.
            let _ = self.to.send(ended);
        }
    }
}

/// Starts the tasks `outbound`, `outbound outcomes` and `outbound connections` of phase Drain: they stop sending when phase Accept ends, and are
/// gone before the store is closed. Fails when there is no randomness to be had.
pub fn start(supervisor: &Supervisor, setup: OutboundSetup, metrics: &Metrics) -> io::Result<()> {
    let OutboundSetup { outbox, configuration, connector, bell, clock, limits } = setup;
    let entropy = SeededEntropy::new(random::bytes()?);
    let (settler, settling) = settler();
    let end = supervisor.token(Phase::Drain);
    supervisor.spawn("outbound outcomes", Phase::Drain, settling.run(outbox.clone(), clock.clone(), end.clone()));
    supervisor.spawn("outbound connections", Phase::Drain, connector.clone().tidy(end));
    let figures = Figures::registered(metrics);
    let turns = Semaphore::new(limits.destinations.max(1));
    let parts = Arc::new(Parts { outbox, connector, clock, limits, figures, settler, turns });
    let (tell, ended) = mpsc::unbounded_channel();
    let supervisor_ = supervisor.clone();
    let worker = Worker { supervisor: supervisor_, parts, configuration, entropy, jobs: HashMap::new(), tell, ended };
    supervisor.spawn("outbound", Phase::Drain, worker.run(bell));
    Ok(())
}

struct Worker {
    supervisor: Supervisor,
    parts: Arc<Parts>,
    configuration: watch::Receiver<Arc<ConfigurationSnapshot>>,
    entropy: SeededEntropy,
    /// The jobs that run, and how to tell them that there is more.
    jobs: HashMap<Key, Arc<Notify>>,
    tell: mpsc::UnboundedSender<Ended>,
    /// As many as there are jobs, at most.
    ended: mpsc::UnboundedReceiver<Ended>,
}

impl Worker {
    async fn run(mut self, bell: Bell<Key>) {
        let stop = self.supervisor.token(Phase::Accept);
        let end = self.supervisor.token(Phase::Drain);
        if stop.run_until_cancelled(self.take_up()).await.is_some() {
            loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    Some(ended) = self.ended.recv() => self.ended(ended),
                    rung = bell.rung() => for (key, number) in rung {
                        self.parts.figures.joined(&key, number);
                        self.serve(key, Duration::ZERO);
                    },
                }
            }
        }
        // Each ends within the time that is granted for draining.
        while !self.jobs.is_empty() {
            let Some(Ended { key, .. }) = self.ended.recv().await else { break };
            self.jobs.remove(&key);
        }
        // The last handle of the settler goes with this.
        drop(self);
        end.cancelled().await;
    }

    /// Takes up what was left when the process ended the last time.
    async fn take_up(&mut self) {
        loop {
            match self.parts.outbox.waiting().await {
                Ok(queues) => {
                    for queue in queues {
                        let key = (queue.context, queue.destination);
                        self.parts.figures.wait(&key, queue.waiting);
                        self.serve(key, Duration::ZERO);
                    }
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "what waits to be delivered cannot be read; trying again");
                    tokio::time::sleep(self.parts.limits.recover).await;
                }
            }
        }
    }

    /// There is something to send.
    fn serve(&mut self, key: Key, pause: Duration) {
        if let Some(more) = self.jobs.get(&key) {
            return more.notify_one();
        }
        let more = Arc::new(Notify::new());
        self.jobs.insert(key.clone(), more.clone());
        let tell = Tell { ended: Some(Ended { key: key.clone(), well: false }), to: self.tell.clone() };
        let entropy = SeededEntropy::new(seed(&mut self.entropy));
        let stop = self.supervisor.token(Phase::Accept);
        let job = Job::new(key, self.parts.clone(), self.configuration.clone(), entropy, more, stop);
        self.supervisor.spawn_job("destination", Phase::Drain, async move {
            job.run(pause).await;
            tell.well();
        });
    }

    /// A job has ended. Another one follows when the bell rang while it did, or when it did not end well.
    fn ended(&mut self, Ended { key, well }: Ended) {
        let Some(more) = self.jobs.remove(&key) else { return };
        if !well {
            self.serve(key, self.parts.limits.recover);
        } else if futures::FutureExt::now_or_never(more.notified()).is_some() {
            self.serve(key, Duration::ZERO);
        }
    }
}

fn seed(entropy: &mut SeededEntropy) -> [u8; 32] {
    let mut seed = [0; 32];
    for (to, from) in seed.iter_mut().zip(entropy.bytes().into_iter().chain(entropy.bytes())) {
        *to = from;
    }
    seed
}
