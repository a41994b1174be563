//! The stored documents have exactly the JSON of spec/pipeline.md 3.1, 4.1 and 5.1, and survive writing and reading.

use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_model::path::Path;
use tracardi_model::record::Node;
use tracardi_model::{Event, Profile, Session, TrackAnswer};

fn now() -> Timestamp {
    Timestamp::constant(1_709_287_200, 0)
}

const NOW: &str = "2024-03-01T10:00:00.000000+00:00";

fn geo() -> Value {
    json!({"country": {"name": null, "code": null}, "city": null, "county": null, "postal": null,
        "latitude": null, "longitude": null, "location": null})
}

#[test]
fn a_session() {
    let expected = json!({
        "id": "s",
        "metadata": {"time": {"insert": NOW, "create": null, "update": null, "timestamp": 1_709_287_200.0, "duration": 0.0, "weekday": 4},
            "channel": null, "aux": {}, "status": null},
        "profile": null,
        "device": {"name": null, "brand": null, "model": null, "type": null, "touch": false, "ip": null, "resolution": null,
            "geo": geo(), "color_depth": null, "orientation": null},
        "os": {"name": null, "version": null},
        "app": {"type": null, "name": null, "version": null, "language": null, "bot": false, "resolution": null},
        "utm": {"source": null, "medium": null, "campaign": null, "term": null, "content": null},
        "context": {}, "properties": {}, "traits": {}, "aux": {},
    });
    let session = Session::starting("s", now());
    assert_eq!(serde_json::to_value(&session).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Session>(expected).unwrap(), session);
}

#[test]
fn a_profile() {
    let expected = json!({
        "id": "p", "primary_id": null, "ids": ["p"],
        "metadata": {"time": {"insert": NOW, "create": NOW, "update": null, "segmentation": null,
                "visit": {"last": null, "current": null, "count": 0, "tz": null}},
            "aux": {}, "status": null, "fields": {}, "system": {"integrations": {}, "aux": {}}},
        "stats": {"visits": 0, "views": 0, "counters": {}},
        "traits": {}, "segments": [], "interests": {}, "consents": {}, "active": true, "aux": {},
        "data": {
            "anonymous": null,
            "pii": {"firstname": null, "lastname": null, "display_name": null, "birthday": null,
                "language": {"native": null, "spoken": null}, "gender": null, "education": {"level": null},
                "civil": {"status": null}, "attributes": {"height": null, "weight": null, "shoe_number": null}},
            "contact": {
                "email": {"main": null, "private": null, "business": null},
                "phone": {"main": null, "business": null, "mobile": null, "whatsapp": null},
                "app": {"whatsapp": null, "discord": null, "slack": null, "twitter": null, "telegram": null, "wechat": null,
                    "viber": null, "signal": null, "other": {}},
                "address": {"town": null, "county": null, "country": null, "postcode": null, "street": null, "other": null},
                "confirmations": []},
            "identifier": {"id": null, "pk": null, "badge": null, "passport": null, "credit_card": null, "token": null,
                "coupons": null},
            "devices": {"push": [], "other": [], "last": {"geo": geo()}},
            "media": {"image": null, "webpage": null, "social": {"twitter": null, "facebook": null, "youtube": null,
                "instagram": null, "tiktok": null, "linkedin": null, "reddit": null, "other": {}}},
            "preferences": {"purchases": [], "colors": [], "sizes": [], "devices": [], "channels": [], "payments": [],
                "brands": [], "fragrances": [], "services": [], "other": []},
            "job": {"position": null, "salary": null, "type": null,
                "company": {"name": null, "size": null, "segment": null, "country": null}, "department": null},
            "metrics": {"ltv": 0.0, "ltcosc": 0, "ltcocc": 0, "ltcop": 0.0, "ltcosv": 0.0, "ltcocv": 0.0, "next": null, "custom": {}},
            "loyalty": {"codes": [], "card": {"id": null, "name": null, "issuer": null, "expires": null, "points": 0.0}},
        },
    });
    let profile = Profile::starting("p", now());
    assert_eq!(serde_json::to_value(&profile).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Profile>(expected.clone()).unwrap(), profile);
    for path in leaves(&expected, String::new()) {
        assert!(profile.get(Path::parse(&path).unwrap().segments()).is_some(), "{path} can be read");
    }
}

/// The paths of all values that are no objects.
fn leaves(value: &Value, at: String) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| leaves(value, if at.is_empty() { key.clone() } else { format!("{at}.{key}") }))
            .collect(),
        _ => vec![at],
    }
}

#[test]
fn a_profile_of_another_system_is_read_leniently() {
    let foreign = json!({"id": "p", "ids": null, "trash": {"x": 1}, "data": {"pii": null, "preferences": {"colors": "red"},
        "metrics": {"custom": {"m": {"value": [1], "next": "2024-03-01"}}}, "identifier": {"coupons": ["a"]}},
        "consents": {"mail": {"revoke": null}}, "metadata": {"time": {"insert": "2024-03-01T10:00:00Z"}}});
    let profile: Profile = serde_json::from_value(foreign).unwrap();
    assert_eq!(profile.insert(), now());
    assert_eq!(profile.data.preferences.colors.0, ["red"]);
    let again: Profile = serde_json::from_str(&serde_json::to_string(&profile).unwrap()).unwrap();
    assert_eq!(again, profile);
    assert!(serde_json::to_value(&profile).unwrap().get("trash").is_none(), "unknown keys are dropped");
}

#[test]
fn an_event() {
    let document = json!({
        "id": "e", "name": "Page View", "type": "page-view",
        "metadata": {"aux": {}, "time": {"insert": NOW, "create": null, "update": null, "process_time": 0.0, "total_time": 0.0},
            "ip": null, "status": "collected", "channel": "Web",
            "processed_by": {"rules": [], "flows": [], "third_party": []},
            "profile_less": false, "debug": false, "valid": true, "error": false, "warning": false, "merge": false,
            "instance": {"id": "i"}},
        "utm": {"source": null, "medium": null, "campaign": null, "term": null, "content": null},
        "properties": {"a": [1, {"b": null}]}, "traits": {}, "source": {"id": "src-1"},
        "session": {"id": "s", "start": NOW, "duration": 0.0, "tz": null},
        "profile": {"id": "p", "primary_id": null},
        "context": {}, "request": {"headers": {}}, "config": {}, "tags": {"values": ["t"], "count": 1}, "aux": {},
        "device": {}, "os": {}, "app": {}, "hit": {}, "journey": {"state": null}, "data": {},
    });
    let event: Event = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(serde_json::to_value(&event).unwrap(), document);
    assert_eq!((event.session_id(), event.profile_id(), event.source_id()), (Some("s"), Some("p"), "src-1"));
}

#[test]
fn an_answer() {
    let expected = json!({"task": "", "ux": [], "response": {}, "events": [], "profile": {"id": null}, "session": {"id": null},
        "errors": [], "warnings": []});
    assert_eq!(serde_json::to_value(TrackAnswer::default()).unwrap(), expected);
}
