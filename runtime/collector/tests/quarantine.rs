//! Events that were not taken: kept with what was sent for them, replayed once; and one on which the program fails hurts
//! nobody else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

mod common;

use std::sync::Arc;

use common::{House, PRODUCTION, command, house_of, profile_of};
use serde_json::{Value, json};
use tracardi_collector::{CollectError, CollectorLimits};
use tracardi_engine::{Command, Configuration, Rejected, Settings, WorkflowOutcome, WorkflowRun, Workflows};
use tracardi_model::configuration::Kind;
use tracardi_model::{EventSource, Original, SourceType, TrackAnswer};
use tracardi_store::conformance::faults::Fault;
use tracardi_store::{Documents as _, Index};

/// Panics when it is dropped: so the panic of a workflow reaches the engine.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a defect of the program");
    }
}

/// Explodes on events whose property `bad` is true.
#[derive(Debug)]
struct Explosive;

impl Workflows for Explosive {
    fn run(&self, _: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        if run.event.properties.as_ref()?.get("bad") == Some(&Value::Bool(true)) {
            std::panic::panic_any(Bomb);
        }
        let mut profile = run.profile?.clone();
        profile.stats.visits += 1;
        Some(WorkflowOutcome { profile: Some(profile), ..WorkflowOutcome::default() })
    }
}

fn settings(checked: bool, explosive: bool) -> Settings {
    let schemas = json!({"event@properties.size": {"type": "number"}});
    let named = |id: &str| json!({"id": id, "name": id});
    let check = json!({"id": "check", "name": "c", "event_type": "order", "enabled": checked, "validation": {"json_schema": schemas}});
    let rule = json!({"id": "rule", "event_type": "order", "source": named("shop"), "flow": named("f")});
    let records = [(Kind::EventValidator, "check", &check), (Kind::Rule, "rule", &rule)];
    let mut settings = Settings::new("test").unwrap();
    settings.configurations[PRODUCTION] = Arc::new(Configuration::compile(records));
    settings.workflows = explosive.then(|| Arc::new(Explosive) as Arc<dyn Workflows>);
    settings
}

async fn house(directory: &std::path::Path, settings: Settings) -> House {
    house_of(directory, CollectorLimits::default(), settings).await
}

async fn send(house: &House, body: &Value) -> Result<TrackAnswer, CollectError> {
    let text = body.to_string();
    house.collector.collect(command(body).with_body(text.clone().into()), text.len()).await
}

fn order(session: &str, id: &str, properties: &Value) -> Value {
    json!({"source": {"id": "shop"}, "session": {"id": session}, "events": [{"type": "order", "id": id, "properties": properties}]})
}

async fn original(house: &House, id: &str) -> Option<Original> {
    let text = house.store.original(PRODUCTION, id).await.unwrap()?;
    Some(serde_json::from_str(text.get()).unwrap())
}

/// As the API does it.
async fn replay(house: &House, original: &Original, settings: &Settings) -> Result<(), CollectError> {
    let source = EventSource::new("shop", "Shop", vec![SourceType::Rest], jiff::Timestamp::UNIX_EPOCH);
    let command = Command::replay(PRODUCTION, Arc::new(source), original, settings).unwrap();
    house.collector.collect(command, 1_000).await.map(drop)
}

fn refused(result: Result<(), CollectError>) -> String {
    match result {
        Err(CollectError::Rejected(rejected @ Rejected::NotReplayed { .. })) => rejected.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invalid_event_is_replayed_exactly_once() {
    let directory = tempfile::tempdir().unwrap();
    let first = house(directory.path(), settings(true, true)).await;
    let profile = profile_of(&send(&first, &order("s", "e", &json!({"size": "XL"}))).await.unwrap());
    let kept = original(&first, "e").await.unwrap();
    assert_eq!(kept.profile.as_deref(), Some(profile.as_str()));
    assert!((first.figure("tracardi_collector_events_quarantined") - 1.0).abs() < f64::EPSILON);
    let why = refused(replay(&first, &kept, &settings(true, true)).await);
    assert!(why.contains("validation check"), "{why}");
    first.leave().await;

    let house = house(directory.path(), settings(false, true)).await;
    let now = settings(false, true);
    // A commit that fails changes nothing; one whose answer gets lost has happened.
    house.faulty.fail_commit(Fault::Before);
    replay(&house, &kept, &now).await.unwrap_err();
    assert_eq!(house.document(Index::Event, "e").await.unwrap()["metadata"]["valid"], json!(false));
    house.faulty.fail_commit(Fault::After);
    replay(&house, &kept, &now).await.unwrap_err();
    let (one, another) = tokio::join!(replay(&house, &kept, &now), replay(&house, &kept, &now));
    assert_eq!(refused(one), refused(another));
    let event = house.document(Index::Event, "e").await.unwrap();
    assert_eq!((&event["metadata"]["valid"], &event["properties"]["size"]), (&json!(true), &json!("XL")));
    assert_eq!(house.document(Index::Profile, &profile).await.unwrap()["stats"]["visits"], json!(1), "once");
    assert!(original(&house, "e").await.is_none());
    // The client's own repetition finds its event.
    send(&house, &order("s", "e", &json!({"size": "XL"}))).await.unwrap();
    assert_eq!(house.document(Index::Profile, &profile).await.unwrap()["stats"]["visits"], json!(1));
}

#[tokio::test]
async fn two_replays_in_one_group_are_one() {
    let directory = tempfile::tempdir().unwrap();
    let first = house(directory.path(), settings(true, true)).await;
    send(&first, &order("s", "e", &json!({}))).await.unwrap();
    let kept = original(&first, "e").await.unwrap();
    first.leave().await;
    let house = house(directory.path(), settings(false, true)).await;
    let now = settings(false, true);
    house.faulty.hold();
    let other = order("t", "x", &json!({}));
    let held = send(&house, &other);
    let replays = async {
        house.until_under_way(1, 1).await;
        let both = async { tokio::join!(replay(&house, &kept, &now), replay(&house, &kept, &now)) };
        let release = async {
            house.until_under_way(3, 1).await;
            house.faulty.release();
        };
        tokio::join!(both, release).0
    };
    let (_, (one, other)) = tokio::join!(held, replays);
    assert_eq!((one.is_ok(), other.is_ok()), (true, false), "{one:?} {other:?}");
    assert_eq!(house.count(Index::Event).await, house.all(Index::Event).await.len() as u64);
    assert!(house.document(Index::Event, "e").await.unwrap()["metadata"]["valid"] == json!(true));
}

#[tokio::test]
async fn an_event_on_which_the_program_fails_hurts_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let first = house(directory.path(), settings(false, true)).await;
    let good = json!({"size": 1});
    let mixed = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [
        {"type": "order", "id": "a", "properties": good}, {"type": "order", "id": "b", "properties": {"bad": true}},
        {"type": "order", "id": "c", "properties": good}]});
    let alone = order("t", "d", &json!({"bad": true}));
    let neighbour = order("u", "e", &good);
    let (mixed_answer, alone_answer, neighbour_answer) =
        tokio::join!(send(&first, &mixed), send(&first, &alone), send(&first, &neighbour));
    let (mixed_answer, alone_answer) = (mixed_answer.unwrap(), alone_answer.unwrap());
    assert_eq!((mixed_answer.warnings.len(), alone_answer.warnings.len()), (1, 1));
    assert_eq!(neighbour_answer.unwrap().warnings.len(), 0);
    let profile = profile_of(&mixed_answer);
    let visits =
        async |house: &House| house.document(Index::Profile, &profile).await.unwrap()["stats"]["visits"].clone();
    assert_eq!(visits(&first).await, json!(2), "what the others lead to");
    for (id, valid) in [("a", true), ("b", false), ("c", true), ("d", false), ("e", true)] {
        let event = first.document(Index::Event, id).await.unwrap();
        assert_eq!((&event["metadata"]["valid"], &event["metadata"]["error"]), (&json!(valid), &json!(!valid)), "{id}");
        assert_eq!(original(&first, id).await.is_some(), !valid, "{id}");
    }
    // The same again has no second effect, and a replay does not help as long as the program is as it is.
    send(&first, &mixed).await.unwrap();
    assert_eq!((visits(&first).await, first.store.quarantine(PRODUCTION, 0, 10).await.unwrap().total), (json!(2), 2));
    let kept = original(&first, "b").await.unwrap();
    let why = refused(replay(&first, &kept, &settings(false, true)).await);
    assert!(why.contains("a defect of the program"), "{why}");
    first.leave().await;

    let mended = house(directory.path(), settings(false, false)).await;
    replay(&mended, &kept, &settings(false, false)).await.unwrap();
    let event = mended.document(Index::Event, "b").await.unwrap();
    assert_eq!((&event["metadata"]["valid"], &event["profile"]["id"]), (&json!(true), &json!(profile)));
    assert_eq!(mended.store.quarantine(PRODUCTION, 0, 10).await.unwrap().total, 1);
}
