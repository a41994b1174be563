//! What session and profile learn from a request (spec/pipeline.md 3.5, 4.5, 5.1).

use std::sync::Arc;

use serde_json::{Value, json};

use super::mmdb;
use super::world::World;
use crate::{GeoIp, Origin};

fn body(context: Value) -> Value {
    json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "context": context, "properties": {"a": 1},
        "events": [{"type": "Page View", "context": {"page": {"title": "T", "url": "U", "referer": {"host": "H"}}},
            "options": {"async": false, "source_id": "@internal"}, "tags": ["mine"]}]})
}

#[test]
fn a_browser_is_described_once() {
    let mut world = World::new();
    let context = json!({
        "time": {"tz": "Europe/Warsaw", "local": "x"},
        "device": {"brand": "Own brand", "model": 5},
        "screen": {"local": {"width": 390, "height": 844, "colorDepth": "24", "orientation": "portrait-primary"}},
        "browser": {"local": {"browser": {"language": "pl"}}},
        "utm": {"source": "news", "medium": null},
        "location": {"country": {"name": "Poland", "code": "PL"}, "latitude": 52.2, "longitude": "21.0"},
    });
    let outcome = world.track(&body(context)).unwrap();
    let session = &world.sessions["v"];
    assert_eq!(session.os.name.as_deref(), Some("iOS"));
    assert_eq!(session.app.name.as_deref(), Some("Mobile Safari"));
    assert_eq!(session.app.language.as_deref(), Some("pl"));
    assert_eq!((session.device.r#type.as_deref(), session.device.touch), (Some("mobile"), true));
    assert_eq!(session.device.brand.as_deref(), Some("Own brand"));
    assert_eq!(session.device.model.as_deref(), Some("iPhone"), "a wrong type does not count");
    assert_eq!(session.device.resolution.as_deref(), Some("390x844"));
    assert_eq!(
        (session.device.color_depth, session.device.orientation.as_deref()),
        (Some(24), Some("portrait-primary"))
    );
    assert_eq!(session.device.geo.country.name.as_deref(), Some("Poland"));
    assert_eq!(session.device.geo.location.as_ref().unwrap().0, [21.0, 52.2]);
    assert_eq!(session.utm.source.as_deref(), Some("news"));
    assert_eq!(session.metadata.channel.as_deref(), Some("Web"));
    assert_eq!(session.context["ip"], json!("10.0.0.1"));
    assert_eq!(session.context["language"], json!(["Polish", "English"]));
    assert_eq!(session.context["language_codes"], json!(["pl", "en"]));
    assert_eq!(session.properties["a"], json!(1));

    assert_eq!(world.value("data.pii.language.spoken"), json!(["Polish", "English"]));
    assert_eq!(world.value("aux.geo.continent"), json!("Europe"));
    assert_eq!(world.value("aux.geo.markets.0"), json!("Poland"));
    assert_eq!(world.value("data.devices.last.geo.country.code"), json!("PL"));
    assert_eq!(world.value("metadata.time.visit.tz"), json!("Europe/Warsaw"));

    let event = serde_json::to_value(&outcome.events[0]).unwrap();
    assert_eq!(
        (&event["type"], &event["name"]),
        (&json!("page-view"), &json!("Page view")),
        "raw `Page View` is one word"
    );
    assert_eq!(event["hit"], json!({"name": "T", "url": "U", "referer": "H"}));
    assert_eq!(event["config"], json!({"async": false}));
    assert_eq!(event["tags"]["values"], json!(["activity:browsing", "event:behavioral"]), "those of the type");
    assert_eq!(event["session"]["tz"], json!("Europe/Warsaw"));
    assert_eq!(event["request"]["headers"].get("cookie"), None);
    assert_eq!(event["request"]["headers"]["accept-language"], json!("pl,en;q=0.8"));
    assert_eq!(event["os"], json!({"name": "iOS", "version": "17.5"}));
    assert_eq!(event["device"].get("color_depth"), Some(&json!(24)));
    assert_eq!(event["device"].get("ip"), None, "what is not known is left out");
    assert_eq!(event["metadata"]["instance"]["id"], json!("instance-1"));
}

#[test]
fn later_requests_complete_place_and_campaign_only() {
    let mut world = World::new();
    world.track(&body(json!({}))).unwrap();
    let mut again = body(json!({"location": {"country": {"name": "Spain"}}, "utm": {"source": "mail"}, "more": 1}));
    again["events"][0]["type"] = json!("b");
    let outcome = world.track(&again).unwrap();
    assert!(outcome.store_session && outcome.store_profile);
    assert_eq!(world.sessions["v"].utm.source.as_deref(), Some("mail"));
    assert_eq!(world.sessions["v"].context["more"], json!(1), "rides along");
    assert_eq!(world.value("data.devices.last.geo.country.name"), json!("Spain"));
}

#[test]
fn a_new_session_learns_its_place_from_the_address() {
    let place = |forwarded: &str, ip: &str, context: Value| {
        let mut world = World::new();
        world.settings.geoip = Some(Arc::new(GeoIp::new(mmdb::two_cities()).unwrap()));
        world.origin = Origin::new([("X-Forwarded-For", forwarded), ("Accept-Language", "en")], ip);
        world.track(&body(context)).unwrap();
        world
    };
    let country = |world: &World| world.sessions["v"].device.geo.country.name.clone();

    let mut world = place("10.0.0.1, 81.2.69.160", "5.60.1.2", json!({}));
    let geo = &world.sessions["v"].device.geo;
    assert_eq!((geo.city.as_deref(), geo.county.as_deref()), (Some("London"), Some("Greater London")));
    assert_eq!(geo.location.as_ref().unwrap().0, [-0.125, 51.5]);
    assert_eq!(world.value("data.devices.last.geo.country.code"), json!("GB"));

    // Known sessions keep their place.
    world.origin = Origin::new([("X-Forwarded-For", "5.60.1.2")], "5.60.1.2");
    let mut again = body(json!({}));
    again["events"][0]["type"] = json!("b");
    world.track(&again).unwrap();
    assert_eq!(country(&world).as_deref(), Some("United Kingdom"));

    let world = place("unknown", "5.60.1.2", json!({}));
    assert_eq!(country(&world).as_deref(), Some("Poland"), "the address of the connection");
    assert_eq!(world.sessions["v"].context["language_codes"], json!(["en", "pl"]), "the language of the place");
    assert_eq!(country(&place("192.168.0.1", "10.0.0.1", json!({}))), None);
    assert_eq!(country(&place("8.8.8.8", "5.60.1.2", json!({}))), None, "not in the database");
    let stated = place("5.60.1.2", "5.60.1.2", json!({"location": {"country": {"name": "Spain"}}}));
    assert_eq!(country(&stated).as_deref(), Some("Spain"), "what the client says");
    let nonsense = place("5.60.1.2", "5.60.1.2", json!({"location": "here"}));
    assert_eq!(country(&nonsense).as_deref(), Some("Poland"));
}

#[test]
fn wrong_types_in_the_context_are_ignored() {
    let contexts = [
        json!({"time": "noon", "utm": "news", "location": [1], "device": 5, "screen": {"local": "big"}, "browser": []}),
        json!({"utm": {"source": 5}, "location": {"latitude": "north"}, "screen": {"local": {"width": {}, "height": true}}}),
        json!({"language": {"a": 1}, "language_codes": [1, {}], "time": {"tz": 5}}),
        json!({"language": 5, "browser": {"local": {"browser": {"userAgent": 7, "language": []}}}}),
    ];
    for context in contexts {
        let mut world = World::new();
        world.origin = Origin::default();
        world.track(&body(context)).unwrap();
        assert_eq!(world.sessions["v"].device.resolution, None);
    }
}

#[test]
fn free_mail_shows_on_the_request_after_the_address() {
    let mut world = World::new();
    world.event("sign-up", json!({"email": {"main": "a@gmail.com"}}));
    assert_eq!(world.value("aux.email.free"), Value::Null);
    assert_eq!(world.value("data.anonymous"), json!(false));
    world.event("search", json!({}));
    assert_eq!(world.value("aux.email.free"), json!(true));
}
