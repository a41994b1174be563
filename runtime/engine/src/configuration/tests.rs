use serde_json::json;

use super::*;

fn compiled(records: &[(Kind, Value)]) -> Configuration {
    Configuration::compile(records.iter().map(|(kind, document)| (*kind, "id", document)))
}

#[test]
fn a_record_that_does_not_compile_is_told_and_the_others_work() {
    let configuration = compiled(&[
        (
            Kind::EventTypeMapping,
            json!({"name": "broken", "event_type": "a", "enabled": true, "index_schema": {"id": "properties.x"}}),
        ),
        (
            Kind::EventTypeMapping,
            json!({"name": "good", "event_type": "b", "enabled": true, "index_schema": {"traits.x": "properties.x"}}),
        ),
        (
            Kind::EventTypeMapping,
            json!({"name": "off", "event_type": "c", "index_schema": {"traits.x": "properties.x"}}),
        ),
        (Kind::ConsentType, json!(7)),
    ]);
    assert!(configuration.event_type("a").is_none());
    assert_eq!(configuration.event_type("b").unwrap().mapping.as_ref().unwrap().copy.len(), 1);
    assert!(configuration.event_type("c").is_none(), "disabled");
    let kinds: Vec<Kind> = configuration.problems().iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [Kind::EventTypeMapping, Kind::ConsentType]);
}

#[test]
fn a_check_names_field_and_remedy() {
    let errors = check(
        Kind::EventTypeMapping,
        &json!({"name": "n", "event_type": "a", "index_schema": {"traits": "properties.x", "traits.y": "id", "data..z": "properties.z"}}),
    )
    .unwrap_err();
    let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "body.index_schema.traits: `traits`: a path here begins with one of traits, data, hit, device, for example `traits.size`",
            "body.index_schema.traits.y: `id`: a path here begins with one of properties, traits, context, data, hit, device, utm, for example `properties.size`",
            "body.index_schema.data..z: `data..z`: a path is made of names separated by single dots",
        ]
    );
}

#[test]
fn a_link_knows_its_event() {
    let configuration = compiled(&[(
        Kind::Redirect,
        json!({"id": "spring", "name": "n", "url": "https://a.example", "source": {"id": "s", "name": ""},
            "event_type": "clicked", "props": {"campaign?": "payload@params.c", "who": "session@id", "kind": "mail"}}),
    )]);
    let link = configuration.redirect("spring").unwrap();
    assert_eq!((link.record.url.as_str(), link.record.event_type.as_str()), ("https://a.example", "clicked"));
    let scope = json!({"payload": {"params": {"c": "x"}}, "session": {}});
    assert_eq!(Value::Object(link.properties(&scope).unwrap()), json!({"campaign": "x", "who": null, "kind": "mail"}));
    assert!(configuration.redirect("summer").is_none());
}

#[test]
fn a_wrong_template_names_its_place() {
    let errors = check(
        Kind::Redirect,
        &json!({"id": "r", "name": "n", "url": "https://a.example", "source": {"id": "s", "name": ""},
            "event_type": "x", "props": {"a/b": [1, "payload@params..c"]}}),
    )
    .unwrap_err();
    let text = errors.iter().map(ToString::to_string).collect::<String>();
    assert!(text.starts_with("body.props.a/b.1: `payload@params..c` is no reference: "), "{text}");
}
