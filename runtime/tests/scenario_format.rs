//! The form of the scenario files: what is understood, what is refused, and how patterns compare.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod scenario;

use std::path::Path;

use scenario::fill::{self, Variables};
use scenario::format::{Body, Side, read};
use scenario::pattern::{Pattern, differences};
use serde_json::{Value, json};

fn refused(text: &str) -> String {
    read(Path::new("a/b.yaml"), text).unwrap_err()
}

#[test]
fn a_file_is_read() {
    let file = read(
        Path::new("a/b.yaml"),
        "about: x\ngiven:\n- /event-source: {id: '${run}'}\nscenarios:\n- name: n\n  steps:\n  - send: GET /a\n  - private: POST /b\n    base64: aGk=\n    expect: 204\n  - when: GET /c\n  stored: {/event/1: $absent}\n",
    )
    .unwrap();
    assert_eq!(file.given[0]["/event-source"], json!({"id": "${run}"}));
    let [first, second, third] = &file.scenarios[0].steps[..] else { panic!("three steps") };
    assert_eq!((first.side, first.line.path.as_str(), first.expect.status), (Side::Public, "/a", 200));
    assert_eq!((second.side, second.line.method.as_str(), second.expect.status), (Side::Private, "POST", 204));
    assert!(matches!(&second.body, Body::Bytes(bytes) if bytes == b"hi"));
    assert_eq!([first, second, third].map(|step| step.awaited), [false, false, true]);
}

#[test]
fn what_is_not_understood_is_refused_with_file_and_line() {
    let step = |step: &str| format!("about: x\nscenarios:\n- name: n\n  steps:\n  - {step}\n");
    for (text, problem) in [
        ("about: x\nscenario: []\n".to_owned(), "unknown field `scenario`"),
        (step("send: GET /a\n    bodi: {}"), "unknown field `bodi`"),
        (step("send: GET /a\n    expect: {statu: 5}"), "unknown field `statu`"),
        (step("send: GET /a\n    expect: {body: {a: $uid}}"), "`$uid` is none of"),
        (step("send: GET /a\n    expect: {body: {$have: []}}"), "`$have` is none of"),
        (step("send: GET /a\n    expect: {body: '$regex:('}"), "unclosed group"),
        (step("send: get a"), "`get a` is no request"),
        (step("json: {}"), "either `send`"),
        (step("when: DELETE /a"), "it changes something"),
        (step("send: GET /a\n    json: {}\n    text: ''"), "more than one of"),
        (step("send: GET /a\n    base64: '?'"), "`base64` of GET /a"),
    ] {
        let error = refused(&text);
        assert!(error.starts_with("a/b.yaml: ") && error.contains(problem), "{error}");
        assert!(error.contains(" at line "), "{error}");
    }
}

#[test]
fn patterns() {
    let got = json!({"id": "5f0e6b1c-6a43-4a3a-a5c4-1d6a5c0a9a10", "n": 5, "null": null, "list": [1, "a", {"b": 2}],
        "time": "2026-01-01T00:00:00.5+00:00", "dollar": "$x", "none": {}});
    let fits = [
        json!("$any"),
        json!({"id": "$uuid", "n": 5.0, "null": null, "time": "$time"}),
        json!({"id": "$regex:^5f", "n": "$number", "time": "$text", "dollar": "$$x", "none": {}}),
        json!({"gone": "$absent", "null": "$any"}),
        json!({"list": [1, "$any", {"b": 2}]}),
        json!({"list": {"$has": [{"b": 2}, 1], "$length": 3}}),
        json!({"list": {"$not": {"$has": [7]}}, "id": {"$not": "x"}}),
        json!({"list": {"$all": [{"$has": ["a"]}, {"$length": 3}]}}),
        json!({"list": {"$each": {"$not": 9}}}),
    ];
    for pattern in fits {
        Pattern::try_from(pattern.clone()).unwrap();
        assert_eq!(differences(&pattern, Some(&got), "body"), Vec::<String>::new(), "{pattern}");
    }
    let fails = [
        (json!({"n": "5"}), r#"body.n: expected "5", got 5"#),
        (json!({"gone": "$any"}), r#"body.gone: expected "$any", got nothing"#),
        (json!({"gone": null}), "body.gone: expected null, got nothing"),
        (json!({"null": "$absent"}), r#"body.null: expected "$absent", got null"#),
        (json!({"list": [1, "a"]}), r#"body.list: expected [1,"a"], got [1,"a",{"b":2}]"#),
        (json!({"list": [1, "b", {"b": 3}]}), r#"body.list[1]: expected "b", got "a""#),
        (json!({"$only": {"n": 5}}), "body: there is also id, null, list, time, dollar, none"),
        (json!({"list": {}}), r#"body.list: expected {}, got [1,"a",{"b":2}]"#),
        (json!({"list": {"$has": [4]}}), r#"body.list: expected 4 among [1,"a",{"b":2}]"#),
        (json!({"n": {"$has": [4]}}), "body.n: `$has` does not fit 5"),
        (json!({"n": {"$not": "$number"}}), r#"body.n: expected anything but "$number""#),
        (json!({"id": "$time"}), r#"expected "$time", got "5f"#),
    ];
    for (pattern, expected) in fails {
        let found = differences(&pattern, Some(&got), "body");
        assert!(found.first().is_some_and(|first| first.contains(expected)), "{found:?}");
    }
}

#[test]
fn variables() {
    let variables = Variables::from([("run".to_owned(), json!("r1")), ("n".to_owned(), json!(5))]);
    let filled = |template: Value| fill::value(&template, &variables);
    assert_eq!(
        filled(json!({"${run}-k": ["${n}", "a${n}-${run}", 7, null]})),
        Ok(json!({"r1-k": [5, "a5-r1", 7, null]}))
    );
    assert_eq!(
        filled(json!([{"$repeat": {"times": 3, "text": "ab"}}, {"$repeat": {"times": "${n}", "of": 0}}])),
        Ok(json!(["ababab", [0, 0, 0, 0, 0]]))
    );
    assert!(filled(json!("${who}")).unwrap_err().contains("`${who}`"));
    assert!(filled(json!("${run")).unwrap_err().contains("has no `}`"));
    assert!(filled(json!({"$repeat": {"times": 3}})).unwrap_err().contains("`times`, and `of` or `text`"));
}
