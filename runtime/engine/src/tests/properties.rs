//! What holds for any sequence of requests.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, SeededEntropy};

use super::world::World;
use crate::{Configuration, Outcome, collect};

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

/// A record of any kind; not all of them compile.
fn record() -> impl Strategy<Value = (Kind, Value)> {
    let types = "(page-view|sign-up|profile-update|consent-update|Custom Type)";
    let path = "(properties\\.(email|id|phone|value|a\\.b|pii|contact)|context\\.page|traits\\.x|metadata\\.time\\.insert|type|tags|request|session)";
    let place = "(traits(\\.[ab](\\.0)?)?|data(\\.contact\\.email\\.main|\\.pii\\.(birthday|firstname)|\\.metrics\\.ltv|\\.loyalty)?|ids|stats\\.visits|segments|interests\\.a|consents\\.m(\\.revoke)?|aux\\.geo)";
    let condition = "((event@properties\\.(email|value)|profile@(id|traits\\.a|data\\.metrics\\.ltv)|session@context\\.time\\.tz) (= 5|> 5|CONTAINS \"a\"|EXISTS|NOT EMPTY))?";
    (0..6_u8, types, path, place, condition, 0..3_u8, value()).prop_map(
        |(kind, event_type, path, place, condition, op, value)| {
            let (kind, body) = match kind {
                0 => (
                    Kind::EventValidator,
                    json!({"validation": {"condition": condition, "json_schema": {format!("event@{path}"): value}}}),
                ),
                1 => (
                    Kind::EventReshaping,
                    json!({"reshaping": {"reshape_schema": {
                "properties": {"email": format!("event@{path}"), "x?": value}, "session": format!("event@{path}")}}}),
                ),
                2 => (
                    Kind::DataCompliance,
                    json!({"settings": [{"action": if op == 0 { "erase" } else { "hash" },
                "field": {"value": path, "ref": true}, "consents": [{"id": "m", "name": "m"}]}]}),
                ),
                3 => (Kind::EventTypeMapping, json!({"index_schema": {place: path}})),
                4 => (
                    Kind::IdentificationPoint,
                    json!({"fields": [
                        {"profile_trait": {"value": place, "ref": true}, "event_property": {"value": path, "ref": true}}]}),
                ),
                _ => (
                    Kind::EventToProfile,
                    json!({"config": {"condition": condition}, "event_to_profile": [
                {"event": {"value": path, "ref": true}, "op": op, "profile": {"value": place, "ref": true}}]}),
                ),
            };
            let mut record = json!({"id": format!("{op}"), "name": "n", "enabled": true, "event_type": event_type});
            record.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            (kind, record)
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

    #[test]
    fn no_record_makes_a_request_fail(
        records in prop::collection::vec(record(), 1..12),
        requests in prop::collection::vec(request(), 1..6),
    ) {
        let (mut plain, mut world) = (World::new(), World::new());
        let configuration = Configuration::compile(records.iter().map(|(kind, record)| (*kind, "r", record)));
        world.settings.configurations[Context::Production] = Arc::new(configuration);
        for body in &requests {
            let (expected, found) = (plain.track(body), world.track(body));
            plain.now = world.now;
            prop_assert_eq!(expected.is_ok(), found.is_ok(), "{:?}", found);
            // Those of the system follow from whose the request is, which a point may change.
            let kinds = |outcome: &Outcome| {
                let own = outcome.events.iter().filter(|event| event.source_id() == "src-1");
                own.map(|event| event.kind.clone()).collect::<Vec<_>>()
            };
            prop_assert_eq!(expected.as_ref().map(kinds).ok(), found.as_ref().map(kinds).ok());
        }
    }
}
