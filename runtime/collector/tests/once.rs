//! Exactly once in effect: counters, repeats, restarts, new visitors in parallel.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "a failed check panics: that is its answer; tests start tasks"
)]

mod common;

use std::sync::Arc;

use common::{checkout, house, profile_of, send};
use serde_json::json;
use tokio::task::JoinSet;
use tracardi_store::Index;

#[tokio::test]
async fn a_new_visitor_gets_profile_and_session() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let answer = house.send(&checkout("s", None, 1)).await.unwrap();
    let profile = house.document(Index::Profile, &profile_of(&answer)).await.unwrap();
    assert_eq!(profile["data"]["metrics"]["ltcosc"], 1);
    assert_eq!(profile["metadata"]["time"]["visit"]["count"], 1);
    let session = house.document(Index::Session, "s").await.unwrap();
    assert_eq!(session["profile"]["id"], profile["id"]);
    // The checkout, profile-created, visit-started, session-opened.
    assert_eq!(house.count(Index::Event).await, 4);
    assert_eq!(house.figure("tracardi_collector_events_stored_total"), 4.0);
}

#[tokio::test]
async fn the_same_request_again_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let request = checkout("s", None, 1);
    let (first, before) = {
        let house = house(directory.path()).await;
        let first = house.send(&request).await.unwrap();
        // In different groups, then in one.
        assert_eq!(house.send(&request).await.unwrap(), first);
        house.faulty.hold();
        let mut together = JoinSet::new();
        for _ in 0..5 {
            let (collector, request) = (house.collector.clone(), request.clone());
            together.spawn(async move { send(&collector, &request).await.unwrap() });
        }
        house.faulty.release();
        while let Some(answer) = together.join_next().await {
            assert_eq!(answer.unwrap(), first);
        }
        let before = (house.all(Index::Event).await, house.all(Index::Profile).await, house.all(Index::Session).await);
        house.leave().await;
        (first, before)
    };
    // After a restart, with nothing in memory.
    let house = house(directory.path()).await;
    assert_eq!(house.send(&request).await.unwrap(), first);
    assert_eq!(house.send(&request).await.unwrap(), first);
    let after = (house.all(Index::Event).await, house.all(Index::Profile).await, house.all(Index::Session).await);
    assert_eq!(after, before);
}

#[tokio::test]
async fn the_same_request_twice_in_the_first_group() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    house.faulty.hold();
    let mut together = JoinSet::new();
    for n in [0, 1, 1, 1, 2, 2] {
        let collector = house.collector.clone();
        together.spawn(async move { (n, send(&collector, &checkout("s", None, n)).await.unwrap()) });
    }
    house.until_under_way(6, 1).await;
    house.faulty.release();
    let answers = together.join_all().await;
    let profile = profile_of(&answers[0].1);
    assert!(answers.iter().all(|(_, answer)| profile_of(answer) == profile));
    assert_eq!(house.document(Index::Profile, &profile).await.unwrap()["data"]["metrics"]["ltcosc"], 3);
    assert_eq!(house.count(Index::Event).await, 3 + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_are_exact_under_parallel_load() {
    const CLIENTS: usize = 64;
    const EVENTS: usize = 1000;
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let profile = profile_of(&house.send(&checkout("first", None, EVENTS)).await.unwrap());
    let collector = house.collector.clone();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (collector, profile) = (collector.clone(), profile.clone());
        clients.spawn(async move {
            for n in (client..EVENTS).step_by(CLIENTS) {
                // Each client has a session of its own: each is a visit of the same profile.
                let body = checkout(&format!("session-{client}"), Some(&profile), n);
                assert_eq!(profile_of(&send(&collector, &body).await.unwrap()), profile);
            }
        });
    }
    clients.join_all().await;
    let stored = house.document(Index::Profile, &profile).await.unwrap();
    assert_eq!(stored["data"]["metrics"]["ltcosc"], EVENTS + 1);
    assert_eq!(stored["data"]["metrics"]["ltcosv"], 2.0 * (EVENTS as f64 + 1.0));
    assert_eq!(stored["metadata"]["time"]["visit"]["count"], CLIENTS + 1);
    assert_eq!(house.count(Index::Session).await, CLIENTS as u64 + 1);
    // For each visit visit-started and session-opened, once profile-created.
    assert_eq!(house.count(Index::Event).await, (EVENTS + 1 + 2 * (CLIENTS + 1) + 1) as u64);
    let (_, commits) = house.faulty.calls();
    println!("{} commits for {} requests", commits, EVENTS + 1);
    assert!(commits < EVENTS, "requests share commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_requests_of_an_unknown_session_make_one_profile() {
    let directory = tempfile::tempdir().unwrap();
    let house = Arc::new(house(directory.path()).await);
    for round in 0..20 {
        let mut pair = JoinSet::new();
        for n in 0..2 {
            let house = house.clone();
            pair.spawn(async move { house.send(&checkout(&format!("s{round}"), None, n)).await.unwrap() });
        }
        let answers = pair.join_all().await;
        assert_eq!(profile_of(&answers[0]), profile_of(&answers[1]));
    }
    assert_eq!(house.count(Index::Profile).await, 20);
    for profile in house.all(Index::Profile).await.values() {
        assert_eq!(profile["data"]["metrics"]["ltcosc"], 2);
        assert_eq!(profile["metadata"]["time"]["visit"]["count"], 1);
    }
}

#[tokio::test]
async fn events_that_are_not_kept_are_applied_once_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut request = checkout("s", None, 1);
    request["options"] = json!({"saveEvents": false});
    let first = {
        let house = house(directory.path()).await;
        let first = house.send(&request).await.unwrap();
        assert_eq!(profile_of(&house.send(&request).await.unwrap()), profile_of(&first));
        assert_eq!(house.count(Index::Event).await, 0);
        house.leave().await;
        first
    };
    let house = house(directory.path()).await;
    // Also when it comes back as one to be kept: it has had its effect.
    request["options"] = json!({});
    for _ in 0..2 {
        house.send(&request).await.unwrap();
    }
    let profile = house.document(Index::Profile, &profile_of(&first)).await.unwrap();
    assert_eq!(profile["data"]["metrics"]["ltcosc"], 1);
}

#[tokio::test]
async fn a_part_that_is_stored_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let event = |n: usize| json!({"type": "checkout-started", "properties": {"id": n}});
    let body =
        |events: Vec<serde_json::Value>| json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": events});
    let answer = house.send(&body(vec![event(1)])).await.unwrap();
    house.send(&body(vec![event(1), event(2)])).await.unwrap();
    house.send(&body(vec![event(2), event(3), event(1)])).await.unwrap();
    let profile = house.document(Index::Profile, &profile_of(&answer)).await.unwrap();
    assert_eq!(profile["data"]["metrics"]["ltcosc"], 3);
    assert_eq!(house.count(Index::Event).await, 3 + 3);
    // Equal events within one request are different events.
    house.send(&body(vec![event(4), event(4)])).await.unwrap();
    assert_eq!(house.count(Index::Event).await, 5 + 3);
}
