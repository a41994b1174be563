//! From the queue to the writer, and back with what is done.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracardi_collector::{CollectError, Collector, Unsubmitted};
use tracardi_engine::Envelope;
use tracardi_process::{Metrics, Phase, SharedClock, Supervisor};
use tracardi_queue::{Consumer, MessageId, Queue, QueueError, Received, Take};

use crate::figures::Taken;

/// What a worker is made of.
#[derive(Debug)]
pub struct WorkerSetup {
    /// Where requests come from.
    pub queue: std::sync::Arc<dyn Queue>,
    /// The writer; its company are the other workers.
    pub collector: Collector,
    /// How this process is called among those who receive.
    pub name: String,
    /// How much is received at once; twice as much may be under way.
    pub take: Take,
    /// The time.
    pub clock: SharedClock,
}

impl WorkerSetup {
    /// What is received at once unless there is a reason for something else: as much as makes a group of the writer's.
    pub const TAKE: Take = Take { messages: 512, bytes: 16 << 20, wait: Duration::from_secs(1) };
}

/// How long to wait before the queue is tried again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// While something is under way, nobody waits long for more.
const SHORTLY: Duration = Duration::from_millis(5);
/// Memory that a request takes is at most so many times its bytes.
const WEIGHT: usize = 4;

/// Takes requests out of the queue, in order for each profile.
#[derive(Debug)]
pub struct Worker {
    setup: WorkerSetup,
    figures: Taken,
}

/// What became of a message.
enum Fate {
    Done(MessageId, Timestamp),
    /// Nobody could carry it out; why.
    Buried(Box<Received>, String),
    /// The process leaves: it comes again.
    Left,
}

impl Worker {
    /// Starts a worker as the task `worker` of phase Drain: it ends when what it has received is stored and acknowledged, and
    /// hands the rest over.
    pub fn start(supervisor: &Supervisor, setup: WorkerSetup, metrics: &Metrics) {
        let worker = Self { setup, figures: Taken::registered(metrics) };
        supervisor.spawn("worker", Phase::Drain, worker.run(supervisor.token(Phase::Drain)));
    }

    async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let consumer = match stop.run_until_cancelled(self.setup.queue.consumer(&self.setup.name)).await {
                None => return,
                Some(Ok(consumer)) => consumer,
                Some(Err(error)) => {
                    self.failed(&error, pause);
                    stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            pause = FIRST_PAUSE;
            if let Err(error) = self.serve(consumer, &stop).await {
                self.failed(&error, pause);
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
    }

    fn failed(&self, error: &QueueError, pause: Duration) {
        self.figures.failures.inc();
        tracing::error!(%error, "the queue fails; trying again in {:.1} s", pause.as_secs_f64());
    }

    /// Receives and acknowledges until told to stop or until the queue fails; then what is under way comes again.
    async fn serve(&self, mut consumer: Box<dyn Consumer>, stop: &CancellationToken) -> Result<(), QueueError> {
        let mut underway = Vec::new();
        loop {
            // The next batch is received, and waits for the writer, while the last one is being stored.
            let wait = if underway.is_empty() { self.setup.take.wait } else { SHORTLY };
            let take = Take { wait, ..self.setup.take };
            let settled = join_all(std::mem::take(&mut underway));
            let (settled, received) = tokio::join!(settled, async {
                if stop.is_cancelled() {
                    Some(Ok(Vec::new()))
                } else {
                    stop.run_until_cancelled(consumer.receive(take)).await
                }
            });
            self.conclude(consumer.as_mut(), settled).await?;
            let received = received.transpose()?.unwrap_or_default();
            if received.is_empty() && stop.is_cancelled() {
                consumer.leave().await;
                return Ok(());
            }
            for message in received {
                underway.push(self.submit(message).await);
            }
            self.figures.underway.set(i64::try_from(underway.len()).unwrap_or(i64::MAX));
        }
    }

    /// Gives a message to the writer; waits for room in its queue, so that the order stays.
    async fn submit(&self, received: Received) -> impl Future<Output = Fate> + Send + 'static {
        let (settings, clock) = (self.setup.collector.settings(), self.setup.clock.clone());
        let envelope = Envelope::read(&received.message.payload);
        let submitted = match envelope {
            Err(unreadable) => Err(unreadable.to_string()),
            Ok(Envelope { at, letter }) => {
                let bytes = received.message.payload.len().saturating_mul(WEIGHT);
                let mut order = letter.order(&settings);
                loop {
                    match self.setup.collector.submit(order, Some(at), bytes) {
                        Ok(answer) => break Ok((at, Ok(answer))),
                        Err(Unsubmitted { error: CollectError::Full { .. }, order: again }) => {
                            order = *again;
                            tokio::time::sleep(SHORTLY).await;
                        }
                        Err(Unsubmitted { error, .. }) => break Ok((at, Err(error))),
                    }
                }
            }
        };
        async move {
            let (at, submitted) = match submitted {
                Ok(submitted) => submitted,
                Err(unreadable) => return Fate::Buried(Box::new(received), unreadable),
            };
            let answer = match submitted {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(_) => Fate::Done(received.id, at),
                Err(CollectError::Rejected(rejected)) => Fate::Buried(Box::new(received), rejected.to_string()),
                Err(CollectError::Stopping) => Fate::Left,
                // The writer waits by itself for whatever passes.
                Err(error) => {
                    tracing::error!(%error, at = %clock.now(), "a request cannot be carried out; it goes to the dead letters");
                    Fate::Buried(Box::new(received), error.to_string())
                }
            }
        }
    }

    async fn conclude(&self, consumer: &mut dyn Consumer, settled: Vec<Fate>) -> Result<(), QueueError> {
        let mut done = Vec::with_capacity(settled.len());
        let now = self.setup.clock.now();
        for fate in settled {
            match fate {
                Fate::Done(id, at) => {
                    self.figures.ended("done");
                    self.figures.age.observe(now.duration_since(at).as_secs_f64().max(0.0));
                    done.push(id);
                }
                Fate::Buried(received, reason) => {
                    self.figures.ended("buried");
                    consumer.bury(&received, &reason).await?;
                }
                Fate::Left => {}
            }
        }
        if done.is_empty() { Ok(()) } else { consumer.acknowledge(&done).await }
    }
}
