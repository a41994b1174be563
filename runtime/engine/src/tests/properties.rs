//! What holds for any sequence of requests.

use proptest::prelude::*;
use serde_json::{Value, json};
use tracardi_model::SeededEntropy;

use super::world::World;
use crate::collect;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-5_i64..50).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        "[a-c@.]{0,4}".prop_map(Value::from),
        Just(json!("2024-05-01T00:00:00Z")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let key = "(main|private|mobile|main|a|revoke|0)";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..3).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn event() -> impl Strategy<Value = Value> {
    let kind = "(page-view|sign-in|sign-up|profile-update|checkout-started|checkout-completed|consent-update|location|\
        increase-interest|reset-interest|add-color-preference|identification|loyalty-card-removed|visit-ended|visit-started|\
        profile-created|message-sent|Custom Type)";
    let name =
        "(pk|login|email|phone|value|consents|location|interest|color|coupon|id|pii|contact|preferences|identity)";
    let properties = prop::collection::vec((name, value()), 0..4);
    (kind, properties, prop::option::of(0..6_u8), 0..4_u8).prop_map(|(kind, properties, id, time)| {
        let properties: Value = Value::Object(properties.into_iter().collect());
        json!({"type": kind, "properties": properties, "id": id.map(|id| format!("e{id}")), "time": {"create": time}})
    })
}

fn request() -> impl Strategy<Value = Value> {
    let context =
        prop::collection::vec(("(time|utm|location|device|screen|language|language_codes|browser)", value()), 0..3);
    let options = prop::collection::vec(("(saveSession|saveEvents|saveProfile|debugger)", value()), 0..2);
    let session = prop::option::weighted(0.8, "[vw]");
    (session, prop::option::of("[pq]"), prop::collection::vec(event(), 0..4), context, options).prop_map(
        |(session, profile, events, context, options)| {
            json!({
                "source": {"id": "src-1"}, "session": session.map(|id| json!({"id": id})),
                "profile": profile.map(|id| json!({"id": id})), "events": events,
                "context": Value::Object(context.into_iter().collect()),
                "options": Value::Object(options.into_iter().collect()),
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sequences_keep_the_invariants(requests in prop::collection::vec(request(), 1..8), robots in any::<bool>()) {
        let mut world = World::new();
        world.settings.disallow_bot_traffic = robots;
        for body in &requests {
            let before = world.clone();
            let Ok(outcome) = world.track(body) else { continue };
            // Documents are stored only together with a reason, and the answer names what is stored.
            if let Some(profile) = &outcome.profile {
                let known = before.find(profile.id());
                let count = |profile: &tracardi_model::Profile| profile.metadata.time.visit.count;
                let more = count(profile) - known.as_deref().map_or(0, count);
                prop_assert!(more == 0 || more == 1);
                if more == 1 {
                    // A visit means a session that is new, or that had to change its profile.
                    let session = outcome.session.as_ref().unwrap();
                    let known = before.sessions.get(session.id());
                    prop_assert!(known.is_none_or(|known| known.profile_id() != Some(profile.id())));
                }
                prop_assert!(known.is_some() || !outcome.store_profile || count(profile) == 1);
            }
            for event in &outcome.events {
                prop_assert!(!before.events.contains_key(event.id()));
                if let Some(id) = event.profile_id() {
                    prop_assert_eq!(outcome.answer.profile.id.as_deref(), Some(id));
                }
                if let Some(id) = event.session_id() {
                    prop_assert_eq!(outcome.answer.session.id.as_deref(), Some(id));
                }
            }
        }
    }

    #[test]
    fn a_repeated_request_changes_nothing(requests in prop::collection::vec(request(), 1..5)) {
        let mut world = World::new();
        for body in &requests {
            let wholly_new = world.state(&world.command(body)).stored.is_empty();
            let Ok(first) = world.track(body) else { continue };
            if first.events.is_empty() {
                continue;
            }
            let (profiles, sessions, events) = (world.profiles.clone(), world.sessions.clone(), world.events.clone());
            let second = world.track(body).unwrap();
            prop_assert!(second.events.is_empty() && !second.store_session && !second.store_profile);
            prop_assert_eq!((&world.profiles, &world.sessions, &world.events), (&profiles, &sessions, &events));
            if wholly_new {
                prop_assert_eq!(&second.answer.profile, &first.answer.profile);
                prop_assert_eq!(&second.answer.session, &first.answer.session);
            }
        }
    }

    #[test]
    fn the_same_arguments_give_the_same_outcome(requests in prop::collection::vec(request(), 1..4)) {
        let mut world = World::new();
        for body in &requests {
            let command = world.command(body);
            let once = || collect(&command, world.state(&command), &world.settings, world.now, &mut SeededEntropy::new(command.digest()));
            let (one, two) = (once(), once());
            prop_assert_eq!(format!("{one:?}"), format!("{two:?}"));
            let _ = world.track(body);
        }
    }

    #[test]
    fn what_is_kept_in_memory_equals_what_is_read_back(requests in prop::collection::vec(request(), 1..8)) {
        // One world reads every document back from JSON; the other keeps what the engine gave (a writer that groups
        // requests and does not read in between). Both come to the same.
        let mut read_back = World::new();
        let mut kept = World::new();
        for body in &requests {
            let command = kept.command(body);
            let state = kept.state(&command);
            if let Ok(outcome) = collect(&command, state, &kept.settings, kept.now, &mut SeededEntropy::new(command.digest())) {
                if let (true, Some(session)) = (outcome.store_session, &outcome.session) {
                    kept.sessions.insert(session.id.clone(), session.clone());
                }
                if let (true, Some(profile)) = (outcome.store_profile, &outcome.profile) {
                    kept.profiles.insert(profile.id.clone(), profile.clone());
                }
                kept.events.extend(outcome.events.into_iter().map(|event| (event.id.clone(), event)));
            }
            let now = kept.now;
            read_back.now = now;
            let _ = read_back.track(body);
            kept.now = now.checked_add(jiff::SignedDuration::from_secs(10)).unwrap();
        }
        prop_assert_eq!(read_back.sessions, kept.sessions);
        prop_assert_eq!(read_back.profiles, kept.profiles);
        prop_assert_eq!(read_back.events, kept.events);
    }
}
