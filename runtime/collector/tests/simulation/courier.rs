//! Sends what the outbox holds, as the outbound worker does: a delivery is sent, and then it is written down what became of it;
//! the process may die in between. Each destination is served for itself, one delivery after the other. Beyond lies what has
//! arrived, which outlives every process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tracardi_model::{Context, Delivery};
use tracardi_process::{Bell, Clock as _, ManualClock};
use tracardi_simulate::rng::Rng;
use tracardi_store::{Due, Outbox as _, Settled};

use crate::configured::{MARKS, PEOPLE};
use crate::history::History;
use crate::journal::{Journal, mark};
use crate::plan::Temper;
use crate::storage::{Storage, short};

/// How long to wait after a failure of the store, or for news.
const PATIENCE: Duration = Duration::from_secs(1);
/// Deliveries read at a time.
const PAGE: u32 = 3;

type Key = (Context, String);

/// The destinations, and what they got.
#[derive(Debug)]
pub(crate) struct Destinations {
    temper: Temper,
    random: Rng,
    /// By id.
    got: BTreeMap<String, Got>,
    /// The number of the last one of each line: of destination and profile.
    last: BTreeMap<(Key, String), i64>,
    /// What was told last of each profile.
    checkouts: BTreeMap<(Context, String), i64>,
}

/// A delivery that has arrived, perhaps several times.
#[derive(Debug)]
struct Got {
    body: String,
    /// Whether this was written down, and whoever did it knows.
    settled: bool,
}

impl Destinations {
    pub(crate) fn new(seed: u64, temper: Temper) -> Self {
        let (got, last, checkouts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { temper, random: Rng::new(seed, 2), got, last, checkouts }
    }

    /// Whether a delivery has arrived.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.got.contains_key(id)
    }

    /// What an attempt at this time leads to.
    fn answer(&mut self, now: Timestamp, calm: bool) -> Settled {
        let Temper { later, refused } = if calm { Temper { later: 0, refused: 0 } } else { self.temper };
        let chance = self.random.below(100);
        let error = "not now".to_owned();
        if chance < later {
            let pause = SignedDuration::from_millis(i64::try_from(self.random.below(4_000)).unwrap());
            Settled::Later { due: now + pause, error }
        } else if chance < later + refused {
            Settled::Dead { error }
        } else {
            Settled::Delivered
        }
    }

    /// Something arrives. What comes again is the same; what is for one profile comes in order.
    fn take(&mut self, Due { seq, delivery, .. }: &Due, context: Context, journal: &Journal) -> Result<(), String> {
        let Delivery { id, destination, profile_id, event_id, body, .. } = delivery;
        if let Some(got) = self.got.get(id) {
            let settled = got.settled && !journal.record.replayed;
            return match () {
                () if got.body != body.get() => Err(format!("{id} came again and is not what it was")),
                () if settled => Err(format!("{id} came again after it was written down that it had arrived")),
                () => Ok(()),
            };
        }
        let line = profile_id.clone().map(|profile| ((context, destination.clone()), profile));
        if let Some(line) = line {
            let before = self.last.insert(line, *seq);
            if before.is_some_and(|before| before > *seq) && !journal.record.replayed {
                return Err(format!("{id} for {destination} arrives after what came later"));
            }
        }
        let told: Value = serde_json::from_str(body.get()).unwrap();
        let told = &told["data"];
        if destination == MARKS {
            let number = told["mark"].as_str().and_then(mark);
            let fact = number.and_then(|mark| journal.record.facts.get(&mark));
            let same = fact.is_some_and(|fact| {
                Some(&fact.event) == event_id.as_ref() && told["version"].as_u64() == u64::try_from(fact.version).ok()
            });
            if !same {
                return Err(format!("{told} is told of {event_id:?}, of which is known: {fact:?}"));
            }
        }
        if let (PEOPLE, Some(profile), false) = (destination.as_str(), profile_id, journal.record.replayed) {
            let checkouts = told["checkouts"].as_i64().unwrap_or_default();
            let before = self.checkouts.insert((context, profile.clone()), checkouts);
            if before.is_some_and(|before| before > checkouts) {
                return Err(format!("{profile} had {before:?} checkouts and has {checkouts}"));
            }
        }
        self.got.insert(id.clone(), Got { body: body.get().to_owned(), settled: false });
        Ok(())
    }
}

/// One process' part of it.
pub(crate) struct Courier {
    pub(crate) storage: Arc<Storage>,
    pub(crate) journal: Arc<Mutex<Journal>>,
    pub(crate) destinations: Arc<Mutex<Destinations>>,
    pub(crate) bell: Bell<Key>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) history: History,
}

impl Courier {
    pub(crate) async fn run(self) {
        // What an earlier process has left; then what the bell tells of, and what is to be sent again.
        let mut open: Option<BTreeSet<Key>> = None;
        loop {
            let Some(keys) = open.as_mut() else {
                match self.storage.waiting().await {
                    Ok(queues) => {
                        open = Some(queues.into_iter().map(|queue| (queue.context, queue.destination)).collect());
                    }
                    Err(_) => tokio::time::sleep(PATIENCE).await,
                }
                continue;
            };
            let mut left = BTreeSet::new();
            for key in std::mem::take(keys) {
                if self.serve(&key).await {
                    left.insert(key);
                }
            }
            let wait = if left.is_empty() { Duration::MAX } else { PATIENCE };
            keys.extend(left);
            if let Ok(rung) = tokio::time::timeout(wait, self.bell.rung()).await {
                keys.extend(rung.into_keys());
            }
        }
    }

    /// Sends what is due for a destination; whether something may be left.
    async fn serve(&self, key: &Key) -> bool {
        let (context, destination) = key;
        loop {
            let Ok(due) = self.storage.due(*context, destination, self.clock.now(), PAGE).await else { return true };
            if due.is_empty() {
                let Ok(waiting) = self.storage.waiting().await else { return true };
                return waiting.iter().any(|one| (one.context, &one.destination) == (*context, destination));
            }
            for one in due {
                if !self.send(*context, &one).await {
                    return true;
                }
            }
        }
    }

    /// One attempt, written down; whether that went well.
    async fn send(&self, context: Context, due: &Due) -> bool {
        let pause = Duration::from_micros(self.destinations.lock().unwrap().random.below(6_000));
        tokio::time::sleep(pause).await;
        let now = self.clock.now();
        let id = &due.delivery.id;
        let outcome = self.destinations.lock().unwrap().answer(now, self.storage.is_calm());
        self.history.tell(|| format!("{} gets {}: {outcome:?}", due.delivery.destination, short(id)));
        if outcome == Settled::Delivered {
            let taken = self.destinations.lock().unwrap().take(due, context, &self.journal.lock().unwrap());
            if let Err(broken) = taken {
                return self.storage.broken(broken).await;
            }
        }
        tokio::time::sleep(pause).await;
        let delivered = outcome == Settled::Delivered;
        if self.storage.settle(now, vec![(due.seq, outcome)]).await.is_err() {
            return false;
        }
        if delivered && let Some(got) = self.destinations.lock().unwrap().got.get_mut(id) {
            got.settled = true;
        }
        true
    }
}
