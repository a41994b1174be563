//! Which session, which profile, and when it is a visit (spec/pipeline.md 3.2-3.4, 3.8, 4.4, 6.2).

use serde_json::{Value, json};
use tracardi_model::session::Status;

use super::world::{World, ids, kinds};
use crate::NewProfiles;

fn body(session: Option<&str>, profile: Option<&str>, kind: &str) -> Value {
    let entity = |id: Option<&str>| id.map(|id| json!({"id": id}));
    json!({"source": {"id": "src-1"}, "session": entity(session), "profile": entity(profile), "events": [{"type": kind}]})
}

#[test]
fn first_contact() {
    let mut world = World::new();
    let outcome = world.track(&body(Some("v"), None, "page-view")).unwrap();
    assert_eq!(kinds(&outcome), ["page-view", "profile-created", "visit-started", "session-opened"]);
    let profile = world.profile();
    assert_eq!(ids(&outcome.answer), (Some(profile.id()), Some("v")));
    assert_eq!(profile.metadata.time.visit.count, 1);
    assert_eq!(profile.data.anonymous, Some(true));
    assert!(profile.metadata.time.update.is_some());
    assert_eq!(world.sessions["v"].metadata.status, Some(Status::Active));
    let started = outcome.events.iter().find(|event| event.kind() == "visit-started").unwrap();
    assert_eq!(json!(started.properties), json!({"trigger-event-types": ["page-view", "profile-created"]}));
    assert_eq!(started.source_id(), "@internal-110a200da64822fdebf9");
    assert_eq!(started.tags.values, ["event:system"]);
    assert_eq!(json!(started.config), json!({"async": true}));
    assert_eq!(started.metadata.channel.as_deref(), Some("Web"));
    let created = outcome.events.iter().find(|event| event.kind() == "profile-created").unwrap();
    assert_eq!(created.journey.state.as_deref(), Some("awareness"));
    assert!(created.insert() < started.insert(), "three seconds and one second back");
}

#[test]
fn second_request_of_a_session_changes_neither_session_nor_profile() {
    let mut world = World::new();
    world.track(&body(Some("v"), None, "page-view")).unwrap();
    let outcome = world.track(&body(Some("v"), Some("forged"), "search")).unwrap();
    assert_eq!(kinds(&outcome), ["search"]);
    assert!(!outcome.store_session && !outcome.store_profile, "the hot path writes the event only");
    assert_eq!(ids(&outcome.answer).0, Some(world.profile().id()), "the session's profile wins");
    assert_eq!(world.profiles.len(), 1);
}

#[test]
fn a_known_profile_in_a_new_session_is_a_second_visit() {
    let mut world = World::new();
    let first = world.track(&body(Some("v"), None, "a")).unwrap();
    let id = first.answer.profile.id.unwrap();
    let second = world.track(&body(Some("w"), Some(&id), "a")).unwrap();
    assert_eq!(kinds(&second), ["a", "visit-started", "session-opened"]);
    assert_eq!(world.profile().metadata.time.visit.count, 2);
    assert_eq!(world.profile().metadata.time.visit.last, Some(first.session.unwrap().metadata.time.insert.into()));
    let opened = &second.events[2];
    assert_eq!(opened.journey.state.as_deref(), Some("consideration"));
}

#[test]
fn forged_profile_ids_are_never_adopted() {
    let mut world = World::new();
    let outcome = world.track(&body(Some("v"), Some("forged"), "a")).unwrap();
    assert_ne!(outcome.answer.profile.id.as_deref(), Some("forged"));
    let outcome = world.track(&body(None, Some("forged"), "a")).unwrap();
    assert_ne!(outcome.answer.profile.id.as_deref(), Some("forged"));
    assert_eq!(kinds(&outcome), ["a", "profile-created", "visit-started", "session-opened"]);
}

#[test]
fn an_artificial_session_of_a_known_profile_is_no_visit() {
    let mut world = World::new();
    let id = world.track(&body(Some("v"), None, "a")).unwrap().answer.profile.id.unwrap();
    let outcome = world.track(&body(None, Some(&id), "b")).unwrap();
    assert_eq!(kinds(&outcome), ["b"]);
    assert_eq!(world.profile().metadata.time.visit.count, 1);
    assert!(outcome.store_session, "its status changed");
    let session = outcome.session.unwrap();
    assert_eq!(outcome.answer.session.id.as_deref(), Some(session.id()));
    assert_eq!((session.profile_id(), session.metadata.channel.as_deref()), (Some(id.as_str()), None));
}

#[test]
fn a_merged_profile_is_found_by_its_old_id() {
    let mut world = World::new();
    let old = world.track(&body(Some("v"), None, "a")).unwrap().answer.profile.id.unwrap();
    let mut survivor = (*world.profiles.remove(&old).unwrap()).clone();
    survivor.id = "survivor".to_owned();
    survivor.ids.0.push("survivor".to_owned());
    world.profiles.insert("survivor".to_owned(), survivor.into());
    let outcome = world.track(&body(Some("v"), Some(&old), "b")).unwrap();
    assert_eq!(ids(&outcome.answer).0, Some("survivor"));
    assert_eq!(world.sessions["v"].profile_id(), Some("survivor"));
    assert_eq!(kinds(&outcome), ["b", "visit-started", "session-opened"], "re-bound: a visit");
    let outcome = world.track(&body(Some("v"), None, "c")).unwrap();
    assert_eq!(kinds(&outcome), ["c"]);
    let outcome = world.track(&body(Some("x"), Some(&old), "d")).unwrap();
    assert_eq!(ids(&outcome.answer).0, Some("survivor"));
}

#[test]
fn a_deleted_profile_is_replaced() {
    let mut world = World::new();
    let old = world.track(&body(Some("v"), None, "a")).unwrap().answer.profile.id.unwrap();
    world.profiles.clear();
    let outcome = world.track(&body(Some("v"), Some(&old), "b")).unwrap();
    assert_ne!(outcome.answer.profile.id.as_deref(), Some(old.as_str()));
    assert_eq!(kinds(&outcome), ["b", "profile-created", "visit-started", "session-opened"]);
    assert_eq!(world.profile().metadata.time.visit.count, 1);
}

#[test]
fn without_profile() {
    let mut world = World::new();
    world.profile_less = true;
    let outcome = world.track(&body(Some("v"), Some("p"), "page-view")).unwrap();
    assert_eq!(ids(&outcome.answer), (None, Some("v")));
    assert!(outcome.profile.is_none() && world.profiles.is_empty());
    assert!(outcome.events.iter().all(|event| event.metadata.profile_less && event.profile.is_none()));
    assert_eq!(outcome.events[0].journey.state, None);
    assert_eq!(world.sessions["v"].profile, None);
    world.profile_less = false;
    let outcome = world.track(&body(Some("v"), None, "b")).unwrap();
    assert_eq!(
        kinds(&outcome),
        ["b", "profile-created", "visit-started", "session-opened"],
        "a session without profile gets one"
    );
}

#[test]
fn a_source_that_keeps_the_clients_profile_ids() {
    let mut world = World::new();
    world.source(|source| source.config = json!({"static_profile_id": true}).as_object().cloned());
    let outcome = world.track(&body(Some("v"), Some("own-1"), "a")).unwrap();
    assert_eq!(ids(&outcome.answer), (Some("own-1"), Some("v")));
    assert!(world.profiles.contains_key("own-1"));
    let outcome = world.track(&body(Some("v"), Some("own-2"), "b")).unwrap();
    assert_eq!(ids(&outcome.answer).0, Some("own-2"), "whatever the session says");
    assert_eq!(outcome.events[0].profile_id(), Some("own-2"));
    let refused = world.track(&body(Some("v"), None, "c")).unwrap_err();
    assert_eq!((refused.status(), refused.detail()[0]["loc"].clone()), (422, json!(["body", "profile", "id"])));
}

#[test]
fn visits_end_and_start_again() {
    let mut world = World::new();
    world.track(&body(Some("v"), None, "a")).unwrap();
    let ended = world.track(&body(Some("v"), None, "visit-ended")).unwrap();
    assert_eq!(kinds(&ended), ["visit-ended"]);
    assert_eq!(world.sessions["v"].metadata.status, Some(Status::Ended));
    let reopened = world.track(&body(Some("v"), None, "b")).unwrap();
    assert_eq!(kinds(&reopened), ["b", "visit-started"]);
    assert_eq!(world.sessions["v"].metadata.status, Some(Status::Started));
    assert_eq!(world.profile().metadata.time.visit.count, 1, "reopening is no visit of its own");
    world.track(&body(Some("v"), None, "c")).unwrap();
    assert_eq!(world.sessions["v"].metadata.status, Some(Status::Active));
}

#[test]
fn flags_decide_what_is_kept() {
    let cases = [
        (json!({"saveSession": false}), vec!["a", "profile-created"], true, false),
        (json!({"saveProfile": false}), vec!["a", "profile-created", "visit-started", "session-opened"], false, true),
        (json!({"saveEvents": false}), vec![], true, true),
        (
            json!({"saveEvents": 0, "saveSession": "no"}),
            vec!["a", "profile-created", "visit-started", "session-opened"],
            true,
            true,
        ),
    ];
    for (options, expected, profile, session) in cases {
        let mut world = World::new();
        let mut body = body(Some("v"), None, "a");
        body["options"] = options.clone();
        let outcome = world.track(&body).unwrap();
        assert_eq!(kinds(&outcome), expected, "{options}");
        assert_eq!((outcome.store_profile, outcome.store_session), (profile, session), "{options}");
        assert_eq!(
            (outcome.answer.profile.id.is_some(), outcome.answer.session.id.is_some()),
            (profile, session),
            "{options}"
        );
        assert!(
            outcome.events.iter().all(|event| event.profile.is_some() == profile && event.session.is_some() == session)
        );
    }
    let mut world = World::new();
    world.source(|source| source.transitional = true);
    let outcome = world.track(&body(Some("v"), None, "a")).unwrap();
    assert!(outcome.events.is_empty() && !outcome.store_session && outcome.store_profile, "an ephemeral source");
    assert!(outcome.answer.profile.id.is_some() && outcome.answer.session.id.is_none());
}

#[test]
fn no_system_events_when_switched_off() {
    let mut world = World::new();
    world.settings.system_events = false;
    assert_eq!(kinds(&world.track(&body(Some("v"), None, "a")).unwrap()), ["a"]);
}

/// Where the ids of new profiles follow from sessions.
fn by_session() -> World {
    let mut world = World::new();
    world.settings.new_profiles = NewProfiles::BySession([7; 32]);
    world
}

#[test]
fn a_session_that_is_not_known_any_more_goes_on_with_its_profile() {
    let mut world = by_session();
    let first = world.track(&body(Some("v"), None, "a")).unwrap();
    world.sessions.clear();
    let again = world.track(&body(Some("v"), None, "b")).unwrap();
    assert_eq!(ids(&again.answer), ids(&first.answer));
    assert_eq!(kinds(&again), ["b", "visit-started", "session-opened"]);
    assert_eq!(world.profile().metadata.time.visit.count, 2, "no second profile under the same id");
}

#[test]
fn the_id_of_a_deleted_profile_is_not_given_again() {
    let mut world = by_session();
    let gone = world.track(&body(Some("v"), None, "a")).unwrap().answer.profile.id;
    world.profiles.clear();
    let next = world.track(&body(Some("v"), None, "b")).unwrap().answer.profile.id;
    assert!(next.is_some() && next != gone);
    assert_eq!(world.sessions["v"].profile_id(), next.as_deref());
}

#[test]
fn where_sessions_are_not_kept_no_profile_follows_from_them() {
    let mut world = by_session();
    let mut unkept = |kind| {
        let mut body = body(Some("v"), None, kind);
        body["options"] = json!({"saveSession": false});
        world.track(&body).unwrap().answer.profile.id
    };
    assert_ne!(unkept("a"), unkept("b"));
}
