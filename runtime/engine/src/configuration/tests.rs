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
    assert!(configuration.event_type("a").unwrap().mapping.is_none());
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

#[test]
fn records_are_refused_with_the_place() {
    let value = |value: &str| json!({"value": value, "ref": true});
    let assignment = |event: &str, op: u8, profile: &str| {
        json!({"id": "r", "name": "n", "event_type": "x", "event_to_profile": [
            {"event": value("type"), "op": 0, "profile": value("traits.x")},
            {"event": value(event), "op": op, "profile": value(profile)}]})
    };
    let check_of = |schemas: Value, condition: &str| json!({"id": "r", "name": "n", "event_type": "x", "validation": {"json_schema": schemas, "condition": condition}});
    let shape =
        |schema: Value| json!({"id": "r", "name": "n", "event_type": "x", "reshaping": {"reshape_schema": schema}});
    let protect = |field: &str| {
        json!({"id": "r", "name": "n", "event_type": "x", "settings": [
            {"action": "nothing", "field": value(field), "consents": [{"id": "m", "name": "m"}]}]})
    };
    let onto = Kind::EventToProfile;
    let cases = [
        (
            onto,
            assignment("properties.x", 0, "metadata.x"),
            "body.event_to_profile.1.profile: `metadata.x`: of a profile, data, traits",
        ),
        (onto, assignment("properties.x", 0, "id"), "body.event_to_profile.1.profile"),
        (onto, assignment("properties.x", 0, "misc.x"), "body.event_to_profile.1.profile"),
        (onto, assignment("properties.x", 0, "ids"), "ids can only be added"),
        (onto, assignment("properties.x", 2, "ids.0"), "ids can only be added"),
        (onto, assignment("properties..x", 0, "traits.x"), "body.event_to_profile.1.event: a path is made of"),
        (
            onto,
            assignment("nothing.x", 0, "traits.x"),
            "body.event_to_profile.1.event: `nothing.x`: an event has the parts id, name",
        ),
        (onto, assignment(" ", 0, "traits.x"), "body.event_to_profile.1.event: a value is needed"),
        (
            onto,
            json!({"id": "r", "name": "n", "event_type": "x", "config": {"condition": "event@type ="}}),
            "body.config.condition: line 1, column 13: ",
        ),
        (
            Kind::EventValidator,
            check_of(json!({}), "event@type = 1 OR"),
            "body.validation.condition: line 1, column 18: ",
        ),
        (
            Kind::EventValidator,
            check_of(json!({"profile@id": {}}), ""),
            "body.validation.json_schema.profile@id: a check is of the event",
        ),
        (
            Kind::EventValidator,
            check_of(json!({"email": {}}), ""),
            "body.validation.json_schema.email: line 1, column 1: a field begins with",
        ),
        (
            Kind::EventValidator,
            check_of(json!({"event@type": {"properties": {"a/b": {"type": "strin"}}}}), ""),
            "body.validation.json_schema.event@type.properties.a/b.type: \"strin\" is not valid",
        ),
        (
            Kind::EventValidator,
            check_of(json!({"event@type": {"$ref": "https://a.example/x.json"}}), ""),
            "body.validation.json_schema.event@type: a `$ref` leads to a place inside the schema",
        ),
        (
            Kind::EventValidator,
            check_of(json!({"event@type": {"$ref": "file:///etc/passwd"}}), ""),
            "nothing is fetched",
        ),
        (
            Kind::EventValidator,
            check_of(json!({"event@type": {"pattern": "(?=a)b"}}), ""),
            "body.validation.json_schema.event@type.pattern: \"(?=a)b\" is not a \"regex\"",
        ),
        (
            Kind::EventValidator,
            check_of(json!({"event@type": {"pattern": "\\w{1,500}{1,500}"}}), ""),
            "event@type.pattern",
        ),
        (
            Kind::EventReshaping,
            shape(json!({"properties": {"a": ["event@"]}})),
            "body.reshaping.reshape_schema.properties.a.0: `event@` is no",
        ),
        (
            Kind::EventReshaping,
            shape(json!({"context": [1]})),
            "body.reshaping.reshape_schema.context: an object is needed",
        ),
        (
            Kind::DataCompliance,
            protect("email"),
            "body.settings.0.field: a path here begins with one of properties, context",
        ),
        (Kind::DataCompliance, protect("properties"), "body.settings.0.field"),
    ];
    let point = |known: &str, asked: &str| {
        json!({"id": "r", "name": "n", "event_type": "x", "fields": [
            {"profile_trait": value(known), "event_property": value(asked)}]})
    };
    let literal = json!({"id": "r", "name": "n", "event_type": "x", "fields": [
        {"profile_trait": {"value": "traits.x", "ref": false}, "event_property": value("properties.x")}]});
    let points = [
        (point("id", "properties.x"), "body.fields.0.profile_trait: a path here begins with one of data, traits, aux"),
        (
            point("traits.x", "email"),
            "body.fields.0.event_property: a path here begins with one of properties, context",
        ),
        (literal, "body.fields.0.profile_trait: a path is needed"),
    ];
    let told = |more: Value| {
        let mut record = json!({"id": "d", "name": "n", "destination": {"package": records::HTTP_CONNECTOR},
            "resource": {"id": "r"}, "on_profile_change_only": false, "event_type": "x"});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let destinations = [
        (told(json!({"name": " "})), "body.name: a name is needed"),
        (
            told(json!({"destination": {"package": "fax"}})),
            "body.destination.package: there is no such connector; there is",
        ),
        (told(json!({"resource": {"id": ""}})), "body.resource.id: a resource is needed"),
        (told(json!({"event_type": {"id": "", "name": ""}})), "body.event_type: an event type is needed"),
        (told(json!({"event_type": null})), "body.event_type: an event type is needed"),
        (told(json!({"condition": "event@type ="})), "body.condition: line 1, column 13: "),
        (told(json!({"mapping": {"a": ["event@"]}})), "body.mapping.a.0: `event@` is no"),
    ];
    let resources = [
        (json!({"id": "r", "name": "n", "type": ""}), "body.type: a type is needed"),
        (json!({"id": "r", "name": "", "type": "api"}), "body.name: a name is needed"),
        (
            json!({"id": "r", "name": "n", "type": "api", "credentials": "secret"}),
            "body.credentials: credentials are an object of the objects `production` and `test`",
        ),
    ];
    let of =
        |kind, cases: Vec<(Value, &'static str)>| cases.into_iter().map(move |(document, at)| (kind, document, at));
    let cases = cases.into_iter().chain(of(Kind::IdentificationPoint, points.to_vec()));
    let cases = cases.chain(of(Kind::Destination, destinations.to_vec())).chain(of(Kind::Resource, resources.to_vec()));
    for (kind, document, complaint) in cases {
        let errors = check(kind, &document).expect_err(&document.to_string());
        let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        assert!(text.contains(complaint), "{document}: {text}");
    }
}

#[test]
fn a_record_that_is_the_same_is_not_compiled_again() {
    let mapping = |id: &str, trait_: &str| {
        let schema = json!({format!("traits.{trait_}"): "properties.x"});
        let record = json!({"id": id, "name": id, "event_type": id, "enabled": true, "index_schema": schema});
        (Kind::EventTypeMapping, id.to_owned(), Arc::new(record))
    };
    let mut records: Vec<_> = (0..100).map(|number| mapping(&format!("type-{number}"), "a")).collect();
    records.push((
        Kind::Segment,
        "broken".to_owned(),
        Arc::new(json!({"id": "broken", "name": "n", "condition": "="})),
    ));
    let following = |before: &Configuration, records: &[(Kind, String, Arc<Value>)]| {
        before.followed_by(records.iter().map(|(kind, id, document)| (*kind, id.as_str(), document)))
    };
    let first = following(&Configuration::default(), &records);
    assert_eq!((first.compiled(), first.problems().len()), (101, 1));
    assert_eq!(following(&first, &records).compiled(), 0);
    records[7] = mapping("type-7", "b");
    records.remove(50);
    let second = following(&first, &records);
    assert_eq!((second.compiled(), second.problems()), (1, first.problems()), "the problem is remembered, too");
    let written = |configuration: &Configuration, kind: &str| {
        let mapping = configuration.event_type(kind)?.mapping.clone()?;
        Some(mapping.copy[0].destination.as_str().to_owned())
    };
    assert_eq!(written(&second, "type-7").as_deref(), Some("traits.b"));
    assert_eq!(written(&second, "type-8").as_deref(), Some("traits.a"));
    assert_eq!(written(&second, "type-50"), None);
    assert_eq!(written(&first, "type-7").as_deref(), Some("traits.a"), "who still works with it sees no change");
}

#[test]
fn a_record_that_does_not_compile_is_told_for_the_types_that_it_is_for() {
    let wrong = |more: Value| {
        let mut record = json!({"id": "x", "name": "n", "condition": "profile@x >"});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let told = |kind, record: Value, event_type: &str| {
        compiled(&[(kind, record)]).event_type(event_type).map_or_else(Vec::new, |found| found.broken.clone())
    };
    let destination = wrong(json!({"event_type": {"id": "Sign Up", "name": "s"}, "resource": {"id": "r"},
        "destination": {"package": records::HTTP_CONNECTOR}}));
    let says = told(Kind::Destination, destination.clone(), "sign-up");
    assert!(
        says[0].starts_with("destination id: it is not used, because it has an error: body.condition: "),
        "{says:?}"
    );
    assert!(told(Kind::Destination, destination, "sign-in").is_empty());
    let segment = |enabled: bool| wrong(json!({"eventType": ["a", "b"], "enabled": enabled}));
    for (kind, enabled, number) in [("a", true, 1), ("b", true, 1), ("c", true, 0), ("a", false, 0)] {
        assert_eq!(told(Kind::Segment, segment(enabled), kind).len(), number, "{kind} {enabled}");
    }
    assert!(told(Kind::Segment, json!([1]), "a").is_empty(), "it does not even say what it is for");
}

#[test]
fn what_protects_data_protects_what_it_can() {
    let setting = |field: &str| json!({"action": "erase", "field": {"value": field, "ref": true}, "consents": [{"id": "m", "name": "m"}]});
    let record = |enabled: bool| {
        let settings =
            [setting("properties.email"), setting("email"), setting("properties..x"), setting("context.page")];
        json!({"id": "c", "name": "n", "event_type": "a", "enabled": enabled, "settings": settings})
    };
    let configuration = compiled(&[(Kind::DataCompliance, record(true))]);
    assert_eq!(configuration.problems()[0].errors.len(), 2);
    let found = configuration.event_type("a").unwrap();
    let fields: Vec<&str> = found.protected.iter().map(|protected| protected.field.as_str()).collect();
    assert_eq!((fields, found.broken.len()), (vec!["properties.email", "context.page"], 1));
    assert!(compiled(&[(Kind::DataCompliance, record(false))]).event_type("a").is_none());
    assert!(
        compiled(&[(Kind::DataCompliance, json!({"event_type": "a"}))]).event_type("a").unwrap().protected.is_empty()
    );
}
