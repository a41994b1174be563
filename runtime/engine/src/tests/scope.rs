//! What expressions see is the JSON form of the documents.

use serde_json::{Value, json};
use tracardi_language::{Found, Scope, Source};
use tracardi_model::{EventPayload, Path};

use super::world::World;
use crate::scope::{Collected, EVENT_PARTS, Received};

/// Every place of a JSON value, the whole included.
fn places(value: &Value) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, part) in parts {
        all.extend(places(part).into_iter().map(|rest| [vec![name.clone()], rest].concat()));
    }
    all
}

/// Compares the scope with the JSON at every place; gives how many there were.
fn compare(scope: &dyn Scope, source: Source, document: &Value) -> usize {
    let places = places(document);
    for place in &places {
        let path = Path::of(place.iter().map(String::as_str)).ok();
        let segments = path.as_ref().map_or(&[][..], Path::segments);
        let expected = tracardi_model::path::get(document, segments).cloned();
        assert_eq!(scope.get(source, segments).map(Found::into_value), expected, "{source}@{path:?}");
        let deeper = [&place[..], &["no such".to_owned()]].concat();
        let deeper = Path::of(deeper.iter().map(String::as_str)).unwrap();
        assert_eq!(scope.get(source, deeper.segments()), None, "{source}@{deeper}");
    }
    places.len()
}

#[test]
fn typed_documents_look_like_their_json() {
    let mut world = World::new();
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"},
        "context": {"time": {"tz": "Europe/Warsaw"}, "utm": {"source": "news"}}, "properties": {"a": [1, {"b": null}]},
        "events": [{"type": "sign-up", "properties": {"email": "a@b.pl", "list": [0, "", null]}, "tags": ["t"],
                    "context": {"page": {"title": "T"}}, "options": {"async": true}}]});
    let event = world.track(&body).unwrap().events.remove(0);
    let (profile, session) = (world.profile(), world.sessions["v"].clone());
    let scope = Collected { event: &event, profile: Some(&profile), session: Some(&session) };
    assert!(compare(&scope, Source::Event, &json!(event)) > 60);
    assert!(compare(&scope, Source::Profile, &json!(*profile)) > 60);
    assert!(compare(&scope, Source::Session, &json!(*session)) > 60);
    let parts: Vec<String> = json!(event).as_object().unwrap().keys().cloned().collect();
    assert!(EVENT_PARTS.iter().all(|part| parts.iter().any(|known| known == part)) && parts.len() == EVENT_PARTS.len());
    let alone = Collected { event: &event, profile: None, session: None };
    for source in [Source::Profile, Source::Session, Source::Payload, Source::Memory] {
        assert_eq!(alone.get(source, &[]), None);
    }
}

#[test]
fn a_payload_looks_like_what_was_sent() {
    let world = World::new();
    let command = world.command(&json!({"source": {"id": "src-1"}, "context": {"shop": "pl"}, "events": [
        {"type": "Sign Up", "properties": {"a": {"b": [1]}}, "context": {"c": 1}, "tags": ["t"], "time": {"create": 5}}]}));
    let payload: &EventPayload = &command.payload.events[0];
    let received = Received { kind: "sign-up", id: "e", payload, context: &command.payload.context };
    let mut document = json!(payload);
    document["type"] = json!("sign-up");
    document["id"] = json!("e");
    assert!(compare(&received, Source::Event, &document) > 10);
    assert_eq!(compare(&received, Source::Session, &json!({"context": {"shop": "pl"}})), 3);
}
