use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::field::Loc;
use crate::weight;

fn parse(body: &[u8]) -> Result<TrackerPayload, Vec<FieldError>> {
    TrackerPayload::parse(body, &Limits::default())
}

fn read(body: &Value) -> Result<TrackerPayload, Vec<FieldError>> {
    parse(body.to_string().as_bytes())
}

/// The body with one field replaced (or added).
fn with(path: &str, value: Value) -> Value {
    let mut body = json!({
        "source": {"id": "s"}, "session": {"id": "v"}, "profile": {"id": "p"},
        "events": [{"type": "page-view"}],
    });
    crate::path::set(&mut body, crate::Path::parse(path).unwrap().segments(), value).unwrap();
    body
}

#[test]
fn the_example_of_the_documentation() {
    let body = br#"{"source":{"id":" src-1 ","name":"ignored"},
        "session":{"id":"0f0e6b1c-6a43-4a3a-a5c4-1d6a5c0a9a10"},
        "profile":{"id":"7d1b2f56-2f1c-4c4e-8b0b-0e0f6f3c1d11","ids":["x"]},
        "device":{"id":"d"},"metadata":{"ip":"x"},
        "context":{"time":{"local":"2024-03-01T10:00:00.000Z","tz":"Europe/Warsaw"},"utm":{"source":"news"}},
        "events":[{"type":" Page View ","time":{"create":"2024-03-01T12:00:00+02:00","update":"whatever"},
            "properties":{"category":"shoes"},"context":{"page":{"url":"https://shop/x","title":"X"}},
            "options":{"async":false},"tags":["a"],"id":"ABC","validation":{"error":true}}],
        "options":{"debugger":true,"saveEvents":"no"}}"#;
    let payload = parse(body).unwrap();
    assert_eq!(payload.source.id, "src-1");
    assert_eq!(payload.profile.as_ref().unwrap().id, "7d1b2f56-2f1c-4c4e-8b0b-0e0f6f3c1d11");
    assert!(payload.debugger() && payload.save_events() && payload.save_session() && payload.save_profile());
    let event = &payload.events[0];
    assert_eq!((event.kind.as_str(), event.id.as_deref()), ("Page View", Some("abc")));
    assert_eq!(event.time.create.map(time::format).unwrap(), "2024-03-01T10:00:00.000000+00:00");
    assert_eq!(event.time.insert, None);
    assert_eq!(event.tags, ["a"]);
    assert_eq!(json!(event.properties), json!({"category": "shoes"}));
}

#[test]
fn null_and_absence() {
    let empty = json!({"source": {"id": "s"}});
    assert_eq!(read(&empty).unwrap(), TrackerPayload::new("s"));
    let nulls = json!({"source": {"id": "s"}, "session": null, "profile": null, "context": null, "properties": null,
        "request": null, "options": null, "debug": null, "metadata": null, "events": []});
    assert_eq!(read(&nulls).unwrap(), TrackerPayload::new("s"));
    let blank = json!({"source": {"id": "s"}, "session": {"id": "  "}, "profile": {"id": ""}});
    assert_eq!(read(&blank).unwrap(), TrackerPayload::new("s"));
    let event = json!({"type": "x", "id": null, "time": null, "properties": null, "options": null, "context": null,
        "tags": null, "validation": null, "error": {"error": true}});
    let payload = read(&json!({"source": {"id": "s"}, "events": [event, {"type": "x"}]})).unwrap();
    assert_eq!(payload.events[0].properties, None, "null stays null");
    assert_eq!(payload.events[1].properties, Some(Arc::default()));
    assert_eq!(payload.events[0].time, ClientTime::default());
}

#[test]
fn what_is_wrong_is_named() {
    let long = "x".repeat(10_000);
    let deep_time = |value: Value| with("events.0.time", json!({"create": value}));
    let cases = [
        (json!([]), "model_attributes_type", "body"),
        (json!("text"), "model_attributes_type", "body"),
        (json!({}), "missing", "body.source"),
        (with("source", json!(null)), "model_attributes_type", "body.source"),
        (with("source", json!({})), "missing", "body.source.id"),
        (with("source.id", json!(5)), "string_type", "body.source.id"),
        (with("source.id", json!(long)), "string_too_long", "body.source.id"),
        (with("source.id", json!("a\0b")), "value_error", "body.source.id"),
        (with("session.id", json!(5)), "string_type", "body.session.id"),
        (with("session.id", json!(null)), "string_type", "body.session.id"),
        (with("session.id", json!(long)), "string_too_long", "body.session.id"),
        (with("session", json!("x")), "model_attributes_type", "body.session"),
        (with("session", json!({})), "missing", "body.session.id"),
        (with("profile.id", json!(long)), "string_too_long", "body.profile.id"),
        (with("profile.primary_id", json!(7)), "string_type", "body.profile.primary_id"),
        (with("context", json!([])), "dict_type", "body.context"),
        (with("properties", json!(5)), "dict_type", "body.properties"),
        (with("request", json!("x")), "dict_type", "body.request"),
        (with("options", json!([])), "dict_type", "body.options"),
        (with("debug", json!("maybe")), "bool_parsing", "body.debug"),
        (with("debug", json!({})), "bool_type", "body.debug"),
        (with("events", json!(null)), "list_type", "body.events"),
        (with("events", json!({})), "list_type", "body.events"),
        (with("events.0", json!(null)), "model_attributes_type", "body.events.0"),
        (with("events.0", json!({})), "missing", "body.events.0.type"),
        (with("events.0.type", json!("  ")), "value_error", "body.events.0.type"),
        (with("events.0.type", json!(long)), "string_too_long", "body.events.0.type"),
        (with("events.0.id", json!(5)), "string_type", "body.events.0.id"),
        (with("events.0.id", json!(long)), "string_too_long", "body.events.0.id"),
        (with("events.0.properties", json!([])), "dict_type", "body.events.0.properties"),
        (with("events.0.context", json!("x")), "dict_type", "body.events.0.context"),
        (with("events.0.options", json!(1)), "dict_type", "body.events.0.options"),
        (with("events.0.tags", json!("x")), "list_type", "body.events.0.tags"),
        (with("events.0.tags", json!(["x", 5])), "string_type", "body.events.0.tags.1"),
        (with("events.0.tags", json!(vec!["x"; 101])), "too_long", "body.events.0.tags"),
        (with("events.0.time", json!("now")), "model_attributes_type", "body.events.0.time"),
        (deep_time(json!("99999-01-01T00:00:00Z")), "datetime_parsing", "body.events.0.time.create"),
        (deep_time(json!("soon")), "datetime_parsing", "body.events.0.time.create"),
        (deep_time(json!(1e300)), "datetime_parsing", "body.events.0.time.create"),
        (deep_time(json!([])), "datetime_type", "body.events.0.time.create"),
        (with("options", json!({"scheduledFlowId": "f", "scheduledNodeId": "n"})), "value_error", "body.options"),
        (with("events", json!(vec![0; 10_001])), "too_long", "body.events"),
    ];
    for (body, kind, field) in cases {
        let errors = read(&body).unwrap_err();
        let shown = errors[0].to_string();
        assert_eq!(errors.len(), 1, "{field}: {errors:?}");
        assert!(shown.starts_with(&format!("{field}: ")), "{field}: {shown}");
        assert_eq!(errors[0].kind, kind, "{field}");
        assert!(serde_json::to_string(&errors).unwrap().len() < 1_000, "an answer does not send the input back");
    }
    let two = read(&json!({"session": 5, "events": [{"type": "x"}, 7]})).unwrap_err();
    assert_eq!(two.iter().map(|error| error.loc.len()).collect::<Vec<_>>(), [2, 2, 3], "all complaints at once");
    assert_eq!(read(&with("events", json!(vec![0; 5_000]))).unwrap_err().len(), 100, "but not too many");
}

#[test]
fn what_is_no_json() {
    let cases: [(&[u8], &str); 14] = [
        (b"{", "json_invalid"),
        (b"{\"source\": {\"id\": \"s\"},}", "json_invalid"),
        (b"{} {}", "json_invalid"),
        (b"not json", "json_invalid"),
        (b"{\"source\": NaN}", "json_invalid"),
        (b"{\"source\": 1e999}", "json_invalid"),
        (b"{\"source\": \"\\ud800\"}", "json_invalid"),
        (b"{\"source\": \"\\udc00\\ud800\"}", "json_invalid"),
        (b"{\"source\": \"\xff\xfe\"}", "json_invalid"),
        (b"{\"source\": \"\x01\"}", "json_invalid"),
        (b"\xef\xbb\xbf{}", "json_invalid"),
        (b"", "missing"),
        (b" \n ", "missing"),
        (b"{\"a\": {\"$serde_json::private::RawValue\": \"[1]\"}}", "value_error"),
    ];
    for (body, kind) in cases {
        let errors = parse(body).unwrap_err();
        assert_eq!((errors.len(), errors[0].kind), (1, kind), "{}", String::from_utf8_lossy(body));
    }
    let item = serde_json::to_value(&parse(b"{\"source\":\n  nope}").unwrap_err()[0]).unwrap();
    let expected = json!({"type": "json_invalid", "loc": ["body", 14], "msg": "JSON decode error", "input": {},
        "ctx": {"error": "expected ident"}});
    assert_eq!(item, expected);
}

#[test]
fn what_costs_too_much_is_refused_by_its_bytes() {
    let limits = Limits::default();
    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    let cases = [
        (vec![b'x'; 50 << 20], "too_large"),
        (deep, "too_deep"),
        (format!("{{\"events\":[{}0]}}", "0,".repeat(300_000)).into_bytes(), "too_many_values"),
        (
            format!("{{\"source\":{{\"id\":\"s\"}},\"x\":{}1{}}}", "{\"a\":".repeat(64), "}".repeat(64)).into_bytes(),
            "too_deep",
        ),
    ];
    for (body, kind) in cases {
        assert_eq!(guard::check(&body, &limits).unwrap_err().kind, kind);
        assert_eq!(parse(&body).unwrap_err()[0].loc, [Loc::from("body")]);
    }
    let inside_text =
        format!("{{\"source\":{{\"id\":\"s\"}},\"x\":\"{}\\\"{}\"}}", "[".repeat(1_000), ",".repeat(1_000));
    assert!(parse(inside_text.as_bytes()).is_ok(), "brackets inside texts are no nesting");
    let just_deep_enough = format!("{{\"source\":{{\"id\":\"s\"}},\"x\":{}{}}}", "[".repeat(63), "]".repeat(63));
    assert!(parse(just_deep_enough.as_bytes()).is_ok());
}

#[test]
fn the_memory_of_a_tree_is_foreseen_whatever_its_shape() {
    let limits = Limits::default();
    for (piece, least) in [
        ("{},", 70),
        ("[],", 70),
        ("{\"a\":1},", 500),
        ("[1],", 280),
        ("[[[[1]]]],", 900),
        ("{\"\":{\"\":{}}},", 900),
        ("1,", 70),
        ("\"x\",", 100),
        ("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5},", 600),
    ] {
        let text = format!("[{}0]", piece.repeat(10_000));
        let foreseen = guard::check(text.as_bytes(), &limits).unwrap();
        let real = weight::behind(&tree::parse(text.as_bytes()).unwrap());
        assert!(foreseen >= real, "{piece} takes {real}, foreseen {foreseen}");
        assert!(foreseen < 4 * real, "{piece} takes {real}, foreseen {foreseen}");
        assert!(foreseen > 10_000 * least, "{piece}: {foreseen}");
    }
    let text = format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20));
    assert!(guard::check(text.as_bytes(), &limits).unwrap() < (1 << 20) + 2_000, "a long text is no more than itself");
}

#[test]
fn odd_but_right() {
    let twice = br#"{"source":{"id":"a"},"source":{"id":"b"},"events":[],"unknown":{"a":[1,2]}}"#;
    assert_eq!(parse(twice).unwrap().source.id, "b", "of equal keys the last one counts");
    let pair = br#"{"source":{"id":"\ud83d\ude00"}}"#;
    assert_eq!(parse(pair).unwrap().source.id, "\u{1f600}");
    let numbers =
        br#"{"source":{"id":"s"},"events":[{"type":"x","properties":{"n":123456789012345678901234567890,"t":1e308}}]}"#;
    assert!(parse(numbers).is_ok());
    assert!(read(&with("source.id", json!("x".repeat(512)))).is_ok());
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "(2024-0[1-3]-0[1-9]|17[0-9]{8}|99999-01-01|x)".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let key = "(id|type|time|insert|create|properties|context|tags|options|a|b)";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..5).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Bodies that are right but for a few fields with anything in them.
fn bodies() -> impl Strategy<Value = Value> {
    let path = "(source|session|profile|context|request|options|debug|events|events\\.0|events\\.1|events\\.0\\.(id|type|time|\
        properties|options|context|tags)|source\\.id|events\\.0\\.time\\.(insert|create))";
    prop::collection::vec((path, values()), 0..4).prop_map(|changes| {
        let mut body = with("events.0.properties", json!({"x": 1}));
        for (path, value) in changes {
            let _ = crate::path::set(&mut body, crate::Path::parse(&path).unwrap().segments(), value);
        }
        body
    })
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn no_tree_takes_more_than_foreseen(body in bodies()) {
        let text = body.to_string();
        let foreseen = guard::check(text.as_bytes(), &Limits::default()).unwrap();
        prop_assert!(foreseen >= weight::behind(&tree::parse(text.as_bytes()).unwrap()));
    }

    #[test]
    fn broken_json_is_answered(body in bodies(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = body.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = parse(&bytes);
        bytes.truncate(at);
        let _ = parse(&bytes);
    }

    #[test]
    fn what_is_accepted_survives_writing_and_reading(body in bodies()) {
        match read(&body) {
            Ok(payload) => prop_assert_eq!(parse(&serde_json::to_vec(&payload).unwrap()).unwrap(), payload),
            Err(errors) => prop_assert!(!errors.is_empty() && errors.iter().all(|error| error.loc[0] == Loc::from("body"))),
        }
    }
}
