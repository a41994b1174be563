//! Fields that need consents (5.7).

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;

use super::world::World;

fn setting(action: &str, field: &str, consents: &[&str]) -> Value {
    let consents: Vec<Value> = consents.iter().map(|id| json!({"id": id, "name": id})).collect();
    json!({"action": action, "field": {"value": field, "ref": true}, "consents": consents})
}

fn world(settings: &[Value]) -> World {
    let mut world = World::new();
    let record = json!({"event_type": "sign-up", "settings": settings});
    world.configure(&[(Kind::DataCompliance, record)]);
    world
}

#[test]
fn what_happens_without_consent() {
    let properties = || json!({"email": "a@b.pl", "phone": 5, "address": {"town": "T"}, "none": null});
    let hashed = "hmac-sha256:142685ba32af9ee92546cb3bcfd64083c6e2afa57519210b617aee80454af528";
    let cases = [
        (setting("erase", "properties.email", &["m"]), json!({"phone": 5, "address": {"town": "T"}, "none": null})),
        (setting("nothing", "properties.email", &["m"]), properties()),
        // Nothing is left of an object without content.
        (setting("erase", "properties.address.town", &["m"]), json!({"email": "a@b.pl", "phone": 5, "none": null})),
        (setting("hash", "properties.none", &["m"]), properties()),
        (setting("erase", "properties.no.such", &["m"]), properties()),
        (setting("erase", "context.page", &["m"]), properties()),
    ];
    for (setting, expected) in cases {
        let event = world(std::slice::from_ref(&setting)).event("sign-up", properties());
        assert_eq!(json!(event.properties), expected, "{setting}");
    }
    let mut hash = world(&[setting("hash", "properties.email", &["m"]), setting("hash", "properties.address", &["m"])]);
    let event = json!(hash.event("sign-up", properties()).properties);
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("email"), hashed, "as documented, under the default key");
    assert!(text("address").starts_with("hmac-sha256:") && text("address") != text("email"));
    assert_eq!(json!(hash.event("sign-up", properties()).properties), event, "equal values stay equal");
    hash.settings.merging_key = Some("another".to_owned());
    assert_ne!(json!(hash.event("sign-up", properties()).properties), event, "the key counts");
    hash.settings.merging_key = None;
    assert_eq!(json!(hash.event("sign-up", properties()).properties), json!({"phone": 5, "none": null}));
}

#[test]
fn a_field_is_gone_before_anything_is_made_of_it() {
    let mut world =
        world(&[setting("erase", "properties.email.main", &["m"]), setting("erase", "context.page.url", &["m"])]);
    let body = json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": [
        {"type": "sign-up", "properties": {"email": {"main": "a@b.pl"}}, "context": {"page": {"url": "https://x/?a", "title": "T"}}}]});
    let event = world.track(&body).unwrap().events.remove(0);
    let text = serde_json::to_string(&event).unwrap();
    assert!(!text.contains("a@b.pl") && !text.contains("https://x/?a"), "{text}");
    assert_eq!(event.hit["name"], json!("T"));
    assert!(!serde_json::to_string(&*world.profile()).unwrap().contains("a@b.pl"));
}

#[test]
fn all_consents_are_needed_and_those_that_ended_are_none() {
    let mut world = world(&[setting("erase", "properties.email", &["marketing", "analytics"])]);
    let seen = |world: &mut World, consents: Value| {
        let id = world.event("page-view", json!({})).profile_id().unwrap().to_owned();
        let mut profile = (*world.profiles[&id]).clone();
        profile.consents = serde_json::from_value(consents).unwrap();
        world.profiles.insert(id, std::sync::Arc::new(profile));
        json!(world.event("sign-up", json!({"email": "a@b.pl"})).properties) != json!({})
    };
    let cases = [
        (json!({}), false),
        (json!({"marketing": {"revoke": null}}), false),
        (json!({"marketing": {"revoke": null}, "analytics": {"revoke": null}}), true),
        (json!({"marketing": {"revoke": null}, "analytics": {"revoke": "2030-01-01T00:00:00Z"}}), true),
        (json!({"marketing": {"revoke": null}, "analytics": {"revoke": "2020-01-01T00:00:00Z"}}), false),
    ];
    for (consents, kept) in cases {
        assert_eq!(seen(&mut world, consents.clone()), kept, "{consents}");
    }
    // Without a profile there is no consent.
    world.profile_less = true;
    assert_eq!(json!(world.event("sign-up", json!({"email": "a@b.pl"})).properties), json!({}));
}
