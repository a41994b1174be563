//! Visitors who are recognised by their device: within a group, across groups, and what it costs the store.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a failed check panics: that is its answer; tests start tasks"
)]

mod common;

use std::collections::BTreeSet;

use common::{checkout, house, profile_of, send};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracardi_store::Index;

/// A request of a new visitor, with a device.
fn visit(session: &str, width: u32, n: usize) -> Value {
    let mut body = checkout(session, None, n);
    body["source"]["id"] = json!("devices");
    body["context"]["screen"] = json!({"local": {"width": width, "height": 800}});
    body
}

#[tokio::test]
async fn of_strangers_at_a_time_those_with_one_device_are_one() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    house.faulty.hold();
    let mut together = JoinSet::new();
    for n in 0..20 {
        let collector = house.collector.clone();
        let width = if n % 2 == 0 { 1280 } else { 1920 };
        together.spawn(async move {
            (width, profile_of(&send(&collector, &visit(&format!("s{n}"), width, n)).await.unwrap()))
        });
    }
    house.until_under_way(20, 1).await;
    house.faulty.release();
    let profiles: BTreeSet<(u32, String)> = together.join_all().await.into_iter().collect();
    assert_eq!(profiles.len(), 2, "{profiles:?}");
    assert_eq!(house.count(Index::Profile).await, 2);
}

#[tokio::test]
async fn recognition_costs_no_call_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let first = profile_of(&house.send(&visit("s1", 1280, 1)).await.unwrap());
    assert_eq!(house.faulty.calls(), (1, 1), "a stranger");
    house.send(&visit("s1", 1280, 2)).await.unwrap();
    assert_eq!(house.faulty.calls(), (0, 1), "a hot request");
    assert_eq!(profile_of(&house.send(&visit("s2", 1280, 3)).await.unwrap()), first);
    assert_eq!(house.faulty.calls(), (1, 1), "a stranger who is recognised: is the session there?");
    assert_eq!(profile_of(&house.send(&visit("s2", 1280, 3)).await.unwrap()), first, "the same again");
    assert_eq!(house.count(Index::Profile).await, 1);
    let profile = house.document(Index::Profile, &first).await.unwrap();
    assert_eq!(profile["data"]["metrics"]["ltcosc"], json!(3), "each once");
}

#[tokio::test]
async fn a_deleted_profile_does_not_come_back_by_the_device() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let first = profile_of(&house.send(&visit("s1", 1280, 1)).await.unwrap());
    assert!(house.collector.delete(common::PRODUCTION, Index::Profile, &first).await.unwrap());
    let second = profile_of(&house.send(&visit("s2", 1280, 2)).await.unwrap());
    assert_ne!(second, first);
    assert_eq!(profile_of(&house.send(&visit("s3", 1280, 3)).await.unwrap()), second);
}

#[tokio::test]
async fn after_a_restart_nobody_is_recognised() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    house.send(&visit("s1", 1280, 1)).await.unwrap();
    house.leave().await;
    let house = common::house(directory.path()).await;
    house.send(&visit("s2", 1280, 2)).await.unwrap();
    assert_eq!(house.count(Index::Profile).await, 2);
}
