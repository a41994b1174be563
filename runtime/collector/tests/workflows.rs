//! What workflows lead to is stored with their event, once, or not at all.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

mod common;

use std::sync::Arc;

use common::{House, PRODUCTION, house_of, profile_of};
use serde_json::{Value, json};
use tracardi_collector::CollectorLimits;
use tracardi_engine::workflows::Later;
use tracardi_engine::{Configuration, Settings, WorkflowOutcome, WorkflowRun, Workflows};
use tracardi_model::configuration::Kind;
use tracardi_model::{Map, Path};
use tracardi_store::conformance::faults::Fault;
use tracardi_store::{Documents as _, Index};

/// Counts a visit and asks to be continued at once; the workflow `broken` panics, `merge` says that a card is one person's, and
/// writes on the event that it did.
#[derive(Debug)]
struct Counting;

impl Workflows for Counting {
    fn run(&self, flow: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        assert_ne!(flow, "broken", "it is");
        if flow == "merge" {
            let mut event = run.event.clone();
            event.traits.insert("looked".to_owned(), json!(true));
            let merge_by = vec![Path::parse("traits.card").unwrap()];
            return Some(WorkflowOutcome { event: Some(event), merge_by, ..WorkflowOutcome::default() });
        }
        let mut profile = run.profile?.clone();
        profile.stats.visits += 1;
        let properties = Map::new();
        let later = Later { due: run.now, node: "n".to_owned(), event_type: None, properties };
        Some(WorkflowOutcome { profile: Some(profile), later: vec![later], ..WorkflowOutcome::default() })
    }
}

async fn house(directory: &std::path::Path) -> House {
    let rule = |id: &str, kind: &str, flow: &str| {
        let named = |id: &str| json!({"id": id, "name": id});
        json!({"id": id, "event_type": kind, "source": named("shop"), "flow": named(flow)})
    };
    let rules =
        [rule("a", "seen", "count"), rule("b", "bad", "broken"), rule("c", "bad", "count"), rule("d", "card", "merge")];
    let field = |path: &str| json!({"value": path, "ref": true});
    let card = json!({"id": "card", "name": "card", "enabled": true, "event_type": "card",
        "event_to_profile": [{"event": field("properties.card"), "op": 0, "profile": field("traits.card")}]});
    let records = rules.iter().map(|rule| (Kind::Rule, "rule", rule)).chain([(Kind::EventToProfile, "card", &card)]);
    let configuration = Configuration::compile(records);
    assert_eq!(configuration.problems(), []);
    let mut settings = Settings::new("test").unwrap();
    settings.configurations[PRODUCTION] = Arc::new(configuration);
    settings.workflows = Some(Arc::new(Counting));
    house_of(directory, CollectorLimits::default(), settings).await
}

fn request(kind: &str, id: &str) -> Value {
    json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"type": kind, "id": id}]})
}

/// Visits on the profile, and how often something is to happen later.
async fn state(house: &House, profile: &str) -> (Value, u64) {
    let profile = house.document(Index::Profile, profile).await.unwrap();
    (profile["stats"]["visits"].clone(), house.store.delayed(PRODUCTION, 0, 10).await.unwrap().total)
}

#[tokio::test]
async fn a_repeated_request_runs_nothing_twice() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let profile = profile_of(&house.send(&request("seen", "e0")).await.unwrap());
    assert_eq!(state(&house, &profile).await, (json!(1), 1));
    for (fault, id, after) in [(Fault::Before, "e1", (json!(1), 1)), (Fault::After, "e2", (json!(3), 3))] {
        house.faulty.fail_commit(fault);
        house.send(&request("seen", id)).await.unwrap_err();
        assert_eq!(state(&house, &profile).await, after, "{fault:?}");
        house.send(&request("seen", id)).await.unwrap();
        house.send(&request("seen", id)).await.unwrap();
    }
    assert_eq!(state(&house, &profile).await, (json!(3), 3));
    let event = house.document(Index::Event, "e2").await.unwrap();
    assert_eq!(event["metadata"]["processed_by"]["flows"], json!(["count"]));
}

#[tokio::test]
async fn a_workflow_that_panics_hurts_its_event_only_and_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let profile = profile_of(&house.send(&request("bad", "e")).await.unwrap());
    assert_eq!(state(&house, &profile).await, (json!(1), 1), "the next workflow did its work");
    assert_eq!(house.document(Index::Event, "e").await.unwrap()["metadata"]["error"], json!(true));
    assert!((house.figure("tracardi_collector_engine_panics") - 1.0).abs() < f64::EPSILON);
    assert!((house.figure("tracardi_collector_events_failed") - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn profiles_that_a_workflow_takes_for_one_person_become_one() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let shown = |session: &str, card: &str| {
        json!({"source": {"id": "shop"}, "session": {"id": session}, "events": [
            {"type": "card", "id": format!("{session}-{card}"), "properties": {"card": card}}]})
    };
    let first = profile_of(&house.send(&shown("desk", "X-1")).await.unwrap());
    assert_eq!(house.document(Index::Event, "desk-x-1").await.unwrap()["traits"], json!({"looked": true}));
    let alone = house.document(Index::Profile, &first).await.unwrap();
    assert_eq!(alone["metadata"]["system"]["aux"], json!({}), "nobody else has the card: nothing waits");
    house.clock.advance(jiff::SignedDuration::from_secs(10));
    let other = profile_of(&house.send(&shown("till", "X-2")).await.unwrap());
    assert_eq!(house.count(Index::Profile).await, 2);
    let same = profile_of(&house.send(&shown("phone", "x-1 ")).await.unwrap());
    assert!(same != first && same != other);
    while house.count(Index::Profile).await > 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(house.document(Index::Profile, &same).await.unwrap()["id"], *first, "the oldest");
    assert_eq!(house.document(Index::Profile, &other).await.unwrap()["id"], *other);
}
