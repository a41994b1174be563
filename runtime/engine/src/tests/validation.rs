//! Events that do not look as they must (5.6).

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;

use super::world::World;

fn world(schemas: Value, condition: &str) -> World {
    let mut world = World::new();
    let record = json!({"event_type": "Sign Up", "validation": {"json_schema": schemas, "condition": condition}});
    world.configure(&[(Kind::EventValidator, record)]);
    world
}

#[test]
fn the_first_complaint_is_kept_with_the_event() {
    let schema = json!({"event@properties": {"type": "object", "required": ["email"]},
        "event@properties.email": {"type": "string", "pattern": "^[^@]+@[^@]+$"},
        "event@context": {"not": {"required": ["robot"]}}, "event@type": {"const": "sign-up"}});
    let cases = [
        (json!({"email": "a@b"}), Value::Null),
        (json!({}), json!("`event@properties`: \"email\" is a required property")),
        (json!({"email": 5}), json!("`event@properties.email`: value is not of type \"string\"")),
        (json!({"email": "a"}), json!("`event@properties.email`: value does not match \"^[^@]+@[^@]+$\"")),
    ];
    for (properties, message) in cases {
        let mut world = world(schema.clone(), "");
        let event = world.event("Sign Up", properties.clone());
        assert_eq!(event.metadata.valid, message.is_null(), "{properties}");
        let expected = if message.is_null() {
            json!({})
        } else {
            json!({"validation": {"error": true, "message": message, "validator": "r0"}})
        };
        assert_eq!(json!(event.aux), expected, "{properties}");
        assert_eq!(json!(event.properties), properties, "kept as it came");
    }
}

#[test]
fn nothing_follows_from_an_invalid_event() {
    let schema = json!({"event@properties.checked": {"const": true}});
    let mut world = world(schema, "");
    let mut records = vec![
        (
            Kind::EventValidator,
            json!({"event_type": "sign-up", "validation": {"json_schema": {"event@properties.checked": {"const": true}}}}),
        ),
        (
            Kind::EventTypeMapping,
            json!({"event_type": "sign-up", "index_schema": {"traits.email": "properties.email.main"}, "tags": ["own"]}),
        ),
        (
            Kind::EventToProfile,
            json!({"event_type": "sign-up", "event_to_profile": [
            {"event": {"value": "properties.email.main", "ref": true}, "op": 0, "profile": {"value": "traits.email", "ref": true}}]}),
        ),
        (
            Kind::EventReshaping,
            json!({"event_type": "sign-up", "reshaping": {"reshape_schema": {"properties": {"x": "1"}}}}),
        ),
    ];
    world.configure(&records);
    let event = world.event("sign-up", json!({"email": {"main": "a@b.pl"}, "firstname": "Ann"}));
    assert!(!event.metadata.valid && !event.metadata.warning);
    assert_eq!((json!(event.traits), json!(event.data), event.journey.state), (json!({}), json!({}), None));
    assert_eq!(json!(event.properties), json!({"email": {"main": "a@b.pl"}, "firstname": "Ann"}));
    assert_eq!(world.value("traits"), json!({}));
    assert_eq!(world.value("data.contact.email.main"), Value::Null);
    // The same event, valid.
    records.remove(0);
    world.configure(&records[..2]);
    let event = world.event("sign-up", json!({"email": {"main": "a@b.pl"}, "firstname": "Ann"}));
    assert!(event.metadata.valid);
    assert_eq!(json!(event.traits), json!({"email": "a@b.pl"}));
    assert_eq!(world.value("traits.email"), json!("a@b.pl"));
    assert_eq!(world.value("data.contact.email.main"), json!("a@b.pl"));
}

#[test]
fn a_condition_chooses_the_events() {
    let schema = json!({"event@properties.email": {"type": "string"}});
    let cases = [
        ("event@properties.kind = \"a\"", false),
        ("event@properties.kind = \"b\"", true),
        ("event@context.page.url EXISTS", true),
        // Without an answer: as if it did not hold.
        ("event@properties.kind > 5", true),
        ("profile@id CONTAINS \"x\"", true),
    ];
    for (condition, valid) in cases {
        let event = world(schema.clone(), condition).event("sign-up", json!({"kind": "a"}));
        assert_eq!(event.metadata.valid, valid, "{condition}");
    }
    let mut other = world(schema, "");
    assert!(other.event("sign-in", json!({})).metadata.valid, "another type");
}

#[test]
fn of_several_checks_all_must_hold() {
    let mut world = World::new();
    let check =
        |name: &str| (Kind::EventValidator, json!({"event_type": "x", "validation": {"json_schema": {name: true}}}));
    world.configure(&[check("event@properties.a"), check("event@properties.b")]);
    let complaint = |event: tracardi_model::Event| json!(event.aux)["validation"]["validator"].clone();
    assert_eq!(complaint(world.event("x", json!({"a": 1, "b": null}))), Value::Null);
    assert_eq!(complaint(world.event("x", json!({"b": 1}))), json!("r0"));
    assert_eq!(complaint(world.event("x", json!({"a": 1}))), json!("r1"));
}

#[test]
fn a_schema_that_names_itself_ends() {
    let list = json!({"event@properties": {"$ref": "#/$defs/node",
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}});
    assert!(world(list.clone(), "").event("sign-up", json!({"next": {"next": {}}})).metadata.valid);
    assert!(!world(list, "").event("sign-up", json!({"next": {"next": 1}})).metadata.valid);
    let circle = json!({"event@properties": {"$ref": "#"}});
    assert!(world(circle, "").event("sign-up", json!({})).metadata.valid);
}
