//! Load, with a journal of what was acknowledged, and the comparison of both with what is there at the end.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracardi_simulate::client::Client;

use crate::shared::House;
use crate::support::{ADMIN, PASSWORD, Private, payload, profile_of};

const VISITORS: usize = 8;
/// How long anything is waited for. Far longer than it takes.
const PATIENCE: Duration = Duration::from_mins(3);
/// So many acknowledgements in a row without a repetition: everything is as it was.
const CALM: u64 = 60;
/// Predefined: each adds its properties' `value` to the profile's counters, and one to `ltcocc`.
const EVENT: &str = "checkout-completed";

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One event of a session, with its number there.
pub(crate) fn checkout(session: &str, profile: Option<&str>, number: u64, note: &str) -> Vec<u8> {
    let properties = json!({"mark": number, "value": 1, "note": note});
    let time = json!({"create": format!("2026-03-01T10:{:02}:{:02}Z", number / 60 % 60, number % 60)});
    payload(session, profile, &[json!({"type": EVENT, "properties": properties, "time": time})])
}

/// A session of one visitor, and what was acknowledged of it: the events numbered 1 to `sent`.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) session: String,
    /// As the visitor was told last.
    pub(crate) profile: Option<String>,
    pub(crate) sent: u64,
}

/// What the visitors of a load were told so far.
#[derive(Debug, Default)]
struct Told {
    stop: AtomicBool,
    acknowledged: AtomicU64,
    /// Answers that asked to come again (503).
    put_off: AtomicU64,
    /// Connections that ended without an answer.
    broken: AtomicU64,
}

/// Visitors who send one event after the other, each until it is acknowledged. Any answer but 200 and 503 fails the test.
pub(crate) struct Load {
    told: Arc<Told>,
    visitors: JoinSet<Visit>,
}

impl Visit {
    pub(crate) fn new(session: impl Into<String>) -> Self {
        Self { session: session.into(), profile: None, sent: 0 }
    }

    /// Sends the next event until it is acknowledged.
    pub(crate) async fn go_on(&mut self, client: &mut Client) {
        self.step(client, &Told::default(), "").await;
    }

    /// The same, with a note in the event's properties.
    pub(crate) async fn note(&mut self, client: &mut Client, note: &str) {
        self.step(client, &Told::default(), note).await;
    }

    async fn step(&mut self, client: &mut Client, told: &Told, note: &str) {
        self.sent += 1;
        let body = checkout(&self.session, self.profile.as_deref(), self.sent, note);
        loop {
            match client.request("POST", "/track", &[("content-type", "application/json")], &body).await {
                Ok(answer) if answer.status == 200 => {
                    told.acknowledged.fetch_add(1, Ordering::Relaxed);
                    self.profile = Some(profile_of(&answer));
                    return;
                }
                Ok(answer) if answer.status == 503 => told.put_off.fetch_add(1, Ordering::Relaxed),
                Ok(answer) => panic!("{}: {} {}", self.session, answer.status, answer.detail()),
                Err(_) => told.broken.fetch_add(1, Ordering::Relaxed),
            };
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Compares what is there: each event once and in order, each counted once, all of one profile.
    pub(crate) async fn check(&self, private: &mut Private) {
        self.compare(private, 0..0).await;
    }

    /// The same where the events with these numbers may have been lost, when nothing is under way any more; how many were.
    pub(crate) async fn compare(&self, private: &mut Private, lost: Range<u64>) -> u64 {
        let Self { session, profile, sent } = self;
        let profile = profile.as_deref().unwrap();
        let these = format!("type = \"{EVENT}\" AND session.id = \"{session}\"");
        let least = sent - (lost.end - lost.start);
        let mut stored = 0;
        until(session, async || {
            let wanted = json!({"where": these, "limit": 1});
            stored = private.post("/event/select", &wanted).await["total"].as_u64().unwrap();
            assert!(stored <= *sent, "{session}: {stored} events are there, {sent} were sent");
            // What was counted is stored, and found a moment later.
            stored >= least && (lost.is_empty() || stored == counted(private, profile).await)
        })
        .await;
        let condition = format!("event@type == \"{EVENT}\" AND event@session.id == \"{session}\"");
        let mut events: Vec<Value> = Vec::new();
        while (events.len() as u64) < stored {
            let wanted = json!({"condition": condition, "start": events.len(), "limit": 500});
            let mut page = private.post("/event/select/condition", &wanted).await;
            let page = page["result"].as_array_mut().unwrap();
            assert!(!page.is_empty(), "{session}: a page is empty before the end");
            events.append(page);
        }
        // In the order in which they were accepted.
        events.sort_by_key(|event| event["metadata"]["time"]["insert"].as_str().unwrap().to_owned());
        let marks: Vec<_> = events.iter().map(|event| event["properties"]["mark"].as_u64().unwrap()).collect();
        let wanted = (1..=*sent).filter(|number| !lost.contains(number) || marks.contains(number));
        assert_eq!(marks, wanted.collect::<Vec<_>>(), "{session}: others are there, or in another order");
        assert!(events.iter().all(|event| event["profile"]["id"] == profile), "{session}");
        assert_eq!(counted(private, profile).await, stored, "{session}");
        sent - stored
    }
}

/// How many events a profile has counted.
pub(crate) async fn counted(private: &mut Private, profile: &str) -> u64 {
    let document = private.get(&format!("/profile/{profile}")).await;
    let counted = document["data"]["metrics"]["ltcocc"].as_f64().unwrap();
    format!("{counted}").parse().unwrap()
}

/// A client of the public API.
pub(crate) fn client(house: &House) -> Client {
    Client::new(house.public_url().parse().unwrap(), Duration::from_secs(20))
}

impl Load {
    /// Visitors whom nobody has seen.
    pub(crate) fn start(house: &House) -> Self {
        static LOADS: AtomicU64 = AtomicU64::new(0);
        let load = LOADS.fetch_add(1, Ordering::Relaxed);
        Self::of(house, (0..VISITORS).map(|visitor| Visit::new(format!("load-{load}-{visitor}"))))
    }

    /// Visits that go on.
    pub(crate) fn of(house: &House, visits: impl IntoIterator<Item = Visit>) -> Self {
        let (told, mut visitors) = (Arc::<Told>::default(), JoinSet::new());
        for mut visit in visits {
            let (told, mut client) = (Arc::clone(&told), client(house));
            visitors.spawn(async move {
                while !told.stop.load(Ordering::Relaxed) {
                    visit.step(&mut client, &told, "").await;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                visit
            });
        }
        Self { told, visitors }
    }

    /// Waits until so many more are acknowledged.
    pub(crate) async fn more(&self, number: u64) {
        let wanted = self.acknowledged() + number;
        until("acknowledgements", async || self.acknowledged() >= wanted).await;
    }

    /// Acknowledgements so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.told.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until each visitor was told to come again, and nobody anything else.
    pub(crate) async fn stands(&self) {
        until("a load that nobody takes", async || {
            let (acknowledged, enough) = (self.acknowledged(), self.repeated() + 4 * VISITORS as u64);
            until("repetitions", async || self.repeated() >= enough || self.acknowledged() > acknowledged).await;
            self.acknowledged() == acknowledged
        })
        .await;
    }

    /// Requests that had to be sent again.
    pub(crate) fn repeated(&self) -> u64 {
        self.told.put_off.load(Ordering::Relaxed) + self.told.broken.load(Ordering::Relaxed)
    }

    /// Waits until nothing has to be sent again any more.
    pub(crate) async fn flows(&self) {
        until("a load without repetitions", async || {
            let before = self.repeated();
            self.more(CALM).await;
            self.repeated() == before
        })
        .await;
    }

    /// Ends it: all that was sent is acknowledged.
    pub(crate) async fn end(self) -> Vec<Visit> {
        let Self { told, visitors } = self;
        told.stop.store(true, Ordering::Relaxed);
        let mut visits = visitors.join_all().await;
        visits.sort_by(|one, other| one.session.cmp(&other.session));
        let (sent, put_off, broken) = (visits.iter().map(|visit| visit.sent).sum::<u64>(), &told.put_off, &told.broken);
        println!("  {sent} events acknowledged; answered 503: {put_off:?}, without an answer: {broken:?}");
        visits
    }

    /// Ends it, when all flows again, and compares what was acknowledged with what is there; the visits, to go on with them.
    pub(crate) async fn check(self, house: &House) -> Vec<Visit> {
        self.flows().await;
        let visits = self.end().await;
        // A login of before may have gone with the database.
        let mut private = house.log_in(ADMIN, PASSWORD).await;
        for visit in &visits {
            visit.check(&mut private).await;
        }
        visits
    }
}
