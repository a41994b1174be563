//! A filter means the same in SQL and in memory.

#![allow(clippy::unwrap_used, reason = "a failed check panics: that is its answer")]

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tracardi_language::dot::Path;
use tracardi_language::filter::{Filter, Literal, Pattern, Relation};
use tracardi_model::Context;
use tracardi_store::conformance::samples::{batch, event_with};
use tracardi_store::{Documents, Index, Keys, Matching, Select, Sqlite};

/// Values that are close to one another, so that conditions often hold.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3).prop_map(Value::from),
        (-6_i32..6).prop_map(|half| Value::from(f64::from(half) / 2.0)),
        Just(json!(9_007_199_254_740_993_i64)),
        Just(json!(u64::MAX)),
        text().prop_map(Value::from),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]{0,3}",
        Just("Ż*?[x]\"\\'".to_owned()),
        Just("1".to_owned()),
        Just("true".to_owned()),
        Just("zażółć 🦀\n".to_owned()),
        Just("%_".to_owned()),
        Just("2026-05-28T20:26:40.000000+00:00".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("0"), Just("1"), Just("x-y"), Just("größe"), Just("4294967296")]
        .prop_map(str::to_owned)
}

fn field() -> impl Strategy<Value = Path> {
    let inner = (prop_oneof![Just("properties"), Just("traits")], prop::collection::vec(name(), 0..3))
        .prop_map(|(first, rest)| std::iter::once(first.to_owned()).chain(rest).collect::<Vec<_>>().join("."));
    let known = prop::sample::select(vec![
        "id",
        "type",
        "source.id",
        "session.id",
        "profile.id",
        "metadata.time.insert",
        "tags.values",
        "session",
        "name",
        "metadata.valid",
        "profile.missing",
        "session.0",
    ]);
    prop_oneof![3 => inner, 1 => known.prop_map(str::to_owned)].prop_map(|text| Path::parse(&text).unwrap())
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        text().prop_map(Literal::Text),
        prop::sample::select(vec!["a-type", "b-type", "source", "session", "profile", "e1"])
            .prop_map(|text| Literal::Text(text.to_owned())),
        (-6_i32..6).prop_map(|half| Literal::Number(f64::from(half) / 2.0)),
        Just(Literal::Number(9_007_199_254_740_992.0)),
        any::<bool>().prop_map(Literal::Boolean),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let relation = prop::sample::select(vec![
        Relation::Equal,
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
    ]);
    let leaf = prop_oneof![
        4 => (field(), relation, literal()).prop_map(|(field, relation, value)| Filter::Compare { field, relation, value }),
        2 => (field(), "[ab*?\\[\\]Ż-]{0,5}").prop_map(|(field, text)| Filter::Like { field, pattern: Pattern::new(text) }),
        1 => (field(), field()).prop_map(|(left, right)| Filter::Same { left, right }),
        2 => field().prop_map(Filter::Exists),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    prop::collection::vec((name(), value()), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
}

fn events() -> impl Strategy<Value = Vec<Value>> {
    let kind = prop::sample::select(vec!["a-type", "b-type", "ab", "Ż*?[x]\"\\'"]);
    let session = prop_oneof![Just(Value::Null), Just(json!({"id": "a", "start": "2026-05-28T20:26:40.000000+00:00"}))];
    let profile = prop_oneof![Just(Value::Null), Just(json!({"id": "profile"})), Just(json!({"id": "ab"}))];
    let event = (object(), object(), kind, session, profile).prop_map(|(properties, traits, kind, session, profile)| {
        json!({"properties": properties, "traits": traits, "type": kind, "name": "ab", "session": session, "profile": profile})
    });
    prop::collection::vec(event, 1..6)
}

#[test]
fn sql_agrees_with_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let store =
        runtime.block_on(Sqlite::open(directory.path(), Keys { signing: [1; 32], encryption: [2; 32] })).unwrap();
    let next = Cell::new(0);
    let hits = Cell::new(0_usize);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&(events(), prop::collection::vec(filter(), 1..8)), |(events, filters)| {
            let number: i32 = next.get() + 1;
            next.set(number);
            // Each case has an hour of its own.
            let hour = i64::from(number) * 3600;
            let named: Vec<_> = events
                .iter()
                .zip(0_i64..)
                .map(|(more, n)| event_with(&format!("e{number}-{n}"), "x", hour + n, more))
                .collect();
            let documents: Vec<Value> = named.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
            let range = (named[0].insert(), named[named.len() - 1].insert());
            runtime.block_on(store.commit(batch(named, vec![], vec![]))).unwrap();
            for filter in filters {
                let expected: BTreeSet<&str> = documents
                    .iter()
                    .filter(|document| filter.matches(document))
                    .map(|document| document["id"].as_str().unwrap())
                    .collect();
                let select = Select {
                    from: Some(range.0),
                    to: Some(range.1),
                    matching: Matching::Filter(filter.clone()),
                    start: 0,
                    limit: 100,
                };
                let page = runtime.block_on(store.select(Context::Production, Index::Event, &select)).unwrap();
                let found: Vec<Value> =
                    page.result.iter().map(|document| serde_json::from_str(document.get()).unwrap()).collect();
                let found: BTreeSet<&str> = found.iter().map(|document| document["id"].as_str().unwrap()).collect();
                hits.set(hits.get() + found.len());
                prop_assert_eq!(found, expected, "{:?} on {:#?}", filter, documents);
                prop_assert_eq!(page.total, page.result.len() as u64);
            }
            Ok(())
        })
        .unwrap();
    println!("{} documents matched", hits.get());
    assert!(hits.get() > 100, "filters that match nothing prove nothing");
}
