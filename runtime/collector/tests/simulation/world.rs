//! Carries out a plan: one process after another over one store, until everything has been sent and nothing is under way.
//!
//! A process is a runtime with one thread and a clock that jumps to the next thing that is to happen; it dies by being
//! dropped, with all that it had in memory. Nothing in here looks at a real clock or draws a real random number.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracardi_collector::{CollectError, Collector, CollectorSetup, Merged};
use tracardi_engine::{Command, Configuration, Origin, Settings};
use tracardi_model::configuration::{HTTP_CONNECTOR, Kind};
use tracardi_model::{Context, EventSource, Limits, SourceType, TrackAnswer, TrackerPayload};
use tracardi_process::{ManualClock, Metrics, Supervisor};

use crate::history::History;
use crate::journal::{Journal, MARK};
use crate::laws;
use crate::plan::{Action, Plan, Step};
use crate::storage::{Storage, short};

/// How long whatever is under way may take until it is done, in the world's time.
const PATIENCE: Duration = Duration::from_mins(5);

/// A broken law, in one line.
pub(crate) type Broken = String;

static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| Arc::new(Settings::new("simulation").unwrap()));
/// The same, with a destination that is told of every mark.
static DELIVERING: LazyLock<Arc<Settings>> = LazyLock::new(|| {
    let destination = json!({
        "id": "marks", "name": "Marks", "enabled": true, "resource": {"id": "somewhere"},
        "destination": {"package": HTTP_CONNECTOR}, "on_profile_change_only": false,
        "event_type": {"id": MARK, "name": ""}, "mapping": {"mark": "event@properties.interest"},
    });
    let configuration = Arc::new(Configuration::compile([(Kind::Destination, "marks", &destination)]));
    assert_eq!(configuration.problems(), []);
    let mut settings = Settings::clone(&SETTINGS);
    for context in [Context::Production, Context::Staging] {
        settings.configurations[context] = configuration.clone();
    }
    Arc::new(settings)
});
static SOURCE: LazyLock<Arc<EventSource>> =
    LazyLock::new(|| Arc::new(EventSource::new("shop", "Shop", vec![SourceType::Rest], Timestamp::UNIX_EPOCH)));

/// Carries out a plan; what happens is told to the history.
pub(crate) fn run(plan: &Plan, history: &History) -> Result<(), Broken> {
    let plan = Arc::new(plan.clone());
    let journal = Arc::new(Mutex::new(Journal::new(plan.clone())));
    let storage = Storage::new(plan.seed, plan.faults.clone(), history.clone(), journal.clone());
    let mut world = World {
        next: 0,
        clock: Arc::new(ManualClock::new(Timestamp::from_second(1_790_000_000).unwrap())),
        storage,
        journal,
        history: history.clone(),
        plan,
        recovering: false,
    };
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let ended = runtime.block_on(world.live());
        drop(runtime);
        match ended? {
            Ended::Over => return Ok(()),
            Ended::Dead | Ended::Left => {}
        }
    }
}

struct World {
    plan: Arc<Plan>,
    /// Steps done so far.
    next: usize,
    clock: Arc<ManualClock>,
    storage: Arc<Storage>,
    journal: Arc<Mutex<Journal>>,
    history: History,
    /// All steps are done, nothing fails any more.
    recovering: bool,
}

/// How a process ends.
enum Ended {
    /// It died.
    Dead,
    /// In good order; another one takes over.
    Left,
    /// In good order, when all was done.
    Over,
}

/// What somebody waits for.
enum Answer {
    Request { number: usize, heard: bool, answer: Result<TrackAnswer, CollectError> },
    Merge { number: usize, ids: [String; 2], context: Context, answer: Result<Merged, CollectError> },
}

/// A process, and those who wait for its answers.
struct Process {
    collector: Collector,
    supervisor: Supervisor,
    metrics: Metrics,
    waiting: JoinSet<Answer>,
    /// How requests ended: stored, unavailable, full.
    counts: [u64; 3],
    leaving: bool,
}

impl World {
    /// The life of a process.
    async fn live(&mut self) -> Result<Ended, Broken> {
        self.history.begin();
        self.storage.begin();
        let mut process = self.start();
        let storage = self.storage.clone();
        tokio::select! {
            biased;
            // What it said before it died was said.
            ended = self.act(&mut process) => ended,
            ended = storage.ended() => ended.map(|()| Ended::Dead),
        }
    }

    fn start(&self) -> Process {
        let supervisor = Supervisor::new();
        let metrics = Metrics::new();
        let settings = if self.plan.delivers { &*DELIVERING } else { &*SETTINGS };
        let setup = CollectorSetup {
            documents: self.storage.clone(),
            settings: watch::Sender::new(settings.clone()).subscribe(),
            signing_key: [7; 32],
            clock: self.clock.clone(),
            limits: self.plan.limits,
        };
        let collector = Collector::start(&supervisor, setup, &metrics);
        Process { collector, supervisor, metrics, waiting: JoinSet::new(), counts: [0; 3], leaving: false }
    }

    async fn act(&mut self, process: &mut Process) -> Result<Ended, Broken> {
        let plan = self.plan.clone();
        while let Some(Step { pause, action }) = plan.steps.get(self.next) {
            self.wait(process, *pause).await?;
            self.next += 1;
            if matches!(action, Action::Restart) {
                self.history.tell(|| "the process is asked to leave".to_owned());
                self.leave(process).await?;
                return Ok(Ended::Left);
            }
            self.step(process, action);
        }
        if !self.recovering {
            self.answers(process).await?;
            self.storage.calm();
            self.recovering = true;
            if plan.restarts {
                self.leave(process).await?;
                return Ok(Ended::Left);
            }
        }
        self.recover(process).await?;
        self.leave(process).await?;
        Ok(Ended::Over)
    }

    fn step(&mut self, process: &mut Process, action: &Action) {
        match action {
            Action::Arrive { request, heard } => self.send(process, *request, *heard),
            Action::Merge(clients) => self.merge(process, *clients),
            Action::Clock(seconds) => {
                self.history.tell(|| format!("the clock jumps by {seconds} s"));
                self.clock.advance(SignedDuration::from_secs(*seconds));
            }
            Action::Restart => {}
        }
    }

    fn send(&mut self, process: &mut Process, number: usize, heard: bool) {
        let mut journal = self.journal.lock().unwrap();
        let body = journal.body(number);
        let command = command(self.plan.context(number), &body);
        journal.identify(number, command.event_ids());
        self.history.tell(|| {
            let request = &self.plan.requests[number];
            let lost = if heard { "" } else { " (the answer will be lost)" };
            format!("client {} sends r{number}: {:?} {body}{lost}", request.client, self.plan.context(number))
        });
        let (collector, bytes) = (process.collector.clone(), body.to_string().len());
        process.waiting.spawn(async move {
            let answer = collector.collect(command, bytes).await;
            Answer::Request { number, heard, answer }
        });
    }

    fn merge(&mut self, process: &mut Process, clients: [usize; 2]) {
        let Some((number, context, ids)) = self.journal.lock().unwrap().ask_merge(clients) else { return };
        self.history.tell(|| format!("merge {} and {}", short(&ids[0]), short(&ids[1])));
        let collector = process.collector.clone();
        process.waiting.spawn(async move {
            let answer = collector.merge(context, &ids).await;
            Answer::Merge { number, ids, context, answer }
        });
    }

    /// Lets time pass; answers come in.
    async fn wait(&mut self, process: &mut Process, time: Duration) -> Result<(), Broken> {
        self.clock.advance(SignedDuration::try_from(time).unwrap());
        let until = Instant::now() + time;
        loop {
            tokio::select! {
                biased;
                Some(answer) = process.waiting.join_next() => self.hear(process, answer.unwrap())?,
                () = tokio::time::sleep_until(until) => break,
            }
        }
        // Whoever found the queue full has been told so by now.
        let bound = self.plan.limits.queue + self.plan.limits.group + 1 + self.plan.merges();
        let waiting = process.waiting.len();
        if time.is_zero() || waiting <= bound { Ok(()) } else { Err(format!("{waiting} requests are under way")) }
    }

    /// Waits for everything that is under way.
    async fn answers(&mut self, process: &mut Process) -> Result<(), Broken> {
        let all = async {
            while let Some(answer) = process.waiting.join_next().await {
                self.hear(process, answer.unwrap())?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| Err("a request is never answered".to_owned()))
    }

    fn hear(&mut self, process: &mut Process, answer: Answer) -> Result<(), Broken> {
        match answer {
            Answer::Request { number, heard, answer } => self.hear_request(process, number, heard, answer),
            Answer::Merge { number, ids, context, answer } => {
                self.history.tell(|| format!("the merge is answered: {answer:?}"));
                let Ok(merged) = answer else { return Ok(()) };
                self.journal.lock().unwrap().merges[number].0 = true;
                self.storage.memory.look(|disk| laws::merged(disk, context, &ids, &merged))
            }
        }
    }

    fn hear_request(
        &mut self,
        process: &mut Process,
        number: usize,
        heard: bool,
        answer: Result<TrackAnswer, CollectError>,
    ) -> Result<(), Broken> {
        self.history.tell(|| match &answer {
            Ok(answer) => format!("r{number} is acknowledged: {}", answer.profile.id.as_deref().unwrap_or("nobody")),
            Err(error) => format!("r{number} fails: {error}"),
        });
        match answer {
            Ok(answer) => {
                process.counts[0] += 1;
                let mut journal = self.journal.lock().unwrap();
                self.storage.memory.look(|disk| laws::acknowledged(disk, &journal, number, &answer))?;
                journal.acknowledge(number, &answer, heard);
                Ok(())
            }
            Err(error) if self.recovering && !process.leaving => {
                Err(format!("r{number} fails after recovery: {error}"))
            }
            Err(CollectError::Unavailable { .. }) => {
                process.counts[1] += 1;
                Ok(())
            }
            Err(CollectError::Full { .. }) => {
                process.counts[2] += 1;
                Ok(())
            }
            Err(CollectError::Stopping) if process.leaving => Ok(()),
            Err(error) => Err(format!("r{number} fails: {error}")),
        }
    }

    /// What is open is sent until it is acknowledged, one after the other; then everything is as it should be.
    async fn recover(&mut self, process: &mut Process) -> Result<(), Broken> {
        self.history.tell(|| "nothing fails any more".to_owned());
        let open = self.journal.lock().unwrap().open();
        self.send_all(process, open).await?;
        self.settle(process).await?;
        if self.plan.echoes {
            let before = self.contents();
            let all = self.journal.lock().unwrap().acknowledged().map(|(number, ..)| number).collect();
            self.send_all(process, all).await?;
            if self.contents() != before {
                return Err("what was acknowledged came again and changed something".to_owned());
            }
        }
        self.storage.memory.look(|disk| laws::finally(disk, &self.journal.lock().unwrap()))
    }

    async fn send_all(&mut self, process: &mut Process, requests: Vec<usize>) -> Result<(), Broken> {
        for number in requests {
            self.send(process, number, true);
            self.answers(process).await?;
        }
        Ok(())
    }

    /// Until nobody awaits a merge and nothing names a profile that is gone.
    async fn settle(&mut self, process: &mut Process) -> Result<(), Broken> {
        let until = Instant::now() + PATIENCE;
        while !self.storage.memory.look(tracardi_store::conformance::memory::Disk::is_settled) {
            if Instant::now() > until {
                return Err("merges do not come to an end".to_owned());
            }
            self.wait(process, Duration::from_millis(200)).await?;
        }
        // The answer of the last step is on its way.
        self.wait(process, Duration::from_secs(10)).await
    }

    /// All documents, as they stand on disk.
    fn contents(&self) -> Vec<String> {
        self.storage.memory.look(|disk| {
            let of = |context| {
                let tables = disk.tables(context);
                let events = tables.events.values().map(|row| row.document.text.clone());
                let sessions = tables.sessions.values().map(|row| row.document.text.clone());
                let profiles = tables.profiles.values().map(|row| row.document.text.clone());
                events.chain(sessions).chain(profiles).collect::<Vec<_>>()
            };
            [Context::Production, Context::Staging].map(of).concat()
        })
    }

    /// The process leaves in good order: whoever waits is answered, and its figures agree with what was seen.
    async fn leave(&mut self, process: &mut Process) -> Result<(), Broken> {
        process.leaving = true;
        let left = process.supervisor.run_until(async {}).await;
        self.answers(process).await?;
        if let Err(failure) = left
            && self.recovering
        {
            return Err(format!("the process did not leave in good order: {failure}"));
        }
        self.check_figures(process)
    }

    fn check_figures(&self, process: &Process) -> Result<(), Broken> {
        let text = process.metrics.encode().unwrap();
        let figure = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix("tracardi_collector_")?.strip_prefix(name));
            line.map_or(0, |value| value.trim().parse().unwrap())
        };
        let tally = self.storage.tally();
        let [stored, unavailable, full] = process.counts;
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
        let limit = self.plan.limits.cache_bytes + self.plan.limits.cache_bytes / 8;
        if cached > limit as u64 { Err(format!("the cache takes {cached} bytes of {limit}")) } else { Ok(()) }
    }
}

fn command(context: Context, body: &Value) -> Command {
    const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    let payload = TrackerPayload::parse(body.to_string().as_bytes(), &Limits::default()).unwrap();
    let origin = Origin::new([("user-agent", BROWSER)], "192.0.2.1");
    Command::new(context, SOURCE.clone(), payload, origin, false, &SETTINGS)
}
