//! Several writers on one store that knows versions, as workers are while a part of the queue changes hands: both are given the
//! same requests, each in order. What is stored in the end is what one writer alone would have stored.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a failed check panics: that is its answer; tests start tasks"
)]

mod common;

use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use common::{PRODUCTION, checkout, command};
use jiff::{SignedDuration, Timestamp};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::watch;
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_engine::{NewProfiles, Order, Settings};
use tracardi_model::{Context, Entropy as _, SeededEntropy};
use tracardi_process::{ManualClock, Metrics, Supervisor};
use tracardi_store::conformance::memory::Memory;
use tracardi_store::{
    Batch, Committed, Counts, Documents, Found, Histogram, Holding, Index, Merge, Page, Repointed, Select, StoreError,
    Waiting, Wanted,
};

/// A store that takes its time: between being asked and doing it others have their turn, as often as chance will have it.
#[derive(Debug)]
struct Slow {
    memory: Memory,
    chance: Mutex<SeededEntropy>,
    /// A profile that was deleted, and when.
    erased: Option<(String, Timestamp)>,
}

impl Slow {
    async fn turn(&self) {
        let turns = self.chance.lock().unwrap().bytes()[0] % 6;
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Documents for Slow {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.turn().await;
        let mut found = self.memory.load(wanted).await?;
        self.turn().await;
        if let Some((id, at)) = &self.erased
            && wanted.profiles.contains(&(PRODUCTION, id))
        {
            found.erased.insert((PRODUCTION, id.clone()), *at);
        }
        Ok(found)
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.turn().await;
        let committed = self.memory.commit(batch).await;
        self.turn().await;
        committed
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.memory.awaiting_merge(after, limit).await
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        self.turn().await;
        self.memory.merge(merge).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.memory.repoint(limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.memory.get(context, index, id).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        self.memory.delete(context, index, id).await
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
        self.memory.original(context, id).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.memory.quarantine(context, start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

static SETTINGS: LazyLock<Arc<Settings>> = LazyLock::new(|| {
    let new_profiles = NewProfiles::BySession([5; 32]);
    Arc::new(Settings { new_profiles, ..Settings::new("test").unwrap() })
});

fn start() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

/// A writer, and the figures it tells.
fn writer(store: &Arc<Slow>, company: Company) -> (Collector, Supervisor, Metrics) {
    let (supervisor, metrics) = (Supervisor::new(), Metrics::new());
    let setup = CollectorSetup {
        documents: store.clone(),
        settings: watch::Sender::new(SETTINGS.clone()).subscribe(),
        signing_key: [1; 32],
        clock: Arc::new(ManualClock::new(start())),
        limits: CollectorLimits { group: 3, ..CollectorLimits::default() },
        company,
        news: None,
    };
    (Collector::start(&supervisor, setup, &metrics), supervisor, metrics)
}

/// Carries requests out, in order, a few at a time; each has its own time of acceptance.
async fn carry_out(writer: &Collector, requests: &[Value], at_a_time: usize) {
    for (n, some) in requests.chunks(at_a_time).enumerate() {
        let answers: Vec<_> = (0_i64..)
            .zip(some)
            .map(|(m, body)| {
                let number = i64::try_from(n * at_a_time).unwrap() + m;
                let at = start() + SignedDuration::from_secs(number);
                writer.submit(Order::Collect(Box::new(command(body))), Some(at), 1_000).map_err(|_| ()).unwrap()
            })
            .collect();
        for answer in answers {
            answer.await.unwrap();
        }
    }
}

/// Everything that is stored, without what tells when a process worked on it.
fn stored(memory: &Memory) -> Vec<Value> {
    memory.look(|disk| {
        let tables = disk.tables(PRODUCTION);
        let events = tables.events.values().map(|row| row.document.text.clone());
        let sessions = tables.sessions.values().map(|row| row.document.text.clone());
        let profiles = tables.profiles.values().map(|row| row.document.text.clone());
        events.chain(sessions).chain(profiles).map(|text| serde_json::from_str(&text).unwrap()).collect()
    })
}

fn store(seed: u8) -> Arc<Slow> {
    Arc::new(Slow { memory: Memory::default(), chance: Mutex::new(SeededEntropy::new([seed; 32])), erased: None })
}

/// The requests of three visitors, each with two sessions.
fn requests() -> Vec<Value> {
    (0..24).map(|n| checkout(&format!("s-{}", n % 6), None, n)).collect()
}

#[tokio::test]
async fn what_two_writers_are_given_is_done_once() {
    let alone = store(0);
    let (one, ..) = writer(&alone, Company::Worker);
    carry_out(&one, &requests(), 4).await;
    let expected = stored(&alone.memory);
    assert!(expected.len() > 24, "events, system events, sessions, profiles");
    let mut repeats = 0.0;
    for seed in 1..40 {
        let both = store(seed);
        let (first, _, of_first) = writer(&both, Company::Worker);
        let (second, _, of_second) = writer(&both, Company::Worker);
        let requests = requests();
        tokio::join!(
            carry_out(&first, &requests, 1 + usize::from(seed % 5)),
            carry_out(&second, &requests, 1 + usize::from(seed % 3))
        );
        assert_eq!(stored(&both.memory), expected, "seed {seed}");
        repeats += figure(&of_first, "group_repeats") + figure(&of_second, "group_repeats");
    }
    assert!(repeats > 10.0, "they got in each other's way {repeats} times");
}

fn figure(metrics: &Metrics, name: &str) -> f64 {
    let (text, name) = (metrics.encode().unwrap(), format!("tracardi_collector_{name}_total"));
    let line = text.lines().find(|line| line.starts_with(&name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// The requests of one visitor, each counted by the profile.
#[tokio::test]
async fn what_two_writers_count_together_is_exact() {
    let mut conflicts = 0.0;
    for seed in 1..40 {
        let both = store(seed);
        let (first, _, of_first) = writer(&both, Company::Worker);
        let (second, _, of_second) = writer(&both, Company::Worker);
        let mut known = checkout("s", None, 1_000);
        known["events"][0]["type"] = "page-view".into();
        carry_out(&first, &[known], 1).await;
        let (mut even, mut odd) = (Vec::new(), Vec::new());
        for n in 0..30 {
            let mut request = checkout("s", None, n);
            request["events"][0]["type"] = "checkout-completed".into();
            if n % 2 == 0 { even.push(request) } else { odd.push(request) }
        }
        tokio::join!(
            carry_out(&first, &even, 1 + usize::from(seed % 4)),
            carry_out(&second, &odd, 1 + usize::from(seed % 3))
        );
        let counted = both.memory.look(|disk| {
            let tables = disk.tables(PRODUCTION);
            let completed = tables.events.values().filter(|row| row.document.value.kind() == "checkout-completed");
            let profiles: Vec<Value> =
                tables.profiles.values().map(|row| serde_json::from_str(&row.document.text).unwrap()).collect();
            (completed.count(), profiles)
        });
        let (events, profiles) = counted;
        assert_eq!((events, profiles.len()), (30, 1), "seed {seed}");
        assert_eq!(profiles[0]["data"]["metrics"]["ltcocc"], 30.0, "seed {seed}");
        conflicts += figure(&of_first, "group_conflicts") + figure(&of_second, "group_conflicts");
    }
    assert!(conflicts > 10.0, "they got in each other's way {conflicts} times");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_stored_stays_in_its_place() {
    use tracardi_store::conformance::faults::Faulty;
    let memory = Memory::default();
    let faulty = Faulty::new(Arc::new(memory.clone()));
    let (supervisor, metrics) = (Supervisor::new(), Metrics::new());
    let setup = CollectorSetup {
        documents: faulty.clone(),
        settings: watch::Sender::new(SETTINGS.clone()).subscribe(),
        signing_key: [1; 32],
        clock: Arc::new(ManualClock::new(start())),
        limits: CollectorLimits::default(),
        company: Company::Worker,
        news: None,
    };
    let writer = Collector::start(&supervisor, setup, &metrics);
    faulty.set_broken(true);
    let requests = requests();
    let all = carry_out(&writer, &requests, 8);
    tokio::pin!(all);
    // However long it takes, nobody is told that it failed.
    assert!(tokio::time::timeout(std::time::Duration::from_mins(10), &mut all).await.is_err());
    assert_eq!(memory.count(PRODUCTION, Index::Event).await.unwrap(), 0);
    faulty.set_broken(false);
    all.await;
    let sessions = memory.count(PRODUCTION, Index::Session).await.unwrap();
    assert_eq!(sessions, 6);
}

/// Workers leave merges to a housekeeper, which is told of nothing: it looks.
#[tokio::test(start_paused = true)]
async fn a_housekeeper_merges_what_workers_commit_while_it_runs() {
    let both = store(0);
    let (_housekeeper, ..) = writer(&both, Company::Housekeeper);
    let (worker, ..) = writer(&both, Company::Worker);
    for round in 0..3 {
        let signed_in = |n: usize| {
            let mut request = checkout(&format!("s-{round}-{n}"), None, n);
            request["events"][0] = json!({"type": "sign-in", "properties": {"pk": format!("k-{round}")}});
            request
        };
        carry_out(&worker, &[signed_in(0), signed_in(1)], 1).await;
        let mut looks = 0;
        while both.memory.count(PRODUCTION, Index::Profile).await.unwrap() > round + 1 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            looks += 1;
            assert!(looks < 1_000, "two profiles stay two");
        }
    }
}

/// A worker that remembers what another process has deleted notices, though it would write nothing of it.
#[tokio::test]
async fn what_another_process_deletes_is_gone_for_a_worker_that_remembers_it() {
    for index in [Index::Profile, Index::Session] {
        let both = store(0);
        let (worker, ..) = writer(&both, Company::Worker);
        let visit = |n: usize| {
            let mut request = checkout("s", None, n);
            request["events"][0] = json!({"type": "a", "id": format!("e-{n}")});
            request
        };
        let ids = |index: Index| -> Vec<String> {
            both.memory.look(|disk| {
                let tables = disk.tables(PRODUCTION);
                if index == Index::Session {
                    tables.sessions.keys().cloned().collect()
                } else {
                    tables.profiles.keys().cloned().collect()
                }
            })
        };
        carry_out(&worker, &[visit(0), visit(1)], 1).await;
        let [deleted] = ids(index).try_into().unwrap();
        assert!(both.delete(PRODUCTION, index, &deleted).await.unwrap());
        carry_out(&worker, &[visit(2)], 1).await;
        let event = both.get(PRODUCTION, Index::Event, "e-2").await.unwrap().unwrap();
        let event: Value = serde_json::from_str(event.get()).unwrap();
        assert_eq!(ids(Index::Profile), [event["profile"]["id"].as_str().unwrap()], "{index:?}");
        assert_eq!(ids(Index::Session), ["s"], "{index:?}");
    }
}

/// A request that waited while its visitor's profile was deleted brings nobody back, though it names no profile and its session is gone;
/// one that comes afterwards does.
#[tokio::test]
async fn who_was_erased_while_a_request_waited_stays_erased() {
    let before = store(0);
    let (worker, ..) = writer(&before, Company::Worker);
    let visit = checkout("s", None, 0);
    carry_out(&worker, std::slice::from_ref(&visit), 1).await;
    let own = before.memory.look(|disk| disk.tables(PRODUCTION).profiles.keys().next().cloned()).unwrap();
    for (seconds, profiles) in [(1, 0), (-1, 1)] {
        let at = start() + SignedDuration::from_secs(seconds);
        let erased = Arc::new(Slow { erased: Some((own.clone(), at)), ..Arc::into_inner(store(0)).unwrap() });
        let (worker, ..) = writer(&erased, Company::Worker);
        let order = Order::Collect(Box::new(command(&visit)));
        let _ = worker.submit(order, Some(start()), 1_000).map_err(|_| ()).unwrap().await;
        assert_eq!(erased.count(PRODUCTION, Index::Profile).await.unwrap(), profiles, "{seconds}");
        assert_eq!(erased.count(PRODUCTION, Index::Session).await.unwrap(), profiles, "{seconds}");
    }
}
