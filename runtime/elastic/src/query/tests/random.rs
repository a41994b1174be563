//! Random documents and queries, of values that are close to one another, so that much is found.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const FIELDS: [&str; 16] = [
    "properties.a",
    "properties.a",
    "properties.b",
    "properties.a.b",
    "properties.a.0",
    "properties.a.1",
    "properties.0",
    "properties.00",
    "properties.0.1.0",
    "properties",
    "traits.a",
    "traits.b",
    "type",
    "profile.id",
    "metadata.time.insert",
    "missing",
];
const TEXTS: [&str; 14] = [
    "",
    "a",
    "ab",
    "ba",
    "b\\",
    "*",
    "1",
    "true",
    "Żółw 🦀",
    "=~.",
    "view",
    "page-view",
    "profile",
    "2026-05-28T20:27:40.000000+00:00",
];
const NUMBERS: [&str; 9] = ["0", "1", "-1", "1.5", "-0.0", "9007199254740993", "1e300", "-2.5", "60"];
const RELATIONS: [&str; 9] = ["=", "!=", "<", "<=", ">", ">=", "CONTAINS", "STARTS WITH", "ENDS WITH"];
const STATES: [&str; 6] = ["EMPTY", "NOT EMPTY", "IS NULL", "IS NOT NULL", "EXISTS", "NOT EXISTS"];

#[derive(Default)]
pub(super) struct Sampler(TestRunner);

fn one_of<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(values.to_vec())
}

/// Longer than what an index is told.
fn long() -> impl Strategy<Value = String> {
    one_of(&["a".repeat(512), "a".repeat(513), "a".repeat(600) + "b", "ż".repeat(256) + "a"])
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        4 => one_of(&NUMBERS).prop_map(|number| serde_json::from_str(number).unwrap()),
        6 => one_of(&TEXTS).prop_map(Value::from),
        1 => long().prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(
        3,
        10,
        3,
        |inner| prop_oneof![3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), 1 => members(inner)],
    )
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let name = one_of(&["a", "a", "a", "b", "b", "0", "1", "a.b", "odd=name"]).prop_map(str::to_owned);
    prop::collection::vec((name, value), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => one_of(&NUMBERS).prop_map(str::to_owned),
        5 => one_of(&TEXTS).prop_map(|text| format!("\"{text}\"")),
        1 => one_of(&["TRUE", "FALSE"]).prop_map(str::to_owned),
        1 => long().prop_map(|text| format!("\"{text}\"")),
    ]
}

fn joined(test: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    test.prop_recursive(2, 6, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>()).prop_map(|(parts, all)| {
            let parts: Vec<String> = parts.into_iter().map(|part| format!("({part})")).collect();
            parts.join(if all { " AND " } else { " OR " })
        })
    })
}

impl Sampler {
    fn sample<T: std::fmt::Debug>(&mut self, strategy: &impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.0).unwrap().current()
    }

    pub(super) fn kind(&mut self) -> &'static str {
        self.sample(&one_of(&["page-view", "purchase", "view", "1"]))
    }

    /// What an event has beside its envelope.
    pub(super) fn members(&mut self) -> Value {
        let (properties, traits) = self.sample(&(members(value()), members(value())));
        let profile = self.sample(&one_of(&[Value::Null, json!({"id": "profile"}), json!({"id": "a"})]));
        json!({ "properties": properties, "traits": traits, "profile": profile })
    }

    pub(super) fn filter(&mut self) -> String {
        let field = || one_of(&FIELDS);
        let sign = one_of(&["=", "!=", "<", "<=", ">", ">="]);
        let pattern = one_of(&["a*", "*b", "*a*", "?", "*?b", "*.*", "b\\*", "p*-v*", "*aab", "*~*", "profil?"]);
        let test = prop_oneof![
            6 => (field(), sign, literal()).prop_map(|(field, sign, value)| format!("{field} {sign} {value}")),
            1 => (field(), literal(), literal()).prop_map(|(field, one, other)| format!("{field} = [{one}, {other}]")),
            1 => (field(), literal(), literal()).prop_map(|(field, one, other)| format!("{field} BETWEEN {one} AND {other}")),
            2 => (field(), pattern).prop_map(|(field, pattern)| format!("{field} = \"{pattern}\"")),
            2 => (field(), one_of(&["EXISTS", "NOT EXISTS", "IS NULL"])).prop_map(|(field, state)| format!("{field} {state}")),
            1 => (field(), field()).prop_map(|(one, other)| format!("{one} = {other}")),
        ];
        self.sample(&joined(test))
    }

    pub(super) fn condition(&mut self) -> String {
        let field = || one_of(&FIELDS).prop_map(|field| format!("event@{field}"));
        let left = || {
            let time = "datetime(event@metadata.time.insert)".to_owned();
            let lower = field().prop_map(|field| format!("lowercase({field})"));
            prop_oneof![9 => field(), 1 => lower, 1 => Just(time)]
        };
        let list = prop::collection::vec(literal(), 0..3).prop_map(|parts| format!("[{}]", parts.join(", ")));
        let instant = one_of(&["now(\"UTC\")", "datetime(\"2026-05-28T20:27:40Z\")", "NULL"]).prop_map(str::to_owned);
        let right = prop_oneof![8 => literal(), 2 => list, 1 => instant, 1 => field()];
        let test = prop_oneof![
            6 => (left(), one_of(&RELATIONS), right).prop_map(|(left, relation, right)| format!("{left} {relation} {right}")),
            2 => (left(), one_of(&STATES)).prop_map(|(left, state)| format!("{left} {state}")),
            1 => (left(), literal(), literal()).prop_map(|(left, one, other)| format!("{left} BETWEEN {one} AND {other}")),
        ];
        self.sample(&joined(test))
    }

    pub(super) fn words(&mut self) -> String {
        let words =
            ["a", "AB", "view", "Purchase", "null", "true", "1", "300", "e1", "żółw", "\"", "pro", "id\":\"e3", "aaaa"];
        self.sample(&prop::collection::vec(one_of(&words), 1..3)).join(" ")
    }

    pub(super) fn group(&mut self) -> Option<String> {
        let field = self.sample(&one_of(&["type", "profile.id", "metadata.status", ""]));
        (!field.is_empty()).then(|| field.to_owned())
    }
}
