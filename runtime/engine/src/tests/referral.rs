//! Visitors who bring a profile from another site (spec/pipeline.md 2.5), row by row.

use serde_json::{Value, json};
use tracardi_model::{EventSource, SourceType};

use super::world::{World, ids, kinds};
use crate::Outcome;

fn visit(world: &mut World, session: Option<&str>, profile: Option<&str>, pass: &Value) -> Outcome {
    let entity = |id: Option<&str>| id.map(|id| json!({ "id": id }));
    let time = json!({"create": world.now.as_second()});
    world
        .track(&json!({
            "source": {"id": "src-1"}, "session": entity(session), "profile": entity(profile),
            "context": {"tracardi": {"pass": pass}}, "events": [{"type": "page-view", "time": time}]
        }))
        .unwrap()
}

/// A world with a visitor of the other site; gives the profile's id.
fn world() -> (World, String) {
    let mut world = World::new();
    let id = visit(&mut world, Some("there"), None, &Value::Null).answer.profile.id.unwrap();
    (world, id)
}

#[test]
fn a_new_visitor_goes_on_with_the_profile() {
    for session in [Some("here"), None] {
        let (mut world, there) = world();
        let outcome = visit(&mut world, session, None, &json!({"profile": format!(" {there} "), "source": "other"}));
        assert_eq!(ids(&outcome.answer).0, Some(&*there), "{session:?}");
        assert!(outcome.answer.warnings.is_empty());
        assert_eq!(outcome.session.unwrap().profile_id(), Some(&*there));
        assert_eq!(world.profiles.len(), 1);
        assert_eq!(outcome.events[0].profile_id(), Some(&*there));
    }
}

#[test]
fn an_id_that_is_nobodys_here_is_not_adopted() {
    let (mut world, there) = world();
    let outcome = visit(&mut world, Some("here"), Some("gone"), &json!({"profile": there, "source": "other"}));
    assert_eq!(ids(&outcome.answer).0, Some(&*there));
    assert!(!world.find(&there).unwrap().ids().iter().any(|id| id == "gone"));
}

#[test]
fn two_profiles_of_one_person_wait_for_merging() {
    let (mut world, there) = world();
    let here = visit(&mut world, Some("here"), None, &Value::Null).answer.profile.id.unwrap();
    let pass = json!({"profile": there, "source": "other"});
    let outcome = visit(&mut world, Some("here"), Some(&here), &pass);
    assert_eq!(ids(&outcome.answer), (Some(&*there), Some("here")));
    assert!(kinds(&outcome).contains(&"visit-started"), "the session has changed its profile");
    let referred = world.profiles[&there].clone();
    assert!(referred.ids().contains(&here), "the search for duplicates will find the other one");
    assert_eq!(referred.metadata.system.aux["auto_merge"], json!(["id"]));
    assert!(world.profiles.contains_key(&here), "which is still there");
    // From now on the session belongs to it.
    let next = visit(&mut world, Some("here"), Some(&there), &pass);
    assert_eq!(kinds(&next), ["page-view"]);
    assert_eq!(ids(&next.answer).0, Some(&*there));
}

#[test]
fn what_leaves_everything_as_it_is() {
    let (mut world, there) = world();
    let here = visit(&mut world, Some("here"), None, &Value::Null).answer.profile.id.unwrap();
    let before = world.profiles.clone();
    let mut other = EventSource::new("other", "Other", vec![SourceType::Rest], world.now);
    other.enabled = false;
    world.other_source = Some(other);
    let table = [
        (json!({"profile": there}), false),
        (json!({"source": "other"}), false),
        (json!({"profile": here, "source": "other"}), false),
        (json!({"profile": 5, "source": "other"}), false),
        (json!({"profile": there, "source": " "}), false),
        (json!({"profile": "x".repeat(600), "source": "other"}), false),
        (json!("text"), false),
        (json!({"profile": there, "source": "other"}), true),
        (json!({"profile": there, "source": "@internal-110a200da64822fdebf9"}), true),
    ];
    for (pass, warned) in table {
        let outcome = visit(&mut world, Some("here"), Some(&here), &pass);
        assert_eq!(ids(&outcome.answer).0, Some(&*here), "{pass}");
        assert_eq!(!outcome.answer.warnings.is_empty(), warned, "{pass}");
    }
    world.other_source.as_mut().unwrap().enabled = true;
    let unknown = visit(&mut world, Some("here"), Some(&here), &json!({"profile": "nobody", "source": "other"}));
    assert_eq!(ids(&unknown.answer).0, Some(&*here));
    assert_eq!(unknown.answer.warnings.len(), 1);
    // A session that is not that of the client's profile decides, as always.
    let foreign = visit(&mut world, Some("here"), None, &json!({"profile": there, "source": "other"}));
    assert_eq!(ids(&foreign.answer).0, Some(&*here));
    assert_eq!(world.profiles[&there], before[&there]);

    world.profile_less = true;
    let nobody = visit(&mut world, Some("new"), None, &json!({"profile": there, "source": "other"}));
    assert_eq!(ids(&nobody.answer), (None, Some("new")));
}

#[test]
fn a_source_that_keeps_the_clients_ids_takes_the_referred_one() {
    let (mut world, there) = world();
    world.source(|source| source.config = json!({"static_profile_id": true}).as_object().cloned());
    let outcome = visit(&mut world, Some("here"), None, &json!({"profile": there, "source": "other"}));
    assert_eq!(ids(&outcome.answer).0, Some(&*there));
}
