//! What is kept of events that were not taken, and how they are replayed.

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, Original, Quarantine, SeededEntropy};

use super::world::World;
use crate::{Command, Outcome, Rejected, collect};

fn check() -> (Kind, Value) {
    let schemas = json!({"event@properties.email": {"type": "string"}});
    (Kind::EventValidator, json!({"event_type": "sign-up", "validation": {"json_schema": schemas}}))
}

fn protection(action: &str, field: &str) -> (Kind, Value) {
    let consents = json!([{"id": "marketing", "name": "m"}]);
    let setting = json!({"action": action, "field": {"value": field, "ref": true}, "consents": consents});
    (Kind::DataCompliance, json!({"event_type": "sign-up", "settings": [setting]}))
}

/// Sends a body as it stands.
fn send(world: &mut World, body: &str) -> Outcome {
    let command = world.command(&serde_json::from_str(body).unwrap()).with_body(body.to_owned().into());
    let mut entropy = SeededEntropy::new(command.digest());
    let outcome = collect(&command, world.state(&command), &world.settings, world.now, &mut entropy).unwrap();
    world.keep(&outcome);
    outcome
}

fn replay(world: &mut World, original: &Original) -> Result<Outcome, Rejected> {
    let command = Command::replay(Context::Production, world.source.clone(), original, &world.settings).unwrap();
    let mut entropy = SeededEntropy::new(command.digest());
    let outcome = collect(&command, world.state(&command), &world.settings, world.now, &mut entropy)?;
    world.events.remove(&original.id);
    world.keep(&outcome);
    Ok(outcome)
}

const BODY: &str = r#"{ "source":{"id":"src-1"}, "context": {"page": {"title" : "Join"}}, "more": [1,  2],
 "events": [ {"type":"page-view"}, {"type" : "Sign Up", "extra": 1e2, "properties": {"email":5, "phone":"7"}} ] }"#;

#[test]
fn an_invalid_event_keeps_the_bytes_of_its_client() {
    let mut world = World::new();
    world.configure(&[check()]);
    let outcome = send(&mut world, BODY);
    let [original] = &outcome.quarantined[..] else { panic!("{:?}", outcome.quarantined) };
    assert_eq!(original.event.get(), r#"{"type" : "Sign Up", "extra": 1e2, "properties": {"email":5, "phone":"7"}}"#);
    assert_eq!(
        original.request.get(),
        r#"{"source":{"id":"src-1"},"context":{"page": {"title" : "Join"}},"more":[1,  2]}"#
    );
    let event = &world.events[&original.id];
    assert!(!event.metadata.valid && event.kind == "sign-up");
    assert_eq!((original.session.as_deref(), original.profile.as_deref()), (event.session_id(), event.profile_id()));
    assert_eq!((original.reason, original.altered, original.kind.as_str()), (Quarantine::Invalid, false, "sign-up"));
    assert!(original.why.contains("event@properties.email"), "{}", original.why);
    assert_eq!(original.headers.get("cookie"), None);
    assert_eq!(original.headers["accept-language"], "pl,en;q=0.8");
    // Through the store.
    let read: Original = serde_json::from_str(&serde_json::to_string(original).unwrap()).unwrap();
    assert_eq!(read.event.get(), original.event.get());
}

#[test]
fn nothing_is_kept_of_events_that_are_taken_or_not_to_be_kept() {
    let mut world = World::new();
    world.configure(&[check()]);
    assert!(send(&mut world, &BODY.replace("\"email\":5", "\"email\":\"a\"")).quarantined.is_empty());
    let unsaved = BODY.replace("\"more\": [1,  2]", "\"options\": {\"saveEvents\": false}");
    assert!(send(&mut world, &unsaved).quarantined.is_empty());
}

#[test]
fn a_replay_makes_the_same_event_by_the_configuration_of_today() {
    let mut world = World::new();
    world.configure(&[check()]);
    let outcome = send(&mut world, BODY);
    let original = outcome.quarantined[0].clone();
    let (before, counts) = (world.events[&original.id].clone(), world.counts());
    let refused = replay(&mut world, &original).unwrap_err();
    assert_eq!((refused.status(), refused.reason()), (409, "not_replayed"));
    assert!(refused.to_string().contains("validation r0: `event@properties.email`"), "{refused}");
    let mapping = json!({"event_type": "sign-up", "index_schema": {"traits.phone": "properties.phone"}});
    world.configure(&[(Kind::EventTypeMapping, mapping)]);
    let visits = world.value_of(before.profile_id().unwrap(), "metadata.time.visit.count");
    world.now = world.now.checked_add(jiff::SignedDuration::from_hours(5)).unwrap();
    let outcome = replay(&mut world, &original).unwrap();
    let [event] = &outcome.events[..] else { panic!("{:?}", outcome.events) };
    assert!(event.metadata.valid && outcome.quarantined.is_empty());
    assert_eq!((&event.id, event.insert()), (&before.id, before.insert()));
    assert_eq!((event.session_id(), event.profile_id()), (before.session_id(), before.profile_id()));
    assert_eq!(event.traits["phone"], "7");
    assert_eq!(world.counts(), counts, "nobody new comes by a replay");
    assert_eq!(world.value_of(before.profile_id().unwrap(), "metadata.time.visit.count"), visits);
}

#[test]
fn what_consents_are_missing_for_is_not_kept() {
    for (action, kept) in [("erase", Value::Null), ("hash", json!("hmac-sha256:"))] {
        let mut world = World::new();
        world.configure(&[check(), protection(action, "properties.phone")]);
        let outcome = send(&mut world, BODY);
        let original = outcome.quarantined[0].clone();
        assert!(original.altered);
        let left: Value = serde_json::from_str(original.event.get()).unwrap();
        let phone = left["properties"]["phone"].clone();
        assert!(phone.as_str().unwrap_or_default().starts_with(kept.as_str().unwrap_or_default()), "{left}");
        assert!(!json!(original).to_string().contains("\\\"7\\\""), "{original:?}");
        // The hash is not hashed once more.
        world.configure(&[protection(action, "properties.phone")]);
        let outcome = replay(&mut world, &original).unwrap();
        let properties = outcome.events[0].properties.as_ref().unwrap();
        assert_eq!(properties.get("phone").cloned().unwrap_or_default(), phone);
    }
}

#[test]
fn what_was_made_of_a_link_or_webhook_is_kept_for_want_of_a_body() {
    let mut world = World::new();
    world.configure(&[check()]);
    let outcome = world.track(&serde_json::from_str(BODY).unwrap()).unwrap();
    let original = outcome.quarantined[0].clone();
    let event: Value = serde_json::from_str(original.event.get()).unwrap();
    assert_eq!(event["properties"], json!({"email": 5, "phone": "7"}));
    world.configure(&[]);
    assert!(replay(&mut world, &original).unwrap().events[0].metadata.valid);
}

#[test]
fn what_stands_around_many_events_is_not_copied_without_bound() {
    let mut world = World::new();
    world.configure(&[check()]);
    let page = "x".repeat(100_000);
    let events: Vec<Value> = (0..300).map(|n| json!({"type": "sign-up", "properties": {"n": n}})).collect();
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "context": {"page": page}, "events": events});
    let outcome = send(&mut world, &body.to_string());
    assert_eq!(outcome.quarantined.len(), 300);
    assert_eq!(outcome.quarantined[7].request.get(), r#"{"source":{"id":"src-1"},"session":{"id":"v"}}"#);
    let few =
        json!({"source": {"id": "src-1"}, "session": {"id": "w"}, "context": {"page": page}, "events": &events[..10]});
    assert!(send(&mut world, &few.to_string()).quarantined[0].request.get().len() > 100_000);
}

#[test]
fn an_event_on_which_the_program_fails_is_kept_and_nothing_follows_from_it() {
    let mut world = World::new();
    world.configure(&[protection("erase", "properties.phone")]);
    let mut command = world.command(&serde_json::from_str(BODY).unwrap()).with_body(BODY.into());
    let (first, second) = (command.event_ids()[0].clone(), command.event_ids()[1].clone());
    command.suspect([second.clone()], "index out of bounds");
    let state = world.state(&command);
    let mut entropy = SeededEntropy::new(command.digest());
    let outcome = collect(&command, state.clone(), &world.settings, world.now, &mut entropy).unwrap();
    let find = |id: &str| outcome.events.iter().find(|event| event.id == id).unwrap();
    assert!(find(&first).metadata.valid);
    let event = find(&second);
    assert!(!event.metadata.valid && event.metadata.error);
    assert_eq!(event.aux["errors"], json!(["index out of bounds"]));
    assert_eq!(outcome.quarantined[0].reason, Quarantine::Panic);
    assert_eq!(outcome.answer.warnings.len(), 1);
    // Given up: nothing but what was sent is kept, and of that nothing for which there might be no consent.
    let order = crate::Order::Collect(Box::new(command));
    let given_up = order.give_up(Vec::new(), &world.settings, world.now, &mut entropy, "why").unwrap().unwrap();
    assert!(given_up.events.is_empty() && !given_up.store_profile && !given_up.store_session);
    let ids: Vec<&str> = given_up.quarantined.iter().map(|original| original.id.as_str()).collect();
    assert_eq!(ids, [first.as_str(), second.as_str()]);
    assert!(given_up.quarantined[1].altered && !given_up.quarantined[1].event.get().contains("phone"));
    assert_eq!(given_up.answer.errors.len(), 1);
}
