//! What destinations are to get (6.4, 4.10).

use std::sync::Arc;

use serde_json::{Value, json};
use tracardi_model::configuration::{HTTP_CONNECTOR, Kind};
use tracardi_model::record::Node;
use tracardi_model::{Delivery, Path};

use super::world::World;
use crate::{Outcome, WorkflowOutcome, WorkflowRun, Workflows};

fn destination(more: Value) -> (Kind, Value) {
    let mut record = json!({"destination": {"package": HTTP_CONNECTOR}, "resource": {"id": "crm"},
        "on_profile_change_only": false, "event_type": {"id": "Order Made", "name": ""}, "source": {"id": "SRC-1", "name": ""},
        "mapping": {"sum": "event@properties.sum", "who": "profile@id", "in": "session@id", "no": "profile@traits.no"}});
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    (Kind::Destination, record)
}

fn of_profiles(more: Value) -> (Kind, Value) {
    let (kind, mut record) = destination(json!({"on_profile_change_only": true, "event_type": null,
        "mapping": {"email": "profile@data.contact.email.main", "in": "session@id", "event": "event@id"}}));
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    (kind, record)
}

fn order(n: u64) -> Value {
    json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": [
        {"type": "order made", "properties": {"sum": n}}, {"type": "page-view", "properties": {"n": n}}]})
}

fn body(delivery: &Delivery) -> Value {
    serde_json::from_str(delivery.body.get()).unwrap()
}

fn told(outcome: &Outcome) -> Vec<&str> {
    outcome.deliveries.iter().map(|delivery| delivery.destination.as_str()).collect()
}

#[test]
fn an_event_goes_to_the_destinations_of_its_type_and_source() {
    let mut world = World::new();
    world.configure(&[
        destination(json!({})),
        destination(json!({"source": {"id": "src-2", "name": ""}})),
        destination(json!({"source": null, "mapping": {}})),
        destination(json!({"event_type": "other"})),
        destination(json!({"condition": "event@properties.sum > 5"})),
        destination(json!({"event_type": "visit-started", "mapping": {"type": "event@type"}})),
    ]);
    let outcome = world.track(&order(5)).unwrap();
    assert_eq!(told(&outcome), ["r0", "r2", "r5"], "what the system makes of a request comes from its source");
    let (delivery, event) = (&outcome.deliveries[0], &outcome.events[0]);
    let profile = outcome.profile.as_ref().unwrap().id.as_str();
    let data = json!({"sum": 5, "who": profile, "in": "v", "no": null});
    assert_eq!(body(delivery), json!({"data": data, "changes": []}));
    assert_eq!((delivery.event_id.as_deref(), delivery.profile_id.as_deref()), (Some(&*event.id), Some(profile)));
    assert!(!delivery.debug);
    assert_eq!(body(&outcome.deliveries[1])["data"], json!({}));
    assert_eq!(told(&world.track(&order(6)).unwrap()), ["r0", "r2", "r4"]);
}

#[test]
fn the_same_request_has_the_same_deliveries_and_a_repeated_one_has_none() {
    let mut world = World::new();
    world.configure(&[destination(json!({})), destination(json!({"mapping": {}})), of_profiles(json!({}))]);
    let mut other = world.clone();
    let ids = |outcome: Outcome| outcome.deliveries.into_iter().map(|delivery| delivery.id).collect::<Vec<_>>();
    let first = ids(world.track(&order(1)).unwrap());
    assert_eq!(first.len(), 3);
    assert_eq!(ids(other.track(&order(1)).unwrap()), first);
    assert!(ids(world.track(&order(1)).unwrap()).is_empty());
    let mut all = [first, ids(world.track(&order(2)).unwrap())].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 5, "the profile has not changed: an order is mapped nowhere");
}

#[test]
fn a_test_is_sent_as_one_and_profiles_never_are() {
    let mut world = World::new();
    world.configure(&[destination(json!({})), of_profiles(json!({}))]);
    let mut request = order(1);
    request["debug"] = json!(true);
    let outcome = world.track(&request).unwrap();
    assert_eq!(outcome.deliveries.iter().map(|delivery| delivery.debug).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn what_is_not_kept_is_not_told() {
    let mut world = World::new();
    world.configure(&[
        destination(json!({})),
        of_profiles(json!({})),
        (
            Kind::EventValidator,
            json!({"event_type": "order-made",
        "validation": {"json_schema": {"event@properties": {"required": ["sum"]}}}}),
        ),
    ]);
    let mut silent = order(1);
    silent["options"] = json!({"saveEvents": false});
    assert_eq!(told(&world.track(&silent).unwrap()), ["r1"]);
    let mut invalid = order(1);
    invalid["events"][0]["properties"] = json!({});
    assert!(told(&world.track(&invalid).unwrap()).is_empty());
    let mut nobody = order(2);
    nobody["options"] = json!({"saveProfile": false});
    nobody["session"]["id"] = json!("w");
    let outcome = world.track(&nobody).unwrap();
    assert_eq!(told(&outcome), ["r0"]);
    assert_eq!(body(&outcome.deliveries[0])["data"]["who"], Value::Null);
    assert_eq!(outcome.deliveries[0].profile_id, None);
}

#[test]
fn a_changed_profile_is_told_once_with_what_changed() {
    let mut world = World::new();
    let (size, destination) = ("traits.size", of_profiles(json!({})));
    let onto = |op: u8| {
        json!({"event_type": "size", "event_to_profile": [
        {"event": {"value": "properties.size", "ref": true}, "op": op, "profile": {"value": size, "ref": true}}]})
    };
    world.configure(&[destination, (Kind::EventToProfile, onto(0))]);
    let update = |email: &str| json!({"type": "profile-update", "properties": {"contact": {"email": {"main": email}}}});
    let sized = |size: &str| json!({"type": "size", "properties": {"size": size}});
    let now = tracardi_model::time::format_spaced(world.now);
    let outcome = world.events(json!([update("a@example.com"), sized("S"), sized("M")]));
    assert_eq!(told(&outcome), ["r0"]);
    let delivery = &outcome.deliveries[0];
    let profile = outcome.profile.as_ref().unwrap().id.as_str();
    assert_eq!((delivery.event_id.as_deref(), delivery.profile_id.as_deref()), (None, Some(profile)));
    let body = body(delivery);
    assert_eq!(body["data"], json!({"email": "a@example.com", "in": "v", "event": null}));
    let of = |field: &str| {
        let changes = body["changes"].as_array().unwrap().iter();
        changes.filter(|change| change["field"] == field).cloned().collect::<Vec<_>>()
    };
    let expected = json!({"type": "profile", "timestamp": now, "profile_id": profile, "event_id": outcome.events[2].id,
        "source_id": "src-1", "session_id": "v", "field": size, "value": "M", "old_value": "S"});
    assert_eq!(of(size), [expected], "the last event counts");
    assert_eq!(of("data.contact.email.main")[0]["old_value"], Value::Null);
    assert_eq!(of("data.contact.email.main")[0]["event_id"], outcome.events[0].id);
}

/// A workflow that writes a trait.
#[derive(Debug)]
struct Writes;

impl Workflows for Writes {
    fn run(&self, _: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        let mut profile = run.profile.unwrap().clone();
        let path = Path::parse("traits.size").unwrap();
        profile.set(path.segments(), &json!("XL")).unwrap();
        Some(WorkflowOutcome { profile: Some(profile), written: vec![path], ..WorkflowOutcome::default() })
    }
}

#[test]
fn what_a_workflow_writes_is_a_change_too() {
    let mut world = World::new();
    let onto = json!({"event_type": "size", "event_to_profile": [{"event": {"value": "properties.size", "ref": true}, "op": 0,
        "profile": {"value": "traits.size", "ref": true}}]});
    let rule = json!({"event_type": "size", "source": {"id": "src-1", "name": ""}, "flow": {"id": "f", "name": ""}});
    let record = of_profiles(json!({"mapping": {"size": "profile@traits.size"}}));
    world.configure(&[record, (Kind::EventToProfile, onto), (Kind::Rule, rule)]);
    world.settings.workflows = Some(Arc::new(Writes));
    let outcome = world.events(json!([{"type": "size", "properties": {"size": "S"}}]));
    assert_eq!(told(&outcome), ["r0"], "once, after the workflows");
    let body = body(&outcome.deliveries[0]);
    assert_eq!(body["data"], json!({"size": "XL"}));
    let change = &body["changes"][0];
    assert_eq!((&change["value"], &change["old_value"]), (&json!("XL"), &json!("S")));
}

#[test]
fn what_cannot_be_rendered_is_a_warning_and_holds_nobody_back() {
    let large = "x".repeat(200_000);
    let twice = json!({"a": "event@properties.text", "b": "event@properties.text"});
    let mut world = World::new();
    world.configure(&[
        destination(json!({"mapping": twice})),
        destination(json!({"condition": "event@properties.size CONTAINS \"a\""})),
        destination(json!({})),
        of_profiles(json!({"condition": "profile@traits.size CONTAINS \"a\""})),
    ]);
    let outcome = world.events(json!([{"type": "order-made", "properties": {"text": large, "sum": 1}}]));
    assert_eq!(told(&outcome), ["r2"]);
    let event = &outcome.events[0];
    assert!(event.metadata.warning && event.metadata.valid);
    let warnings = event.aux["warnings"].as_array().unwrap();
    for (warning, why) in
        warnings.iter().zip(["destination r0: mapping: at /b: the result has more than", "destination r1: "])
    {
        assert!(warning.as_str().unwrap().starts_with(why), "{warning}");
    }
    let last = outcome.events.last().unwrap();
    assert!(last.aux["warnings"].to_string().contains("destination r3: "), "{:?}", last.aux);
}

#[test]
fn many_events_render_no_more_than_fits_a_request() {
    let mut world = World::new();
    world.configure(&[destination(json!({"mapping": {"copy": "session@context.text"}}))]);
    let events: Vec<Value> = (0..300).map(|n| json!({"type": "order-made", "properties": {"n": n}})).collect();
    let request = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": events,
        "context": {"text": "x".repeat(200_000)}});
    let outcome = world.track(&request).unwrap();
    let bytes: usize = outcome.deliveries.iter().map(|delivery| delivery.body.get().len()).sum();
    let warned = outcome.events.iter().filter(|event| event.metadata.warning).count();
    assert!(bytes <= 16 << 20 && warned + outcome.deliveries.len() == 300, "{bytes} {warned}");
}
