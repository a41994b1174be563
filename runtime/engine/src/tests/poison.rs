//! Configuration and events that are made to cost: what is configured so is refused, or what it does is bounded. No clock says
//! so: without the bounds these tests would not end, or end the process.

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;

use super::world::World;
use crate::configuration::check;

fn refusal(kind: Kind, mut record: Value) -> String {
    record["id"] = json!("r");
    record["name"] = json!("n");
    let errors = check(kind, &record).expect_err("it is refused");
    errors.into_iter().map(|error| error.msg).collect()
}

fn validator(schema: Value) -> Value {
    json!({"event_type": "a", "validation": {"json_schema": {"event@properties.text": schema}}})
}

/// What the validator says of an event with this text.
fn complaint(schema: Value, text: Value) -> Option<String> {
    let mut world = World::new();
    world.configure(&[(Kind::EventValidator, validator(schema))]);
    let event = world.event("a", json!({"text": text}));
    let message = json!(event.aux)["validation"]["message"].as_str().map(str::to_owned);
    assert_eq!(event.metadata.valid, message.is_none());
    message
}

#[test]
fn patterns_that_take_for_ever_elsewhere() {
    let text = json!("a".repeat(100_000) + "!");
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a*)*b$", "(.*)*(.*)*(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let message = complaint(json!({ "pattern": pattern }), text.clone()).expect("it does not match");
        assert!(message.contains("does not match"), "{message}");
    }
    for pattern in ["(a{1,1000}){1,1000}", "((((a{50}){50}){50}){50}){50}", "(a)\\1"] {
        assert!(!refusal(Kind::EventValidator, validator(json!({ "pattern": pattern }))).is_empty());
        let names = json!({"patternProperties": {(pattern): {}}});
        assert!(!refusal(Kind::EventValidator, validator(names)).is_empty());
    }
}

#[test]
fn schemas_that_lead_back_to_themselves() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}, {"anyOf": [{"$ref": "#"}]}]}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
        json!({"$dynamicAnchor": "a", "allOf": [{"$dynamicRef": "#a"}]}),
    ] {
        assert_eq!(complaint(schema, json!("text")), None);
    }
    // Sixty levels, at each of which two ways lead on.
    let next = json!({"properties": {"a": {"$ref": "#/$defs/node"}}, "required": ["a"]});
    let node = json!({"anyOf": [{"allOf": [next, {"required": ["b"]}]}, {"allOf": [next, {"required": ["c"]}]}]});
    let deep = (0..55).fold(json!(1), |inner, _| json!({ "a": inner }));
    let message = complaint(json!({"$defs": {"node": node}, "$ref": "#/$defs/node"}), deep);
    assert!(message.is_some_and(|message| message.contains("not as the schema asks for")));
}

#[test]
fn schemas_that_double() {
    let mut definitions = json!({"d40": {"const": 1}});
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        definitions[format!("d{level}")] = json!({"anyOf": [next, next]});
    }
    let message = refusal(Kind::EventValidator, validator(json!({"$defs": definitions, "$ref": "#/$defs/d0"})));
    assert!(message.contains("too many steps"), "{message}");
}

#[test]
fn nested_ten_thousand_deep() {
    let condition = format!("{}event@a = 1{}", "(".repeat(10_000), ")".repeat(10_000));
    let records = [
        (Kind::EventValidator, json!({"event_type": "a", "validation": {"json_schema": {}, "condition": condition}})),
        (Kind::Segment, json!({"condition": condition})),
        (Kind::EventToProfile, json!({"event_type": {"id": "a", "name": "a"}, "config": {"condition": condition}})),
    ];
    for (kind, record) in records {
        let message = refusal(kind, record);
        assert!(message.contains("at most 16384 bytes") && message.len() < 500, "{kind:?}: {message}");
    }
}

#[test]
fn templates_that_grow() {
    let mut world = World::new();
    let big = json!("x".repeat(50_000));
    let copies: Vec<Value> = (0..5_000).map(|_| json!("event@properties.text")).collect();
    let record = json!({"event_type": {"id": "a", "name": "a"}, "reshaping": {"reshape_schema": {"properties": {"all": copies}}}});
    world.configure(&[(Kind::EventReshaping, record)]);
    let event = world.event("a", json!({ "text": big }));
    assert_eq!(json!(event.properties), json!({ "text": big }), "it goes on as it came");
    assert!(event.metadata.warning);
}
