//! Documents a second that the collector stores of what waits in the queue, against the same documents in bare `_bulk` requests: copied
//! into indices with the same mappings, shards and durability, a group of the collector's in each request, one request at a time as the
//! collector does it, and for comparison two.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::Effort;
use crate::figures::{Spread, count};
use crate::installation::{Installation, search};
use crate::load;

/// How many send what then waits.
const CLIENTS: usize = 128;
/// Requests that the collector takes at once.
const GROUP: u64 = 512;
/// Documents that the bare requests of a round hold at most.
const MOST: u64 = 60_000;
/// Documents of each kind that are copied, again and again.
const SAMPLES: u64 = 512;

pub(crate) async fn measure(installation: &mut Installation, effort: &Effort) {
    let mut visitors = installation.visitors("storage", CLIENTS).await;
    installation.drained().await;
    let (mut ours, mut one, mut two) = (Vec::new(), Vec::new(), Vec::new());
    let mut shares = BTreeMap::new();
    // The first round makes both warm.
    for round in 0..=effort.rounds {
        installation.stop_collector().await;
        let before = indexed(installation).await;
        let pid = installation.house.public_api.pid();
        let requests = load::run(&mut visitors, pid, effort.seconds * 2, Duration::ZERO).await.requests;
        let rate = installation.drain(async |all| indexed(all).await.values().sum()).await;
        let after = indexed(installation).await;
        shares = after.into_iter().map(|(kind, docs)| (kind.clone(), docs - before.get(&kind).unwrap_or(&0))).collect();
        shares.retain(|_, docs| *docs > 0);
        let copies = Copies::of(installation, &shares, requests as u64).await;
        let (alone, double) = (copies.run(installation, 1).await, copies.run(installation, 2).await);
        if round > 0 {
            ours.push(rate);
            one.push(alone);
            two.push(double);
        }
    }
    let ratio = |of: &[f64]| Spread::of(ours.iter().zip(of).map(|(ours, bare)| ours / bare).collect()).to_string();
    let ratios = [ratio(&one), ratio(&two)];
    println!("documents a second: median (lowest-highest) of {} rounds", effort.rounds);
    let kinds: Vec<String> = shares.iter().map(|(kind, docs)| format!("{kind} {docs}")).collect();
    println!("documents of a round: {}", kinds.join(", "));
    println!("{:>28} {:>24} {:>20}", "", "documents a second", "collector ÷ this");
    println!("{:>28} {:>24}", "collector", Spread::of(ours).to_string());
    println!("{:>28} {:>24} {:>20}", "_bulk, one at a time", Spread::of(one).to_string(), ratios[0]);
    println!("{:>28} {:>24} {:>20}", "_bulk, two at a time", Spread::of(two).to_string(), ratios[1]);
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

    /// Sends them over so many connections; documents a second.
    async fn run(&self, installation: &Installation, width: usize) -> f64 {
        for kind in &self.kinds {
            like(installation, kind).await;
        }
        let mut clients: Vec<_> = (0..width).map(|_| installation.search_client()).collect();
        let began = Instant::now();
        join_all(clients.iter_mut().enumerate().map(async |(number, client)| {
            for body in self.bodies.iter().skip(number).step_by(width) {
                let answer = search(client, "POST", "/_bulk?filter_path=errors,items.*.status", body).await;
                assert_eq!(answer["errors"], false, "{:.300}", answer.to_string());
            }
        }))
        .await;
        count(self.documents) / began.elapsed().as_secs_f64()
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
