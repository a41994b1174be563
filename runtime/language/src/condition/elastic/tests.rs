//! The queries as text, and against a small double of Elasticsearch: what an index keeps of a document, and which of its
//! documents a query finds, as the documentation of Elasticsearch has it.

use proptest::prelude::*;
use serde_json::json;
use tracardi_model::Map;

use super::super::parse;
use super::*;

/// `k`, `n`, `t`, `d` have a type each, `props` is flattened, anything else is unknown.
fn indexed(path: &Path) -> Indexed {
    match path.as_str() {
        "k" => Indexed::Text,
        "n" => Indexed::Number,
        "t" => Indexed::Boolean,
        "d" => Indexed::Time,
        below if below.starts_with("props.") => Indexed::Flattened { root: 1 },
        _ => Indexed::Unknown,
    }
}

fn now() -> Timestamp {
    "2026-01-31T10:00:00.1234567Z".parse().unwrap()
}

fn queries(condition: &Condition, ignored: Option<&str>) -> Queries {
    to_queries(condition, Mapping { source: Source::Event, indexed: &indexed, ignored }, now())
}

#[test]
fn every_operator_and_function() {
    let tests = [
        "= \"a\"",
        "= 1",
        "= 1.5",
        "= TRUE",
        "= NULL",
        "= [\"a\", 1, NULL]",
        "!= \"a\"",
        "!= 1",
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
    let mut simple: Vec<String> = Vec::new();
    for field in ["k", "n", "t", "d", "props.a", "props.list.0", "other"] {
        simple.extend(tests.iter().map(|test| format!("event@{field} {test}")));
    }
    let mut all: Vec<&str> = simple.iter().map(String::as_str).collect();
    all.extend([
        "event@props.n = 0",
        "event@props.n = 9007199254740992",
        "event@n = 0",
        "event@n < 0",
        "profile@k = \"a\"",
        "event@k = event@n",
        "event@k = lowercase(\"A\")",
        "lowercase(event@k) = \"a\"",
        "uppercase(event@props.a) != \"A\"",
        "datetime(event@d) > now(\"UTC\")",
        "datetime(event@d) <= now.timezone.offset(\"Europe/Berlin\", \"-1d\")",
        "datetime(event@d) = datetime(\"2026-01-31T10:00:00Z\")",
        "datetime(event@d) != datetime(\"2026-01-31T10:00:00Z\")",
        "datetime.timezone(event@d, \"UTC\") BETWEEN datetime.timezone(\"2026-01-01\", \"UTC\") AND now.timezone(\"UTC\")",
        "datetime(event@d) > now()",
        "datetime(event@d) > utcnow()",
        "datetime.offset(event@d, \"1d\") > now.offset(\"-1d\")",
        "datetime.from_timestamp(event@n) < now()",
        "now() > datetime(event@d)",
        "event@k = \"a\" AND event@n > 1 AND (event@t = TRUE OR event@k EMPTY)",
        "event@k = \"a\" OR (event@n > 1 AND event@t = TRUE)",
        "event@props.a = \"x\" OR event@props.b > 1",
    ]);
    let shown = all.into_iter().map(|text| {
        let queries = queries(&parse(text).unwrap(), None);
        if queries.is_exact() {
            format!("{text}\n    exact    {}\n", queries.possible)
        } else {
            format!("{text}\n    possible {}\n    certain  {}\n", queries.possible, queries.certain)
        }
    });
    insta::assert_snapshot!(shown.collect::<String>());
}

#[test]
fn documents_that_the_index_did_not_take_as_a_whole_are_asked() {
    let queries = queries(&parse("event@k = \"a\"").unwrap(), Some("_ignored"));
    let (term, ignored) = (json!({"terms": {"k": ["a"]}}), json!({"exists": {"field": "_ignored"}}));
    assert_eq!(queries.possible, json!({"bool": {"should": [term, ignored], "minimum_should_match": 1}}));
    assert_eq!(queries.certain, json!({"bool": {"filter": [term], "must_not": [ignored]}}));
}

#[test]
fn what_elasticsearch_would_refuse_is_asked_in_memory() {
    let many = vec!["event@n > 1"; 1_001].join(" OR ");
    let mut deep = "event@n > 1".to_owned();
    for level in 0..24 {
        deep = format!("event@k = \"{level}\" {} ({deep})", ["AND", "OR"][level % 2]);
    }
    for text in [many, deep] {
        let queries = queries(&parse(&text).unwrap(), None);
        assert_eq!((queries.possible, queries.certain), (json!({"match_all": {}}), json!({"match_none": {}})));
    }
}

/// Whether `date` fields count in milliseconds; those of type `date_nanos` do not.
#[derive(Clone, Copy)]
struct Double<'a> {
    document: &'a Value,
    millis: bool,
}

impl Double<'_> {
    /// What the index has for a field, lists being of no account.
    fn values(self, field: &str) -> Vec<Value> {
        let mut values = Vec::new();
        match field.strip_prefix("props.") {
            Some(key) => {
                let mut pairs = Vec::new();
                flatten(&self.document["props"], "", &mut pairs);
                values.extend(pairs.into_iter().filter(|(found, _)| found == key).map(|(_, text)| Value::from(text)));
            }
            None => values.extend(self.document.get(field).filter(|value| !value.is_null()).cloned()),
        }
        values
    }

    fn finds(self, query: &Value) -> bool {
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
                self.values(field).iter().any(|value| self.value(field, value, query, body))
            }
        }
    }

    fn value(self, field: &str, value: &Value, query: &str, body: &Value) -> bool {
        let text = || (value.as_str().unwrap(), body["value"].as_str().unwrap());
        match query {
            "terms" => body.as_array().unwrap().iter().any(|wanted| compare(value, wanted).is_eq()),
            "prefix" => text().0.starts_with(text().1),
            "wildcard" => {
                assert!(!field.starts_with("props."), "not offered for flattened fields");
                let pattern: Vec<char> = text().1.chars().collect();
                wildcard(&text().0.chars().collect::<Vec<_>>(), &pattern)
            }
            "range" => {
                assert!(!field.starts_with("props."), "not offered with one bound for flattened fields");
                let scale = if self.millis { 1_000_000 } else { 1 };
                let bounds = body.as_object().unwrap().iter().filter(|(name, _)| *name != "format");
                let order = |bound: &Value| match body["format"].as_str() {
                    Some(_) => {
                        let time: Timestamp = value.as_str().unwrap().parse().unwrap();
                        let bound = i128::from(bound.as_i64().unwrap()) * 1_000_000 / scale;
                        time.as_nanosecond().div_euclid(scale).cmp(&bound)
                    }
                    None => compare(value, bound),
                };
                bounds.into_iter().all(|(name, bound)| match name.as_str() {
                    "lt" => order(bound).is_lt(),
                    "lte" => order(bound).is_le(),
                    "gt" => order(bound).is_gt(),
                    _ => order(bound).is_ge(),
                })
            }
            other => unreachable!("{other}"),
        }
    }
}

/// Numbers as doubles are ordered in an index: two zeros.
fn compare(one: &Value, other: &Value) -> std::cmp::Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.as_bytes().cmp(other.as_bytes()),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => one.as_f64().unwrap().total_cmp(&other.as_f64().unwrap()),
        _ => unreachable!("{one} is compared with {other}, which Elasticsearch would refuse"),
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

/// Keys and texts of a flattened field.
fn flatten(value: &Value, key: &str, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (name, member) in members {
                flatten(member, &if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, pairs);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| flatten(element, key, pairs)),
        Value::String(text) => pairs.push((key.to_owned(), text.clone())),
        other => pairs.push((key.to_owned(), other.to_string())),
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
const LITERALS: [&str; 19] = [
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
    texts.into_iter().filter_map(|text| parse(&text).ok().map(|parsed| (text, parsed))).collect()
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
        json!("2026-01-31T10:00:00.1234567+00:00"),
        json!("2026-01-31T10:00:00.124+00:00"),
        json!("2026-01-31T10:00:00.123+00:00"),
        json!("2026-01-31T00:00:00+00:00"),
        json!("1969-12-31T23:59:59.9995+00:00"),
    ]
}

/// An event with this value wherever it fits, and this object as properties.
fn scope(value: &Value, props: &Value) -> Value {
    let time = value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok());
    let mut members = Map::from_iter([("props".to_owned(), props.clone()), ("other".to_owned(), value.clone())]);
    let fits = [("k", value.is_string()), ("n", value.is_number()), ("t", value.is_boolean()), ("d", time)];
    for (name, _) in fits.into_iter().filter(|(_, fits)| *fits || value.is_null()) {
        let value = if name == "n" && !value.is_null() { json!(value.as_f64()) } else { value.clone() };
        members.insert(name.to_owned(), value);
    }
    json!({ "event": members })
}

/// Each document is the event of a scope.
fn check(condition: &Condition, text: &str, scopes: &[Value]) {
    let Queries { possible, certain } = queries(condition, None);
    for scope in scopes {
        let holds = condition.evaluate(scope, now()) == Ok(true);
        for millis in [true, false] {
            let double = Double { document: &scope["event"], millis };
            assert!(!holds || double.finds(&possible), "lost: {text} {possible} {scope}");
            assert!(holds || !double.finds(&certain), "wrong: {text} {certain} {scope}");
        }
    }
}

#[test]
fn queries_bound_single_tests() {
    let mut scopes = vec![json!({"event": {"props": {}}})];
    for value in scalars() {
        let shapes = [
            json!({"a": value}),
            json!({"a": [value]}),
            json!({"a": [value, "a"]}),
            json!({"a": {"b": value}}),
            json!({"a.b": value}),
            json!({"a": [{"b": value}]}),
            json!({"0": value}),
            json!({"0": [0, [value]]}),
            json!({"a": {"0": value, "b": "a"}}),
            json!({"a": [[], {}, [value]]}),
        ];
        scopes.extend(shapes.map(|props| scope(&value, &props)));
    }
    for (text, condition) in tests() {
        check(&condition, &text, &scopes);
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

fn scopes() -> impl Strategy<Value = Value> {
    let value = || prop::sample::select(scalars());
    let members = |value: BoxedStrategy<Value>| {
        let names = prop::sample::select(vec!["a", "a", "b", "0", "1", "a.b"]).prop_map(str::to_owned);
        prop::collection::vec((names, value), 0..3).prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
    };
    let anything = value().prop_recursive(3, 10, 3, move |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array), members(inner.boxed())]
    });
    (value(), members(anything.boxed())).prop_map(|(value, props)| scope(&value, &props))
}

proptest! {
    #[test]
    fn queries_bound_conditions(text in joined(), scopes in prop::collection::vec(scopes(), 20)) {
        check(&parse(&text).unwrap(), &text, &scopes);
    }
}
