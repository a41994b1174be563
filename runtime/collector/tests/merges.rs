//! Profiles of one person become one: by themselves, on command, under load, and whatever crashes in between.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "a failed check panics: that is its answer; tests start tasks"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use common::{House, PRODUCTION, checkout, house, house_with, profile_of, send};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tracardi_collector::{CollectError, CollectorLimits, Merged};
use tracardi_store::conformance::samples::{batch, profile};
use tracardi_store::{Documents, Index};

fn sign_in(session: &str, n: usize, email: &str) -> Value {
    let mut body = checkout(session, None, n);
    body["events"] = json!([{"type": "sign-in", "properties": {"n": n, "email": {"main": email}}}]);
    body
}

/// Waits until nobody waits for a merge, and then until no event and no session names a profile that is gone.
async fn settled(house: &House) {
    let pause = || tokio::time::sleep(Duration::from_millis(5));
    while house.store.awaiting_merge(0, 1).await.unwrap().total > 0 {
        pause().await;
    }
    let profiles: BTreeSet<String> = house.all(Index::Profile).await.into_keys().collect();
    let known = |document: &Value| document["profile"]["id"].as_str().is_none_or(|id| profiles.contains(id));
    for index in [Index::Event, Index::Session] {
        while !house.all(index).await.values().all(known) {
            pause().await;
        }
    }
}

/// The only profile.
async fn only_profile(house: &House) -> Value {
    let profiles = house.all(Index::Profile).await;
    assert_eq!(profiles.len(), 1, "{:?}", profiles.keys());
    profiles.into_values().next().unwrap()
}

#[tokio::test]
async fn who_signs_in_with_the_same_address_is_the_same_person() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let mut profiles = Vec::new();
    for (n, session) in ["desk", "phone", "tablet"].into_iter().enumerate() {
        profiles.push(profile_of(&house.send(&checkout(session, None, n)).await.unwrap()));
        house.clock.advance(SignedDuration::from_secs(10));
    }
    house.send(&sign_in("desk", 10, "a@example.com")).await.unwrap();
    let alone = house.document(Index::Profile, &profiles[0]).await.unwrap();
    assert_eq!(alone["metadata"]["system"]["aux"], json!({}), "nobody else has the address: nothing waits");
    // The next two in one group: neither is stored when the other one claims the address.
    house.faulty.hold();
    let mut together = JoinSet::new();
    for (n, session) in [(11, "phone"), (12, "tablet")] {
        let collector = house.collector.clone();
        together.spawn(async move { send(&collector, &sign_in(session, n, " A@Example.com")).await.unwrap() });
    }
    house.faulty.release();
    together.join_all().await;
    settled(&house).await;

    let survivor = only_profile(&house).await;
    assert_eq!(survivor["id"], *profiles[0], "the oldest");
    assert_eq!(survivor["data"]["metrics"]["ltcosc"], 3);
    assert_eq!(survivor["metadata"]["time"]["visit"]["count"], 3, "a merge is no visit");
    let aux = &survivor["metadata"]["system"]["aux"];
    assert!(aux.get("auto_merge").is_none(), "{aux}");
    for id in &profiles {
        assert_eq!(
            house.document(Index::Profile, id).await.unwrap()["id"],
            *profiles[0],
            "its id leads to the survivor"
        );
    }
    for event in house.all(Index::Event).await.values() {
        assert_eq!(event["profile"]["id"], *profiles[0]);
    }
    assert_eq!(house.figure("tracardi_collector_merged_profiles_total"), 2.0);
    assert_eq!(house.figure("tracardi_collector_merges_waiting"), 0.0);
    // Three events of each of the two first requests, and their sign-ins.
    assert_eq!(house.figure("tracardi_collector_merge_events_total"), 10.0);

    // Their sessions go on: no visit of its own, no session opened again.
    let answer = house.send(&checkout("phone", Some(&profiles[1]), 20)).await.unwrap();
    assert_eq!(profile_of(&answer), profiles[0]);
    let survivor = only_profile(&house).await;
    assert_eq!(survivor["data"]["metrics"]["ltcosc"], 4);
    assert_eq!(survivor["metadata"]["time"]["visit"]["count"], 3);
    // What comes again is answered with the profile as it is called now.
    assert_eq!(profile_of(&house.send(&checkout("tablet", None, 2)).await.unwrap()), profiles[0]);
    assert_eq!(only_profile(&house).await["data"]["metrics"]["ltcosc"], 4);
    house.leave().await;
}

#[tokio::test]
async fn on_command() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let first = profile_of(&house.send(&checkout("a", None, 1)).await.unwrap());
    house.clock.advance(SignedDuration::from_secs(1));
    let second = profile_of(&house.send(&checkout("b", None, 2)).await.unwrap());
    let ids = [second.clone(), "nobody".to_owned(), first.clone()];
    let merged = house.collector.merge(PRODUCTION, &ids).await.unwrap();
    assert_eq!(merged, Merged { profile: Some(first.clone()), gone: vec![second] });
    let again = house.collector.merge(PRODUCTION, &ids).await.unwrap();
    assert_eq!(again, Merged { profile: Some(first), gone: vec![] });
    assert_eq!(house.collector.merge(PRODUCTION, &["nobody".to_owned()]).await.unwrap(), Merged::default());
    assert_eq!(only_profile(&house).await["data"]["metrics"]["ltcosc"], 2);

    // More than one transaction takes.
    let many: Vec<String> = (0..150).map(|n| format!("many-{n}")).collect();
    let profiles = many.iter().map(|id| profile(&[id])).collect();
    assert!(house.store.commit(batch(vec![], vec![], profiles)).await.unwrap().is_stored());
    let merged = house.collector.merge(PRODUCTION, &many).await.unwrap();
    assert_eq!((merged.profile.as_deref(), merged.gone.len()), (Some("many-0"), 149));
    assert_eq!(house.count(Index::Profile).await, 2);
    // Those that share an id come along, however many.
    let profiles = (0..150).map(|n| profile(&[&format!("kin-{n}"), &format!("link-{n}"), &format!("link-{}", n + 1)]));
    assert!(house.store.commit(batch(vec![], vec![], profiles.collect())).await.unwrap().is_stored());
    let merged = house.collector.merge(PRODUCTION, &["kin-149".to_owned()]).await.unwrap();
    assert_eq!((merged.profile.as_deref(), merged.gone.len()), (Some("kin-0"), 149));
    house.leave().await;
}

#[tokio::test]
async fn a_store_that_fails_is_asked_again() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let first = profile_of(&house.send(&sign_in("a", 1, "a@example.com")).await.unwrap());
    house.send(&sign_in("b", 2, "a@example.com")).await.unwrap();
    house.faulty.set_broken(true);
    let refused = house.collector.merge(PRODUCTION, &[first]).await;
    assert!(matches!(refused, Err(CollectError::Unavailable { .. })), "{refused:?}");
    house.faulty.set_broken(false);
    settled(&house).await;
    only_profile(&house).await;
    house.leave().await;
}

/// Requests and merges in a circle, sent at once; what was not acknowledged is sent again after a restart.
struct Story {
    /// Profiles a, b, c by their visitors, oldest first.
    profiles: Vec<String>,
    requests: Vec<Value>,
    merges: Vec<[usize; 2]>,
}

const VISITORS: [&str; 3] = ["a", "b", "c"];

impl Story {
    /// Three visitors with different traits; then each has two more requests, and is merged with the next one.
    async fn begin(house: &House, order: [usize; 3]) -> Self {
        let mut profiles = Vec::new();
        for (n, visitor) in VISITORS.into_iter().enumerate() {
            let mut body = checkout(visitor, None, n);
            for interest in [&format!("of-{visitor}"), "shared"] {
                let event = json!({"type": "increase-interest", "properties": {"interest": interest}});
                body["events"].as_array_mut().unwrap().push(event);
            }
            profiles.push(profile_of(&house.send(&body).await.unwrap()));
            house.clock.advance(SignedDuration::from_secs(1));
        }
        let requests = (0..6).map(|n| checkout(VISITORS[n % 3], None, 100 + n)).collect();
        let merges = [[0, 1], [1, 2], [2, 0]];
        Self { profiles, requests, merges: order.map(|at| merges[at]).to_vec() }
    }

    /// Sends what is left, everything at once; keeps what was not acknowledged.
    async fn go_on(&mut self, house: &House) {
        let mut requests = JoinSet::new();
        let mut merges = JoinSet::new();
        for step in 0..6 {
            if let Some(body) = self.requests.get(step).cloned() {
                let collector = house.collector.clone();
                requests.spawn(async move { send(&collector, &body).await.err().map(|_| body) });
            }
            if let Some(pair) = self.merges.get(step).copied() {
                let (collector, ids) = (house.collector.clone(), pair.map(|at| self.profiles[at].clone()));
                merges.spawn(async move { collector.merge(PRODUCTION, &ids).await.err().map(|_| pair) });
            }
            tokio::task::yield_now().await;
        }
        self.requests = requests.join_all().await.into_iter().flatten().collect();
        self.merges = merges.join_all().await.into_iter().flatten().collect();
    }

    fn is_over(&self) -> bool {
        self.requests.is_empty() && self.merges.is_empty()
    }

    async fn check(&self, house: &House) {
        settled(house).await;
        let survivor = only_profile(house).await;
        assert_eq!(survivor["id"], *self.profiles[0]);
        for id in &self.profiles {
            assert_eq!(house.document(Index::Profile, id).await.unwrap()["id"], survivor["id"]);
        }
        assert_eq!(survivor["data"]["metrics"]["ltcosc"], 9, "every checkout is counted once");
        assert_eq!(survivor["metadata"]["time"]["visit"]["count"], 3);
        let interests: BTreeMap<String, f64> = serde_json::from_value(survivor["interests"].clone()).unwrap();
        let expected = [("of-a", 1.0), ("of-b", 1.0), ("of-c", 1.0), ("shared", 3.0)];
        assert_eq!(interests, expected.map(|(name, value)| (name.to_owned(), value)).into());
        let events = house.all(Index::Event).await;
        let checkouts = events.values().filter(|event| event["type"] == "checkout-started").count();
        assert_eq!(checkouts, 9);
        assert!(events.values().all(|event| event["profile"]["id"] == survivor["id"]));
        let opened = events.values().filter(|event| event["type"] == "session-opened").count();
        assert_eq!(opened, 3, "a session goes on through a merge");
    }
}

const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Few documents at a time, so that a merge has many steps.
async fn small_steps(directory: &Path) -> House {
    house_with(directory, CollectorLimits { merge_documents: 3, ..CollectorLimits::default() }).await
}

#[tokio::test]
async fn merges_in_a_circle_with_events_in_flight() {
    for order in ORDERS {
        let directory = tempfile::tempdir().unwrap();
        let house = small_steps(directory.path()).await;
        let mut story = Story::begin(&house, order).await;
        story.go_on(&house).await;
        assert!(story.is_over());
        story.check(&house).await;
        house.leave().await;
    }
}

/// After each transaction of a circle of merges the process ends, and another one goes on.
#[tokio::test]
async fn a_crash_after_any_transaction() {
    for order in ORDERS.into_iter().step_by(5) {
        for life in 0.. {
            let directory = tempfile::tempdir().unwrap();
            let first = small_steps(directory.path()).await;
            let mut story = Story::begin(&first, order).await;
            first.faulty.break_after(life);
            story.go_on(&first).await;
            let survived = story.is_over();
            if survived && life > 0 {
                settle_or_break(&first).await;
            }
            let over = survived && first.faulty.life() > 0;
            first.leave().await;
            let second = small_steps(directory.path()).await;
            story.go_on(&second).await;
            assert!(story.is_over());
            story.check(&second).await;
            second.leave().await;
            if over {
                assert!(life > 3, "it took more than one transaction");
                break;
            }
        }
    }
}

/// Until there is nothing left to do, or the store is broken.
async fn settle_or_break(house: &House) {
    tokio::select! {
        () = settled(house) => {}
        () = async {
            while house.faulty.life() > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        } => {}
    }
}
