//! What the settings of a webhook's bridge do (spec/pipeline.md 2.4), row by row.

use serde_json::{Value, json};
use tracardi_model::SourceType;

use super::world::{World, ids};
use crate::{Outcome, hashed_ids};

/// A world whose source is a webhook with these settings.
fn world(config: &Value) -> World {
    let mut world = World::new();
    world.source(|source| {
        source.kind = vec![SourceType::Webhook];
        source.config = config.as_object().cloned();
    });
    world.origin.endpoint = SourceType::Webhook;
    world.profile_less = true;
    world
}

/// What `/collect` makes of a call; each is told from the others by its nonce.
fn call(world: &mut World, session: Option<&str>, kind: &str, properties: Value) -> Outcome {
    world.origin.nonce += 1;
    let session = session.map(|id| json!({ "id": id }));
    let options = json!({"saveSession": session.is_some(), "debugger": true});
    let events = json!([{"type": kind, "properties": properties}]);
    world.track(&json!({"source": {"id": "src-1"}, "session": session, "options": options, "events": events})).unwrap()
}

fn hash(world: &World, prefix: &str, value: &str) -> String {
    hashed_ids::hash(value, prefix, world.settings.merging_key.as_deref().unwrap()).unwrap()
}

#[test]
fn without_settings_there_is_neither_profile_nor_session() {
    for config in [
        json!({}),
        json!({"sticky_session": true}),
        json!({"generate_profile": false}),
        json!({"replace_profile_id": 5}),
    ] {
        let mut world = world(&config);
        let outcome = call(&mut world, None, "order", json!({"id": 1}));
        assert_eq!(ids(&outcome.answer), (None, None), "{config}");
        assert!(world.profiles.is_empty() && world.sessions.is_empty(), "{config}");
        assert_eq!(world.events.len(), 1);
    }
}

#[test]
fn generated_profiles_are_found_again_by_what_identifies_a_person() {
    let mut world = world(&json!({"generate_profile": true}));
    let person = |mail: &str, number: u32| json!({"email": {"main": mail}, "number": number});
    let first = call(&mut world, None, "identification", person("Ann@Example.com ", 1));
    let id = first.answer.profile.id.clone().unwrap();
    let hashed = hash(&world, "emm-", "ann@example.com");
    assert_ne!(id, hashed, "the profile's own id is not guessed from an address");
    assert!(world.find(&hashed).is_some(), "but it is found by it");
    let second = call(&mut world, None, "identification", person("ann@example.com", 2));
    assert_eq!(second.answer.profile.id, Some(id), "blanks and case make no other person");
    assert_eq!(second.answer.session.id, first.answer.session.id, "a sticky session");
    let key = world.settings.merging_key.clone().unwrap();
    assert_eq!(first.answer.session.id, Some(hashed_ids::session(&hashed, &key)));
    assert_eq!(world.counts(), (1, 1));
    assert_eq!(world.value_of(&hashed, "metadata.time.visit.count"), json!(1), "one session, one visit");

    let other = call(&mut world, None, "identification", person("bob@example.com", 1));
    assert_ne!(other.answer.profile.id, second.answer.profile.id);
    assert_eq!(world.counts(), (2, 2));
}

#[test]
fn the_first_identifying_property_counts_and_others_are_passed_over() {
    let mut world = world(&json!({"generate_profile": true, "replace_profile_id": "pk"}));
    for mail in [json!(null), json!(7), json!("  "), json!(["a@b.pl"])] {
        let outcome = call(&mut world, None, "identification", json!({"pk": "P1", "email": {"main": mail}}));
        assert!(
            world
                .find(outcome.answer.profile.id.as_deref().unwrap())
                .unwrap()
                .ids()
                .contains(&hash(&world, "ipk-", "p1"))
        );
    }
    assert_eq!(world.counts(), (1, 1), "`replace_profile_id` does not count beside `generate_profile`");
}

#[test]
fn who_is_not_identified_gets_a_profile_each_time() {
    let mut world = world(&json!({"generate_profile": true}));
    let first = call(&mut world, None, "order", json!({"id": 1}));
    let second = call(&mut world, None, "order", json!({"id": 1}));
    assert!(first.answer.profile.id.is_some() && first.answer.session.id.is_some());
    assert_ne!(first.answer.profile, second.answer.profile);
    assert_eq!(world.counts(), (2, 2));

    world.settings.merging_key = None;
    let outcome = call(&mut world, None, "identification", json!({"email": {"main": "a@b.pl"}}));
    assert!(outcome.answer.profile.id.is_some(), "nothing identifies when hashed ids are switched off");
    assert_eq!(world.counts(), (3, 3));
}

#[test]
fn a_session_of_the_path() {
    let mail = json!({"email": {"main": "a@b.pl"}});
    for (sticky, expected) in [(json!(false), true), (json!(true), false), (json!(null), true)] {
        let mut world = world(&json!({"generate_profile": true, "sticky_session": sticky}));
        let outcome = call(&mut world, Some("path"), "identification", mail.clone());
        assert_eq!(outcome.answer.session.id.as_deref() == Some("path"), expected, "{sticky}");
    }
    let mut world = world(&json!({"generate_profile": true, "sticky_session": false}));
    let first = call(&mut world, None, "identification", mail.clone());
    let second = call(&mut world, None, "identification", mail);
    assert_eq!(first.answer.profile, second.answer.profile);
    assert_ne!(first.answer.session, second.answer.session, "a session each time");
}

#[test]
fn a_property_is_the_profile_id() {
    let table = [
        ("user.id", json!({"user": {"id": " 42a "}}), Some("42a")),
        ("user.id", json!({"user": {"id": 42}}), Some("42")),
        ("user.id", json!({"user.id": "form"}), Some("form")),
        (" ids.1 ", json!({"ids": ["a", "b"]}), Some("b")),
        ("user.id", json!({"user": {"id": ""}}), None),
        ("user.id", json!({"user": {"id": null}}), None),
        ("user.id", json!({"user": {"id": {"x": 1}}}), None),
        ("user.id", json!({"user": "id"}), None),
        ("user.id", json!({"user": {"id": "x".repeat(600)}}), None),
        ("user.id", json!({"user": {"id": "a\0b"}}), None),
        ("..", json!({"user": {"id": "a"}}), None),
        ("", json!({"": "a"}), Some("a")),
    ];
    for (path, properties, expected) in table {
        let mut world = world(&json!({"replace_profile_id": path}));
        let outcome = call(&mut world, None, "order", properties.clone());
        assert_eq!(ids(&outcome.answer), (expected, expected), "{path} in {properties}");
        assert_eq!(json!(outcome.events[0].properties), properties, "the properties stay");
    }
    let mut world = world(&json!({"replace_profile_id": "user"}));
    for (session, user) in [(None, "u1"), (None, "u1"), (Some("s"), "u1"), (Some("s"), "u2")] {
        let outcome = call(&mut world, session, "order", json!({"user": user}));
        assert_eq!(ids(&outcome.answer), (Some(user), Some(session.unwrap_or(user))));
    }
    assert_eq!(world.counts(), (2, 2));
}

#[test]
fn settings_of_another_bridge_do_not_count() {
    let mut world = world(&json!({"static_profile_id": true}));
    world.profile_less = false;
    let outcome = call(&mut world, Some("s"), "order", json!({}));
    assert!(outcome.answer.profile.id.is_some(), "no client's id is demanded");

    let mut rest = World::new();
    rest.source(|source| source.config = json!({"generate_profile": true}).as_object().cloned());
    rest.profile_less = true;
    let outcome = rest.events(json!([{"type": "a"}]));
    assert_eq!(outcome.answer.profile.id, None);
}

#[test]
fn the_same_call_again_is_another_event() {
    let mut world = world(&json!({}));
    for _ in 0..3 {
        call(&mut world, Some("s"), "click", json!({"button": 1}));
    }
    assert_eq!(world.events.values().filter(|event| event.kind() == "click").count(), 3);
}
