//! Decisions about consents (spec/pipeline.md 1.9).

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use tracardi_model::{Context, Profile, Session};

use super::world::World;
use crate::consent::life;
use crate::{Consent, Decision, Outcome, Rejected, State};

fn each(consents: &[(&str, bool)]) -> Decision {
    Decision::Each(consents.iter().map(|(id, given)| ((*id).to_owned(), *given)).collect())
}

fn decide(world: &World, session: &str, profile: &str, decision: Decision) -> Result<Outcome, Rejected> {
    let consent = Consent {
        context: Context::Production,
        session_id: session.to_owned(),
        profile_id: profile.to_owned(),
        decision,
    };
    let state =
        State { session: world.sessions.get(session).cloned(), profile: world.find(profile), ..State::default() };
    consent.carry_out(state, world.now)
}

fn world() -> (World, String) {
    let mut world = World::new();
    world.events(json!([{"type": "a"}]));
    let id = world.profile().id.clone();
    (world, id)
}

#[test]
fn given_and_withdrawn() {
    let (mut world, id) = world();
    let outcome = decide(&world, "v", &id, each(&[("marketing", true), ("analytics", true)])).unwrap();
    assert!(outcome.store_profile && !outcome.store_session && outcome.events.is_empty());
    world.keep(&outcome);
    assert_eq!(world.value("consents"), json!({"marketing": {"revoke": null}, "analytics": {"revoke": null}}));
    assert_eq!(world.value("aux.consents"), json!({"granted": true}));
    assert_eq!(world.profile().metadata.time.update, Some(world.now.into()));
    let outcome = decide(&world, "v", &id, each(&[("marketing", false), ("never-given", false)])).unwrap();
    world.keep(&outcome);
    assert_eq!(world.value("consents"), json!({"analytics": {"revoke": null}}));
}

#[test]
fn all_at_once() {
    let (mut world, id) = world();
    let all = Decision::All(vec![
        ("a".to_owned(), Some(SignedDuration::from_hours(24))),
        ("b".to_owned(), None),
        ("c".to_owned(), Some(SignedDuration::MAX)),
    ]);
    let tomorrow = world.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    world.keep(&decide(&world, "v", &id, all).unwrap());
    let consents = world.profile().consents.clone();
    assert_eq!(consents["a"].revoke, Some(tomorrow.into()));
    assert_eq!((consents["b"].revoke, consents["c"].revoke), (None, None));
}

#[test]
fn how_long_a_consent_lasts() {
    for (text, expected) in [
        ("15m", Some(SignedDuration::from_mins(15))),
        (" 1h 30m ", Some(SignedDuration::from_mins(90))),
        ("15d", Some(SignedDuration::from_hours(15 * 24))),
        ("365d", Some(SignedDuration::from_hours(365 * 24))),
        ("2w", Some(SignedDuration::from_hours(14 * 24))),
        ("90s", Some(SignedDuration::from_secs(90))),
        ("-5m", None),
        ("0s", None),
        ("soon", None),
        ("1 month", None),
        ("", None),
    ] {
        assert_eq!(life(text), expected, "{text}");
    }
}

#[test]
fn only_the_visitor_decides() {
    let (mut world, id) = world();
    let stranger = Profile::starting("stranger", world.now);
    world.profiles.insert("stranger".to_owned(), Arc::new(stranger));
    world.sessions.insert("bare".to_owned(), Arc::new(Session::starting("bare", world.now)));
    let given = || each(&[("a", true)]);
    for (session, profile) in [("v", "nobody"), ("nowhere", &*id), ("v", "stranger")] {
        let denied = decide(&world, session, profile, given()).unwrap_err();
        assert_eq!((denied.status(), denied.detail()), (403, json!("Access denied")), "{session} {profile}");
    }
    assert!(decide(&world, "bare", "stranger", given()).is_ok(), "a session of nobody is nobody else's");
}

#[test]
fn a_profile_does_not_grow_without_bound() {
    let (mut world, id) = world();
    for round in 0..3 {
        let many = (0..500).map(|number| (format!("c{round}-{number}"), true)).collect();
        world.keep(&decide(&world, "v", &id, Decision::Each(many)).unwrap());
    }
    assert_eq!(world.profile().consents.len(), 1_000);
}
