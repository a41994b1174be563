//! Visitors who are recognised by what their events bring (4.8).

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;

use super::world::World;

fn point(source: &str, fields: &[(&str, &str)]) -> (Kind, Value) {
    let fields: Vec<Value> = fields
        .iter()
        .map(|(known, asked)| json!({"profile_trait": {"value": known, "ref": true}, "event_property": {"value": asked, "ref": true}}))
        .collect();
    (
        Kind::IdentificationPoint,
        json!({"event_type": "Card Shown", "source": {"id": source, "name": ""}, "fields": fields}),
    )
}

fn onto(field: &str, property: &str) -> (Kind, Value) {
    let assignment =
        json!({"event": {"value": property, "ref": true}, "op": 0, "profile": {"value": field, "ref": true}});
    (Kind::EventToProfile, json!({"event_type": "joined", "event_to_profile": [assignment]}))
}

/// The profile that an event of a type is taken for, in a session.
fn whose(world: &mut World, session: &str, kind: &str, properties: Value) -> String {
    let body = json!({"source": {"id": "src-1"}, "session": {"id": session}, "events": [
        {"type": kind, "properties": properties, "time": {"create": world.now.as_second()}}]});
    world.track(&body).unwrap().answer.profile.id.unwrap()
}

#[test]
fn a_new_session_finds_the_profile_that_has_the_values() {
    let mut world = World::new();
    world.configure(&[point("", &[("traits.card", "properties.number")]), onto("traits.card", "properties.card")]);
    let ann = whose(&mut world, "a", "joined", json!({"card": "X-1"}));
    let bob = whose(&mut world, "b", "joined", json!({"card": 17}));
    assert_ne!(ann, bob);
    let cases = [
        ("c", "card-shown", json!({"number": " x-1 "}), Some(&ann)),
        ("d", "Card Shown", json!({"number": "17"}), Some(&bob)),
        ("e", "card-shown", json!({"number": "X-2"}), None),
        ("f", "card-shown", json!({}), None),
        ("g", "card-shown", json!({"number": " "}), None),
        ("h", "card-shown", json!({"number": ["X-1"]}), None),
        ("i", "another", json!({"number": "X-1"}), None),
        // A known session decides.
        ("b", "card-shown", json!({"number": "X-1"}), Some(&bob)),
    ];
    for (session, kind, properties, expected) in cases {
        let found = whose(&mut world, session, kind, properties.clone());
        match expected {
            Some(expected) => assert_eq!(&found, expected, "{session} {properties}"),
            None => assert!(found != ann && found != bob, "{session} {properties}"),
        }
    }
    assert_eq!(world.find(&ann).unwrap().metadata.time.visit.count, 2, "a session of somebody known is a visit");
    // Without a key nobody is recognised; a client that names a profile is believed as before.
    world.settings.merging_key = None;
    assert_ne!(whose(&mut world, "k", "card-shown", json!({"number": "X-1"})), ann);
}

#[test]
fn fields_that_identify_anyway_need_no_id_of_their_own() {
    let mut world = World::new();
    let before = whose(&mut world, "a", "sign-up", json!({"email": {"main": "A@b.pl"}}));
    world.configure(&[point("SRC-1", &[("data.contact.email.main", "properties.mail")])]);
    assert_eq!(whose(&mut world, "b", "card-shown", json!({"mail": "a@B.pl"})), before);
    world.configure(&[point("src-2", &[("data.contact.email.main", "properties.mail")])]);
    assert_ne!(whose(&mut world, "c", "card-shown", json!({"mail": "a@b.pl"})), before, "another source");
}

#[test]
fn all_fields_of_a_point_must_agree() {
    let mut world = World::new();
    world.configure(&[
        point("", &[("traits.shop", "properties.shop"), ("traits.card", "properties.number")]),
        onto("traits.card", "properties.card"),
        onto("traits.shop", "properties.shop"),
    ]);
    let ann = whose(&mut world, "a", "joined", json!({"card": "1", "shop": "x"}));
    assert_eq!(whose(&mut world, "b", "card-shown", json!({"number": 1, "shop": "X"})), ann);
    for properties in [json!({"number": 1}), json!({"number": 1, "shop": "y"}), json!({"number": "x", "shop": "1"})] {
        assert_ne!(whose(&mut world, &properties.to_string(), "card-shown", properties.clone()), ann);
    }
}

#[test]
fn profiles_with_the_same_values_wait_to_be_merged() {
    let mut world = World::new();
    world.configure(&[point("", &[("traits.card", "properties.number")]), onto("traits.card", "properties.card")]);
    let ann = whose(&mut world, "a", "joined", json!({"card": "1"}));
    let other = whose(&mut world, "b", "joined", json!({"card": "1"}));
    let (ann, other) = (world.find(&ann).unwrap(), world.find(&other).unwrap());
    assert!(other.awaits_merge() && other.ids()[1] == ann.ids()[1] && other.ids()[1].starts_with("idp-"));
}

#[test]
fn in_a_known_session_both_profiles_are_one_persons() {
    let mut world = World::new();
    world.configure(&[point("", &[("traits.card", "properties.number")]), onto("traits.card", "properties.card")]);
    let ann = whose(&mut world, "a", "joined", json!({"card": "X-1"}));
    let shown = |world: &mut World, session: &str, number: &str, options: Value| {
        let time = json!({"create": world.now.as_second()});
        let events = json!([{"type": "page-view", "time": time}, {"type": "card-shown", "properties": {"number": number}, "time": time}]);
        let body = json!({"source": {"id": "src-1"}, "session": {"id": session}, "options": options, "events": events});
        world.track(&body).unwrap()
    };
    let bob = whose(&mut world, "b", "page-view", json!({}));
    // Nobody has this card, and nobody shall be taken for Bob by it.
    let outcome = shown(&mut world, "b", "X-2", json!({}));
    assert_eq!((world.find(&bob).unwrap().ids().len(), outcome.store_profile), (1, false));
    assert!(outcome.events.iter().all(|event| !event.metadata.merge));
    let unkept = shown(&mut world, "b", "X-1", json!({"saveProfile": false}));
    assert!(!unkept.store_profile && unkept.events.iter().all(|event| !event.metadata.merge));

    let outcome = shown(&mut world, "b", " x-1", json!({}));
    assert_eq!(outcome.answer.profile.id.as_deref(), Some(&*bob), "until they are merged each has its own ids");
    assert_eq!(outcome.events.iter().map(|event| event.metadata.merge).collect::<Vec<_>>(), [false, true]);
    let (known, other) = (world.find(&ann).unwrap(), world.find(&bob).unwrap());
    assert!(other.awaits_merge() && other.ids()[1] == known.ids()[1], "{:?}", other.ids());
    assert_eq!(other.metadata.system.aux["auto_merge"], json!(["traits.card"]));
    let notes = &outcome.trails[0].notes;
    let told = json!({"by": {"kind": "identification-point", "id": "r0"}, "did": "merging", "other": ann});
    assert_eq!(serde_json::to_value(&notes[0]).unwrap(), told);
    // Once is enough, and of her own card nothing follows.
    assert!(!shown(&mut world, "b", "X-1", json!({})).store_profile);
    assert!(!shown(&mut world, "a", "X-1", json!({})).store_profile);
    // A client that names a profile which nobody has gets a new one: the same person's.
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "new"}, "profile": {"id": "forged"},
        "events": [{"type": "card-shown", "properties": {"number": "X-1"}}]});
    let third = world.track(&body).unwrap().profile.unwrap();
    assert!(third.id != ann && third.awaits_merge());
}
