//! The store as the collector meets it: it takes its time, fails, and is where a process dies. Beneath it lies what is
//! durable, which outlives every process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tracardi_model::Context;
use tracardi_simulate::rng::Rng;
use tracardi_store::conformance::memory::Memory;
use tracardi_store::{
    Batch, Chosen, Committed, Counts, Deliveries, DeliveryPage, Documents, Due, Found, Histogram, Holding, Index,
    Merge, Outbox, Page, Queue, Repointed, Select, Settled, StoreError, Waiting, Wanted,
};

use crate::history::History;
use crate::journal::Journal;
use crate::laws;
use crate::plan::Fault;
use crate::record::Record;

/// See the module.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) memory: Memory,
    history: History,
    journal: Arc<Mutex<Journal>>,
    state: Mutex<State>,
    end: Notify,
}

#[derive(Debug)]
struct State {
    calls: u32,
    faults: BTreeMap<u32, Fault>,
    calm: bool,
    pauses: Rng,
    tally: Tally,
    broken: Option<String>,
}

/// What the present process was told that it has done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) merged: u64,
    pub(crate) led: u64,
}

impl Storage {
    pub(crate) fn new(
        seed: u64,
        faults: BTreeMap<u32, Fault>,
        history: History,
        journal: Arc<Mutex<Journal>>,
    ) -> Arc<Self> {
        let pauses = Rng::new(seed, 1);
        let state = State { calls: 0, faults, calm: false, pauses, tally: Tally::default(), broken: None };
        Arc::new(Self { memory: Memory::default(), history, journal, state: Mutex::new(state), end: Notify::new() })
    }

    /// Another process begins.
    pub(crate) fn begin(&self) {
        self.state.lock().unwrap().tally = Tally::default();
    }

    /// From now on nothing fails.
    pub(crate) fn calm(&self) {
        let mut state = self.state.lock().unwrap();
        state.faults.clear();
        state.calm = true;
    }

    /// Whether nothing fails any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.state.lock().unwrap().calm
    }

    pub(crate) fn tally(&self) -> Tally {
        self.state.lock().unwrap().tally
    }

    /// Waits until the process must end: it dies, or (an error) a law is broken.
    pub(crate) async fn ended(&self) -> Result<(), String> {
        self.end.notified().await;
        self.state.lock().unwrap().broken.clone().map_or(Ok(()), Err)
    }

    /// A call that only reads.
    async fn read<T>(
        &self,
        what: impl FnOnce() -> String,
        act: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.call(what, act, |_| Ok(()), |_, _| {}).await
    }

    /// A call that changes something: when it is done, what is durable is sound.
    async fn write<T>(
        &self,
        what: impl FnOnce() -> String,
        act: impl Future<Output = Result<T, StoreError>>,
        counts: impl FnOnce(&mut Tally, &T),
    ) -> Result<T, StoreError> {
        let lawful = |storage: &Self| storage.memory.look(|disk| laws::always(disk, &storage.journal.lock().unwrap()));
        self.call(what, act, lawful, counts).await
    }

    /// A call: a while, what it does, a while, the answer.
    async fn call<T>(
        &self,
        what: impl FnOnce() -> String,
        act: impl Future<Output = Result<T, StoreError>>,
        lawful: impl FnOnce(&Self) -> Result<(), String>,
        counts: impl FnOnce(&mut Tally, &T),
    ) -> Result<T, StoreError> {
        let (number, fault, there, back) = {
            let mut state = self.state.lock().unwrap();
            let number = state.calls;
            state.calls += 1;
            let mut pause = || Duration::from_micros(state.pauses.below(8_000));
            let (there, back) = (pause(), pause());
            (number, state.faults.get(&number).copied(), there, back)
        };
        self.history.tell(|| {
            let fault = fault.map_or_else(String::new, |fault| format!(" [{fault:?}]"));
            format!("  call {number}: {}{fault}", what())
        });
        tokio::time::sleep(there).await;
        let failed = || Err(StoreError::Unavailable("injected".to_owned()));
        match fault {
            Some(Fault::Before) => return failed(),
            Some(Fault::Corrupt) => {
                return Err(StoreError::Corrupt { what: "document".to_owned(), reason: "injected".to_owned() });
            }
            Some(Fault::DiesBefore) => return self.end(None).await,
            _ => {}
        }
        let result = act.await;
        self.history.tell(|| format!("  call {number} is done"));
        if let Err(broken) = lawful(self) {
            return self.end(Some(broken)).await;
        }
        if let Some(Fault::Slow(millis)) = fault {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        tokio::time::sleep(back).await;
        match fault {
            Some(Fault::After) => failed(),
            Some(Fault::DiesAfter) => self.end(None).await,
            _ => {
                if let Ok(result) = &result {
                    counts(&mut self.state.lock().unwrap().tally, result);
                }
                result
            }
        }
    }

    /// A law is broken: the end.
    pub(crate) async fn broken<T>(&self, law: String) -> T {
        self.end(Some(law)).await
    }

    /// The end of the process: nothing comes back.
    async fn end<T>(&self, broken: Option<String>) -> T {
        self.history.tell(|| broken.clone().unwrap_or_else(|| "the process dies".to_owned()));
        self.state.lock().unwrap().broken = broken;
        self.end.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Documents for Storage {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        let what = || {
            let ids = |list: &[(Context, &str)]| list.iter().map(|(_, id)| short(id)).collect::<Vec<_>>().join(" ");
            let Wanted { sessions, profiles, events } = wanted;
            format!("load sessions ({}), profiles ({}), {} events", ids(sessions), ids(profiles), events.len())
        };
        self.read(what, self.memory.load(wanted)).await
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        let events = batch.events.len() as u64;
        let what = self.history.words(|| {
            format!(
                "commit {events} events, {} applied, sessions ({}), profiles ({})",
                batch.applied.len(),
                batch.sessions.iter().map(|(_, one)| one.value.id.clone()).collect::<Vec<_>>().join(" "),
                batch.profiles.iter().map(|(_, one)| short(one.value.id())).collect::<Vec<_>>().join(" "),
            )
        });
        let counts = |tally: &mut Tally, committed: &Committed| {
            tally.events += if committed.is_stored() { events } else { 0 };
        };
        let facts = Record::facts(&self.journal.lock().unwrap().marks, &batch);
        let act = async {
            let committed = self.memory.commit(batch).await?;
            if committed.is_stored() {
                self.journal.lock().unwrap().record.stored(facts);
            }
            Ok(committed)
        };
        self.write(|| what, act, counts).await
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.read(|| "who awaits a merge?".to_owned(), self.memory.awaiting_merge(after, limit)).await
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        let gone = merge.gone.iter().map(|gone| short(&gone.id)).collect::<Vec<_>>();
        let (count, what) =
            (gone.len() as u64, format!("merge ({}) into {}", gone.join(" "), short(merge.survivor.value.id())));
        self.write(|| what, self.memory.merge(merge), |tally, _| tally.merged += count).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        let act = self.memory.repoint(limit);
        self.write(|| "carry over what named the others".to_owned(), act, |tally, done| tally.led += done.events).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.read(|| "probe".to_owned(), self.memory.probe()).await
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.memory.get(context, index, id).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        let act = async {
            self.memory.look(|disk| self.journal.lock().unwrap().record.lose(disk, context, index, id));
            self.memory.delete(context, index, id).await
        };
        self.write(|| format!("delete {index:?} {}", short(id)), act, |_, _| {}).await
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.memory.count(context, index).await
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.memory.select(context, index, select).await
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.memory.holding(context, index, holding).await
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.memory.histogram(context, index, histogram).await
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.memory.event_types(context, limit).await
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.memory.delayed(context, start, limit).await
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.read(|| format!("what was sent for {}?", short(id)), self.memory.original(context, id)).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.memory.quarantine(context, start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        self.memory.refresh().await
    }
}

#[async_trait]
impl Outbox for Storage {
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError> {
        self.read(|| "what is to be sent?".to_owned(), self.memory.waiting()).await
    }

    async fn due(
        &self,
        context: Context,
        destination: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        self.read(|| format!("what is due for {destination}?"), self.memory.due(context, destination, now, limit)).await
    }

    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        let what = self.history.words(|| format!("settle {outcomes:?}"));
        self.write(|| what, self.memory.settle(now, outcomes), |_, ()| {}).await
    }

    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        self.memory.deliveries(context, wanted).await
    }

    async fn replay(
        &self,
        context: Context,
        chosen: &Chosen,
        now: Timestamp,
        limit: u32,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        self.write(|| format!("replay {chosen:?}"), self.memory.replay(context, chosen, now, limit), |_, _| {}).await
    }

    async fn discard(&self, context: Context, chosen: &Chosen, limit: u32) -> Result<u64, StoreError> {
        self.memory.discard(context, chosen, limit).await
    }
}

/// An id as a person can tell it from others.
pub(crate) fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
