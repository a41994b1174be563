//! From the queue to the writer, and back with what is done.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracardi_collector::{CollectError, Collector, Unsubmitted};
use tracardi_engine::{Awaited, Envelope};
use tracardi_process::{Metrics, Phase, SharedClock, Supervisor, Trouble};
use tracardi_queue::{Consumer, MessageId, Queue, QueueError, Received, Take};

use crate::figures::Taken;
use crate::{Post, Reply, Verdict};

/// What a worker is made of.
#[derive(Debug)]
pub struct WorkerSetup {
    /// Where requests come from.
    pub queue: std::sync::Arc<dyn Queue>,
    /// The writer; its company are the other workers.
    pub collector: Collector,
    /// Takes what became of requests to those who wait for it.
    pub post: std::sync::Arc<dyn Post>,
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
    /// Why nothing can be taken.
    trouble: Trouble,
}

/// What became of a message, and what is to be told of it to whom.
struct Settled {
    fate: Fate,
    told: Option<(Awaited, Verdict)>,
}

impl From<Fate> for Settled {
    fn from(fate: Fate) -> Self {
        Self { fate, told: None }
    }
}

enum Fate {
    Done(MessageId, Timestamp),
    /// Nobody could carry it out; why.
    Buried(Box<Received>, String),
    /// The process leaves: it comes again.
    Left,
}

impl Worker {
    /// Starts a worker as the task `worker` of phase Drain: it ends when what it has received is stored and acknowledged, and
    /// hands the rest over. Gives what is wrong with the queue, for a check.
    #[must_use]
    pub fn start(supervisor: &Supervisor, setup: WorkerSetup, metrics: &Metrics) -> Trouble {
        let worker = Self { setup, figures: Taken::registered(metrics), trouble: Trouble::default() };
        let trouble = worker.trouble.clone();
        supervisor.spawn("worker", Phase::Drain, worker.run(supervisor.token(Phase::Drain)));
        trouble
    }

    async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        while !stop.is_cancelled() {
            let consumer = match stop.run_until_cancelled(self.setup.queue.consumer(&self.setup.name)).await {
                None => return,
                Some(Ok(consumer)) => consumer,
                Some(Err(error)) => {
                    self.failed(&error);
                    stop.run_until_cancelled(tokio::time::sleep(pause)).await;
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                    continue;
                }
            };
            pause = FIRST_PAUSE;
            if let Err(error) = self.serve(consumer, &stop).await {
                self.failed(&error);
                stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            }
        }
    }

    fn failed(&self, error: &QueueError) {
        self.figures.failures.inc();
        if self.trouble.begin(error.to_string()) {
            tracing::error!(%error, "the queue fails; it is tried again until it works");
        }
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
            if self.trouble.end() {
                tracing::info!("the queue works again");
            }
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
    async fn submit(&self, received: Received) -> impl Future<Output = Settled> + Send + 'static {
        let (settings, clock) = (self.setup.collector.settings(), self.setup.clock.clone());
        let envelope = Envelope::read(&received.message.payload);
        let submitted = match envelope {
            Err(unreadable) => Err(unreadable.to_string()),
            Ok(Envelope { at, awaited, letter }) => {
                let bytes = received.message.payload.len().saturating_mul(WEIGHT);
                let mut order = letter.order(&settings);
                loop {
                    match self.setup.collector.submit(order, Some(at), bytes) {
                        Ok(answer) => break Ok((at, awaited, Ok(answer))),
                        Err(Unsubmitted { error: CollectError::Full { .. }, order: again }) => {
                            order = *again;
                            tokio::time::sleep(SHORTLY).await;
                        }
                        Err(Unsubmitted { error, .. }) => break Ok((at, awaited, Err(error))),
                    }
                }
            }
        };
        async move {
            let (at, awaited, submitted) = match submitted {
                Ok(submitted) => submitted,
                Err(unreadable) => return Fate::Buried(Box::new(received), unreadable).into(),
            };
            let answer = match submitted {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => {
                    Settled { fate: Fate::Done(received.id, at), told: awaited.map(|awaited| (awaited, Ok(answer))) }
                }
                Err(CollectError::Rejected(rejected)) => Settled {
                    fate: Fate::Buried(Box::new(received), rejected.to_string()),
                    told: awaited.map(|awaited| (awaited, Err(rejected))),
                },
                Err(CollectError::Stopping) => Fate::Left.into(),
                // The writer waits by itself for whatever passes.
                Err(error) => {
                    tracing::error!(%error, at = %clock.now(), "a request cannot be carried out; it goes to the dead letters");
                    Fate::Buried(Box::new(received), error.to_string()).into()
                }
            }
        }
    }

    async fn conclude(&self, consumer: &mut dyn Consumer, mut settled: Vec<Settled>) -> Result<(), QueueError> {
        let mut done = Vec::with_capacity(settled.len());
        let now = self.setup.clock.now();
        // People wait for it.
        let replies = settled.iter_mut().filter_map(|settled| {
            let (Awaited { by, number }, verdict) = settled.told.take()?;
            Some((by, Reply { number, verdict }))
        });
        let replies: Vec<_> = replies.collect();
        if !replies.is_empty() {
            self.setup.post.send(replies).await;
        }
        for Settled { fate, .. } in settled {
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
