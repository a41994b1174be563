//! What is noted of an event on its way: which record did what.

use std::sync::Arc;

use serde_json::{Value, json};
use tracardi_model::configuration::{HTTP_CONNECTOR, Kind};
use tracardi_model::record::Node;
use tracardi_model::trail::Deed;
use tracardi_model::{Context, Path, Trail};

use super::world::World;
use crate::{Configuration, Outcome, WorkflowOutcome, WorkflowRun, Workflows};

/// Counts visits.
#[derive(Debug)]
struct Counter;

impl Workflows for Counter {
    fn run(&self, flow: &str, run: WorkflowRun<'_>) -> Option<WorkflowOutcome> {
        let mut profile = run.profile?.clone();
        profile.stats.visits += 1;
        let written = vec![Path::parse("stats.visits").unwrap(), Path::parse("stats.views").unwrap()];
        (flow == "count").then(|| WorkflowOutcome { profile: Some(profile), written, ..WorkflowOutcome::default() })
    }
}

fn world(records: &[(Kind, Value)]) -> World {
    let mut world = World::new();
    let records: Vec<(Kind, Value)> = records
        .iter()
        .map(|(kind, record)| {
            let mut record = record.clone();
            record["enabled"] = json!(true);
            record["name"] = json!("A record");
            (*kind, record)
        })
        .collect();
    let configuration = Configuration::compile(records.iter().map(|(kind, document)| (*kind, "r", document)));
    assert_eq!(configuration.problems(), []);
    world.settings.configurations[Context::Production] = Arc::new(configuration);
    world.settings.workflows = Some(Arc::new(Counter));
    world
}

fn onto(id: &str, value: &str, field: &str) -> (Kind, Value) {
    let assignment = json!({"event": {"value": value, "ref": true}, "op": 0, "profile": {"value": field, "ref": true}});
    (Kind::EventToProfile, json!({"id": id, "event_type": "seen", "event_to_profile": [assignment]}))
}

/// The notes of a trail as `kind id did`, with the rest.
fn told(trail: &Trail) -> Vec<(String, Value)> {
    let note = |note: &Value| {
        let mut note = note.clone();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let head = format!("{} {} {}", text(&note["by"]["kind"]), text(&note["by"]["id"]), text(&note["did"]));
        let rest = note.as_object_mut().unwrap();
        rest.retain(|name, _| name != "by" && name != "did");
        (head, note)
    };
    serde_json::to_value(trail).unwrap()["notes"].as_array().unwrap().iter().map(note).collect()
}

fn trail<'o>(outcome: &'o Outcome, event: &str) -> Option<&'o Trail> {
    outcome.trails.iter().find(|trail| trail.event == event)
}

#[test]
fn every_step_tells_which_record_did_what() {
    let protected = |action: &str, field: &str| json!({"action": action, "field": {"value": field, "ref": true}, "consents": [{"id": "m", "name": "m"}]});
    let mut world = world(&[
        (
            Kind::EventReshaping,
            json!({"id": "shape", "event_type": "seen", "event_source": {"id": "", "name": ""},
                "reshaping": {"reshape_schema": {"properties": {"a": "event@properties.v", "b": "event@properties.v", "size": "event@properties.size"}}}}),
        ),
        (
            Kind::DataCompliance,
            json!({"id": "law", "event_type": "seen", "settings": [protected("erase", "properties.a"), protected("hash", "properties.b"), protected("erase", "properties.no")]}),
        ),
        (
            Kind::EventTypeMapping,
            json!({"id": "seen", "event_type": "seen", "index_schema": {"traits.size": "properties.size", "traits.no": "properties.no"}, "tags": ["t"]}),
        ),
        onto("size", "traits.size", "traits.size"),
        onto("again", "traits.size", "traits.size"),
        (
            Kind::Rule,
            json!({"id": "rule", "event_type": "seen", "source": {"id": "src-1", "name": ""}, "flow": {"id": "count", "name": ""}}),
        ),
        (
            Kind::Rule,
            json!({"id": "strict", "event_type": "seen", "source": {"id": "src-1", "name": ""}, "flow": {"id": "count", "name": ""}, "properties": {"consents": [{"id": "m", "name": "m"}]}}),
        ),
        (
            Kind::Rule,
            json!({"id": "void", "event_type": "seen", "source": {"id": "src-1", "name": ""}, "flow": {"id": "gone", "name": ""}}),
        ),
        (Kind::Segment, json!({"id": "big", "eventType": [], "condition": "profile@traits.size = \"XL\""})),
        (
            Kind::Destination,
            json!({"id": "crm", "destination": {"package": HTTP_CONNECTOR}, "resource": {"id": "r"}, "on_profile_change_only": false, "event_type": {"id": "seen", "name": ""}, "source": {"id": "src-1", "name": ""}, "mapping": {}}),
        ),
        (
            Kind::Destination,
            json!({"id": "mail", "destination": {"package": HTTP_CONNECTOR}, "resource": {"id": "r"}, "on_profile_change_only": true, "event_type": null, "source": null, "mapping": {}}),
        ),
    ]);
    world.settings.system_events = false;
    let outcome = world.events(json!([{"type": "seen", "id": "e", "properties": {"v": "x", "size": "XL"}}]));
    let trail = trail(&outcome, "e").unwrap();
    let deliveries: Vec<&str> = outcome.deliveries.iter().map(|delivery| &*delivery.id).collect();
    let expected = [
        ("event-reshaping shape reshaped", json!({"parts": ["properties"]})),
        ("data-compliance law erased", json!({"field": "properties.a"})),
        ("data-compliance law hashed", json!({"field": "properties.b"})),
        ("event-type-mapping seen mapped", json!({"fields": ["traits.size", "tags"]})),
        ("event-to-profile size changed", json!({"field": "traits.size", "value": "XL", "old_value": null})),
        ("rule rule started", json!({"flow": "count"})),
        ("workflow count changed", json!({"field": "stats.visits", "value": 1, "old_value": 0})),
        (
            "rule strict not-started",
            json!({"flow": "count", "reason": "the profile lacks a consent that the rule asks for"}),
        ),
        ("rule void not-started", json!({"flow": "gone", "reason": "there is no such workflow"})),
        ("segment big joined", json!({"segment": "a-record"})),
        ("destination crm sent", json!({"delivery": deliveries[0], "profile": false})),
        ("destination mail sent", json!({"delivery": deliveries[1], "profile": true})),
    ];
    assert_eq!(told(trail), expected.map(|(head, rest)| (head.to_owned(), rest)));
    let profile = outcome.profile.as_ref().unwrap();
    assert_eq!((trail.profile.as_deref(), trail.session.as_deref()), (Some(profile.id()), Some("v")));
    assert_eq!((trail.source.as_str(), trail.left_out), ("src-1", 0));
}

#[test]
fn an_event_of_which_there_is_nothing_to_tell_has_no_trail() {
    let mut world = world(&[onto("size", "properties.size", "traits.size")]);
    let outcome =
        world.events(json!([{"type": "page-view"}, {"type": "seen", "id": "a", "properties": {"size": "S"}}]));
    assert_eq!(outcome.trails.len(), 1);
    // The value is there already: `metadata.fields` tells who wrote it last, the history tells changes only.
    let outcome = world.events(json!([{"type": "seen", "id": "b", "properties": {"size": "S"}}]));
    assert!(outcome.trails.is_empty());
    assert_eq!(world.profile().metadata.fields.0["traits.size"].1, "b");
    let outcome = world.events(json!([{"type": "seen", "id": "b", "properties": {"size": "S"}}]));
    assert!(outcome.trails.is_empty(), "a repeated event");
}

#[test]
fn predefined_types_tell_of_changes_as_well() {
    let mut world = world(&[]);
    let outcome = world.events(json!([{"type": "checkout-started", "id": "a"}]));
    let told = told(trail(&outcome, "a").unwrap());
    let counted = |(head, rest): &(String, Value)| {
        head == "event-type checkout-started changed"
            && *rest == json!({"field": "data.metrics.ltcosc", "value": 1, "old_value": 0})
    };
    assert!(told.iter().any(counted), "{told:#?}");
}

#[test]
fn changes_lead_from_the_old_profile_to_the_new_one() {
    let mut world = world(&[
        onto("size", "properties.size", "traits.size"),
        onto("mail", "properties.mail", "data.contact.email.main"),
    ]);
    let mut known = json!({});
    for n in 0..5 {
        let properties = json!({"size": n / 2, "mail": format!("{}@b.pl", n / 3)});
        let outcome = world.events(json!([{"type": "seen", "id": format!("e{n}"), "properties": properties}]));
        for trail in &outcome.trails {
            for change in trail.changes() {
                let Deed::Changed { field, value, old_value, shortened: false } = change.note.did else { panic!() };
                assert_eq!(known.get(&field).unwrap_or(&Value::Null), &old_value, "{field}");
                known[&field] = value;
            }
        }
        for (field, value) in known.as_object().unwrap() {
            assert_eq!(world.profile().get(Path::parse(field).unwrap().segments()).as_ref(), Some(value), "{field}");
        }
    }
}

#[test]
fn of_what_is_not_kept_nothing_is_told() {
    let mut world = world(&[onto("size", "properties.size", "traits.size")]);
    let body = |id: &str, options: Value| {
        json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "options": options,
            "events": [{"type": "seen", "id": id, "properties": {"size": id}}]})
    };
    assert!(world.track(&body("a", json!({"saveProfile": false}))).unwrap().trails.is_empty());
    // An event that is not kept changed the profile all the same.
    let outcome = world.track(&body("b", json!({"saveEvents": false}))).unwrap();
    assert!(outcome.events.is_empty());
    assert_eq!(told(trail(&outcome, "b").unwrap()).len(), 1);
}

#[test]
fn long_values_and_many_notes_are_cut() {
    let mut records = vec![onto("long", "properties.long", "traits.long")];
    records.extend((0..600).map(|n| onto(&format!("m{n}"), "properties.size", &format!("traits.t{n}"))));
    let mut world = world(&records);
    let outcome =
        world.events(json!([{"type": "seen", "id": "e", "properties": {"size": 1, "long": "x".repeat(5_000)}}]));
    let trail = trail(&outcome, "e").unwrap();
    let expected = json!({"field": "traits.long", "value": null, "old_value": null, "shortened": true});
    assert!(told(trail).contains(&("event-to-profile long changed".to_owned(), expected)));
    assert_eq!((trail.notes.len(), trail.left_out), (500, 101));
}

#[test]
fn the_point_that_recognised_a_visitor_is_told() {
    let field = json!({"profile_trait": {"value": "traits.card", "ref": true}, "event_property": {"value": "properties.card", "ref": true}});
    let mut world = world(&[
        onto("card", "properties.card", "traits.card"),
        (
            Kind::IdentificationPoint,
            json!({"id": "point", "event_type": "seen", "source": {"id": "", "name": ""}, "fields": [field]}),
        ),
    ]);
    let mut send = |session: &str, id: &str| {
        let body = json!({"source": {"id": "src-1"}, "session": {"id": session}, "events": [{"type": "seen", "id": id, "properties": {"card": "X"}}]});
        world.track(&body).unwrap()
    };
    let heads = |outcome: &Outcome, id: &str| {
        trail(outcome, id).map_or_else(Vec::new, |trail| told(trail).into_iter().map(|(head, _)| head).collect())
    };
    let first = send("a", "1");
    assert_eq!(heads(&first, "1"), ["event-to-profile card changed", "identification-point point identified"]);
    assert_eq!(heads(&send("b", "2"), "2"), ["identification-point point recognised"]);
    assert_eq!(heads(&send("b", "3"), "3"), [""; 0], "a known session decides");
}

/// A request of a session, and the notes of its first event.
fn told_of(world: &mut World, session: Option<&str>, rest: Value) -> Vec<(String, Value)> {
    let session = session.map(|id| json!({ "id": id }));
    let time = json!({"create": world.now.as_second()});
    let mut body =
        json!({"source": {"id": "src-1"}, "session": session, "events": [{"type": "seen", "id": "e", "time": time}]});
    body["events"][0]["id"] = json!(format!("e{}", world.now.as_second()));
    for (name, value) in rest.as_object().unwrap() {
        body[name] = value.clone();
    }
    let outcome = world.track(&body).unwrap();
    outcome.trails.first().map(told).unwrap_or_default()
}

fn settings(world: &mut World, config: Value) {
    world.source(|source| source.config = config.as_object().cloned());
}

#[test]
fn what_decided_whose_an_event_is_is_told() {
    let note = |head: &str, rest: Value| vec![(head.to_owned(), rest)];
    let named =
        |setting: &str, parts: Value| note("event-source src-1 named", json!({"setting": setting, "parts": parts}));

    let mut world = world(&[]);
    settings(&mut world, json!({"device_fingerprint_ttl": 900}));
    let device = json!({"context": {"screen": {"local": {"width": 1, "height": 2}}}});
    assert_eq!(told_of(&mut world, Some("a"), device.clone()), []);
    assert_eq!(told_of(&mut world, Some("b"), device.clone()), note("event-source src-1 device-known", json!({})));
    assert_eq!(told_of(&mut world, Some("b"), device), [], "by now the session says so");

    settings(&mut world, json!({"static_profile_id": true}));
    let own = json!({"profile": {"id": "own"}});
    assert_eq!(told_of(&mut world, Some("c"), own.clone()), named("static_profile_id", json!(["profile"])));
    assert_eq!(told_of(&mut world, Some("c"), own), [], "it is there already");

    let pass =
        json!({"context": {"tracardi": {"pass": {"profile": world.sessions["a"].profile_id(), "source": "site"}}}});
    settings(&mut world, json!({}));
    assert_eq!(told_of(&mut world, Some("d"), pass.clone()), note("event-source site referred", json!({})));
    assert_eq!(told_of(&mut world, Some("d"), pass.clone()), []);
    told_of(&mut world, Some("f"), json!({}));
    let here = world.sessions["f"].profile_id().unwrap().to_owned();
    let mut both = pass;
    both["profile"] = json!({ "id": here });
    let told_of_both = told_of(&mut world, Some("f"), both);
    assert_eq!(told_of_both[0], ("event-source site merging".to_owned(), json!({ "other": here })));
    assert_eq!(told_of_both[1].0, "event-source site referred");
}

#[test]
fn ids_that_a_webhook_gives_are_told() {
    let mut world = world(&[]);
    world.origin.endpoint = tracardi_model::SourceType::Webhook;
    world.profile_less = true;
    let sent = |properties: Value| json!({"events": [{"type": "identification", "properties": properties}]});
    for (config, session, properties, expected) in [
        (
            json!({"replace_profile_id": "user"}),
            None,
            json!({"user": "u"}),
            Some(("replace_profile_id", json!(["profile", "session"]))),
        ),
        (
            json!({"replace_profile_id": "user"}),
            Some("s"),
            json!({"user": "u"}),
            Some(("replace_profile_id", json!(["profile"]))),
        ),
        (json!({"replace_profile_id": "user"}), None, json!({"name": "u"}), None),
        (
            json!({"generate_profile": true}),
            None,
            json!({"email": {"main": "a@b.pl"}}),
            Some(("generate_profile", json!(["profile", "session"]))),
        ),
        (
            json!({"generate_profile": true, "sticky_session": false}),
            None,
            json!({"email": {"main": "c@b.pl"}}),
            Some(("generate_profile", json!(["profile"]))),
        ),
        (json!({"generate_profile": true}), None, json!({}), None),
    ] {
        settings(&mut world, config.clone());
        world.origin.nonce += 1;
        let notes = told_of(&mut world, session, sent(properties));
        let found = notes.iter().find(|(head, _)| head == "event-source src-1 named").map(|(_, rest)| rest.clone());
        let expected = expected.map(|(setting, parts)| json!({"setting": setting, "parts": parts}));
        assert_eq!(found, expected, "{config}: {notes:?}");
    }
}

#[test]
fn a_place_that_follows_from_the_address_is_told() {
    let mut world = world(&[]);
    world.settings.geoip = Some(Arc::new(crate::GeoIp::new(super::mmdb::two_cities()).unwrap()));
    world.origin.client_ip = "81.2.69.160".to_owned();
    let kind = world.settings.geoip.as_ref().unwrap().kind().to_owned();
    let expected = [(format!("geoip {kind} located"), json!({"place": "London, United Kingdom"}))];
    assert_eq!(told_of(&mut world, Some("a"), json!({})), expected);
    assert_eq!(told_of(&mut world, Some("a"), json!({})), [], "once for each visit");
    assert_eq!(
        told_of(&mut world, Some("b"), json!({"context": {"location": {"city": "Rome"}}})),
        [],
        "the client knows better"
    );
    assert_eq!(
        told_of(&mut world, Some("c"), json!({"options": {"saveSession": false}})),
        [],
        "of what is not kept nothing is told"
    );
}
