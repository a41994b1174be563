//! The meaning row by row, the errors place by place.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;

/// 2021-01-10T10:30:00Z.
fn now() -> Timestamp {
    Timestamp::from_second(1_610_274_600).unwrap()
}

fn documents() -> Value {
    json!({
        "event": {
            "type": "Page-View", "n": 5, "zero": 0, "t": true, "f": false, "null": null, "text": "", "list": ["a", 1, null],
            "none": [], "object": {}, "full": {"a": 1}, "other": 5.0, "one": 1, "time": "2021-01-10T10:00:00+00:00",
            "names": {"a b": 1, "$x": [7]}, "pair": [1, 2], "twin": [1.0, 2], "unix": 1_610_274_600, "zone": "Europe/Berlin"
        },
        "profile": {"id": "p", "n": 6, "letters": ["a", "b"], "type": "Page-View"},
    })
}

/// `true`, `false`, or `error`.
fn outcome(text: &str) -> &'static str {
    let condition = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match condition.evaluate(&documents(), now()) {
        Ok(true) => "true",
        Ok(false) => "false",
        Err(_) => "error",
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(outcome(text), *expected, "{text}");
    }
}

#[test]
fn equality() {
    check(&[
        ("event@type = \"Page-View\"", "true"),
        ("event@type == \"page-view\"", "false"),
        ("event@n = 5", "true"),
        ("event@n = 5.0", "true"),
        ("event@n = \"5\"", "false"),
        ("event@t = TRUE", "true"),
        ("event@t = 1", "true"),
        ("event@zero = false", "true"),
        ("event@null = NULL", "true"),
        ("event@n = null", "false"),
        ("event@list = [\"a\", 1, NULL]", "true"),
        ("event@list = [\"a\", 1]", "false"),
        ("event@n = [4, 5]", "true"),
        ("event@n = []", "false"),
        ("event@list = \"a\"", "false"),
        ("event@n != 5", "false"),
        ("event@n != \"5\"", "true"),
        ("event@list != [\"a\", 1, null]", "false"),
        ("event@list != [\"a\"]", "true"),
        ("event@n != [4, 5]", "true"),
        ("event@names[\"a b\"] = 1", "true"),
        ("event@names[\"$x\"].0 = 7", "true"),
        ("event@list.1 = 1", "true"),
    ]);
}

#[test]
fn order_and_between() {
    check(&[
        ("event@n < 6", "true"),
        ("event@n <= 5", "true"),
        ("event@n =< 4", "false"),
        ("event@n > 5", "false"),
        ("event@n >= 5", "true"),
        ("event@n => -1", "true"),
        ("event@t > false", "true"),
        ("event@type > \"A\"", "true"),
        ("event@pair < [1, 3]", "true"),
        ("event@pair > [1]", "true"),
        ("event@n > \"4\"", "error"),
        ("event@type > 4", "error"),
        ("event@null < 1", "error"),
        ("event@null < NULL", "error"),
        ("event@object < 1", "error"),
        ("event@n BETWEEN 5 AND 6", "true"),
        ("event@n BETWEEN 5.1 AND 6", "false"),
        ("event@type BETWEEN \"A\" AND \"Z\"", "true"),
        ("event@n BETWEEN 1 AND \"z\"", "error"),
        ("datetime(event@time) BETWEEN datetime(\"2021-01-10T00:00Z\") AND now(\"UTC\")", "true"),
    ]);
}

#[test]
fn two_fields() {
    check(&[
        ("event@n = event@other", "true"),
        ("event@n = profile@n", "false"),
        ("event@n != profile@n", "true"),
        ("event@n < profile@n", "true"),
        ("event@type = profile@type", "true"),
        ("event@pair = event@twin", "true"),
        ("profile@letters = event@type", "false"),
        ("event@one = event@list", "true"),
        ("event@n = event@list", "false"),
        ("event@n = event@missing", "false"),
        ("event@n != event@missing", "true"),
        ("event@missing = event@missing", "false"),
        ("event@n < event@missing", "false"),
        ("event@n < event@type", "error"),
    ]);
}

#[test]
fn missing_null_and_empty() {
    check(&[
        ("event@missing = 1", "false"),
        ("event@missing = NULL", "false"),
        ("event@missing < 1", "false"),
        ("event@missing <= 1", "false"),
        ("event@missing > 1", "false"),
        ("event@missing >= 1", "false"),
        ("event@missing != 1", "true"),
        ("event@missing BETWEEN 1 AND 2", "false"),
        ("flow@id = 1", "false"),
        ("event@null IS NULL", "true"),
        ("event@n is null", "false"),
        ("event@missing IS NULL", "false"),
        ("event@missing IS NOT NULL", "true"),
        ("event@null IS NOT NULL", "false"),
        ("event@n IS NOT NULL", "true"),
        ("event@null EXISTS", "true"),
        ("event@missing EXISTS", "false"),
        ("event@missing NOT EXISTS", "true"),
        ("event@list.3 NOT EXISTS", "true"),
        ("event@missing EMPTY", "true"),
        ("event@null EMPTY", "true"),
        ("event@text EMPTY", "true"),
        ("event@none EMPTY", "true"),
        ("event@object EMPTY", "true"),
        ("event@zero EMPTY", "false"),
        ("event@f EMPTY", "false"),
        ("event@full EMPTY", "false"),
        ("event@type NOT EMPTY", "true"),
        ("event@text NOT EMPTY", "false"),
        ("lowercase(event@type) NOT EMPTY", "true"),
        ("now() NOT EMPTY", "true"),
    ]);
}

#[test]
fn parts() {
    check(&[
        ("event@type CONTAINS \"View\"", "true"),
        ("event@type contains \"view\"", "false"),
        ("event@type STARTS WITH \"Page\"", "true"),
        ("event@type ENDS WITH \"View\"", "true"),
        ("event@type ENDS WITH \"Page\"", "false"),
        ("lowercase(event@type) CONTAINS \"view\"", "true"),
        ("event@type CONTAINS 5", "error"),
        ("event@list CONTAINS 1", "true"),
        ("event@list CONTAINS \"1\"", "false"),
        ("event@list STARTS WITH \"a\"", "true"),
        ("event@list ENDS WITH NULL", "true"),
        ("event@none STARTS WITH \"a\"", "false"),
        ("event@n CONTAINS 5", "error"),
        ("event@null CONTAINS \"a\"", "error"),
        ("event@full CONTAINS \"a\"", "error"),
        ("event@missing CONTAINS \"a\"", "error"),
        ("event@missing STARTS WITH \"a\"", "error"),
        ("event@missing EXISTS AND event@missing CONTAINS \"a\"", "false"),
    ]);
}

#[test]
fn functions() {
    check(&[
        ("now() = datetime(\"2021-01-10 10:30\")", "true"),
        ("utcnow() = now()", "true"),
        ("now(\"europe/berlin\") = datetime(\"2021-01-10T11:30:00+01:00\")", "true"),
        ("now.timezone(event@zone) = now(\"UTC\")", "true"),
        ("now.offset(\"-15m\") = datetime(\"2021-01-10 10:15\")", "true"),
        ("now.timezone.offset(\"UTC\", \"1:30:00\") = datetime(\"2021-01-10T12:00Z\")", "true"),
        ("datetime(event@time) < now(\"UTC\")", "true"),
        ("datetime(\"3 days ago\") = datetime(\"7 Jan 2021 10:30\")", "true"),
        ("datetime(now()) = now()", "true"),
        ("datetime.offset(event@time, \"30m\") = now(\"UTC\")", "true"),
        ("datetime.timezone(\"2021-01-10 10:30\", \"Europe/Berlin\") = now(\"UTC\")", "true"),
        ("datetime.from_timestamp(event@unix) = now()", "true"),
        ("lowercase(event@type) = \"page-view\"", "true"),
        ("uppercase(event@type) = [\"A\", \"PAGE-VIEW\"]", "true"),
        ("lowercase(event@n) = 5", "true"),
        ("event@type != lowercase(event@type)", "true"),
        ("lowercase(event@null) IS NULL", "true"),
        ("now() = [now(), 5]", "true"),
        ("datetime(\"2021-01-10\") = \"2021-01-10\"", "false"),
        ("now(\"UTC\") > datetime(\"2021-01-01\")", "error"),
        ("now(\"UTC\") = now()", "error"),
        ("datetime(event@time) > \"2021-01-01\"", "error"),
        ("datetime(event@type) = now()", "error"),
        ("datetime(event@n) = now()", "error"),
        ("now(event@type) = now()", "error"),
        ("now.offset(event@text) = now()", "error"),
    ]);
}

#[test]
fn answers_that_are_missing() {
    check(&[
        ("lowercase(event@missing) = \"a\"", "error"),
        ("lowercase(event@missing) != \"a\"", "error"),
        ("event@missing EXISTS AND lowercase(event@missing) = \"a\"", "false"),
        ("lowercase(event@missing) = \"a\" AND event@missing EXISTS", "false"),
        ("event@n EXISTS AND lowercase(event@missing) = \"a\"", "error"),
        ("event@n = 5 OR lowercase(event@missing) = \"a\"", "true"),
        ("event@n = 6 OR lowercase(event@missing) = \"a\"", "error"),
        ("lowercase(event@missing) = \"a\" OR event@n = 5", "error"),
        ("(event@n = 6 AND lowercase(event@missing) = \"a\") OR event@n = 5", "true"),
        ("event@n = lowercase(event@missing)", "error"),
    ]);
}

#[test]
fn an_error_in_one_part_fails_the_whole() {
    check(&[
        ("event@n = 6 AND event@type > 4", "error"),
        ("event@n = 5 OR event@type > 4", "error"),
        ("event@n = 5 AND (event@t = true OR event@t = false)", "true"),
        ("event@n = 6 OR (event@t = true AND event@zero = 0)", "true"),
    ]);
    let condition = parse("event@n = 5 OR event@type > 4").unwrap();
    let error = condition.evaluate(&documents(), now()).unwrap_err();
    assert_eq!(error.to_string(), "event@type > 4: a text and a number have no order; compare numbers, texts or times");
    let error = parse("lowercase(event@x) = \"a\"").unwrap().evaluate(&documents(), now()).unwrap_err();
    assert!(error.message.starts_with("event@x is missing; write event@x EXISTS AND"), "{error}");
}

#[test]
fn errors_name_place_and_remedy() {
    let cases = [
        ("", 1, "expected a field"),
        ("event@a = 1 AND event@b = 2 OR event@c = 3", 29, "parentheses"),
        ("event@a = 'x'", 11, "double quotes"),
        ("event@a = \"x", 11, "no closing"),
        ("NOT event@a = 1", 1, "no NOT"),
        ("NOT (event@a = 1)", 1, "no NOT"),
        ("!event@a = 1", 1, "no NOT"),
        ("event@a <> 1", 9, "!="),
        ("event@a", 8, "event@a EXISTS"),
        ("event@a AND event@b = 1", 9, "event@a EXISTS"),
        ("now()", 6, "expected ="),
        ("now = 1", 1, "now(…)"),
        ("1 = event@a", 1, "not the other way round"),
        ("\"x\" = event@a", 1, "not the other way round"),
        ("null = event@a", 1, "not the other way round"),
        ("type = \"x\"", 1, "event@type"),
        ("evnt@type = 1", 1, "begins with payload@"),
        ("Event@type = 1", 1, "event@…"),
        ("event@... = 1", 7, "whole document"),
        ("event@_a = 1", 7, "brackets"),
        ("event@a.$b = 1", 9, "brackets"),
        ("event@a. = 1", 9, "expected a name"),
        ("event@a[b] = 1", 8, "quoted"),
        ("event@a[\"\"] = 1", 8, "quoted"),
        ("event@a = x", 11, "\"x\""),
        ("event@a = 10m", 11, "no number"),
        ("event@a = ", 11, "expected a value"),
        ("event@a = 1 + 2", 13, "not calculate"),
        ("event@a = 1 && event@b = 1", 13, "AND"),
        ("event@a = 1 # no", 13, "no comments"),
        ("event@a = 1 event@b = 2", 13, "AND, OR or the end"),
        ("(event@a = 1", 13, "or )"),
        ("event@a = 1)", 12, "closes nothing"),
        ("event@a BETWEEN 1 2", 19, "BETWEEN value AND value"),
        ("event@a BETWEEN event@b AND 2", 17, "no field"),
        ("event@a = [event@b]", 12, "no field"),
        ("event@a = [1 2]", 14, "expected , or ]"),
        ("event@a CONTAINS event@b", 18, "no field"),
        ("event@a STARTS \"x\"", 16, "WITH"),
        ("event@a IS 5", 12, "NULL"),
        ("event@a NOT 5", 13, "EXISTS or EMPTY"),
        ("lowercase(event@a) EXISTS", 20, "only a field"),
        ("lower(event@a) = 1", 1, "did you mean lowercase(event@type)?"),
        ("quux(event@a) = 1", 1, "there are now"),
        ("event@a > now(1, 2, 3)", 11, "now() or now(\"Europe/Berlin\")"),
        ("datetime() = 1", 1, "wrong number"),
        ("event@a > now.timezone.offset(\"UTC\", \"1h\", 3)", 11, "wrong number"),
        ("event@a > datetime(\"soon\")", 20, "no time"),
        ("event@a > datetime(5)", 20, "a time is needed"),
        ("event@a > now(\"Mars\")", 15, "no time zone"),
        ("event@a > now.offset(\"0s\")", 22, "no offset"),
        ("ä = 1", 1, "no meaning"),
    ];
    for (text, column, part) in cases {
        let error = parse(text).unwrap_err();
        assert!(error.message.contains(part), "{text}: {error}");
        assert_eq!(error.column, column, "{text}: {error}");
    }
}

#[test]
fn bounds() {
    let deep = |open: &str, inner: &str| {
        parse(&open.repeat(10_000).chars().take(MAX_LENGTH - 100).chain(inner.chars()).collect::<String>())
    };
    assert!(deep("(", "event@a = 1").unwrap_err().message.contains("nest"));
    assert!(parse(&format!("event@a = {}", "[".repeat(10_000))).unwrap_err().message.contains("nest"));
    assert!(parse(&format!("event@a = {}", "lowercase(".repeat(1_000))).unwrap_err().message.contains("nest"));
    assert!(parse(&"a".repeat(MAX_LENGTH + 1)).unwrap_err().message.contains("at most"));
    assert!(parse(&format!("event@a = [1{}]", ",1".repeat(MAX_ELEMENTS))).unwrap_err().message.contains("elements"));
    assert!(parse(&format!("event@a{} = 1", ".b".repeat(100))).unwrap_err().message.contains("path"));
    assert!(parse(&format!("event@a = 1{}", "0".repeat(400))).unwrap_err().message.contains("too large"));
    let nested = format!("{}event@a = 1{}", "(".repeat(MAX_DEPTH), ")".repeat(MAX_DEPTH));
    assert_eq!(parse(&nested), parse("event@a = 1"));
}

#[test]
fn what_must_hold() {
    let needs = |text: &str| {
        let condition = parse(text).unwrap();
        let needs = condition.needs()?;
        Some(needs.iter().map(|need| format!("{} {:?}", need.field, need.what)).collect::<Vec<_>>().join(" | "))
    };
    for (text, expected) in [
        ("event@n > 1 AND event@type = \"x\" AND event@a EXISTS", "event@type Is(String(\"x\"))"),
        ("event@a EXISTS AND (event@n < 1 OR event@m >= 2)", "event@n AtMost(1.0) | event@m AtLeast(2.0)"),
        ("event@n = [1, [2]]", "event@n Is(Number(1.0)) | event@n Is(Array [Number(1.0), Array [Number(2.0)]])"),
        ("event@n IS NULL", "event@n Is(Null)"),
        ("event@n BETWEEN -1 AND 5", "event@n AtLeast(-1.0)"),
        ("event@n BETWEEN now() AND now()", "event@n Exists"),
        ("event@tags CONTAINS \"x\"", "event@tags Has(String(\"x\"))"),
        ("event@n NOT EMPTY", "event@n Exists"),
        ("event@n = event@m", "event@n Exists"),
        ("lowercase(event@n) = \"x\"", "event@n Exists"),
        ("now() > datetime(event@n)", "event@n Exists"),
    ] {
        assert_eq!(needs(text).as_deref(), Some(expected), "{text}");
    }
    for text in
        ["event@n != 1", "event@n EMPTY", "event@n NOT EXISTS", "event@n IS NOT NULL", "event@a = 1 OR event@n != 1"]
    {
        assert_eq!(needs(text), None, "{text}");
    }
}

#[test]
fn an_index_leaves_out_what_cannot_be_true() {
    let mut index = Index::default();
    let texts = [
        "profile@traits.plan = \"gold\"",
        "profile@traits.plan = \"gold\" AND profile@visits > 100",
        "profile@traits.plan = [\"free\", \"gold\"]",
        "profile@visits > 5",
        "profile@visits <= 4",
        "profile@visits = TRUE",
        "profile@segments CONTAINS \"vip\"",
        "profile@segments CONTAINS \"new\"",
        "profile@no EXISTS",
        "profile@visits != 0",
    ];
    for (number, text) in texts.into_iter().enumerate() {
        index.insert(number, Some(&parse(text).unwrap()));
    }
    index.insert(texts.len(), None);
    let found = |profile: Value| index.candidates(&json!({ "profile": profile }));
    assert_eq!(found(json!({})), [9, 10]);
    assert_eq!(found(json!({"traits": {"plan": "gold"}, "visits": 6})), [0, 1, 2, 3, 9, 10]);
    assert_eq!(found(json!({"visits": 1, "segments": ["vip"]})), [4, 5, 6, 9, 10]);
    assert_eq!(found(json!({"visits": "6", "segments": "no vip"})), [6, 7, 9, 10]);
}
