//! Who is not admitted (spec/pipeline.md 1.6, 2.2, 3.6).

use serde_json::{Value, json};
use tracardi_model::{EventSource, SourceType};

use super::world::{BOT, World};
use crate::{Origin, Rejected, admit};

#[test]
fn sources() {
    let now = World::new().now;
    let rest = EventSource::new("s", "Shop", vec![SourceType::Rest], now);
    let disabled = EventSource { enabled: false, ..rest.clone() };
    assert_eq!(admit("s", Some(&rest), SourceType::Rest), Ok(()));
    let cases = [
        (admit("s", None, SourceType::Rest), "Invalid event source `s`."),
        (admit("s", Some(&disabled), SourceType::Rest), "Event source disabled."),
        (admit("@internal-x", Some(&rest), SourceType::Rest), "Internal event sources are not allowed via API."),
        (
            admit("s", Some(&rest), SourceType::Webhook),
            "`webhook` bridge only. Event source `Shop` (s) is of type `rest`",
        ),
    ];
    for (result, text) in cases {
        let rejected = result.unwrap_err();
        assert_eq!(rejected.status(), 401);
        assert!(rejected.detail().as_str().unwrap().contains(text), "{rejected}");
        assert!(!rejected.reason().is_empty());
    }
}

fn body() -> Value {
    json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "events": [{"type": "a"}]})
}

#[test]
fn robots() {
    let mut by_body = body();
    by_body["request"] = json!({"headers": {"user-agent": BOT}});
    let mut by_browser = body();
    by_browser["context"] = json!({"browser": {"local": {"browser": {"userAgent": BOT}}}});
    let cases = [
        (by_body, Origin::default()),
        (by_browser, Origin::default()),
        (body(), Origin::new([("user-agent", BOT)], "")),
        (body(), Origin::new([("from", "googlebot(at)googlebot.com")], "")),
    ];
    for (body, origin) in cases {
        let mut world = World::new();
        world.origin = origin;
        assert_eq!(world.track(&body).unwrap_err(), Rejected::Bot);
        assert!(world.sessions.is_empty() && world.profiles.is_empty() && world.events.is_empty());
        world.settings.disallow_bot_traffic = false;
        assert!(world.track(&body).unwrap().session.unwrap().app.bot);
    }
}

#[test]
fn a_robot_passes_in_a_known_session() {
    let mut world = World::new();
    world.track(&body()).unwrap();
    world.origin = Origin::new([("user-agent", BOT)], "");
    let mut second = body();
    second["events"][0]["type"] = json!("b");
    assert!(world.track(&second).is_ok());
}

#[test]
fn small_bodies_do_not_make_large_documents() {
    let mut world = World::new();
    let events: Vec<Value> = (0..200).map(|index| json!({"type": "a", "id": format!("e{index}")})).collect();
    let mut body = body();
    body["request"] = json!({"note": "x".repeat(500_000)});
    body["events"] = json!(events);
    let refused = world.track(&body).unwrap_err();
    assert_eq!((refused.status(), refused.detail()[0]["loc"].clone()), (422, json!(["body", "events"])));
    body["request"] = json!({"note": "x".repeat(1_000)});
    assert!(world.track(&body).is_ok());

    // A session does not grow with every request.
    for round in 0..20 {
        let end = json!({"type": if round % 2 == 0 { "visit-ended" } else { "a" }, "time": {"create": round}});
        let context = json!({format!("k{round}"): "x".repeat(100_000)});
        world
            .track(&json!({"source": {"id": "src-1"}, "session": {"id": "v"}, "context": context, "events": [end]}))
            .unwrap();
    }
    assert!(serde_json::to_string(&world.sessions["v"]).unwrap().len() < 300_000);
    // Nor does a profile take up endless texts or interests.
    assert!(world.event("sign-up", json!({"firstname": "x".repeat(10_000)})).metadata.warning);
    let name = |index: usize| json!({"interest": format!("group{}.name{index}", index % 7)});
    let many: Vec<Value> =
        (0..1_010).map(|index| json!({"type": "increase-interest", "properties": name(index)})).collect();
    assert_eq!(world.events(json!(many)).events.iter().filter(|event| event.metadata.warning).count(), 10);
    assert!(world.event("increase-interest", json!({"interest": "one.more"})).metadata.warning);
    assert!(!world.event("increase-interest", json!({"interest": "group0.name0"})).metadata.warning);
}
