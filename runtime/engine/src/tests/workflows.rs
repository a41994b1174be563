//! What workflows lead to besides changes of profile and session (4.7, 5.9, 6.5): another event, profiles that are to be
//! merged; and workflows that go on later.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;
use tracardi_model::record::Node;
use tracardi_model::{Event, Limits, Map, Path, TrackerPayload};

use super::world::World;
use crate::{WorkflowOutcome, WorkflowRun, Workflows};

/// Runs every workflow by one function of its id.
struct By<F>(F);

impl<F> fmt::Debug for By<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("By")
    }
}

impl<F: Fn(&str, WorkflowRun<'_>) -> WorkflowOutcome + Send + Sync> Workflows for By<F> {
    fn run(&self, flow: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        Some((self.0)(flow, run))
    }
}

/// A world in which events of the type `seen` start these workflows, one after the other.
fn world(flows: &[&str], run: impl Fn(&str, WorkflowRun<'_>) -> WorkflowOutcome + Send + Sync + 'static) -> World {
    let mut world = World::new();
    let entity = |id: &str| json!({"id": id, "name": id});
    let rule =
        |flow: &&str| (Kind::Rule, json!({"event_type": "seen", "source": entity("src-1"), "flow": entity(flow)}));
    let fields = ["traits.card", "traits.shop", "data.contact.email.main"];
    let onto = fields.map(|field| {
        let property = format!("properties.{}", field.rsplit('.').next().unwrap());
        json!({"event": {"value": property, "ref": true}, "op": 0, "profile": {"value": field, "ref": true}})
    });
    let mut records: Vec<_> = flows.iter().map(rule).collect();
    records.push((Kind::EventToProfile, json!({"event_type": "seen", "event_to_profile": onto})));
    world.configure(&records);
    world.settings.workflows = Some(Arc::new(By(run)));
    world
}

fn map(value: Value) -> Map {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn errors(event: &Event) -> Value {
    event.aux.get("errors").cloned().unwrap_or_default()
}

#[test]
fn a_changed_event_is_stored_and_seen_by_the_next_workflow() {
    let mut world = world(&["change", "look"], |flow, run| {
        let mut event = run.event.clone();
        if flow == "look" {
            return WorkflowOutcome { response: event.traits, ..WorkflowOutcome::default() };
        }
        event.properties = Some(Arc::new(map(json!({"size": "XL"}))));
        event.traits = map(json!({"size": "XL"}));
        event.tags.add(&["checked".to_owned()]);
        event.aux.insert("note".to_owned(), json!("by a workflow"));
        let warnings = vec!["slow".to_owned()];
        WorkflowOutcome { event: Some(event), warnings, ..WorkflowOutcome::default() }
    });
    let outcome =
        world.events(json!([{"type": "seen", "id": "e", "properties": {"size": "s"}}, {"type": "other", "id": "o"}]));
    assert_eq!(outcome.answer.response, map(json!({"size": "XL"})), "what the workflow before has left");
    let event = &world.events["e"];
    assert_eq!(event.properties.as_deref(), Some(&map(json!({"size": "XL"}))));
    assert_eq!(
        (&event.traits, event.tags.values.as_slice()),
        (&map(json!({"size": "XL"})), &["checked".to_owned()][..])
    );
    assert_eq!(event.aux["note"], json!("by a workflow"));
    let warnings = event.aux["warnings"].as_array().unwrap();
    assert_eq!(warnings.last(), Some(&json!("workflow change: slow")), "what was noted before stays: {warnings:?}");
    assert_eq!(event.metadata.processed_by.flows, ["change", "look"]);
    assert!(world.events["o"].traits.is_empty(), "that of the event that started it only");
    let notes = &outcome.trails.iter().find(|trail| trail.event == "e").unwrap().notes;
    let told = json!({"by": {"kind": "workflow", "id": "change"}, "did": "reshaped", "parts": ["properties", "traits", "tags"]});
    assert!(notes.iter().any(|note| serde_json::to_value(note).unwrap() == told), "{notes:?}");
}

#[test]
fn whose_an_event_is_and_when_it_was_no_workflow_changes() {
    let mut world = world(&["steal", "forge"], |flow, run| {
        let mut event = run.event.clone();
        if flow == "forge" {
            event.id = "another".to_owned();
        }
        event.kind = "sold".to_owned();
        event.source.id = "elsewhere".to_owned();
        event.profile = None;
        event.session = None;
        event.metadata.valid = false;
        event.metadata.time.insert = run.now;
        event.journey.state = Some("purchase".to_owned());
        WorkflowOutcome { event: Some(event), ..WorkflowOutcome::default() }
    });
    let time = world.now.as_second() - 60;
    world.events(json!([{"type": "seen", "id": "e", "time": {"insert": time}}]));
    let event = &world.events["e"];
    assert_eq!((event.kind.as_str(), event.source_id(), event.session_id()), ("seen", "src-1", Some("v")));
    assert_eq!((event.profile_id(), event.metadata.valid), (Some(world.profile().id()), true));
    assert_eq!(event.insert().as_second(), time);
    assert_eq!(event.journey.state.as_deref(), Some("purchase"), "this it may change");
    assert_eq!(errors(event), json!(["workflow forge: it changed an event that is not its own"]));
    assert!(!world.events.contains_key("another"));
}

/// Two visitors with these properties and one workflow; whether they turn out to be one person, and the ids that the second has
/// besides its own.
fn meet(by: &[&str], one: Value, other: Value) -> (bool, Vec<String>) {
    let fields: Vec<Path> = by.iter().map(|field| Path::parse(field).unwrap()).collect();
    let mut world =
        world(&["merge"], move |_, _| WorkflowOutcome { merge_by: fields.clone(), ..WorkflowOutcome::default() });
    let mut visit = |session: &str, properties: Value| {
        let body = json!({"source": {"id": "src-1"}, "session": {"id": session},
            "events": [{"type": "seen", "id": session, "properties": properties}]});
        let id = world.track(&body).unwrap().answer.profile.id.unwrap();
        world.find(&id).unwrap()
    };
    let (one, other) = (visit("a", one), visit("b", other));
    assert_ne!(one.id, other.id);
    let shared = other.ids().iter().any(|id| one.ids().contains(id));
    assert!(!shared || other.awaits_merge(), "{:?}", other.metadata.system.aux);
    (shared, other.ids().iter().filter(|id| **id != other.id).cloned().collect())
}

#[test]
fn who_has_the_same_values_is_one_person_where_a_workflow_says_so() {
    let card = |card: &str| json!({"card": card, "shop": "x"});
    assert!(meet(&["traits.card"], card("X-1"), card(" x-1")).0, "blanks and case make no other person");
    assert!(!meet(&["traits.card"], card("X-1"), card("X-2")).0);
    assert!(meet(&["traits.shop", "traits.card"], card("1"), card("1")).0);
    assert!(!meet(&["traits.shop", "traits.card"], card("1"), card("2")).0, "all of them count");
    let twice = meet(&["traits.card", "traits.shop", "traits.card"], card("1"), card("1"));
    assert_eq!(twice, meet(&["traits.shop", "traits.card"], card("1"), card("1")), "in whatever order");
    // What has no value does not count; who has none of the values is nobody else.
    let without = json!({"shop": "x"});
    assert!(meet(&["traits.card", "traits.shop"], without.clone(), json!({"shop": "X", "card": " "})).0);
    assert!(!meet(&["traits.card", "traits.shop"], without.clone(), card("1")).0);
    assert_eq!(meet(&["traits.card"], without.clone(), without), (false, Vec::new()));
    // A field that identifies anyway needs no id of another kind.
    let mail = |mail: &str| json!({"main": mail});
    let (same, ids) = meet(&["data.contact.email.main"], mail("a@b.pl"), mail("A@b.pl"));
    assert!(same && ids.len() == 1 && ids[0].starts_with("emm-"), "{ids:?}");
}

#[test]
fn the_values_count_as_all_workflows_have_left_them() {
    let card = Path::parse("traits.card").unwrap();
    let mut world = world(&["merge", "write"], move |flow, run| {
        if flow == "merge" {
            return WorkflowOutcome { merge_by: vec![card.clone()], ..WorkflowOutcome::default() };
        }
        let mut profile = run.profile.unwrap().clone();
        profile.set(card.segments(), &json!("written later")).unwrap();
        WorkflowOutcome { profile: Some(profile), written: vec![card.clone()], ..WorkflowOutcome::default() }
    });
    let event = world.event("seen", json!({"card": "sent"}));
    let key = world.settings.merging_key.clone().unwrap();
    let id = |value: &str| crate::hashed_ids::point(&[("traits.card", value.to_owned())], &key).unwrap();
    let profile = world.profile();
    assert!(profile.ids().contains(&id("written later")) && !profile.ids().contains(&id("sent")));
    assert_eq!(profile.metadata.system.aux["auto_merge"], json!(["traits.card"]));
    assert_eq!(errors(&event), Value::Null);
    // It has the id by now: nothing more to do.
    let before = profile.ids().len();
    world.event("seen", json!({"card": "sent"}));
    assert_eq!(world.profile().ids().len(), before);
}

#[test]
fn where_nobody_can_be_merged_the_event_says_so() {
    let by_card = |_: &str, _: WorkflowRun<'_>| {
        let merge_by = vec![Path::parse("traits.card").unwrap()];
        WorkflowOutcome { merge_by, ..WorkflowOutcome::default() }
    };
    let mut keyless = world(&["merge"], by_card);
    keyless.settings.merging_key = None;
    let event = keyless.event("seen", json!({"card": "1"}));
    assert!(errors(&event)[0].as_str().unwrap().contains("this installation merges none"), "{:?}", event.aux);
    assert_eq!(keyless.profile().ids().len(), 1);
    let mut world = world(&["merge"], by_card);
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "options": {"saveProfile": false},
        "events": [{"type": "seen", "id": "e", "properties": {"card": "1"}}]});
    world.track(&body).unwrap();
    assert!(errors(&world.events["e"])[0].as_str().unwrap().contains("none is kept of this event"));
    assert!(world.profiles.is_empty());
}

#[test]
fn a_workflow_goes_on_at_its_node_whatever_rules_there_are() {
    let mut world = world(&["by-rule"], |flow, run| {
        let heard = json!({"heard": format!("{flow} {} {}", run.node.unwrap_or("-"), run.event.kind)});
        WorkflowOutcome { response: map(heard), ..WorkflowOutcome::default() }
    });
    let heard = |world: &mut World, source: &str, options: Value| {
        world.source(|known| known.id = source.to_owned());
        let body = json!({"source": {"id": source}, "session": {"id": "v"}, "options": options,
            "events": [{"type": "seen", "time": {"create": world.now.as_second()}}]});
        let outcome = world.track(&body).unwrap();
        (outcome.answer.response.get("heard").cloned().unwrap_or_default(), outcome)
    };
    let later = json!({"scheduledFlowId": "waiting", "scheduledNodeId": "n7"});
    assert_eq!(heard(&mut world, "src-1", json!({})).0, "by-rule - seen");
    let (said, outcome) = heard(&mut world, "@internal-1", later.clone());
    assert_eq!(said, "waiting n7 seen");
    let event = &outcome.events[0];
    assert_eq!(event.metadata.processed_by.rules, ["@Internal route"]);
    assert_eq!(event.metadata.processed_by.flows, ["waiting"]);
    // Events of the system that the request brings along start nothing.
    world.sessions.clear();
    let (_, outcome) = heard(&mut world, "@internal-1", later.clone());
    assert!(outcome.events.len() > 1);
    assert!(outcome.events[1..].iter().all(|event| event.metadata.processed_by.flows.is_empty()));
    // An event that is not kept as well.
    let mut unkept = later.clone();
    unkept["saveEvents"] = json!(false);
    let (said, outcome) = heard(&mut world, "@internal-1", unkept);
    assert_eq!((said, outcome.events.len()), (json!("waiting n7 seen"), 0));
    assert_eq!(heard(&mut world, "@internal-1", json!({"scheduledFlowId": "waiting"})).0, Value::Null);
    // Nobody else may ask for it: such a payload is none.
    let foreign = json!({"source": {"id": "src-1"}, "options": later, "events": [{"type": "seen"}]});
    assert!(TrackerPayload::parse(foreign.to_string().as_bytes(), &Limits::default()).is_err());
}
