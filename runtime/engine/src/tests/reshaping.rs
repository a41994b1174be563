//! Events in another form (5.7).

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;

use super::world::World;

fn reshaping(schema: Value, source: &str) -> (Kind, Value) {
    let record = json!({"event_type": "Order Made", "event_source": {"id": source, "name": ""},
        "reshaping": {"reshape_schema": schema}});
    (Kind::EventReshaping, record)
}

fn request() -> Value {
    json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "context": {"time": {"tz": "Europe/Warsaw"}, "shop": "pl"},
        "events": [{"type": "order made", "properties": {"sum": "5", "items": [1, 2]}, "context": {"page": {"title": "T"}}}]})
}

#[test]
fn templates_make_properties_and_contexts() {
    // Templates; properties, event context and the session's `shop` afterwards.
    let (properties, context) = (json!({"sum": "5", "items": [1, 2]}), json!({"page": {"title": "T"}}));
    let cases = [
        (json!({}), properties.clone(), context.clone(), json!("pl")),
        (
            json!({"properties": {"total": "`event@properties.sum`", "first": "event@properties.items.0", "of": "event@type",
                "no": "event@properties.no", "maybe?": "event@properties.no", "tz": "session@context.time.tz"}}),
            json!({"total": 5, "first": 1, "of": "order-made", "no": null, "tz": "Europe/Warsaw"}),
            context.clone(),
            json!("pl"),
        ),
        (
            json!({"properties": "event@context", "context": {"was": "event@properties.sum"}}),
            context.clone(),
            json!({"was": "5"}),
            json!("pl"),
        ),
        (json!({"session": {"shop": "de"}}), properties.clone(), context.clone(), json!("de")),
        (json!({"properties": {}}), json!({}), context, json!("pl")),
    ];
    for (schema, properties, context, shop) in cases {
        let mut world = World::new();
        world.configure(&[reshaping(schema.clone(), "")]);
        let event = world.track(&request()).unwrap().events.remove(0);
        assert_eq!((json!(event.properties), json!(event.context)), (properties, context), "{schema}");
        assert_eq!(world.sessions["v"].context["shop"], shop, "{schema}");
        assert!(!event.metadata.warning, "{schema}");
        // What came first decides whether a request is a repeated one.
        assert!(world.track(&request()).unwrap().events.is_empty());
    }
}

#[test]
fn the_first_record_for_the_source_counts() {
    let mark = |mark: &str| json!({"properties": {"mark": mark}});
    let mut world = World::new();
    let nothing = reshaping(json!({"properties": null}), "");
    world.configure(&[
        reshaping(mark("other"), "src-2"),
        nothing,
        reshaping(mark("own"), "SRC-1"),
        reshaping(mark("any"), ""),
    ]);
    let event = world.event("order-made", json!({}));
    assert_eq!(json!(event.properties), json!({"mark": "own"}));
}

#[test]
fn an_event_stays_as_it_is_when_its_templates_fail() {
    let large = json!({"a": "x".repeat(200_000)});
    let twice = json!({"properties": {"a": "event@properties.a", "b": "event@properties.a"}, "context": {}});
    for (schema, properties, why) in [
        (twice, large, "event-reshaping r0: properties: at /b: the result has more than 262144 bytes"),
        (
            json!({"properties": "event@type"}),
            json!({"a": 1}),
            "event-reshaping r0: properties: the template gives no object",
        ),
        (json!({"context": {}, "properties": "event@no"}), json!({"a": 1}), "the template gives no object"),
    ] {
        let mut world = World::new();
        world.configure(&[reshaping(schema, "")]);
        let event = world.event("order-made", properties.clone());
        assert_eq!(json!(event.properties), properties);
        assert!(event.metadata.warning && event.metadata.valid);
        let warning = event.aux["warnings"][0].as_str().unwrap();
        assert!(warning.contains(why), "{warning}");
    }
}

#[test]
fn many_events_render_no_more_than_fits_a_request() {
    let mut world = World::new();
    world.configure(&[reshaping(json!({"properties": {"copy": "session@context.text"}}), "")]);
    let events: Vec<Value> = (0..300).map(|n| json!({"type": "order-made", "properties": {"n": n}})).collect();
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": events,
        "context": {"text": "x".repeat(200_000)}});
    let outcome = world.track(&body).unwrap();
    let warned = outcome.events.iter().filter(|event| event.metadata.warning).count();
    let written: usize = outcome.events.iter().map(|event| json!(event.properties).to_string().len()).sum();
    assert!(warned > 200 && written < 20 << 20, "{warned} {written}");
}
