//! SIGKILL at many instants under load: what was acknowledged is stored exactly once and counted exactly once.
//!
//! Sixteen clients keep journals of what they sent and of what was acknowledged. After a connection breaks they send the
//! same bytes again; a few requests are given up instead, so that their fate is unknown. At the end the store's own
//! file is compared with the journals:
//!
//! - every event of an acknowledged request is there exactly once;
//! - an event of a request that was given up is there at most once, and all events of one request share their fate;
//! - the counters of every profile are those of the events that are there, the visits those of its sessions.
//!
//! `CRASH_SEED` repeats a run's decisions, `CRASH_KILLS` sets how many kills there are. The same holds on a disk that is slow.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and says what it does"
)]

mod slow;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slow::SlowDisk;
use support::{Server, payload, profile_of, scratch, stored};
use tokio::task::JoinSet;
use tracardi_simulate::client::{Answer, Client};
use tracardi_simulate::rng::Rng;

/// One of these tests at a time: a disk that is slow for one process makes others on it wait.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// How long anything is waited for. Far longer than it takes.
const PATIENCE: Duration = Duration::from_mins(3);
const CLIENTS: u64 = 16;
/// Profiles that all clients share, besides those that each visit without a profile makes.
const SHARED: usize = 4;

/// A request as its client remembers it.
#[derive(Clone, Debug)]
struct Entry {
    session: String,
    /// From the answer; none when the request was given up.
    profile: Option<String>,
    events: Vec<Planned>,
}

/// An event by the mark in its properties.
#[derive(Clone, Debug)]
struct Planned {
    mark: String,
    /// The id that the client chose, if it did.
    id: Option<String>,
}

/// What a client does, drawn from its own stream of the seed.
struct Visitor {
    number: u64,
    rng: Rng,
    shared: Vec<String>,
    sent: u64,
    /// Session under way, with the profile that the client sends along.
    session: (String, Option<String>),
}

impl Visitor {
    fn new(seed: u64, number: u64, shared: &[String]) -> Self {
        let mut rng = Rng::new(seed, number + 1);
        let session = (rng.uuid(), Some(shared[0].clone()));
        Self { number, rng, shared: shared.to_vec(), sent: 0, session }
    }

    fn request(&mut self) -> (Entry, Vec<u8>) {
        if self.rng.chance(30) {
            // A new visit: of a shared profile, or of somebody who was never seen.
            let profile = self.rng.chance(70).then(|| self.rng.pick(&self.shared).clone());
            self.session = (self.rng.uuid(), profile);
        }
        self.sent += 1;
        let (mut planned, mut events) = (Vec::new(), Vec::new());
        for position in 0..self.rng.between(1, 3) {
            let mark = format!("{}-{}-{position}", self.number, self.sent);
            let (kind, mut properties) = match self.rng.below(3) {
                0 => ("checkout-started", json!({"currency": "EUR", "value": self.rng.between(1, 9)})),
                1 => ("increase-interest", json!({"interest": "shoes", "value": self.rng.between(1, 3)})),
                _ => ("page-view", json!({"category": "shoes"})),
            };
            properties["mark"] = json!(mark);
            let mut event = json!({"type": kind, "time": {"create": "2026-03-01T10:00:00Z"}, "properties": properties});
            let id = self.rng.chance(50).then(|| self.rng.uuid());
            if let Some(id) = &id {
                event["id"] = json!(id);
            }
            planned.push(Planned { mark, id });
            events.push(event);
        }
        let (session, profile) = &self.session;
        let body = payload(session, profile.as_deref(), &events);
        (Entry { session: session.clone(), profile: None, events: planned }, body)
    }
}

/// What clients are told, and tell, while they send.
#[derive(Debug, Default)]
struct Told {
    stop: AtomicBool,
    acknowledged: AtomicU64,
}

/// Sends until told to stop; then finishes the request under way.
async fn load(mut client: Client, mut visitor: Visitor, told: Arc<Told>) -> (Vec<Entry>, u64) {
    let (mut journal, mut retries) = (Vec::new(), 0);
    while !told.stop.load(Ordering::Relaxed) {
        let (mut entry, body) = visitor.request();
        let gives_up = visitor.rng.chance(30);
        let answer = loop {
            match client.request("POST", "/track", &[("content-type", "application/json")], &body).await {
                Ok(answer) if answer.status != 503 => break Some(answer),
                Err(_) if gives_up => break None,
                Ok(_) | Err(_) => {
                    retries += 1;
                    tokio::time::sleep(Duration::from_millis(visitor.rng.between(2, 20))).await;
                }
            }
        };
        if let Some(answer) = answer {
            assert_eq!(answer.status, 200, "{}", answer.detail());
            entry.profile = Some(acknowledged(&answer, &entry.session));
            told.acknowledged.fetch_add(1, Ordering::Relaxed);
            visitor.session.1.clone_from(&entry.profile);
        }
        journal.push(entry);
    }
    (journal, retries)
}

fn acknowledged(answer: &Answer, session: &str) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["session"]["id"], session);
    profile_of(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_at_random_instants_under_load() {
    let _alone = ALONE.lock().await;
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = number("CRASH_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let kills = number("CRASH_KILLS").unwrap_or(50);
    println!("CRASH_SEED={seed} CRASH_KILLS={kills}");
    let mut rng = Rng::new(seed, 0);

    let directory = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), directory.path());
    server.start().await;
    server.create_source().await;
    let clients = Clients::start(&server, seed).await;
    let began = Instant::now();
    let (mut killed, mut ready, mut worked) = (0, Vec::new(), Vec::new());
    while killed < kills {
        tokio::time::sleep(Duration::from_micros(rng.below(500_000))).await;
        server.kill().await;
        killed += 1;
        // One in eight starts is not survived either.
        while killed < kills && rng.chance(12) {
            server.spawn();
            tokio::time::sleep(Duration::from_micros(rng.below(50_000))).await;
            server.kill().await;
            killed += 1;
        }
        ready.push(server.start().await);
        worked.push(server.worked());
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let journal = clients.end().await;
    let load_time = began.elapsed();
    server.stop().await;
    ready.sort();
    worked.sort();
    let (median, longest) = (ready.len() / 2, ready.len() - 1);
    println!(
        "{kills} kills in {load_time:.1?}; ready again after {:.0?} (median), {:.0?} (longest), and {:.0?} of work (median)",
        ready[median], ready[longest], worked[median]
    );
    // Its own work, whatever else the machine has to do. The median: a single figure may have some of the load in it already.
    assert!(worked[median] < Duration::from_secs(1), "{worked:?}");
    // And it waits for nothing: then no start would be fast, not even one that has the machine to itself.
    assert!(ready[0] < Duration::from_secs(1), "{ready:?}");
    compare(&server, &journal).await;
}

/// Few writes a second reach the disk. What is acknowledged is stored all the same, also when the process is killed meanwhile; it
/// stays alive and ready, and when the disk is as it was, so is everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_slow_is_waited_for() {
    let _alone = ALONE.lock().await;
    /// A group of requests takes some.
    const WRITES_A_SECOND: u32 = 5;
    let directory = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), directory.path());
    server.start().await;
    server.create_source().await;
    let Some(disk) = SlowDisk::below(&server.data(), WRITES_A_SECOND) else {
        println!("NOT RUN: needs root, the controller `blkio` of cgroup v1, and a disk of its own under the data");
        return;
    };
    let mut clients = Clients::start(&server, u64::from(std::process::id())).await;
    clients.more(500).await;
    for killed in [false, true] {
        if killed {
            // What it finds was written slowly; how long a slow start may take is nobody's promise.
            server.kill().await;
            server.start().await;
        }
        disk.slow_down(server.pid());
        let (began, before) = (Instant::now(), disk.writes());
        clients.more(60).await;
        for path in ["/livez", "/readyz"] {
            let answer = server.client(3).request("GET", path, &[], b"").await.unwrap();
            assert_eq!(answer.status, 200, "{path}: {}", answer.detail());
        }
        let writes = disk.writes() - before;
        println!("slow: 60 requests in {:.1?}, with {writes} writes", began.elapsed());
        assert!(writes > 0, "the process writes past what makes the disk slow");
    }
    // In the midst of it once more.
    server.kill().await;
    server.start().await;
    clients.more(500).await;
    let journal = clients.end().await;
    server.stop().await;
    compare(&server, &journal).await;
}

/// The clients, and what they remember.
struct Clients {
    told: Arc<Told>,
    tasks: JoinSet<(Vec<Entry>, u64)>,
    journal: Vec<Entry>,
}

impl Clients {
    /// Makes the shared profiles, and starts to send.
    async fn start(server: &Server, seed: u64) -> Self {
        let mut journal = Vec::new();
        let mut shared = Vec::new();
        for number in 0..SHARED {
            let (session, mark) = (format!("first-{number}"), format!("first-{number}"));
            let body = payload(&session, None, &[json!({"type": "page-view", "properties": {"mark": mark}})]);
            let answer = server.public().request("POST", "/track", &[], &body).await.unwrap();
            let profile = acknowledged(&answer, &session);
            shared.push(profile.clone());
            journal.push(Entry { session, profile: Some(profile), events: vec![Planned { mark, id: None }] });
        }

        let (told, mut tasks) = (Arc::<Told>::default(), JoinSet::new());
        for number in 0..CLIENTS {
            tasks.spawn(load(server.public(), Visitor::new(seed, number, &shared), told.clone()));
        }
        Self { told, tasks, journal }
    }

    /// Waits until so many more requests are acknowledged.
    async fn more(&mut self, number: u64) {
        let (began, wanted) = (Instant::now(), self.told.acknowledged.load(Ordering::Relaxed) + number);
        while self.told.acknowledged.load(Ordering::Relaxed) < wanted {
            assert!(self.tasks.try_join_next().is_none(), "a client ended");
            assert!(began.elapsed() < PATIENCE, "not {number} more acknowledgements within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Lets them finish; everything that was sent.
    async fn end(mut self) -> Vec<Entry> {
        self.told.stop.store(true, Ordering::Relaxed);
        let mut retries = 0;
        while let Some(client) = self.tasks.join_next().await {
            let (entries, again) = client.unwrap();
            self.journal.extend(entries);
            retries += again;
        }
        let given_up = self.journal.iter().filter(|entry| entry.profile.is_none()).count();
        println!("{} requests, {given_up} given up, sent again {retries} times", self.journal.len());
        self.journal
    }
}

/// An event as the store has it.
struct Stored {
    id: String,
    session: String,
    profile: String,
}

/// What the events of a profile add up to.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    started: u64,
    value: f64,
    interest: f64,
    sessions: BTreeSet<String>,
}

async fn compare(server: &Server, journal: &[Entry]) {
    let text = |document: &Value, at: &str| document.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut marked: BTreeMap<String, Stored> = BTreeMap::new();
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    let mut system: BTreeMap<(String, String), u64> = BTreeMap::new();
    let events = stored(&server.data(), "event").await;
    for event in &events {
        let [id, kind, session, profile] = ["/id", "/type", "/session/id", "/profile/id"].map(|at| text(event, at));
        match kind.as_str() {
            "profile-created" => *system.entry((kind, profile)).or_default() += 1,
            "visit-started" | "session-opened" => *system.entry((kind, session)).or_default() += 1,
            _ => {
                let sum = sums.entry(profile.clone()).or_default();
                sum.sessions.insert(session.clone());
                let value = event["properties"]["value"].as_f64().unwrap_or(0.0);
                sum.started += u64::from(kind == "checkout-started");
                sum.value += if kind == "checkout-started" { value } else { 0.0 };
                sum.interest += if kind == "increase-interest" { value } else { 0.0 };
                let mark = text(event, "/properties/mark");
                let former = marked.insert(mark.clone(), Stored { id, session, profile });
                assert!(former.is_none(), "{mark} is stored twice");
            }
        }
    }

    let (mut acknowledged, mut kept) = (0, 0);
    for entry in journal {
        let found: Vec<_> =
            entry.events.iter().filter_map(|event| Some((event, marked.remove(&event.mark)?))).collect();
        match &entry.profile {
            Some(_) => assert_eq!(found.len(), entry.events.len(), "acknowledged and not stored: {entry:?}"),
            None => assert!(found.is_empty() || found.len() == entry.events.len(), "stored in part: {entry:?}"),
        }
        for (event, stored) in &found {
            assert_eq!(stored.session, entry.session, "{entry:?}");
            assert!(entry.profile.as_ref().is_none_or(|profile| *profile == stored.profile), "{entry:?}");
            assert!(event.id.as_ref().is_none_or(|id| *id == stored.id), "{entry:?}");
        }
        *(if entry.profile.is_some() { &mut acknowledged } else { &mut kept }) += found.len();
    }
    assert!(marked.is_empty(), "nobody sent {:?}", marked.keys());

    let sessions: BTreeSet<_> = sums.values().flat_map(|sum| sum.sessions.iter().cloned()).collect();
    for (kind, ids) in [("profile-created", sums.keys().cloned().collect()), ("visit-started", sessions.clone())] {
        let made: BTreeSet<_> = system.keys().filter(|(of, _)| of == kind).map(|(_, id)| id.clone()).collect();
        assert_eq!(made, ids, "{kind}");
    }
    assert!(system.values().all(|count| *count == 1), "{system:?}");
    assert_eq!(stored(&server.data(), "session").await.len(), sessions.len());

    let profiles = stored(&server.data(), "profile").await;
    assert_eq!(profiles.len(), sums.len());
    for profile in &profiles {
        let sum = &sums[&text(profile, "/id")];
        let number = |at: &str| profile.pointer(at).and_then(Value::as_f64).unwrap_or(0.0);
        let visits = profile["metadata"]["time"]["visit"]["count"].as_u64().unwrap();
        assert_eq!(visits, sum.sessions.len() as u64, "visits of {profile}");
        assert_eq!(profile["data"]["metrics"]["ltcosc"].as_u64(), Some(sum.started), "checkouts of {profile}");
        assert_eq!(
            (number("/data/metrics/ltcosv"), number("/interests/shoes")),
            (sum.value, sum.interest),
            "{profile}"
        );
    }
    println!(
        "{} events stored: {acknowledged} acknowledged, {kept} of requests that were given up, {} of the system; \
         {} profiles, {} sessions: all as in the journals",
        events.len(),
        system.values().sum::<u64>(),
        profiles.len(),
        sessions.len()
    );
}
