//! Who is recognised by the device (spec/pipeline.md 3.7), and who is not.

use serde_json::{Value, json};

use super::world::World;
use crate::Outcome;

/// A world whose source remembers fingerprints for so long.
fn world(ttl: &Value) -> World {
    let mut world = World::new();
    world.source(|source| source.config = json!({"device_fingerprint_ttl": ttl}).as_object().cloned());
    world
}

fn visit(world: &mut World, session: &str, profile: Option<&str>, width: u32) -> Outcome {
    let profile = profile.map(|id| json!({ "id": id }));
    let context = json!({"screen": {"local": {"width": width, "height": 800}}, "time": {"tz": "Europe/Warsaw"}});
    let request = json!({"source": {"id": "src-1"}, "session": {"id": session}, "profile": profile, "context": context,
        "events": [{"type": "page-view", "time": {"create": world.now.as_second()}}]});
    world.track(&request).unwrap()
}

fn profile(outcome: &Outcome) -> String {
    outcome.answer.profile.id.clone().unwrap()
}

#[test]
fn who_lost_the_ids_is_recognised_for_a_while() {
    let mut world = world(&json!(900));
    let first = profile(&visit(&mut world, "s1", None, 1280));
    let again = visit(&mut world, "s2", None, 1280);
    assert_eq!(profile(&again), first, "a session of its own, and the same profile");
    assert!(again.events.iter().all(|event| event.kind() != "profile-created"));
    assert_eq!(profile(&visit(&mut world, "s3", Some("forged"), 1280)), first, "an unknown id is as good as none");
    assert_ne!(profile(&visit(&mut world, "s4", None, 1920)), first, "another device");
    world.now += jiff::SignedDuration::from_secs(901);
    assert_ne!(profile(&visit(&mut world, "s5", None, 1280)), first, "that was too long ago");
}

#[test]
fn every_request_prolongs_it() {
    let mut world = world(&json!("60"));
    let first = profile(&visit(&mut world, "s1", None, 1280));
    for _ in 0..10 {
        assert_eq!(profile(&visit(&mut world, "s1", None, 1280)), first);
    }
    assert_eq!(profile(&visit(&mut world, "s2", None, 1280)), first);
}

#[test]
fn a_device_of_two_leads_to_neither() {
    let mut world = world(&json!(900));
    let ann = profile(&visit(&mut world, "ann", None, 1280));
    let bob = profile(&visit(&mut world, "bob", None, 1920));
    assert_ne!(ann, bob);
    assert_eq!(profile(&visit(&mut world, "bob", None, 1280)), bob, "whose session it is stays");
    let third = profile(&visit(&mut world, "third", None, 1280));
    assert!(third != ann && third != bob);
}

#[test]
fn a_profile_that_is_gone_is_not_remembered() {
    let mut world = world(&json!(900));
    let first = profile(&visit(&mut world, "s1", None, 1280));
    world.profiles.clear();
    world.sessions.clear();
    let second = profile(&visit(&mut world, "s2", None, 1280));
    assert_ne!(second, first);
    assert_eq!(profile(&visit(&mut world, "s3", None, 1280)), second);
}

#[test]
fn nobody_is_recognised_unless_the_source_asks_for_it() {
    for ttl in [json!(null), json!(0), json!(-5), json!(true), json!("soon")] {
        let mut world = world(&ttl);
        let first = profile(&visit(&mut world, "s1", None, 1280));
        assert_ne!(profile(&visit(&mut world, "s2", None, 1280)), first, "{ttl}");
        assert!(world.devices.is_empty(), "{ttl}");
    }
}

#[test]
fn who_tells_little_is_not_recognised() {
    let mut world = world(&json!(900));
    let request = |session: &str| json!({"source": {"id": "src-1"}, "session": {"id": session}, "events": [{"type": "page-view"}]});
    let first = profile(&world.track(&request("s1")).unwrap());
    assert_ne!(profile(&world.track(&request("s2")).unwrap()), first, "no screen");
}
