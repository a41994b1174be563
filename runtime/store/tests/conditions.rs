//! A condition means the same in SQL and in memory.

#![allow(clippy::unwrap_used, reason = "a failed check panics: that is its answer")]

use std::cell::Cell;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tracardi_language::condition::{Call, Condition, Field, Function, MAX_LENGTH, Place, Relation, Term, parse};
use tracardi_language::dot::Path;
use tracardi_model::Context;
use tracardi_store::conformance::samples::{batch, event_with};
use tracardi_store::{Documents, Holding, Index, Keys, Page, Sqlite, StoreError};

fn now() -> Timestamp {
    Timestamp::from_second(1_780_000_000).unwrap()
}

/// Values that are close to one another, so that conditions often hold.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        2 => any::<bool>().prop_map(Value::from),
        3 => (-2_i64..3).prop_map(Value::from),
        2 => (-4_i32..5).prop_map(|half| Value::from(f64::from(half) / 2.0)),
        1 => prop::sample::select(vec![
            json!(9_007_199_254_740_993_i64), json!(u64::MAX), json!(i64::MIN), json!(-0.0), json!(0.1), json!(0.1 + 0.2),
            json!(0.3), json!(f64::MAX), json!(f64::MIN_POSITIVE), json!(5e-324), json!(9_007_199_254_740_992.0),
        ]),
        1 => any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        4 => text().prop_map(Value::from),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[ab]{0,3}",
        1 => prop::sample::select(vec!["Ż*?[x]\"\\'", "1", "true", "zażółć 🦀\n", "🦀", "a\0b", "[]", "{}", "2026-05-28T20:26:40.000000+00:00"])
            .prop_map(str::to_owned),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("a"), 4 => Just("b"), 2 => Just("0"), 1 => Just("1"), 1 => Just("größe"), 1 => Just("a\"b"), 1 => Just("4294967296")]
        .prop_map(str::to_owned)
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

fn field() -> impl Strategy<Value = Field> {
    let inside = prop::collection::vec(name(), 1..3).prop_map(|mut names| {
        names.insert(0, "properties".to_owned());
        names
    });
    let known =
        prop::sample::select(vec!["type", "session", "session.id", "metadata.time.insert", "tags.values", "missing"]);
    let known = known.prop_map(|text| text.split('.').map(str::to_owned).collect());
    prop_oneof![5 => inside, 1 => known].prop_map(|names: Vec<String>| Field {
        source: Index::Event.source(),
        path: Path::of(names.iter().map(String::as_str)).unwrap(),
    })
}

fn call() -> impl Strategy<Value = Term> {
    let call = |function, arguments| Term::Call(Call { function, arguments });
    prop_oneof![
        1 => Just(call(Function::Now, vec![])),
        2 => field().prop_map(move |field| call(Function::Datetime, vec![Term::Field(field)])),
        3 => field().prop_map(move |field| call(Function::Uppercase, vec![call(Function::Lowercase, vec![Term::Field(field)])])),
    ]
}

fn literal() -> impl Strategy<Value = Term> {
    let list = prop::collection::vec(
        prop_oneof![4 => scalar(), 1 => prop::collection::vec(scalar(), 0..2).prop_map(Value::from)],
        0..4,
    );
    prop_oneof![4 => scalar(), 1 => list.prop_map(Value::from)].prop_map(Term::Literal)
}

fn condition() -> impl Strategy<Value = Condition> {
    let left = || prop_oneof![8 => field().prop_map(Term::Field), 1 => call()];
    let right = || prop_oneof![8 => literal(), 1 => field().prop_map(Term::Field), 1 => call(), 1 => call().prop_map(|call| Term::List(vec![call]))];
    let relation = prop::sample::select(vec![
        Relation::Equal,
        Relation::Unequal,
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
    ]);
    let place = prop::sample::select(vec![Place::Anywhere, Place::Start, Place::End]);
    let test = prop_oneof![
        3 => (left(), relation, right()).prop_map(|(left, relation, right)| Condition::Compare { left, relation, right }),
        1 => (left(), right(), right()).prop_map(|(value, low, high)| Condition::Between { value, low, high }),
        2 => (left(), place, right()).prop_map(|(whole, place, part)| Condition::Has { whole, place, part }),
        1 => (left(), any::<bool>()).prop_map(|(value, negated)| Condition::Empty { value, negated }),
        1 => (left(), any::<bool>()).prop_map(|(value, negated)| Condition::Null { value, negated }),
        1 => (field(), any::<bool>()).prop_map(|(field, negated)| Condition::Exists { field, negated }),
    ];
    test.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::All),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Condition::Any),
            1 => prop::collection::vec(inner, 9..12).prop_map(Condition::Any),
        ]
    })
}

fn events() -> impl Strategy<Value = Vec<Value>> {
    let properties = prop::collection::vec((name(), value()), 0..5);
    let properties = properties.prop_map(|pairs| Value::Object(pairs.into_iter().collect()));
    let session = prop_oneof![Just(Value::Null), Just(json!({"id": "a", "start": "2026-05-28T20:26:40.000000+00:00"}))];
    let event =
        (properties, session).prop_map(|(properties, session)| json!({"properties": properties, "session": session}));
    prop::collection::vec(event, 1..8)
}

fn holding(condition: Condition, start: u64, limit: u64) -> Holding {
    Holding { condition, now: now(), start, limit }
}

fn ids(page: &Page) -> Vec<String> {
    let id = |text: &str| serde_json::from_str::<Value>(text).unwrap()["id"].as_str().unwrap().to_owned();
    page.result.iter().map(|document| id(document.get())).collect()
}

async fn open(directory: &tempfile::TempDir) -> Sqlite {
    Sqlite::open(directory.path(), Keys { signing: [1; 32], encryption: [2; 32] }).await.unwrap()
}

#[test]
fn sql_agrees_with_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (hits, next) = (Cell::new(0_usize), Cell::new(0_usize));
    let directory = tempfile::tempdir().unwrap();
    let store = runtime.block_on(open(&directory));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400),
        failure_persistence: None,
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    });
    runner
        .run(&(events(), prop::collection::vec(condition(), 1..12)), |(events, conditions)| {
            next.set(next.get() + 1);
            // Those of the cases before go: conditions have no range of time.
            let named: Vec<_> = events
                .iter()
                .zip(0_i64..)
                .map(|(more, n)| event_with(&format!("e{}-{n}", next.get()), "ab", n, more))
                .collect();
            let documents: Vec<Value> = named.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
            runtime.block_on(store.commit(batch(named, vec![], vec![]))).unwrap();
            let ask = |condition| {
                let asked = holding(condition, 0, 100);
                let page = runtime.block_on(store.holding(Context::Production, Index::Event, &asked)).unwrap();
                (asked.condition, page)
            };
            let answers: Vec<_> = conditions.into_iter().map(ask).collect();
            for document in &documents {
                let id = document["id"].as_str().unwrap();
                prop_assert!(runtime.block_on(store.delete(Context::Production, Index::Event, id)).unwrap());
            }
            for (condition, page) in answers {
                let mut expected: Vec<&str> = documents
                    .iter()
                    .filter(|document| condition.evaluate(&json!({"event": document}), now()) == Ok(true))
                    .map(|document| document["id"].as_str().unwrap())
                    .collect();
                expected.reverse();
                hits.set(hits.get() + expected.len());
                prop_assert_eq!(ids(&page), expected, "{} of {:#?}", condition, documents);
                prop_assert_eq!(page.total, page.result.len() as u64);
            }
            Ok(())
        })
        .unwrap();
    println!("{} documents matched", hits.get());
    assert!(hits.get() > 300, "conditions that are never true prove nothing");
}

/// SQLite bounds the length of a statement, its depth and its parameters; the longest conditions are within.
#[tokio::test]
async fn the_longest_conditions_can_be_asked() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let event = event_with("e", "x", 0, &json!({"properties": {"a": 1, "0": [5]}}));
    store.commit(batch(vec![event], vec![], vec![])).await.unwrap();
    let repeated = |test: &str, joint: &str, last: &str| {
        let times = (MAX_LENGTH - last.len()) / (test.len() + joint.len());
        format!("{}{last}", format!("{test}{joint}").repeat(times))
    };
    let nested = (0..30).fold("event@properties.a=1".to_owned(), |inner, depth| {
        let joint = if depth % 2 == 0 { " OR " } else { " AND " };
        let other = if depth % 2 == 0 { "event@b=1" } else { "event@properties.a=1" };
        format!("({}{inner})", format!("{other}{joint}").repeat(18))
    });
    let texts = [
        repeated("event@b=1", " OR ", "event@properties.a=1"),
        repeated("event@id EXISTS", " AND ", "event@properties.a=1"),
        repeated("event@b.0=1.5", " OR ", "event@properties.0.0=5"),
        repeated("event@b.0 BETWEEN 1 AND 2", " OR ", "event@properties.0.0=5"),
        format!("event@properties.a=[{}]", vec!["1"; 900].join(",")),
        nested,
    ];
    for text in texts {
        let condition = parse(&text).unwrap();
        let page = store.holding(Context::Production, Index::Event, &holding(condition, 0, 1)).await.unwrap();
        assert_eq!((page.total, page.result.len()), (1, 1), "{text}");
    }
}

#[tokio::test]
async fn other_documents_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory).await;
    let condition = parse("event@type = \"x\" AND profile@traits.a = 1").unwrap();
    let refused = store.holding(Context::Production, Index::Event, &holding(condition, 0, 1)).await;
    let error = refused.unwrap_err();
    assert!(matches!(error, StoreError::ForeignField { .. }));
    assert_eq!(
        error.to_string(),
        "profile@traits.a stands in another document: a condition that finds them reads event@… only"
    );
}
