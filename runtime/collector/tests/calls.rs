//! How often the store is called, exactly; and that grouping makes no difference.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "a failed check panics: that is its answer; tests start tasks"
)]

mod common;

use common::{checkout, house, house_with, profile_of, send};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracardi_collector::CollectorLimits;
use tracardi_store::Index;

/// (loads, commits) of requests that are stored as one group.
async fn as_one_group(house: &common::House, bodies: Vec<Value>) -> (usize, usize) {
    house.faulty.hold();
    let (count, commits) = (bodies.len(), house.faulty.sizes().len());
    // A group on its way; what comes meanwhile gathers.
    let collector = house.collector.clone();
    let plug = tokio::spawn(async move { send(&collector, &checkout("plug", None, rand_n())).await });
    house.until_under_way(1, commits + 1).await;
    let mut together = JoinSet::new();
    for body in bodies {
        let collector = house.collector.clone();
        together.spawn(async move { send(&collector, &body).await.unwrap() });
        tokio::task::yield_now().await;
    }
    house.until_under_way(1 + count, commits + 1).await;
    house.faulty.calls();
    house.faulty.release();
    plug.await.unwrap().unwrap();
    together.join_all().await;
    house.faulty.calls()
}

fn rand_n() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(1_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test]
async fn calls_per_group() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let sessions =
        |n: usize, from: usize| (0..n).map(|s| checkout(&format!("s{s}"), None, from + s)).collect::<Vec<_>>();

    house.send(&checkout("s0", None, 0)).await.unwrap();
    assert_eq!(house.faulty.calls(), (1, 1), "one cold request");
    house.send(&checkout("s0", None, 1)).await.unwrap();
    assert_eq!(house.faulty.calls(), (0, 1), "one hot request: a commit and nothing else");
    house.send(&checkout("s0", None, 1)).await.unwrap();
    assert_eq!(house.faulty.calls(), (1, 1), "a repeated one: the commit refuses, one look-up, nothing to store");

    assert_eq!(as_one_group(&house, sessions(40, 100)).await, (1, 1), "forty, cold ones among them");
    assert_eq!(as_one_group(&house, sessions(40, 200)).await, (0, 1), "forty hot ones");
    assert_eq!(as_one_group(&house, sessions(40, 200)).await, (1, 1), "forty repeated ones");
    let mut mixed = sessions(40, 300);
    mixed.extend(sessions(10, 200));
    assert_eq!(as_one_group(&house, mixed).await, (1, 2), "ten repeated among forty: run twice, stored once");
}

#[tokio::test]
async fn a_hot_profile_found_by_another_id_costs_no_load() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let mut identified = checkout("s", None, 0);
    identified["events"][0] =
        json!({"type": "profile-update", "properties": {"contact": {"email": {"main": "a@example.com"}}}});
    let id = profile_of(&house.send(&identified).await.unwrap());
    let profile = house.document(Index::Profile, &id).await.unwrap();
    let alias = profile["ids"].as_array().unwrap().iter().find_map(|other| other.as_str().filter(|other| *other != id));
    let alias = alias.expect("a hashed id of the address").to_owned();
    house.faulty.calls();
    // New sessions must be looked up; the profile by its other id is found, the first time with them.
    assert_eq!(profile_of(&house.send(&checkout("t", Some(&alias), 1)).await.unwrap()), id);
    assert_eq!(profile_of(&house.send(&checkout("u", Some(&alias), 2)).await.unwrap()), id);
    assert_eq!(house.faulty.calls(), (2, 2));
    assert_eq!(house.count(Index::Profile).await, 1);
    assert_eq!(house.document(Index::Profile, &alias).await.unwrap()["data"]["metrics"]["ltcosc"], 2);
}

/// A small pseudo-random sequence of requests: few sessions and profiles, repeats, new visitors, identification. No two
/// give the same address: when profiles are merged depends on the groups, and merges have tests of their own.
fn story(seed: u64) -> Vec<Value> {
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut bodies: Vec<Value> = Vec::new();
    for n in 0..60 {
        if draw(6) == 0
            && let Some(body) = bodies.get(usize::try_from(draw(60)).unwrap())
        {
            bodies.push(body.clone());
            continue;
        }
        let events = (0..=draw(2))
            .map(|e| match draw(4) {
                0 => json!({"type": "profile-update", "properties":
                    {"contact": {"email": {"main": format!("{n}-{e}@example.com")}}, "n": n}}),
                1 => json!({"type": "visit-ended", "properties": {"n": n, "e": e}}),
                _ => json!({"type": "checkout-started", "properties": {"id": format!("{n}-{e}"), "value": draw(9)}}),
            })
            .collect::<Vec<_>>();
        let mut body = json!({"source": {"id": "shop"}, "events": events});
        if draw(8) > 0 {
            body["session"] = json!({"id": format!("s{}", draw(5))});
        }
        if draw(3) == 0 {
            body["profile"] = json!({"id": format!("p{}", draw(3))});
        }
        if draw(10) == 0 {
            body["options"] = json!({"saveEvents": false});
        }
        bodies.push(body);
    }
    bodies
}

#[tokio::test]
async fn grouping_makes_no_difference() {
    for seed in 1..=5 {
        let mut results = Vec::new();
        for (group, cache_bytes) in [(1, 32 << 20), (7, 0), (512, 32 << 20), (1, 0)] {
            let directory = tempfile::tempdir().unwrap();
            let limits = CollectorLimits { group, cache_bytes, ..CollectorLimits::default() };
            let house = house_with(directory.path(), limits).await;
            house.faulty.hold();
            let mut pending = Vec::new();
            for body in story(seed) {
                let collector = house.collector.clone();
                pending.push(tokio::spawn(
                    async move { send(&collector, &body).await.map_err(|error| error.to_string()) },
                ));
                // The order in which requests arrive is part of the story.
                tokio::task::yield_now().await;
            }
            house.faulty.release();
            let mut answers = Vec::new();
            for answer in pending {
                answers.push(answer.await.unwrap());
            }
            let documents =
                (house.all(Index::Event).await, house.all(Index::Profile).await, house.all(Index::Session).await);
            results.push((group, cache_bytes, answers, documents));
        }
        let (.., answers, documents) = &results[0];
        for (group, cache_bytes, others, other_documents) in &results[1..] {
            assert_eq!(others, answers, "seed {seed}, group {group}, cache {cache_bytes}");
            assert_eq!(other_documents, documents, "seed {seed}, group {group}, cache {cache_bytes}");
        }
    }
}
