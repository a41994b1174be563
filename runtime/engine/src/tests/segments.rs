//! Segments that profiles join (6.6).

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tracardi_language::condition;
use tracardi_model::configuration::Kind;

use super::world::World;
use crate::Configuration;

fn segment(id: &str, types: &[&str], condition: &str) -> (Kind, Value) {
    (Kind::Segment, json!({"id": id, "name": id, "eventType": types, "condition": condition}))
}

fn configured(world: &mut World, segments: &[(Kind, Value)]) {
    let configuration = Configuration::compile(segments.iter().map(|(kind, document)| (*kind, "s", document)));
    assert_eq!(configuration.problems(), []);
    world.settings.configurations[tracardi_model::Context::Production] = std::sync::Arc::new(configuration);
}

fn onto_traits() -> (Kind, Value) {
    let assignment = json!({"event": {"value": "properties.v", "ref": true}, "op": 0, "profile": {"value": "traits.v", "ref": true}});
    (
        Kind::EventToProfile,
        json!({"id": "o", "name": "o", "event_type": "seen", "enabled": true, "event_to_profile": [assignment]}),
    )
}

#[test]
fn a_changed_profile_joins_and_never_leaves() {
    let mut world = World::new();
    configured(
        &mut world,
        &[
            onto_traits(),
            segment("Five", &[], "profile@traits.v = 5"),
            segment("Big", &["Seen"], "profile@traits.v > 4"),
            segment("Other", &["other"], "profile@traits.v > 4"),
            segment("Any", &["other", "seen"], "profile@traits.v EXISTS"),
            segment("Any ", &["seen"], "profile@traits.v EXISTS"),
        ],
    );
    world.event("page-view", json!({}));
    assert_eq!(world.value("segments"), json!([]));
    assert_eq!(world.value("metadata.time.segmentation"), json!(null));
    world.event("seen", json!({"v": 5}));
    assert_eq!(world.value("segments"), json!(["five", "big", "any"]));
    assert!(world.value("metadata.time.segmentation").is_string());
    world.event("seen", json!({"v": 1}));
    assert_eq!(world.value("segments"), json!(["five", "big", "any"]));
}

#[test]
fn an_unchanged_profile_is_not_looked_at() {
    let mut world = World::new();
    world.event("page-view", json!({}));
    configured(&mut world, &[segment("All", &[], "profile@id EXISTS")]);
    world.event("nothing-mapped", json!({}));
    assert_eq!(world.value("segments"), json!([]));
}

#[test]
fn a_condition_without_an_answer_is_told() {
    let mut world = World::new();
    configured(
        &mut world,
        &[onto_traits(), segment("Odd", &[], "profile@traits.v = \"five\" AND profile@traits.v > 4")],
    );
    let event = world.event("seen", json!({"v": "five"}));
    let told = event.aux["warnings"][0].as_str().unwrap();
    assert!(told.starts_with("segment Odd: profile@traits.v > 4"), "{told}");
    assert_eq!(world.value("segments"), json!([]));
}

#[test]
fn of_ten_thousand_segments_those_are_looked_at_that_can_be_joined() {
    let found = |condition: &dyn Fn(usize) -> String, profile: Value| {
        let records: Vec<_> = (0..10_000).map(|n| segment(&format!("s{n}"), &[], &condition(n))).collect();
        let configuration = Configuration::compile(records.iter().map(|(kind, document)| (*kind, "s", document)));
        let scope = json!({ "profile": profile });
        configuration.segments().candidates(["x"].into_iter(), &scope).len()
    };
    let profile = json!({"traits": {"n": 100, "list": [3, "x"]}});
    let one_in_a_hundred = |n: usize| format!("profile@traits.n != 5 AND profile@traits.list CONTAINS {}", n % 100);
    assert_eq!(found(&one_in_a_hundred, profile.clone()), 100);
    assert_eq!(found(&|n| format!("profile@traits.n = [{n}, -1]"), profile.clone()), 1);
    assert_eq!(found(&|n| format!("profile@traits.n > {n} AND now() > now.offset(\"-1d\")"), profile), 101);
}

/// Conditions on a few fields with a few values, so that they often meet.
fn conditions() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["profile@traits.a", "profile@traits.b", "profile@traits.c"]);
    let value = || prop::sample::select(vec!["1", "2", "TRUE", "NULL", "\"x\"", "[1, \"x\"]"]);
    let test = (field, 0..10_u8, value()).prop_map(|(field, form, value)| match form {
        0 => format!("{field} > {value}"),
        1 => format!("{field} <= {value}"),
        2 => format!("{field} != {value}"),
        3 => format!("{field} CONTAINS {value}"),
        4 => format!("{field} EXISTS"),
        5 => format!("{field} NOT EMPTY"),
        6 => format!("{field} IS NULL"),
        _ => format!("{field} = {value}"),
    });
    prop_oneof![
        test.clone(),
        prop::collection::vec(test.clone(), 2..4).prop_map(|parts| parts.join(" AND ")),
        prop::collection::vec(test, 2..4).prop_map(|parts| parts.join(" OR ")),
    ]
}

fn values() -> impl Strategy<Value = Option<Value>> {
    prop::sample::select(vec![
        None,
        Some(json!(1)),
        Some(json!(2.5)),
        Some(json!(false)),
        Some(json!(null)),
        Some(json!("x")),
        Some(json!([1, "x"])),
        Some(json!(["x", 2])),
    ])
}

proptest! {
    /// Found by type and need, or looked at one by one: the same segments.
    #[test]
    fn an_index_changes_nothing(
        conditions in prop::collection::vec((conditions(), prop::sample::subsequence(vec!["p", "q"], 0..=2)), 0..12),
        (a, b, c) in (values(), values(), values()),
        kind in prop::sample::select(vec!["p", "q", "r"]),
    ) {
        let records: Vec<_> = conditions.iter().enumerate()
            .map(|(n, (condition, types))| segment(&format!("s{n}"), types, condition)).collect();
        let configuration = Configuration::compile(records.iter().map(|(kind, document)| (*kind, "s", document)));
        prop_assert_eq!(configuration.problems(), []);
        let members = [("a", a), ("b", b), ("c", c)].into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let scope = json!({"profile": {"traits": Value::Object(members.collect())}});
        let holds = |condition: &condition::Condition| condition.evaluate(&scope, Timestamp::UNIX_EPOCH) == Ok(true);
        let found = configuration.segments().candidates([kind, "r"].into_iter(), &scope);
        let found: Vec<&str> = found.into_iter().filter(|found| holds(&found.condition)).map(|found| found.id.as_str()).collect();
        let one_by_one: Vec<String> = conditions.iter().enumerate()
            .filter(|(_, (text, types))| (types.is_empty() || types.contains(&kind)) && holds(&condition::parse(text).unwrap()))
            .map(|(n, _)| format!("s{n}")).collect();
        prop_assert_eq!(found, one_by_one);
    }
}
