//! Carries out a plan: one process after another over one store, until everything has been sent and nothing is under way.
//!
//! A process is a runtime with one thread and a clock that jumps to the next thing that is to happen; it dies by being
//! dropped, with all that it had in memory. Nothing in here looks at a real clock or draws a real random number.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;
use tracardi_engine::Settings;
use tracardi_model::Context;
use tracardi_process::{Clock as _, ManualClock};
use tracardi_store::conformance::memory::Disk;
use tracardi_store::{Chosen, Index, Outbox as _, State};

use crate::configured::{MARKS, PEOPLE, settings};
use crate::courier::Destinations;
use crate::history::History;
use crate::journal::Journal;
use crate::laws;
use crate::plan::{Action, Plan, Records, Step};
use crate::process::{Ask, Process};
use crate::storage::{Storage, short};

/// How long whatever is under way may take until it is done, in the world's time.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// A broken law, in one line.
pub(crate) type Broken = String;

/// Carries out a plan; what happens is told to the history.
pub(crate) fn run(plan: &Plan, history: &History) -> Result<(), Broken> {
    let plan = Arc::new(plan.clone());
    let journal = Arc::new(Mutex::new(Journal::new(plan.clone())));
    let storage = Storage::new(plan.seed, plan.faults.clone(), history.clone(), journal.clone());
    let mut world = World {
        next: 0,
        clock: Arc::new(ManualClock::new(Timestamp::from_second(1_790_000_000).unwrap())),
        settings: watch::Sender::new(settings(0, plan.configured)),
        destinations: Arc::new(Mutex::new(Destinations::new(plan.seed, plan.destinations))),
        storage,
        journal,
        history: history.clone(),
        plan,
        recovering: false,
    };
    let mut died = false;
    loop {
        // After each poll of a task the world itself has its turn: so it can end a process between any two of them.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).event_interval(1).build().unwrap();
        let ended = runtime.block_on(world.live(died));
        drop(runtime);
        world.journal.lock().unwrap().process_ended(world.clock.now());
        died = match ended? {
            Ended::Over => return Ok(()),
            Ended::Dead => true,
            Ended::Left => false,
        }
    }
}

pub(crate) struct World {
    pub(crate) plan: Arc<Plan>,
    /// Steps done so far.
    next: usize,
    pub(crate) clock: Arc<ManualClock>,
    /// As users have configured them.
    pub(crate) settings: watch::Sender<Arc<Settings>>,
    pub(crate) destinations: Arc<Mutex<Destinations>>,
    pub(crate) storage: Arc<Storage>,
    pub(crate) journal: Arc<Mutex<Journal>>,
    pub(crate) history: History,
    /// All steps are done, nothing fails any more.
    pub(crate) recovering: bool,
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

impl World {
    /// The life of a process; the one before `died`, or left.
    async fn live(&mut self, died: bool) -> Result<Ended, Broken> {
        self.history.begin();
        self.storage.begin();
        let mut process = Process::start(self);
        let storage = self.storage.clone();
        if died && self.plan.redelivers && !self.recovering {
            let open = self.journal.lock().unwrap().open();
            self.history.tell(|| "what was not acknowledged comes again".to_owned());
            for number in open {
                process.send(self, number, true);
            }
        }
        tokio::select! {
            biased;
            // What it said before it died was said.
            ended = self.act(&mut process) => ended,
            ended = storage.ended() => ended.map(|()| Ended::Dead),
        }
    }

    async fn act(&mut self, process: &mut Process) -> Result<Ended, Broken> {
        let plan = self.plan.clone();
        while let Some(Step { pause, action }) = plan.steps.get(self.next) {
            self.wait(process, *pause).await?;
            self.next += 1;
            match action {
                Action::Restart => {
                    self.history.tell(|| "the process is asked to leave".to_owned());
                    process.leave(self).await?;
                    return Ok(Ended::Left);
                }
                Action::Die(polls) => {
                    for _ in 0..*polls {
                        tokio::task::yield_now().await;
                    }
                    self.history.tell(|| "the process dies".to_owned());
                    return Ok(Ended::Dead);
                }
                action => self.step(process, action),
            }
        }
        if !self.recovering {
            process.answers(self).await?;
            self.storage.calm();
            self.recovering = true;
            if plan.restarts {
                process.leave(self).await?;
                return Ok(Ended::Left);
            }
        }
        self.recover(process).await?;
        process.leave(self).await?;
        Ok(Ended::Over)
    }

    fn step(&mut self, process: &mut Process, action: &Action) {
        match action {
            Action::Arrive { request, heard } => process.send(self, *request, *heard),
            Action::Decide { client, consent, given } => {
                let chosen = self.journal.lock().unwrap().choose(*client, *consent, *given, self.clock.now());
                let Some((number, consent)) = chosen else { return };
                self.history.tell(|| format!("client {client} decides c{number}: {:?}", consent.decision));
                process.ask(Ask::Consent { number, consent });
            }
            Action::Merge(clients) => {
                let Some((number, context, ids)) = self.journal.lock().unwrap().ask_merge(*clients) else { return };
                self.history.tell(|| format!("merge {} and {}", short(&ids[0]), short(&ids[1])));
                process.ask(Ask::Merge { number, ids, context });
            }
            Action::Delete { client, what } => self.delete(process, *client, *what),
            Action::Configure(records) => self.configure(*records),
            Action::Replay => {
                self.journal.lock().unwrap().record.replayed = true;
                self.history.tell(|| "what was refused is to be sent again".to_owned());
                process.ask(Ask::Replay);
            }
            Action::Clock(seconds) => {
                self.history.tell(|| format!("the clock jumps by {seconds} s"));
                self.clock.advance(SignedDuration::from_secs(*seconds));
            }
            Action::Restart | Action::Die(_) => {}
        }
    }

    fn delete(&self, process: &mut Process, client: usize, what: Index) {
        let Some((context, id)) = self.journal.lock().unwrap().document(client, what) else { return };
        self.history.tell(|| format!("somebody deletes the {what:?} {}", short(&id)));
        process.ask(Ask::Delete { context, what, id });
    }

    fn configure(&self, records: Records) {
        let version = {
            let versions = &mut self.journal.lock().unwrap().record.versions;
            versions.push(records);
            versions.len() - 1
        };
        self.history.tell(|| format!("version {version} of the configuration: {records:?}"));
        self.settings.send_replace(settings(version, records));
    }

    /// Lets time pass; answers come in.
    async fn wait(&mut self, process: &mut Process, time: Duration) -> Result<(), Broken> {
        self.clock.advance(SignedDuration::try_from(time).unwrap());
        let until = Instant::now() + time;
        loop {
            tokio::select! {
                biased;
                Some(answer) = process.waiting.join_next() => process.hear(self, answer.unwrap())?,
                () = tokio::time::sleep_until(until) => break,
            }
        }
        // Whoever found the queue full has been told so by now.
        let bound = self.plan.limits.queue + self.plan.limits.group + 1 + self.plan.asks();
        let waiting = process.waiting.len();
        if time.is_zero() || waiting <= bound { Ok(()) } else { Err(format!("{waiting} requests are under way")) }
    }

    /// What is open is sent until it is acknowledged, one after the other; then everything is as it should be.
    async fn recover(&mut self, process: &mut Process) -> Result<(), Broken> {
        self.history.tell(|| "nothing fails any more".to_owned());
        let mut open = self.journal.lock().unwrap().open();
        open.retain(|number| self.plan.requests[*number].insisted);
        self.send_all(process, open).await?;
        self.settle(process).await?;
        self.deliver(process).await?;
        if self.plan.echoes {
            let before = self.contents();
            let all = self.journal.lock().unwrap().acknowledged().map(|(number, ..)| number).collect();
            self.send_all(process, all).await?;
            if self.contents() != before {
                return Err("what was acknowledged came again and changed something".to_owned());
            }
        }
        let destinations = self.destinations.lock().unwrap();
        self.storage.memory.look(|disk| laws::finally(disk, &self.journal.lock().unwrap(), &destinations))
    }

    async fn send_all(&mut self, process: &mut Process, requests: Vec<usize>) -> Result<(), Broken> {
        for number in requests {
            process.send(self, number, true);
            process.answers(self).await?;
        }
        Ok(())
    }

    /// Until nobody awaits a merge and nothing names a profile that is gone.
    async fn settle(&mut self, process: &mut Process) -> Result<(), Broken> {
        self.until(process, "merges", Disk::is_settled).await?;
        // The answer of the last step is on its way.
        self.wait(process, Duration::from_secs(10)).await
    }

    /// Until destinations have got everything, what they refused before included.
    async fn deliver(&mut self, process: &mut Process) -> Result<(), Broken> {
        let none = |disk: &Disk, state: State| {
            let all = [Context::Production, Context::Staging].into_iter().flat_map(|context| disk.deliveries(context));
            all.filter(|(its, _)| *its == state).count() == 0
        };
        // What was to be sent before the clock was set back is due when it is as late again.
        self.clock.advance(SignedDuration::from_secs(self.plan.set_back()));
        self.until(process, "deliveries", |disk| none(disk, State::Waiting)).await?;
        if !self.storage.memory.look(|disk| none(disk, State::Dead)) {
            self.journal.lock().unwrap().record.replayed = true;
            process.ask(Ask::Replay);
            process.answers(self).await?;
            self.until(process, "deliveries", |disk| none(disk, State::Waiting)).await?;
        }
        self.wait(process, Duration::from_secs(1)).await
    }

    async fn until(&mut self, process: &mut Process, what: &str, so: impl Fn(&Disk) -> bool) -> Result<(), Broken> {
        let until = Instant::now() + PATIENCE;
        while !self.storage.memory.look(&so) {
            if Instant::now() > until {
                return Err(format!("{what} do not come to an end"));
            }
            self.wait(process, Duration::from_millis(200)).await?;
        }
        Ok(())
    }

    /// All documents, as they stand on disk.
    fn contents(&self) -> Vec<String> {
        self.storage.memory.look(|disk| {
            let of = |context| {
                let tables = disk.tables(context);
                let events = tables.events.values().map(|row| row.document.text.clone());
                let sessions = tables.sessions.values().map(|row| row.document.text.clone());
                let profiles = tables.profiles.values().map(|row| row.document.text.clone());
                let delayed = tables.delayed.values().map(|row| row.document.text.clone());
                let deliveries = disk.deliveries(context).map(|(_, delivery)| delivery.id.clone());
                events.chain(sessions).chain(profiles).chain(delayed).chain(deliveries).collect::<Vec<_>>()
            };
            [Context::Production, Context::Staging].map(of).concat()
        })
    }
}

/// Sends again what destinations refused for good; gives for which of them there is something to do.
pub(crate) async fn replay(storage: &Storage, clock: &ManualClock) -> Vec<((Context, String), u64)> {
    let mut again = Vec::new();
    for context in [Context::Production, Context::Staging] {
        for destination in [MARKS, PEOPLE] {
            let chosen = Chosen::Destination(destination.to_owned());
            // As the API does: whoever waits is told also when it is unknown whether it was done.
            let _ = storage.replay(context, &chosen, clock.now(), 100).await;
            again.push(((context, destination.to_owned()), 1));
        }
    }
    again
}
