//! Documents a second that the collector stores of what waits in the queue, against the same documents in bare `_bulk` requests: copied
//! into indices with the same mappings, shards and durability, a group of the collector's in each request, one request at a time as the
//! collector does it, and for comparison two.
//!
//! Of a known visitor's page view one document is stored, its event; of a shop's traffic sessions, profiles, ids and trails as well.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use super::sizing::shop;
use crate::Effort;
use crate::figures::{Spread, count};
use crate::installation::{Installation, search};
use crate::load::{self, Visitor, cpu_time};

/// How many send what then waits.
const CLIENTS: usize = 128;
/// People who come to the shop in each round: some 5,000 requests.
const VISITORS: u64 = 700;
/// Requests that the collector takes at once.
const GROUP: u64 = 512;
/// Documents that the bare requests of a round hold at most.
const MOST: u64 = 60_000;
/// Documents of each kind that are copied, again and again.
const SAMPLES: u64 = 512;

/// What was measured of one way to store documents.
#[derive(Default)]
struct Way {
    per_second: Vec<f64>,
    /// Microseconds of OpenSearch's processor time per document.
    cpu: Vec<f64>,
}

impl Way {
    fn add(&mut self, per_second: f64, cpu: Duration, documents: u64) {
        self.per_second.push(per_second);
        self.cpu.push(cpu.as_secs_f64() * 1e6 / count(documents));
    }

    fn tell(&self, name: &str, collector: &Self) {
        let ratio = collector.per_second.iter().zip(&self.per_second).map(|(ours, bare)| ours / bare).collect();
        let [rate, cpu, ratio] =
            [self.per_second.clone(), self.cpu.clone(), ratio].map(|of| Spread::of(of).to_string());
        println!("{name:>24} {rate:>24} {cpu:>26} {ratio:>20}");
    }
}

pub(crate) async fn measure(installation: &mut Installation, effort: &Effort) {
    let mut visitors = installation.visitors("storage", CLIENTS).await;
    installation.drained().await;
    for traffic in ["page views of known visitors", "a shop's traffic"] {
        let mut ways: [Way; 3] = Default::default();
        let mut shares = BTreeMap::new();
        // The first round makes all warm.
        for round in 0..=effort.rounds {
            installation.stop_collector().await;
            let before = indexed(installation).await;
            let requests = send(installation, effort, &mut visitors, traffic, round).await;
            let used = search_cpu(installation);
            let rate = installation.drain(async |all| indexed(all).await.values().sum()).await;
            let used = search_cpu(installation).saturating_sub(used);
            let after = indexed(installation).await;
            let of_round = after.into_iter().map(|(kind, docs)| (kind.clone(), docs - before.get(&kind).unwrap_or(&0)));
            shares = of_round.filter(|(_, docs)| *docs > 0).collect();
            let copies = Copies::of(installation, &shares, requests).await;
            let bare = [copies.run(installation, 1).await, copies.run(installation, 2).await];
            if round > 0 {
                let [collector, ways @ ..] = &mut ways;
                collector.add(rate, used, shares.values().sum());
                for (way, (rate, used)) in ways.iter_mut().zip(bare) {
                    way.add(rate, used, copies.documents);
                }
            }
        }
        let kinds: Vec<String> = shares.iter().map(|(kind, docs)| format!("{kind} {docs}")).collect();
        println!(
            "{traffic}: median (lowest-highest) of {} rounds; documents of the last: {}",
            effort.rounds,
            kinds.join(", ")
        );
        println!(
            "{:>24} {:>24} {:>26} {:>20}",
            "", "documents a second", "µs of OpenSearch for one", "collector ÷ this"
        );
        for (name, way) in ["collector", "_bulk, one at a time", "_bulk, two at a time"].iter().zip(&ways) {
            way.tell(name, &ways[0]);
        }
    }
}

/// Sends what waits then; how many requests wait.
async fn send(
    installation: &Installation,
    effort: &Effort,
    visitors: &mut Vec<Visitor>,
    traffic: &str,
    round: usize,
) -> u64 {
    if traffic == "a shop's traffic" {
        shop(&installation.house.public_url(), 100 + round as u64, VISITORS, "max").await;
    } else {
        load::run(visitors, installation.house.public_api.pid(), effort.seconds * 2, Duration::ZERO).await;
    }
    installation.waiting().await.unwrap()
}

/// Processor time of OpenSearch so far.
fn search_cpu(installation: &Installation) -> Duration {
    cpu_time(installation.house.search.pid().unwrap())
}

/// How many documents were indexed so far, by kind.
async fn indexed(installation: &Installation) -> BTreeMap<String, u64> {
    let path = "/tracardi-default-*/_stats/indexing?filter_path=indices.*.primaries.indexing.index_total";
    let answer = installation.search("GET", path, "").await;
    let indices = answer["indices"].as_object().into_iter().flatten();
    indices
        .map(|(index, stats)| (kind(index), stats["primaries"]["indexing"]["index_total"].as_u64().unwrap_or(0)))
        .fold(BTreeMap::new(), |mut all, (kind, docs)| {
            *all.entry(kind).or_default() += docs;
            all
        })
}

/// As `event` of `tracardi-default-event-000001`.
pub(super) fn kind(index: &str) -> String {
    index.split('-').nth(2).unwrap_or_default().to_owned()
}

/// Bodies of `_bulk` requests, ready to be sent.
struct Copies {
    kinds: Vec<String>,
    bodies: Vec<String>,
    documents: u64,
}

impl Copies {
    /// Of documents that are stored, in the shares in which the collector wrote them.
    async fn of(installation: &Installation, shares: &BTreeMap<String, u64>, requests: u64) -> Self {
        let all: u64 = shares.values().sum();
        let groups = (requests / GROUP).min(MOST * requests / all.max(1) / GROUP).max(1);
        let mut samples = BTreeMap::new();
        for kind in shares.keys() {
            samples.insert(kind, sample(installation, kind).await);
        }
        let (mut bodies, mut documents) = (Vec::new(), 0);
        for group in 0..groups {
            let mut body = String::new();
            for (kind, docs) in shares {
                let samples = &samples[kind];
                let rolls = matches!(kind.as_str(), "event" | "trail");
                for number in 0..docs * GROUP / requests {
                    let (id, source) = &samples[usize::try_from(number).unwrap() % samples.len()];
                    // Events are new, the others replace what is there.
                    let (action, id) =
                        if rolls { ("create", format!("{id}-{group}-{number}")) } else { ("index", id.clone()) };
                    body += &json!({action: {"_index": format!("bare-{kind}"), "_id": id}}).to_string();
                    body.push('\n');
                    body += source;
                    body.push('\n');
                    documents += 1;
                }
            }
            bodies.push(body);
        }
        Self { kinds: shares.keys().cloned().collect(), bodies, documents }
    }

    /// Sends them over so many connections; documents a second, and OpenSearch's processor time.
    async fn run(&self, installation: &Installation, width: usize) -> (f64, Duration) {
        for kind in &self.kinds {
            like(installation, kind).await;
        }
        let mut clients: Vec<_> = (0..width).map(|_| installation.search_client()).collect();
        let (began, used) = (Instant::now(), search_cpu(installation));
        join_all(clients.iter_mut().enumerate().map(async |(number, client)| {
            for body in self.bodies.iter().skip(number).step_by(width) {
                let answer = search(client, "POST", "/_bulk?filter_path=errors,items.*.status", body).await;
                assert_eq!(answer["errors"], false, "{:.300}", answer.to_string());
            }
        }))
        .await;
        let rate = count(self.documents) / began.elapsed().as_secs_f64();
        (rate, search_cpu(installation).saturating_sub(used))
    }
}

/// Documents as they are stored: id and source.
async fn sample(installation: &Installation, kind: &str) -> Vec<(String, String)> {
    let path = format!("/tracardi-default-{kind}/_search?size={SAMPLES}&sort=stored:desc");
    installation.search("POST", &format!("/tracardi-default-{kind}/_refresh"), "").await;
    let answer = installation.search("GET", &path, "").await;
    let hits = answer["hits"]["hits"].as_array().unwrap();
    assert!(!hits.is_empty(), "no documents of kind {kind}");
    hits.iter().map(|hit| (hit["_id"].as_str().unwrap().to_owned(), hit["_source"].to_string())).collect()
}

/// Makes an empty index for copies, like the one they come from, in place of the one that the run before has filled.
async fn like(installation: &Installation, kind: &str) {
    let index = format!("tracardi-default-{kind}-000001");
    let found = installation.search("GET", &format!("/{index}"), "").await;
    let settings = &found[&index]["settings"]["index"];
    let own: Value = json!({
        "number_of_shards": settings["number_of_shards"], "number_of_replicas": settings["number_of_replicas"],
        "translog": settings["translog"],
    });
    let body = json!({"settings": {"index": own}, "mappings": found[&index]["mappings"]}).to_string();
    installation.search("DELETE", &format!("/bare-{kind}?ignore_unavailable=true"), "").await;
    installation.search("PUT", &format!("/bare-{kind}"), &body).await;
}
