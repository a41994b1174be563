//! An installation with a queue, under load, while its processes and its servers are killed, one after another and in pairs, and a
//! worker is frozen and goes on when others have its work: what was acknowledged is stored exactly once, counted exactly
//! once, and each visitor's events are there in order.
//!
//! `MODE=distributed` has Pulsar as the queue instead of Redis; `FAULT_ROUNDS` says how often each fault comes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and says what it does"
)]

mod shared;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::{House, Mode};
use support::{ADMIN, PASSWORD, SOURCE, payload, profile_of, scratch};
use tokio::task::JoinSet;
use tracardi_simulate::client::Client;

const VISITORS: usize = 8;
/// How long the installation works undisturbed between two faults.
const PEACE: Duration = Duration::from_secs(2);
/// Longer than the lease of a worker.
const FROZEN: Duration = Duration::from_secs(14);
/// How long it may take until everything that was acknowledged can be read. Far longer than it does.
const SETTLED: Duration = Duration::from_mins(3);

/// What can go wrong.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Collector,
    PublicApi,
    Search,
    Database,
    Queue,
    /// A worker is stopped, and goes on when others have taken over.
    Zombie,
    CollectorAndSearch,
    CollectorAndQueue,
    SearchAndDatabase,
}

const FAULTS: [Fault; 9] = [
    Fault::Collector,
    Fault::PublicApi,
    Fault::Search,
    Fault::Database,
    Fault::Queue,
    Fault::Zombie,
    Fault::CollectorAndSearch,
    Fault::CollectorAndQueue,
    Fault::SearchAndDatabase,
];

impl Fault {
    async fn happen(self, house: &mut House) {
        if matches!(self, Self::Search | Self::CollectorAndSearch | Self::SearchAndDatabase) {
            house.search.kill();
        }
        if matches!(self, Self::Database | Self::SearchAndDatabase) {
            house.database.kill();
        }
        if matches!(self, Self::Queue | Self::CollectorAndQueue) {
            house.pulsar.as_mut().unwrap_or(&mut house.redis).kill();
        }
        if matches!(self, Self::Collector | Self::CollectorAndSearch | Self::CollectorAndQueue) {
            house.collectors[0].kill().await;
        }
        match self {
            Self::PublicApi => house.public_api.kill().await,
            Self::Zombie => {
                house.collectors[1].signal("STOP").await;
                tokio::time::sleep(FROZEN).await;
                house.collectors[1].signal("CONT").await;
            }
            _ => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }

    /// Everything runs again.
    async fn mend(self, house: &mut House) {
        let servers =
            [Some(&mut house.search), Some(&mut house.database), Some(&mut house.redis), house.pulsar.as_mut()];
        for server in servers.into_iter().flatten().filter(|server| !server.is_running()) {
            server.restart().unwrap();
        }
        for process in house.processes() {
            if !process.is_running() {
                process.spawn();
            }
        }
        for process in house.processes() {
            process.ready().await;
        }
    }
}

/// A visitor sends one event after the other, each until it is acknowledged. Gives the profile that the visitor was told last, and
/// how many events were acknowledged.
async fn visit(url: String, number: usize, stop: Arc<AtomicBool>, retries: Arc<AtomicU64>) -> (String, u64) {
    let mut client = Client::new(url.parse().unwrap(), Duration::from_secs(20));
    let (mut profile, mut sent) = (None, 0);
    while !stop.load(Ordering::Relaxed) {
        sent += 1;
        let properties = json!({"mark": sent, "value": 1});
        let time = json!({"create": format!("2026-03-01T10:{:02}:{:02}Z", sent / 60 % 60, sent % 60)});
        let event = json!({"type": "checkout-completed", "properties": properties, "time": time});
        let body = payload(&format!("visit-{number}"), profile.as_deref(), &[event]);
        loop {
            match client.request("POST", "/track", &[("content-type", "application/json")], &body).await {
                Ok(answer) if answer.status == 200 => {
                    profile = Some(profile_of(&answer));
                    break;
                }
                told => {
                    let refused = told.as_ref().is_ok_and(|answer| answer.status != 503);
                    assert!(!refused, "{}", told.unwrap().detail());
                    retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (profile.unwrap(), sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes of load on four servers and six processes: make faults"]
async fn what_is_acknowledged_survives_every_fault() {
    let setting = |name: &str| std::env::var(name).unwrap_or_default();
    let mode = if setting("MODE") == "distributed" { Mode::Distributed } else { Mode::Open };
    let rounds = setting("FAULT_ROUNDS").parse().unwrap_or(1);
    let folder = scratch();
    let mut house = House::start(mode, 2, folder.path()).await;
    let mut private = house.log_in(ADMIN, PASSWORD).await;
    let bridge = json!({"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"});
    let source = json!({"id": SOURCE, "name": "Shop", "type": ["rest"], "enabled": true, "bridge": bridge});
    private.post("/event-source", &source).await;
    // Every process has seen it then.
    tokio::time::sleep(Duration::from_millis(1_200)).await;

    let (stop, retries) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut visitors = JoinSet::new();
    for number in 0..VISITORS {
        let visit = visit(house.public_url(), number, stop.clone(), retries.clone());
        visitors.spawn(async move { (number, visit.await) });
    }
    for fault in std::iter::repeat_n(FAULTS, rounds).flatten() {
        tokio::time::sleep(PEACE).await;
        println!("{fault:?}");
        fault.happen(&mut house).await;
        fault.mend(&mut house).await;
    }
    tokio::time::sleep(PEACE).await;
    stop.store(true, Ordering::Relaxed);
    let visits = visitors.join_all().await;
    let sent: u64 = visits.iter().map(|(_, (_, sent))| sent).sum();
    println!("{sent} events acknowledged, {} requests repeated", retries.load(Ordering::Relaxed));

    // The login may have been lost with the database.
    let mut private = house.log_in(ADMIN, PASSWORD).await;
    let began = Instant::now();
    let wanted = json!({"where": "type = \"checkout-completed\"", "limit": 1});
    loop {
        let stored = private.post("/event/select", &wanted).await["total"].as_u64().unwrap();
        assert!(stored <= sent, "{stored} events are there, {sent} were sent");
        if stored == sent {
            break;
        }
        assert!(began.elapsed() < SETTLED, "{stored} of {sent} events are there");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for (number, (profile, sent)) in visits {
        let document = private.get(&format!("/profile/{profile}")).await;
        let counted = document["data"]["metrics"]["ltcocc"].as_f64().unwrap();
        assert_eq!(format!("{counted}"), sent.to_string(), "visitor {number}");
        let of_visitor = format!("type = \"checkout-completed\" AND session.id = \"visit-{number}\"");
        let mut events: Vec<Value> = Vec::new();
        loop {
            let wanted = json!({"where": of_visitor, "start": events.len(), "limit": 1_000});
            let mut page = private.post("/event/select", &wanted).await;
            match page["result"].as_array_mut() {
                Some(some) if !some.is_empty() => events.append(some),
                _ => break,
            }
        }
        assert_eq!(events.len() as u64, sent, "visitor {number}");
        // In the order in which they were accepted.
        events.sort_by_key(|event| event["metadata"]["time"]["insert"].as_str().unwrap().to_owned());
        let marks: Vec<u64> = events.iter().map(|event| event["properties"]["mark"].as_u64().unwrap()).collect();
        assert_eq!(marks, (1..=sent).collect::<Vec<_>>(), "visitor {number}");
        assert!(events.iter().all(|event| event["profile"]["id"] == profile.as_str()), "visitor {number}");
    }
    house.stop().await;
}
