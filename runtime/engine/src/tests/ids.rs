//! Ids that follow from the content, and requests that come twice.

use serde_json::{Value, json};

use super::world::{World, ids, kinds};
use crate::{Origin, Rejected};

fn body() -> Value {
    json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "options": {"debugger": true},
        "events": [{"type": "a", "properties": {"x": 1, "y": {"z": [1, 2]}}, "time": {"create": 5}}, {"type": "b"}, {"type": "b"}]})
}

#[test]
fn equal_content_gives_equal_ids() {
    let world = World::new();
    let first = world.command(&body());
    let mut reordered = body();
    reordered["events"][0]["properties"] = json!({"y": {"z": [1, 2]}, "x": 1});
    assert_eq!(world.command(&reordered).event_ids(), first.event_ids());
    assert_eq!(world.command(&reordered).digest(), first.digest());
    let [a, b, c] = first.event_ids() else { panic!("three ids") };
    assert!(a != b && b != c && a != c, "equal events of one request are counted");
    assert_eq!(a.len(), 36);

    for (path, value) in [
        ("session.id", json!("w")),
        ("events.0.type", json!("c")),
        ("events.0.properties.x", json!(2)),
        ("events.0.time.create", json!(6)),
        ("events.0.options", json!({"o": 1})),
        ("events.0.context", json!({"c": 1})),
        ("events.0.tags", json!(["t"])),
        ("context", json!({"time": {"local": "x"}})),
    ] {
        let mut other = body();
        tracardi_model::path::set(&mut other, tracardi_model::Path::parse(path).unwrap().segments(), value).unwrap();
        assert_ne!(world.command(&other).event_ids()[0], *a, "{path}");
        assert_ne!(world.command(&other).digest(), first.digest(), "{path}");
    }
}

#[test]
fn without_session_the_sender_stands_in() {
    let world = World::new();
    let mut without = body();
    without["session"] = Value::Null;
    let here = world.command(&without).event_ids().to_vec();
    let mut elsewhere = World::new();
    elsewhere.origin = Origin::new([], "10.0.0.2");
    assert_ne!(elsewhere.command(&without).event_ids(), here);
    without["profile"] = json!({"id": "p"});
    assert_ne!(world.command(&without).event_ids(), here);
}

#[test]
fn the_same_request_twice_changes_nothing() {
    let mut world = World::new();
    let first = world.track(&body()).unwrap();
    let (profiles, sessions, events) = (world.profiles.clone(), world.sessions.clone(), world.events.clone());
    let second = world.track(&body()).unwrap();
    assert!(second.events.is_empty() && !second.store_session && !second.store_profile);
    assert_eq!(ids(&second.answer), ids(&first.answer));
    assert_eq!(second.answer.task, first.answer.task);
    assert_eq!(second.answer.events, first.answer.events[..3], "the client's own events");
    assert_eq!((world.profiles, world.sessions, world.events), (profiles, sessions, events));
}

#[test]
fn a_repeated_request_that_was_lost_makes_the_same_ids() {
    let mut one = World::new();
    let mut two = World::new();
    let (first, again) = (one.track(&body()).unwrap(), two.track(&body()).unwrap());
    assert_eq!(first.answer, again.answer);
    assert_eq!(first.events, again.events);
}

#[test]
fn what_is_made_for_a_request_carries_its_time() {
    let mut world = World::new();
    let mut profile = |session: &str, time: Value| {
        let event = json!([{"type": "landing", "time": time}]);
        let body = json!({"source": {"id": "src-1"}, "session": {"id": session}, "events": event});
        world.track(&body).unwrap().answer.profile.id.unwrap()
    };
    let (early, late) = (profile("a", json!({"create": 5})), profile("b", json!({"create": 6})));
    assert!(early.starts_with("00000000-1388-7") && late > early, "{early} {late}");
    assert_eq!(&profile("c", json!({}))[14..15], "4", "a random one");
}

#[test]
fn only_new_events_are_applied() {
    let mut world = World::new();
    let start = |id: &str| json!({"id": id, "type": "checkout-started", "properties": {"value": 10}});
    world.events(json!([start("A"), start("B")]));
    assert_eq!(world.value("data.metrics.ltcosv"), json!(20.0));
    let outcome = world.events(json!([start("b"), start("C"), start("c")]));
    assert_eq!(kinds(&outcome), ["checkout-started"]);
    assert_eq!(outcome.events[0].id, "c", "ids are kept in lower case, and twice in one request is once");
    assert_eq!(world.value("data.metrics.ltcosv"), json!(30.0));
}

#[test]
fn an_id_of_somebody_elses_event_is_refused() {
    let mut world = World::new();
    let body = |session: &str| json!({"source": {"id": "src-1"}, "session": {"id": session}, "events": [{"type": "x"}, {"type": "a", "id": "E1"}]});
    world.track(&body("v")).unwrap();
    let refused = world.track(&body("w")).unwrap_err();
    assert_eq!(refused, Rejected::EventIdTaken { index: 1, id: "e1".to_owned() });
    assert_eq!(refused.status(), 409);
    assert_eq!(refused.detail()[0]["loc"], json!(["body", "events", 1, "id"]));
    assert!(!world.sessions.contains_key("w"));
}

#[test]
fn no_events_is_nothing() {
    let mut world = World::new();
    let outcome = world.track(&json!({"source": {"id": "src-1"}, "session": {"id": "v"}})).unwrap();
    assert!(outcome.events.is_empty() && !outcome.store_session && !outcome.store_profile);
    assert!(world.sessions.is_empty());
}

#[test]
fn an_event_id_tells_a_stranger_nothing() {
    let mut world = World::new();
    let event = json!([{"type": "order", "id": "order-1"}]);
    let mine = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": event});
    let first = world.track(&mine).unwrap();
    let stranger = world.track(&json!({"source": {"id": "src-1"}, "events": event})).unwrap();
    assert_eq!((stranger.answer.profile.id, stranger.answer.session.id), (None, None));
    assert!(!stranger.store_session && !stranger.store_profile);
    // Whoever sent it, without a session as well, gets the answer again.
    let own = json!({"source": {"id": "src-1"}, "events": [{"type": "order", "id": "order-2"}]});
    let own_first = world.track(&own).unwrap();
    assert_eq!(ids(&world.track(&own).unwrap().answer), ids(&own_first.answer));
    assert_eq!(ids(&world.track(&mine).unwrap().answer), ids(&first.answer));
}

#[test]
fn visitors_behind_one_address_stay_apart() {
    let bare = json!({"source": {"id": "src-1"}, "events": [{"type": "landing"}]});
    let timed = json!({"source": {"id": "src-1"}, "events": [{"type": "landing", "time": {"create": 5}}]});
    let mut world = World::new();
    let (first, first_timed) = (world.command(&bare), world.command(&timed));
    world.origin.nonce = 7;
    assert_ne!(world.command(&bare).event_ids(), first.event_ids());
    assert_ne!(world.command(&bare).digest(), first.digest());
    assert_eq!(world.command(&timed).event_ids(), first_timed.event_ids());
}
