//! The queries as text, and against a small double of a search server: which documents a query finds, as its documentation
//! has it. Real servers are asked in `elastic/tests`.

use std::cmp::Ordering;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use tracardi_model::{Path, time};

use super::*;
use crate::condition::{self, Condition};
use crate::filter::{self, Filter, Literal, Pattern, Relation};

const MAPPING: Mapping<'_> =
    Mapping { source: Source::Event, facts: "facts", time: Some(Time { path: "d", field: "at", none: None }) };

/// Documents without the time are in the index as if it were 1970.
const VAGUE: Mapping<'_> =
    Mapping { source: Source::Event, facts: "facts", time: Some(Time { path: "d", field: "at", none: Some(0) }) };

fn now() -> Timestamp {
    "2026-01-31T10:00:00.1234567Z".parse().unwrap()
}

fn shown(text: &str, queries: &Queries) -> String {
    if queries.is_exact() {
        format!("{text}\n    exact    {}\n", queries.possible())
    } else {
        format!("{text}\n    possible {}\n    certain  {}\n", queries.possible(), queries.certain())
    }
}

#[test]
fn conditions() {
    let tests = [
        "= \"a\"",
        "= 1",
        "= 1.5",
        "= TRUE",
        "= NULL",
        "= [\"a\", 1, NULL]",
        "!= \"a\"",
        "!= NULL",
        "!= [1]",
        "< 1",
        "<= \"a\"",
        "> TRUE",
        ">= 0",
        "BETWEEN 1 AND 2",
        "CONTAINS \"a*\"",
        "CONTAINS 1",
        "STARTS WITH \"a\"",
        "ENDS WITH \"a\"",
        "EMPTY",
        "NOT EMPTY",
        "IS NULL",
        "IS NOT NULL",
        "EXISTS",
        "NOT EXISTS",
    ];
    let simple: Vec<String> = tests.iter().map(|test| format!("event@props.a {test}")).collect();
    let mut all: Vec<&str> = simple.iter().map(String::as_str).collect();
    all.extend([
        "event@n = 0",
        "event@props[\"a.b\"].0 = 1",
        "event@props.00 = 1",
        "event@props = []",
        "profile@k = \"a\"",
        "event@k = event@n",
        "event@k = lowercase(\"A\")",
        "lowercase(event@k) = \"a\"",
        "datetime(event@d) > now(\"UTC\")",
        "datetime(event@d) = datetime(\"2026-01-31T10:00:00Z\")",
        "datetime(event@d) != datetime(\"2026-01-31T10:00:00Z\")",
        "datetime.timezone(event@d, \"UTC\") BETWEEN datetime.timezone(\"2026-01-01\", \"UTC\") AND now.timezone(\"UTC\")",
        "datetime(event@d) > now()",
        "datetime.offset(event@d, \"1d\") > now.offset(\"-1d\")",
        "datetime.from_timestamp(event@n) < now()",
        "event@k = \"a\" AND event@n > 1 AND (event@t = TRUE OR event@k EMPTY)",
        "event@k = \"a\" OR (event@n > 1 AND event@t = TRUE)",
    ]);
    let all = all.into_iter().map(|text| shown(text, &condition(&condition::parse(text).unwrap(), MAPPING, now())));
    insta::assert_snapshot!(all.collect::<String>());
}

#[test]
fn filters() {
    let texts = [
        "",
        "type = \"page-view\"",
        "type != \"page-view\"",
        "n = 5",
        "n = -1.5",
        "t = true",
        "type = \"page-*\"",
        "path != \"C:\\*.?xe\"",
        "n > 1",
        "n BETWEEN 1 AND 2",
        "d >= datetime(\"2026-01-31T10:00:00Z\")",
        "d >= \"2026-01-31\"",
        "d EXISTS",
        "t > false",
        "t < false",
        "type = [\"a\", \"b\"]",
        "type != [\"a\", \"b\"]",
        "type = [\"a\", \"b*\"]",
        "a EXISTS",
        "a IS NULL",
        "session.id != profile.id",
        "a = 1 AND (b = 2 AND c != 3) AND d NOT EXISTS",
        "a = 1 OR (b = 2 AND c = 3)",
        "name.keyword = \"x\"",
    ];
    let all = texts.map(|text| shown(text, &filter(&filter::parse(text).unwrap(), MAPPING)));
    insta::assert_snapshot!(all.concat());
}

#[test]
fn documents_that_the_index_does_not_know_as_a_whole_are_asked() {
    let exact = condition(&condition::parse("event@k = \"a\"").unwrap(), MAPPING, now());
    assert_eq!(exact.open(MAPPING), json!({"terms": {"facts": ["!partial"]}}));
    assert_eq!(
        exact.sure(MAPPING),
        json!({"bool": {"filter": [{"terms": {"facts": ["k=@a"]}}], "must_not": [{"terms": {"facts": ["!partial"]}}]}})
    );
    let nowhere = condition(&condition::parse("profile@k = \"a\"").unwrap(), MAPPING, now());
    assert_eq!((nowhere.open(MAPPING), nowhere.sure(MAPPING)), (json!({"match_all": {}}), json!({"match_none": {}})));
}

#[test]
fn what_a_server_would_refuse_is_asked_in_memory() {
    let many = vec!["event@n > 1"; 1_001].join(" OR ");
    let mut deep = "event@n > 1".to_owned();
    for level in 0..24 {
        deep = format!("event@k = \"{level}\" {} ({deep})", ["AND", "OR"][level % 2]);
    }
    for text in [many, deep] {
        let queries = condition(&condition::parse(&text).unwrap(), MAPPING, now());
        assert_eq!((queries.possible(), queries.certain()), (json!({"match_all": {}}), json!({"match_none": {}})));
    }
}

/// A document in the index.
struct Double {
    facts: Vec<String>,
    at: Option<i64>,
}

impl Double {
    fn of(document: &Value) -> Self {
        let at = document["d"].as_str().and_then(|text| text.parse::<Timestamp>().ok()).map(Timestamp::as_microsecond);
        Self { facts: facts(document).unwrap(), at }
    }

    /// As [`VAGUE`] has it.
    fn vague(self) -> Self {
        Self { at: self.at.or(Some(0)), ..self }
    }

    fn values(&self, field: &str) -> Vec<Value> {
        match field {
            "facts" => self.facts.iter().map(|fact| Value::from(fact.as_str())).collect(),
            "at" => self.at.into_iter().map(Value::from).collect(),
            other => unreachable!("{other}"),
        }
    }

    fn finds(&self, query: &Value) -> bool {
        let (name, body) = query.as_object().unwrap().iter().next().unwrap();
        let all = |key: &str| body[key].as_array().map(Vec::as_slice).unwrap_or_default();
        match name.as_str() {
            "match_all" => true,
            "match_none" => false,
            "bool" => {
                all("filter").iter().all(|part| self.finds(part))
                    && !all("must_not").iter().any(|part| self.finds(part))
                    && (body["should"].is_null() || all("should").iter().any(|part| self.finds(part)))
            }
            "exists" => !self.values(body["field"].as_str().unwrap()).is_empty(),
            query => {
                let (field, body) = body.as_object().unwrap().iter().next().unwrap();
                self.values(field).iter().any(|value| found(value, query, body))
            }
        }
    }
}

fn found(value: &Value, query: &str, body: &Value) -> bool {
    let text = || (value.as_str().unwrap(), body["value"].as_str().unwrap());
    match query {
        "terms" => body.as_array().unwrap().contains(value),
        "prefix" => text().0.starts_with(text().1),
        "wildcard" => {
            let letters = |text: &str| {
                let lower = body["case_insensitive"] == true;
                text.chars().map(|letter| if lower { letter.to_ascii_lowercase() } else { letter }).collect::<Vec<_>>()
            };
            wildcard(&letters(text().0), &letters(text().1))
        }
        "range" => body.as_object().unwrap().iter().all(|(bound, wanted)| match bound.as_str() {
            "lt" => compare(value, wanted).is_lt(),
            "lte" => compare(value, wanted).is_le(),
            "gt" => compare(value, wanted).is_gt(),
            "gte" => compare(value, wanted).is_ge(),
            other => unreachable!("{other}"),
        }),
        other => unreachable!("{other}"),
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.as_bytes().cmp(other.as_bytes()),
        (Value::Number(one), Value::Number(other)) => one.as_i64().cmp(&other.as_i64()),
        _ => unreachable!("{one} is compared with {other}, which a server would refuse"),
    }
}

fn wildcard(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|skipped| wildcard(&text[skipped..], rest)),
        ['?', rest @ ..] => !text.is_empty() && wildcard(&text[1..], rest),
        ['\\', letter, rest @ ..] | [letter, rest @ ..] => text.first() == Some(letter) && wildcard(&text[1..], rest),
    }
}

const FIELDS: [&str; 13] = [
    "event@k",
    "event@n",
    "event@t",
    "event@d",
    "event@props.a",
    "event@props.0",
    "event@props.a.b",
    "event@props.a.0",
    "event@props[\"a.b\"]",
    "event@props.0.1.0",
    "event@other",
    "lowercase(event@k)",
    "datetime.from_timestamp(event@n)",
];
const LITERALS: [&str; 20] = [
    "0",
    "1",
    "-1",
    "1.5",
    "TRUE",
    "FALSE",
    "NULL",
    "\"\"",
    "\"a\"",
    "\"ab\"",
    "\"1\"",
    "\"*\"",
    "\"b\\\"",
    "[]",
    "[NULL]",
    "[\"a\", 1]",
    "[\"a\", NULL]",
    "[[\"a\"], FALSE]",
    "9007199254740993",
    "-0.0",
];
const RELATIONS: [&str; 9] = ["=", "!=", "<", "<=", ">", ">=", "CONTAINS", "STARTS WITH", "ENDS WITH"];
const STATES: [&str; 6] = ["EMPTY", "NOT EMPTY", "IS NULL", "IS NOT NULL", "EXISTS", "NOT EXISTS"];
const TIMES: [&str; 3] = ["datetime(event@d)", "datetime.timezone(event@d, \"UTC\")", "datetime(event@props.a)"];
const INSTANTS: [&str; 4] =
    ["now(\"UTC\")", "datetime(\"2026-01-31T10:00:00.123Z\")", "now()", "datetime.timezone(\"2026-01-31\", \"UTC\")"];

/// Every test of a field with a literal, and of a time with an instant.
fn tests() -> Vec<(String, Condition)> {
    let compared = |lefts: &[&str], rights: &[&str]| {
        let mut texts = Vec::new();
        for left in lefts {
            texts.extend(STATES.map(|state| format!("{left} {state}")));
            for right in rights {
                texts.extend(RELATIONS.map(|relation| format!("{left} {relation} {right}")));
            }
            texts.extend(rights.windows(2).map(|ends| format!("{left} BETWEEN {} AND {}", ends[0], ends[1])));
        }
        texts
    };
    let texts = [compared(&FIELDS, &LITERALS), compared(&TIMES, &INSTANTS)].concat();
    // A function does not exist, and a time has no parts.
    texts.into_iter().filter_map(|text| condition::parse(&text).ok().map(|parsed| (text, parsed))).collect()
}

fn scalars() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-0.0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(-1),
        json!(9_007_199_254_740_993_i64),
        json!(""),
        json!("a"),
        json!("ab"),
        json!("ba"),
        json!("b\\"),
        json!("*"),
        json!("1"),
        json!("true"),
        json!("2026-01-31T10:00:00.123456+00:00"),
        json!("2026-01-31T10:00:00.123457+00:00"),
        json!("2026-01-31T10:00:00.123456Z"),
        json!("2026-01-31T10:00:00.123+00:00"),
        json!("2026-01-31T00:00:00+00:00"),
        json!("1969-12-31T23:59:59.999500+00:00"),
        json!(long("a")),
        json!(long("a") + "b"),
        json!(long("ż")),
    ]
}

/// An event with this value at three places, and this object as properties.
fn document(value: &Value, props: &Value) -> Value {
    let mut document = json!({"k": value, "n": value, "props": props, "other": value});
    match value.as_str() {
        // Always of the stored format.
        Some(text) if text.parse::<Timestamp>().is_ok_and(|instant| time::format(instant) == text) => {
            document["d"] = text.into();
        }
        None if value.is_null() => document["d"] = Value::Null,
        _ => {}
    }
    document
}

fn long(letter: &str) -> String {
    letter.repeat(MAX_TEXT)
}

/// Whether the answer of the index bounds the answer of memory.
fn check(text: &str, queries: &Queries, documents: &[(Value, Double)], holds: impl Fn(&Value) -> bool) {
    check_in(MAPPING, text, queries, documents, holds);
}

fn check_in(
    mapping: Mapping<'_>,
    text: &str,
    queries: &Queries,
    documents: &[(Value, Double)],
    holds: impl Fn(&Value) -> bool,
) {
    let (sure, open) = (queries.sure(mapping), queries.open(mapping));
    for (document, double) in documents {
        let (found, asked, holds) = (double.finds(&sure), double.finds(&open), holds(document));
        assert!(!holds || found || asked, "lost: {text} {open} {document}");
        assert!(holds || !found, "wrong: {text} {sure} {document}");
        assert!(!(found && asked), "counted twice: {text} {document}");
    }
}

/// Scopes of events.
fn check_condition(condition: &Condition, text: &str, scopes: &[(Value, Double)]) {
    let queries = super::condition(condition, MAPPING, now());
    check(text, &queries, scopes, |scope| condition.evaluate(scope, now()) == Ok(true));
}

fn doubled(documents: impl IntoIterator<Item = Value>) -> Vec<(Value, Double)> {
    documents
        .into_iter()
        .map(|document| {
            let double = Double::of(&document);
            (document, double)
        })
        .collect()
}

fn scopes(documents: impl IntoIterator<Item = Value>) -> Vec<(Value, Double)> {
    doubled(documents).into_iter().map(|(document, double)| (json!({ "event": document }), double)).collect()
}

#[test]
fn queries_bound_single_tests() {
    let mut documents = vec![json!({"props": {}})];
    for value in scalars() {
        let shapes = [
            json!({"a": value}),
            json!({"a": [value]}),
            json!({"a": [value, "a"]}),
            json!({"a": ["a", value]}),
            json!({"a": {"b": value}}),
            json!({"a.b": value}),
            json!({"a": [{"b": value}]}),
            json!({"0": value}),
            json!({"0": [0, [value]]}),
            json!({"a": {"0": value, "b": "a"}}),
            json!({"a": [[], {}, [value]]}),
            json!({"a": {}, "": value}),
        ];
        documents.extend(shapes.map(|props| document(&value, &props)));
    }
    let scopes = scopes(documents);
    for (text, condition) in tests() {
        check_condition(&condition, &text, &scopes);
    }
}

fn joined() -> impl Strategy<Value = String> {
    let texts: Vec<String> = tests().into_iter().map(|(text, _)| text).collect();
    prop::sample::select(texts).prop_recursive(2, 6, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>()).prop_map(|(parts, all)| {
            let parts: Vec<String> = parts.into_iter().map(|part| format!("({part})")).collect();
            parts.join(if all { " AND " } else { " OR " })
        })
    })
}

fn objects() -> impl Strategy<Value = Value> {
    let value = || prop::sample::select(scalars());
    let members = |value: BoxedStrategy<Value>| {
        let names = prop::sample::select(vec!["a", "a", "b", "0", "1", "a.b"]).prop_map(str::to_owned);
        prop::collection::vec((names, value), 0..3).prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
    };
    let anything = value().prop_recursive(3, 10, 3, move |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array), members(inner.boxed())]
    });
    (value(), members(anything.boxed())).prop_map(|(value, props)| document(&value, &props))
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let fields = ["k", "d", "props.a", "props.a.b", "props.a.0", "props.0", "props.00", "props.b", "props"];
    let field = move || prop::sample::select(fields.to_vec()).prop_map(|name| Path::parse(name).unwrap());
    let literal = prop::sample::select(scalars()).prop_filter_map("null is no literal", |value| match value {
        Value::String(text) => Some(Literal::Text(text)),
        Value::Number(number) => number.as_f64().map(Literal::Number),
        Value::Bool(yes) => Some(Literal::Boolean(yes)),
        _ => None,
    });
    let relation = prop::sample::select(vec![
        Relation::Equal,
        Relation::Equal,
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
    ]);
    let leaf = prop_oneof![
        4 => (field(), relation, literal).prop_map(|(field, relation, value)| Filter::Compare { field, relation, value }),
        2 => (field(), "[ab1?]{0,2}[*\\\\]{0,2}[ab]?").prop_map(|(field, text)| Filter::Like { field, pattern: Pattern::new(text) }),
        1 => (field(), field()).prop_map(|(left, right)| Filter::Same { left, right }),
        2 => field().prop_map(Filter::Exists),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn queries_bound_conditions(text in joined(), documents in prop::collection::vec(objects(), 20)) {
        check_condition(&condition::parse(&text).unwrap(), &text, &scopes(documents));
    }

    #[test]
    fn queries_bound_filters(wanted in any_filter(), documents in prop::collection::vec(objects(), 20)) {
        let queries = filter(&wanted, MAPPING);
        check(&format!("{wanted:?}"), &queries, &doubled(documents), |document| wanted.matches(document));
    }

    #[test]
    fn queries_bound_words(text in "[abA01f \"x\\\\]{0,4}|null|true|Ż|prop.", documents in prop::collection::vec(objects(), 20)) {
        let queries = words(&text, MAPPING);
        check(&text, &queries, &doubled(documents), |document| {
            let json = document.to_string().to_ascii_lowercase();
            text.split_whitespace().all(|word| {
                let escaped = Value::from(word.to_ascii_lowercase()).to_string();
                json.contains(&escaped[1..escaped.len() - 1])
            })
        });
    }

    #[test]
    fn queries_bound_times_of_which_it_is_not_known_whether_they_are(
        instant in prop_oneof![Just(Value::Null), prop::sample::select(scalars()), Just("1970-01-01T00:00:00.000000+00:00".into())],
        relation in prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
        bound in prop::sample::select(vec!["1970-01-01T00:00:00", "2026-01-31T10:00:00.123456", "1960-01-01T00:00:00"]),
        other in any::<bool>(),
    ) {
        let document = document(&instant, &json!({}));
        let double = [(json!({ "event": document }), Double::of(&document).vague())];
        let joint = if other { " OR event@k EXISTS" } else { "" };
        for text in [format!("datetime(event@d) {relation} datetime(\"{bound}Z\"){joint}"), format!("event@d EXISTS{joint}")] {
            let condition = condition::parse(&text).unwrap();
            let queries = super::condition(&condition, VAGUE, now());
            check_in(VAGUE, &text, &queries, &double, |scope| condition.evaluate(scope, now()) == Ok(true));
        }
        for text in [format!("d {relation} datetime(\"{bound}Z\")"), "d EXISTS".to_owned(), "d IS NULL".to_owned()] {
            let filter = filter::parse(&text).unwrap();
            let queries = super::filter(&filter, VAGUE);
            check_in(VAGUE, &text, &queries, &double, |scope| filter.matches(&scope["event"]));
        }
    }
}
