//! The rules by example, the laws for any profiles.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tracardi_model::{Profile, time};

use super::{merge, survivor};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn stamp(second: i64) -> String {
    time::format(at(second))
}

/// A profile made at the second `age`, with these parts besides.
fn profile(id: &str, age: i64, parts: Value) -> Profile {
    let mut profile = serde_json::to_value(Profile::starting(id, at(age))).unwrap();
    put(&mut profile, parts);
    serde_json::from_value(profile).unwrap()
}

fn put(into: &mut Value, parts: Value) {
    match (into, parts) {
        (Value::Object(into), Value::Object(parts)) => {
            for (name, value) in parts {
                put(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}

fn merged(profiles: &[&Profile]) -> Profile {
    let first = survivor(profiles.iter().copied()).unwrap();
    merge(first, profiles, at(1_000)).unwrap()
}

fn document(profile: &Profile) -> Value {
    serde_json::to_value(profile).unwrap()
}

#[test]
fn counters_are_added_and_measures_are_not() {
    let one = json!({
        "stats": {"visits": 2, "views": 5, "counters": {"a": 1, "b": {"c": 2}}}, "interests": {"shoes": 2, "sport": {"golf": 1.5}},
        "data": {
            "pii": {"attributes": {"height": 180}}, "job": {"salary": 10}, "loyalty": {"card": {"id": "gold", "points": 70}},
            "metrics": {"ltv": 10.5, "ltcosc": 3, "ltcocc": 1, "ltcosv": 30, "ltcocv": 10},
            "devices": {"last": {"geo": {"latitude": 52.2, "longitude": 21.0, "city": "Warsaw", "location": [21.0, 52.2]}}},
        },
        "metadata": {"time": {"update": stamp(50), "visit": {"count": 3, "last": stamp(20), "current": stamp(40)}}},
        "traits": {"age": 30},
    });
    let other = json!({
        "stats": {"visits": 1, "counters": {"a": 5, "d": 1}}, "interests": {"shoes": 1, "sport": {"chess": 1}},
        "data": {
            "pii": {"attributes": {"height": 181}}, "job": {"salary": 5}, "loyalty": {"card": {"id": "silver", "points": 7}},
            "metrics": {"ltv": 1, "ltcosc": 1, "ltcocc": 1},
            "devices": {"last": {"geo": {"latitude": 50.0, "longitude": 20.0, "location": [20.0, 50.0]}}},
        },
        "metadata": {"time": {"update": stamp(60), "visit": {"count": 1, "last": stamp(30), "current": stamp(35)}}},
        "traits": {"age": 31},
    });
    let both = merged(&[&profile("a", 0, one), &profile("b", 1, other)]);
    let value = document(&both);
    assert_eq!(value["stats"], json!({"visits": 3, "views": 5, "counters": {"a": 6, "b": {"c": 2}, "d": 1}}));
    assert_eq!(value["interests"], json!({"shoes": 3, "sport": {"golf": 1.5, "chess": 1}}));
    let metrics = &both.data.metrics;
    assert_eq!((metrics.ltcosc, metrics.ltcocc), (4, 2));
    let values = json!([metrics.ltv, metrics.ltcosv, metrics.ltcocv, metrics.ltcop]);
    assert_eq!(values, json!([11.5, 30.0, 10.0, 2.0]), "the ratio is computed anew");
    assert_eq!(value["data"]["pii"]["attributes"]["height"], 181.0);
    assert_eq!(value["data"]["job"]["salary"], 5.0);
    assert_eq!(
        value["data"]["loyalty"]["card"],
        json!({"id": "silver", "name": null, "issuer": null, "expires": null, "points": 7.0})
    );
    let geo = &value["data"]["devices"]["last"]["geo"];
    assert_eq!((&geo["city"], &geo["location"]), (&Value::Null, &json!([20.0, 50.0])), "a place is one value");
    assert_eq!(value["traits"]["age"], 31);
    let visit = &both.metadata.time.visit;
    assert_eq!((visit.count, visit.current, visit.last), (4, Some(at(40).into()), Some(at(35).into())));
}

#[test]
fn the_latest_change_wins_field_by_field() {
    let entry = |second: i64, event: &str| json!([time::format_spaced(at(second)), event]);
    let one = json!({
        "metadata": {"time": {"update": stamp(90)}, "fields": {
            "data.pii.firstname": entry(10, "e1"), "data.pii.lastname": entry(80, "e2"), "data.contact.phone.main": entry(70, "e3"),
        }},
        "data": {"pii": {"firstname": "Old", "lastname": "New"}},
        "consents": {"mail": {"revoke": stamp(5)}, "post": {"revoke": null}},
    });
    let other = json!({
        "metadata": {"time": {"update": stamp(91)}, "fields": {
            "data.pii": entry(40, "e4"), "data.contact.phone.main": entry(60, "e5"),
        }},
        "data": {"pii": {"firstname": "New", "lastname": "Old", "gender": "f"}, "contact": {"phone": {"main": "1"}}},
        "consents": {"mail": {"revoke": null}},
    });
    let both = merged(&[&profile("a", 0, one), &profile("b", 1, other)]);
    let pii = &both.data.pii;
    let names = [&pii.firstname, &pii.lastname, &pii.gender].map(Option::as_deref);
    assert_eq!(names, [Some("New"), Some("New"), Some("f")]);
    assert_eq!(both.data.contact.phone.main, None, "deleted later than written");
    assert_eq!(both.data.anonymous, Some(true));
    assert_eq!(document(&both)["consents"], json!({"mail": {"revoke": null}, "post": {"revoke": null}}));
    assert_eq!(both.metadata.fields.0["data.contact.phone.main"].1, "e3");
    assert_eq!(both.metadata.fields.0.len(), 4);
}

#[test]
fn the_last_decision_about_a_consent_holds() {
    let entry = |second: i64| json!([time::format_spaced(at(second)), ""]);
    let given = |second: i64| json!({"consents": {"mail": {"revoke": null}}, "metadata": {"fields": {"consents.mail": entry(second)}}});
    let withdrawn = |second: i64| json!({"metadata": {"fields": {"consents.mail": entry(second)}}});
    let consents = |one: Value, other: Value| {
        let both = merged(&[&profile("a", 0, one), &profile("b", 1, other)]);
        document(&both)["consents"].clone()
    };
    assert_eq!(consents(given(10), withdrawn(20)), json!({}));
    assert_eq!(consents(withdrawn(20), given(10)), json!({}));
    assert_eq!(consents(given(20), withdrawn(10)), json!({"mail": {"revoke": null}}));
    assert_eq!(consents(given(10), json!({})), json!({"mail": {"revoke": null}}));
    let others = json!({"consents": {"ads": {"revoke": null}}, "metadata": {"fields": {"consents": entry(20)}}});
    let both = consents(given(10), others);
    assert_eq!(
        both.as_object().unwrap().len(),
        2,
        "who tells all consents of a profile withdraws none of another's: {both}"
    );
}

#[test]
fn everything_else_is_joined() {
    let one = json!({
        "ids": ["a", "h"], "traits": {"deep": {"x": [1, 2], "y": {"z": 1}}, "either": {"k": 1}}, "segments": ["s1"], "active": false,
        "aux": {"geo": {"markets": ["pl"]}}, "metadata": {"aux": {"k": 1}, "system": {"aux": {"auto_merge": ["f"]}}},
        "data": {"identifier": {"coupons": "c1"}, "preferences": {"colors": ["red"]}},
    });
    let other = json!({
        "ids": ["b", "h"], "traits": {"deep": {"x": [2, 3], "y": {"w": 1}}, "either": 5}, "segments": ["s2", "s1"], "primary_id": "pk",
        "aux": {"email": {"free": true}}, "metadata": {"aux": {"l": 2}, "system": {"integrations": {"crm": {"id": 1}}}},
        "data": {"identifier": {"coupons": ["c2"]}, "preferences": {"colors": ["blue", "red"]}},
    });
    let both = document(&merged(&[&profile("b", 1, other), &profile("a", 0, one)]));
    assert_eq!(both["id"], "a");
    assert_eq!(both["ids"], json!(["a", "b", "h"]));
    assert_eq!(both["primary_id"], "pk");
    assert_eq!(both["active"], true);
    assert_eq!(both["traits"], json!({"deep": {"x": [1, 2, 3], "y": {"z": 1, "w": 1}}, "either": {"k": 1}}));
    assert_eq!(both["segments"], json!(["s1", "s2"]));
    assert_eq!(both["aux"], json!({"geo": {"markets": ["pl"]}, "email": {"free": true}}));
    assert_eq!(both["metadata"]["aux"], json!({"k": 1, "l": 2}));
    assert_eq!(both["metadata"]["system"]["integrations"], json!({"crm": {"id": 1}}));
    assert_eq!(both["metadata"]["system"]["aux"], json!({"auto_merge": ["f"], "merged": ["b"]}));
    assert_eq!(both["data"]["identifier"]["coupons"], json!(["c1", "c2"]));
    assert_eq!(both["data"]["preferences"]["colors"], json!(["red", "blue"]));
    assert_eq!(both["metadata"]["time"]["insert"], stamp(0));
    assert_eq!(both["metadata"]["time"]["update"], stamp(1_000));
}

#[test]
fn a_full_list_of_ids_keeps_the_ids_of_the_documents() {
    let ids = |own: &str| json!({"ids": (0..1_000).map(|n| format!("{own}{n}")).collect::<Vec<_>>()});
    let both = merged(&[&profile("a", 0, ids("a")), &profile("b", 1, ids("b"))]);
    assert_eq!(both.ids().len(), 1_000);
    assert_eq!(both.ids()[..3], ["a", "b", "a0"]);
}

/// Any value for a free part.
fn free() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_i64..9).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[a-d]", inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-d]", free()), 0..4).prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// Field, its value and its last change.
fn known() -> impl Strategy<Value = Vec<(&'static str, String, i64)>> {
    let field =
        prop::sample::select(vec!["pii.firstname", "pii.gender", "contact.email.main", "job.position", "media.image"]);
    prop::collection::vec((field, "[x-z]{1,2}", 0_i64..40), 0..5)
}

/// A profile whose id is `p` and a digit of `name`.
fn any_profile(name: &'static str) -> impl Strategy<Value = Profile> {
    let sums = (0_i64..9, 0_i64..9, 0_i64..9, prop::collection::vec(("[a-c]", 0_i64..9), 0..3));
    let sets = (prop::collection::vec("[h-k]", 0..4), prop::collection::vec("[s-u]", 0..3));
    let free = (object(), object(), object());
    (name, 0_i64..5, sums, sets, free, known(), prop::option::of(0_i64..60)).prop_map(
        |(id, age, (visits, started, completed, interests), (ids, segments), (traits, aux, counters), known, update)| {
            let interests: Value = interests.into_iter().map(|(name, value)| (name, json!(value))).collect();
            let mut ids = ids;
            ids.insert(0, id.clone());
            let mut made = json!({
                "ids": ids, "segments": segments, "traits": traits, "aux": aux, "interests": interests, "stats": {"counters": counters},
                "metadata": {"time": {"update": update.map(stamp), "visit": {"count": visits, "current": stamp(visits)}}, "fields": {}},
                "data": {"metrics": {"ltcosc": started, "ltcocc": completed, "ltv": completed}},
            });
            for (field, value, changed) in known {
                let mut place = &mut made["data"];
                for name in field.split('.') {
                    place = &mut place[name];
                }
                *place = json!(value);
                made["metadata"]["fields"][format!("data.{field}")] = json!([time::format_spaced(at(changed)), "e"]);
            }
            profile(&id, age, made)
        },
    )
}

/// Names of all members, with their place.
fn names(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let place = format!("{at}/{name}");
        names(value, &place, into);
        into.insert(place);
    }
}

/// What merging in steps keeps: dated fields, sums, and sets without their order.
fn essence(profile: &Profile) -> Value {
    let set = |list: &[String]| json!(list.iter().collect::<BTreeSet<_>>());
    let mut traits = BTreeSet::new();
    names(&document(profile)["traits"], "", &mut traits);
    let data = &profile.data;
    let merged = super::merged(profile).map(str::to_owned).collect::<Vec<_>>();
    json!({
        "id": profile.id(), "ids": set(profile.ids()), "merged": set(&merged), "segments": set(&profile.segments.0), "traits": traits,
        "interests": profile.interests.iter().map(|(name, value)| (name.clone(), value.as_f64())).collect::<std::collections::BTreeMap<_, _>>(),
        "visit": profile.metadata.time.visit, "insert": profile.metadata.time.insert, "metrics": data.metrics,
        "pii": data.pii, "contact": data.contact, "job": data.job, "media": data.media,
        "fields": profile.metadata.fields.0.iter().collect::<std::collections::BTreeMap<_, _>>(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_profile_alone_stays_as_it_is(one in any_profile("p1")) {
        prop_assert_eq!(merge(&one, &[], at(1)).unwrap(), one.clone());
        prop_assert_eq!(merge(&one, &[&one], at(1)).unwrap(), one);
    }

    #[test]
    fn the_order_does_not_matter(one in any_profile("p1"), two in any_profile("p2"), three in any_profile("p3")) {
        let expected = merged(&[&one, &two, &three]);
        for order in [[&one, &three, &two], [&two, &one, &three], [&two, &three, &one], [&three, &one, &two], [&three, &two, &one]] {
            prop_assert_eq!(&merged(&order), &expected);
        }
    }

    #[test]
    fn in_steps_or_at_once(one in any_profile("p1"), two in any_profile("p2"), three in any_profile("p3")) {
        let at_once = essence(&merged(&[&one, &two, &three]));
        for [first, second, third] in [[&one, &two, &three], [&two, &three, &one], [&three, &one, &two]] {
            prop_assert_eq!(&essence(&merged(&[&merged(&[first, second]), third])), &at_once);
        }
    }

    #[test]
    fn repeating_changes_nothing(one in any_profile("p1"), two in any_profile("p2"), three in any_profile("p3")) {
        let once = merged(&[&one, &two, &three]);
        for repeated in [&two, &three, &one] {
            // The value of a field without date is as old as its profile's update, and the survivor's is the latest.
            prop_assert_eq!(&merge(&once, &[repeated], at(1_000)).unwrap(), &once);
        }
    }

    #[test]
    fn nothing_is_lost(one in any_profile("p1"), two in any_profile("p2"), three in any_profile("p3")) {
        let all = [&one, &two, &three];
        let result = merged(&all);
        let mut known = BTreeSet::new();
        names(&document(&result), "", &mut known);
        for profile in all {
            let mut before = BTreeSet::new();
            names(&document(profile), "", &mut before);
            prop_assert!(known.is_superset(&before), "{:?}", before.difference(&known));
            prop_assert!(profile.ids().iter().all(|id| result.ids().contains(id)));
            prop_assert!(profile.segments.0.iter().all(|segment| result.segments.0.contains(segment)));
        }
        let sum = |figure: fn(&Profile) -> i64| all.into_iter().map(figure).sum::<i64>();
        prop_assert_eq!(result.metadata.time.visit.count, sum(|profile| profile.metadata.time.visit.count));
        prop_assert_eq!(result.data.metrics.ltcosc, sum(|profile| profile.data.metrics.ltcosc));
    }
}
