//! A process: the collector, the courier, and those who wait for its answers.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinSet;
use tracardi_collector::{CollectError, Collector, CollectorSetup, Company, Merged};
use tracardi_engine::{Command, Consent, Origin};
use tracardi_model::{Context, EventSource, Limits, SourceType, TrackAnswer, TrackerPayload};
use tracardi_process::{Clock as _, ManualClock, Metrics, Phase, Supervisor};
use tracardi_store::Index;

use crate::configured::PLAIN;
use crate::courier::Courier;
use crate::journal::Choosing;
use crate::laws;
use crate::storage::Storage;
use crate::world::{Broken, PATIENCE, World, replay};

static SOURCE: LazyLock<Arc<EventSource>> =
    LazyLock::new(|| Arc::new(EventSource::new("shop", "Shop", vec![SourceType::Rest], Timestamp::UNIX_EPOCH)));

/// See the module.
pub(crate) struct Process {
    collector: Collector,
    supervisor: Supervisor,
    metrics: Metrics,
    storage: Arc<Storage>,
    clock: Arc<ManualClock>,
    pub(crate) waiting: JoinSet<Answer>,
    /// How requests ended: stored, unavailable, full.
    counts: [u64; 3],
    leaving: bool,
}

/// What somebody asks for, requests aside.
pub(crate) enum Ask {
    Merge { number: usize, ids: [String; 2], context: Context },
    Consent { number: usize, consent: Consent },
    Delete { context: Context, what: Index, id: String },
    Replay,
}

/// What somebody waits for.
pub(crate) enum Answer {
    Request { number: usize, heard: bool, answer: Result<TrackAnswer, CollectError> },
    Merge { number: usize, ids: [String; 2], context: Context, answer: Result<Merged, CollectError> },
    Consent { number: usize, answer: Result<(), CollectError> },
    Delete { context: Context, what: Index, id: String, answer: Result<bool, CollectError> },
    Replay,
}

impl Process {
    pub(crate) fn start(world: &World) -> Self {
        let supervisor = Supervisor::new();
        let metrics = Metrics::new();
        let World { storage, clock, journal, destinations, history, .. } = world;
        let setup = CollectorSetup {
            documents: storage.clone(),
            settings: world.settings.subscribe(),
            signing_key: [7; 32],
            clock: clock.clone(),
            limits: world.plan.limits,
            company: Company::Alone,
            news: None,
        };
        let collector = Collector::start(&supervisor, setup, &metrics);
        let courier = Courier {
            storage: storage.clone(),
            journal: journal.clone(),
            destinations: destinations.clone(),
            bell: collector.outgoing(),
            clock: clock.clone(),
            history: history.clone(),
        };
        let end = supervisor.token(Phase::Drain);
        supervisor.spawn("courier", Phase::Drain, async move {
            end.run_until_cancelled(courier.run()).await;
        });
        let (storage, clock) = (storage.clone(), clock.clone());
        let (waiting, counts, leaving) = (JoinSet::new(), [0; 3], false);
        Self { collector, supervisor, metrics, storage, clock, waiting, counts, leaving }
    }

    pub(crate) fn send(&mut self, world: &World, number: usize, heard: bool) {
        let mut journal = world.journal.lock().unwrap();
        let body = journal.body(number);
        let command = command(world.plan.context(number), &body);
        journal.identify(number, command.event_ids());
        world.history.tell(|| {
            let request = &world.plan.requests[number];
            let lost = if heard { "" } else { " (the answer will be lost)" };
            format!("client {} sends r{number}: {:?} {body}{lost}", request.client, world.plan.context(number))
        });
        let (collector, bytes) = (self.collector.clone(), body.to_string().len());
        self.waiting.spawn(async move {
            let answer = collector.collect(command, bytes).await;
            Answer::Request { number, heard, answer }
        });
    }

    pub(crate) fn ask(&mut self, ask: Ask) {
        let collector = self.collector.clone();
        let (storage, clock) = (self.storage.clone(), self.clock.clone());
        self.waiting.spawn(async move {
            match ask {
                Ask::Merge { number, ids, context } => {
                    let answer = collector.merge(context, &ids).await;
                    Answer::Merge { number, ids, context, answer }
                }
                Ask::Consent { number, consent } => {
                    Answer::Consent { number, answer: collector.consent(consent, 100).await }
                }
                Ask::Delete { context, what, id } => {
                    let answer = collector.delete(context, what, &id).await;
                    Answer::Delete { context, what, id, answer }
                }
                Ask::Replay => {
                    let again = replay(&storage, &clock).await;
                    collector.outgoing().ring(again);
                    Answer::Replay
                }
            }
        });
    }

    /// Waits for everything that is under way.
    pub(crate) async fn answers(&mut self, world: &World) -> Result<(), Broken> {
        let all = async {
            while let Some(answer) = self.waiting.join_next().await {
                self.hear(world, answer.unwrap())?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| Err("a request is never answered".to_owned()))
    }

    pub(crate) fn hear(&mut self, world: &World, answer: Answer) -> Result<(), Broken> {
        match answer {
            Answer::Request { number, heard, answer } => self.hear_request(world, number, heard, answer),
            Answer::Merge { number, ids, context, answer } => {
                world.history.tell(|| format!("the merge is answered: {answer:?}"));
                let Ok(merged) = answer else { return Ok(()) };
                let mut journal = world.journal.lock().unwrap();
                journal.merges[number].0 = true;
                self.storage.memory.look(|disk| laws::merged(disk, &journal, context, &ids, &merged))
            }
            Answer::Consent { number, answer } => self.hear_consent(world, number, &answer),
            Answer::Delete { context, what, id, answer } => {
                world.history.tell(|| format!("the deletion is answered: {answer:?}"));
                let Ok(_) = answer else { return Ok(()) };
                self.storage.memory.look(|disk| laws::deleted(disk, &world.journal.lock().unwrap(), context, what, &id))
            }
            Answer::Replay => Ok(()),
        }
    }

    fn hear_consent(&mut self, world: &World, number: usize, answer: &Result<(), CollectError>) -> Result<(), Broken> {
        world.history.tell(|| format!("c{number} is answered: {answer:?}"));
        let outcome = match answer {
            Ok(()) => Choosing::Acknowledged,
            Err(CollectError::Unavailable { .. }) => Choosing::Unknown,
            Err(CollectError::Stopping) if !self.leaving => return Err(format!("c{number} finds nobody")),
            Err(_) => Choosing::Refused,
        };
        match answer {
            Ok(()) => self.counts[0] += 1,
            Err(CollectError::Unavailable { .. }) => self.counts[1] += 1,
            Err(CollectError::Full { .. }) => self.counts[2] += 1,
            Err(_) => {}
        }
        world.journal.lock().unwrap().chosen(number, outcome, self.clock.now());
        Ok(())
    }

    fn hear_request(
        &mut self,
        world: &World,
        number: usize,
        heard: bool,
        answer: Result<TrackAnswer, CollectError>,
    ) -> Result<(), Broken> {
        world.history.tell(|| match &answer {
            Ok(answer) => format!("r{number} is acknowledged: {}", answer.profile.id.as_deref().unwrap_or("nobody")),
            Err(error) => format!("r{number} fails: {error}"),
        });
        match answer {
            Ok(answer) => {
                self.counts[0] += 1;
                let mut journal = world.journal.lock().unwrap();
                self.storage.memory.look(|disk| laws::acknowledged(disk, &journal, number, &answer))?;
                journal.acknowledge(number, &answer, heard);
                Ok(())
            }
            Err(error) if world.recovering && !self.leaving => Err(format!("r{number} fails after recovery: {error}")),
            Err(CollectError::Unavailable { .. }) => {
                self.counts[1] += 1;
                Ok(())
            }
            Err(CollectError::Full { .. }) => {
                self.counts[2] += 1;
                Ok(())
            }
            Err(CollectError::Stopping) if self.leaving => Ok(()),
            Err(error) => Err(format!("r{number} fails: {error}")),
        }
    }

    /// The process leaves in good order: whoever waits is answered, and its figures agree with what was seen.
    pub(crate) async fn leave(&mut self, world: &World) -> Result<(), Broken> {
        self.leaving = true;
        let left = self.supervisor.run_until(async {}).await;
        self.answers(world).await?;
        if let Err(failure) = left
            && world.recovering
        {
            return Err(format!("the process did not leave in good order: {failure}"));
        }
        self.check_figures(world)
    }

    fn check_figures(&self, world: &World) -> Result<(), Broken> {
        let text = self.metrics.encode().unwrap();
        let figure = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix("tracardi_collector_")?.strip_prefix(name));
            line.map_or(0, |value| value.trim().parse().unwrap())
        };
        let tally = self.storage.tally();
        let [stored, unavailable, full] = self.counts;
        let cached = figure("cached_bytes");
        let expected = [
            ("events_stored_total", tally.events),
            ("merged_profiles_total", tally.merged),
            ("merge_events_total", tally.led),
            ("engine_panics_total", 0),
            ("waiting_requests", 0),
            ("waiting_bytes", 0),
            ("requests_total{outcome=\"stored\",reason=\"\"}", stored),
            ("requests_total{outcome=\"unavailable\",reason=\"\"}", unavailable),
            ("requests_total{outcome=\"queue_full\",reason=\"\"}", full),
        ];
        for (name, value) in expected {
            let told = figure(name);
            if told != value {
                return Err(format!("{name} is {told}, and it was {value}"));
            }
        }
        let limit = world.plan.limits.cache_bytes + world.plan.limits.cache_bytes / 8;
        if cached > limit as u64 { Err(format!("the cache takes {cached} bytes of {limit}")) } else { Ok(()) }
    }
}

fn command(context: Context, body: &Value) -> Command {
    const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    let payload = TrackerPayload::parse(body.to_string().as_bytes(), &Limits::default()).unwrap();
    let origin = Origin::new([("user-agent", BROWSER)], "192.0.2.1");
    Command::new(context, SOURCE.clone(), payload, origin, false, &PLAIN)
}
