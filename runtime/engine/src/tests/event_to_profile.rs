//! Values for the profile, by the configuration (5.5).

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;

use super::world::World;

fn assignment(event: &str, op: &str, profile: &str) -> Value {
    json!({"event": {"value": event, "ref": true}, "op": op, "profile": {"value": profile, "ref": true}})
}

fn world(condition: &str, assignments: &[Value]) -> World {
    let mut world = World::new();
    let record = json!({"event_type": "seen", "config": {"condition": condition}, "event_to_profile": assignments});
    world.configure(&[(Kind::EventToProfile, record)]);
    world
}

#[test]
fn operations_on_what_the_profile_has() {
    // Operation, destination, what is there (none: nothing), the event's value; what is there afterwards, and whether that
    // is a warning.
    let none = Value::Null;
    let cases = [
        ("equals", "traits.a", none.clone(), json!("x"), json!("x"), false),
        ("equals", "traits.a", json!("old"), json!({"b": 1}), json!({"b": 1}), false),
        ("equals", "traits.a", json!("old"), json!(""), json!("old"), true),
        ("equals", "traits.a", json!("old"), json!(0), json!("old"), true),
        ("equals", "traits.a", json!("old"), json!(false), json!("old"), true),
        ("equals", "traits.a", json!("old"), json!([]), json!("old"), true),
        ("equals", "traits.a", json!("old"), json!(null), json!("old"), true),
        ("equals", "traits.a", none.clone(), json!("x".repeat(70_000)), none.clone(), true),
        ("equals", "data.contact.email.main", none.clone(), json!("a@b.pl"), json!("a@b.pl"), false),
        ("equals", "data.contact.email.main", json!("a@b.pl"), json!({"a": 1}), json!("a@b.pl"), true),
        ("equals", "data.no.such", none.clone(), json!("x"), none.clone(), true),
        ("equals", "segments", none.clone(), json!(["a", "b"]), json!(["a", "b"]), false),
        ("equals", "interests.shoes", json!(1), json!(2), json!(2), false),
        ("equals", "stats.visits", json!(1), json!(7), json!(7), false),
        ("equals_if_not_exists", "traits.a", none.clone(), json!("x"), json!("x"), false),
        ("equals_if_not_exists", "traits.a", json!(" "), json!("x"), json!("x"), false),
        ("equals_if_not_exists", "traits.a", json!([]), json!("x"), json!("x"), false),
        ("equals_if_not_exists", "traits.a", json!(0), json!("x"), json!(0), false),
        ("equals_if_not_exists", "traits.a", json!("old"), json!("x"), json!("old"), false),
        ("equals_if_not_exists", "data.pii.firstname", none.clone(), json!("Ann"), json!("Ann"), false),
        ("append", "traits.a", none.clone(), json!("x"), json!(["x"]), false),
        ("append", "traits.a", json!(["x"]), json!("x"), json!(["x", "x"]), false),
        ("append", "traits.a", json!("old"), json!("x"), json!(["old", "x"]), false),
        ("append", "traits.a", json!([1]), json!([2, 3]), json!([1, [2, 3]]), false),
        ("append", "traits.a", json!({"b": 1}), json!("x"), json!({"b": 1}), true),
        ("append", "traits.a", json!(vec![1; 1_000]), json!("x"), json!(vec![1; 1_000]), true),
        ("append", "data.preferences.colors", json!(["red"]), json!("blue"), json!(["red", "blue"]), false),
        ("append", "data.preferences.colors", none, json!(["red"]), json!([]), true),
    ];
    for (op, to, before, value, after, warning) in cases {
        let shown = format!("{op} {to} {before} {value}").chars().take(100).collect::<String>();
        let mut world = world("", &[assignment("properties.v", op, to)]);
        world.event("page-view", json!({}));
        if !before.is_null() {
            let id = world.profile().id().to_owned();
            let mut profile = (*world.profile()).clone();
            let path = tracardi_model::Path::parse(to).unwrap();
            tracardi_model::record::Node::set(&mut profile, path.segments(), &before).unwrap();
            world.profiles.insert(id, std::sync::Arc::new(profile));
        }
        let event = world.event("seen", json!({"v": value}));
        assert_eq!(world.value(to), after, "{shown}");
        assert_eq!(event.metadata.warning, warning, "{shown}: {:?}", event.aux);
        assert_eq!(event.aux.contains_key("warnings"), warning, "{shown}");
    }
}

#[test]
fn sources_are_all_parts_of_the_event_and_texts() {
    let mut world = world(
        "",
        &[
            assignment("type", "equals", "traits.type"),
            assignment("source.id", "equals", "traits.source"),
            assignment("session.id", "equals", "traits.session"),
            assignment("metadata.channel", "equals", "traits.channel"),
            assignment("hit.name", "equals", "traits.page"),
            assignment("properties.no", "equals", "traits.no"),
            json!({"event": {"value": " gold ", "ref": false}, "op": 0, "profile": {"value": "traits.level", "ref": true}}),
        ],
    );
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": [
        {"type": "Seen", "context": {"page": {"title": "T"}}}]});
    let event = world.track(&body).unwrap().events.remove(0);
    assert_eq!(
        world.value("traits"),
        json!({"type": "seen", "source": "src-1", "session": "v", "channel": "Web", "page": "T", "level": "gold"})
    );
    assert_eq!(event.aux["warnings"], json!(["event-to-profile r0: `traits.no`: there is no `event@properties.no`"]));
}

#[test]
fn a_condition_decides() {
    let cases = [
        ("event@properties.v > 3", Some(5), None),
        ("event@properties.v > 9", None, None),
        ("profile@id EXISTS AND session@id = \"v\"", Some(5), None),
        ("profile@traits.v NOT EXISTS", Some(5), None),
        ("session@metadata.status IS NULL", Some(5), None),
        ("event@properties.v = \"5\"", None, None),
        ("event@type STARTS WITH 5", None, Some("event@type STARTS WITH 5")),
        ("profile@traits.no CONTAINS \"x\"", None, Some("profile@traits.no is missing")),
    ];
    for (condition, written, warning) in cases {
        let mut world = world(condition, &[assignment("properties.v", "equals", "traits.v")]);
        let event = world.event("seen", json!({"v": 5}));
        assert_eq!(world.value("traits.v"), json!(written), "{condition}");
        assert_eq!(event.metadata.warning, warning.is_some(), "{condition}");
        let told = event.aux.get("warnings").map(ToString::to_string).unwrap_or_default();
        assert!(told.contains(warning.unwrap_or_default()), "{told}");
    }
}

#[test]
fn changes_are_logged_and_lead_to_hashed_ids() {
    let mut world = world("", &[assignment("properties.mail", "equals", "data.contact.email.main")]);
    let event = world.event("seen", json!({"mail": " A@b.pl "}));
    let profile = world.profile();
    assert_eq!(profile.metadata.fields.0["data.contact.email.main"].1, event.id);
    let key = world.settings.merging_key.clone().unwrap();
    assert!(profile.ids().contains(&crate::hashed_ids::hash("a@b.pl", "emm-", &key).unwrap()));
    assert_eq!(world.value("data.anonymous"), json!(false));
}

#[test]
fn ids_are_added_once_and_never_taken_away() {
    let mut world = world("", &[assignment("properties.card", "append", "ids")]);
    for (card, warning) in
        [(json!("card-1"), false), (json!(" card-1 "), false), (json!("card-2"), false), (json!(5), true)]
    {
        assert_eq!(world.event("seen", json!({"card": card})).metadata.warning, warning, "{card}");
    }
    let profile = world.profile();
    assert_eq!(profile.ids(), [profile.id(), "card-1", "card-2"]);
}

#[test]
fn configured_values_come_after_predefined_ones_and_before_what_is_computed() {
    let mut world = World::new();
    world.configure(&[
        (
            Kind::EventToProfile,
            json!({"event_type": "sign-up", "event_to_profile": [
            assignment("properties.lastname", "equals", "data.pii.firstname")]}),
        ),
        (
            Kind::EventToProfile,
            json!({"event_type": "checkout-completed", "event_to_profile": [
            assignment("properties.started", "equals", "data.metrics.ltcosc")]}),
        ),
    ]);
    world.event("sign-up", json!({"firstname": "Ann", "lastname": "Lee", "name": "Ann"}));
    assert_eq!(world.value("data.pii.firstname"), json!("Lee"));
    world.event("checkout-completed", json!({"started": 6}));
    assert_eq!((world.value("data.metrics.ltcocc"), world.value("data.metrics.ltcop")), (json!(1), json!(6.0)));
}

#[test]
fn an_event_tells_of_few_warnings_only() {
    let assignments: Vec<Value> =
        (0..50).map(|n| assignment(&format!("properties.v{n}"), "equals", "traits.v")).collect();
    let event = world("", &assignments).event("seen", json!({}));
    assert_eq!(event.aux["warnings"].as_array().unwrap().len(), 5);
}
