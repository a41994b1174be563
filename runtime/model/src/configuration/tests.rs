use serde_json::json;

use super::*;

fn complaints<R: Record + fmt::Debug>(body: Value) -> String {
    read::<R>(body).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn kinds_read_their_own_names() {
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    assert_eq!("rule of thumb".parse::<Kind>(), Err(UnknownKind));
}

#[test]
fn a_record_reads_its_own_answer() {
    let body = json!({
        "id": "m", "name": "Sizes", "event_type": {"id": "Size Chosen", "name": "Size chosen"}, "enabled": true,
        "config": null, "tags": null,
        "event_to_profile": [{"event": {"value": "properties.size", "ref": true}, "op": "append",
                              "profile": {"value": "data.preferences.sizes", "ref": true}}],
    });
    let record: EventToProfile = read(body).unwrap();
    assert_eq!(record.event_type.id(), "size-chosen");
    assert_eq!(record.event_to_profile[0].op, ProfileOperation::Append);
    let answer = serde_json::to_value(&record).unwrap();
    assert_eq!(answer["event_to_profile"][0]["op"], 2);
    assert_eq!(read::<EventToProfile>(answer).unwrap(), record);
}

#[test]
fn the_wrong_field_is_named() {
    let wrong_op = json!({"id": "m", "name": "n", "event_type": "x", "event_to_profile": [
        {"event": {"value": "a", "ref": true}, "op": 7, "profile": {"value": "b", "ref": true}}]});
    assert!(complaints::<EventToProfile>(wrong_op).starts_with("body.event_to_profile.0.op: an operation is"));
    assert!(complaints::<EventToProfile>(json!({"id": "m"})).starts_with("body.name: Field required"));
    assert!(complaints::<EventToProfile>(json!([])).starts_with("body: Input should be a JSON object"));
    assert!(complaints::<EventToProfile>(json!({"id": " ", "name": "n", "event_type": " "})).contains("body.id"));
    assert!(
        complaints::<EventValidator>(json!({"id": "v", "name": "n", "event_type": ""})).contains("body.event_type")
    );
    let unprotected = json!({"id": "c", "name": "n", "event_type": "x", "settings": [
        {"action": "erase", "field": {"value": "properties.a", "ref": true}, "consents": []}]});
    assert!(complaints::<DataCompliance>(unprotected).contains("body.settings.0.consents"));
    assert!(
        complaints::<IdentificationPoint>(json!({"id": "i", "name": "n", "event_type": "x"})).contains("body.fields")
    );
    let link = |url: String| json!({"id": "l", "name": "n", "url": url, "source": {"id": "s", "name": "s"}, "event_type": "x"});
    let too_long = format!("https://example.com/{}", "x".repeat(redirect::MAX_URL));
    assert!(complaints::<Redirect>(link(too_long)).contains("body.url: an address has at most"));
    assert!(complaints::<EventReshaping>(json!({"id": "r", "name": "n"})).contains("event_type"));
}

#[test]
fn ids_that_follow_from_other_fields() {
    let consent: ConsentType =
        read(json!({"id": "x", "name": " Marketing & more! ", "default_value": "deny"})).unwrap();
    assert_eq!(consent.id, "marketing-more");
    let mapping: EventTypeMapping = read(json!({"id": "x", "name": "n", "event_type": "Page View"})).unwrap();
    assert_eq!(mapping.id, "page-view");
}

#[test]
fn consents_that_end_say_when() {
    let body = json!({"name": "Marketing", "default_value": "grant", "revokable": true});
    assert!(complaints::<ConsentType>(body).contains("body.auto_revoke"));
    assert!(complaints::<ConsentType>(json!({"name": "!", "default_value": "grant"})).contains("body.name"));
}

#[test]
fn links_lead_to_web_addresses_only() {
    let body =
        |url: &str| json!({"id": "r", "name": "n", "url": url, "source": {"id": "S", "name": ""}, "event_type": "x"});
    for url in ["https://a.example/b?c=d#e", "HTTP://a", "http://[::1]:8080/"] {
        assert!(read::<Redirect>(body(url)).is_ok(), "{url}");
    }
    for url in [
        "javascript:alert(1)",
        "//a.example",
        "/a",
        "",
        "https://",
        "https:///a",
        "http://a b",
        "ftp://a",
        "http://a\r\nb",
    ] {
        assert!(complaints::<Redirect>(body(url)).contains("body.url"), "{url}");
    }
    assert_eq!(read::<Redirect>(body("http://a")).unwrap().source.id, "s");
}

#[test]
fn a_rule_is_completed() {
    let body = json!({"id": "r", "name": "", "event_type": {"id": "Page View", "name": "Page View"}, "properties": [],
        "flow": {"id": "F1", "name": "Greet"}, "source": {"id": "Shop", "name": "Shop"}, "segment": null, "tags": []});
    let mut rule: Rule = read(body).unwrap();
    rule.saved(Timestamp::UNIX_EPOCH);
    rule.saved(Timestamp::MAX);
    assert_eq!(rule.name, "page-view -> Greet");
    let answer = serde_json::to_value(&rule).unwrap();
    assert_eq!((&answer["flow"]["id"], &answer["source"]["id"]), (&json!("f1"), &json!("shop")));
    assert_eq!((&answer["type"], &answer["tags"]), (&json!("event-collect"), &json!(["General"])));
    assert_eq!(answer["metadata"]["time"]["insert"], "1970-01-01T00:00:00.000000+00:00");
    assert_eq!(read::<Rule>(answer).unwrap(), rule);
    let rule = |change: Value| {
        let mut body =
            json!({"id": "r", "event_type": "x", "flow": {"id": "f", "name": ""}, "source": {"id": "s", "name": ""}});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    assert!(complaints::<Rule>(rule(json!({"flow": {"id": " ", "name": ""}}))).contains("body.flow.id"));
    assert!(complaints::<Rule>(rule(json!({"event_type": null}))).contains("body.event_type"));
    assert!(complaints::<Rule>(rule(json!({"type": "segment-add"}))).contains("body.segment"));
    assert!(complaints::<Rule>(rule(json!({"type": "other"}))).contains("body.type"));
    assert!(complaints::<Rule>(rule(json!({"properties": [1]}))).contains("body.properties"));
}

#[test]
fn a_segment_stands_in_profiles_under_a_name_of_its_own() {
    let body =
        json!({"id": "s", "name": " Big Spenders", "condition": "profile@stats.visits > 1", "machine_name": "x"});
    assert_eq!(read::<Segment>(body).unwrap().machine_name, "big-spenders");
    assert!(complaints::<Segment>(json!({"id": "s", "name": " ", "condition": ""})).contains("body.condition"));
}
