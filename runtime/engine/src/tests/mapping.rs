//! Predefined types: copies, operations on the profile, computations, hashed ids, the log of fields (5.3-5.5, 4.6, 4.10).

use serde_json::{Value, json};
use tracardi_model::{Path, path};

use super::world::World;

/// A path of the event as stored.
fn at(event: &tracardi_model::Event, text: &str) -> Value {
    let value = serde_json::to_value(event).unwrap();
    path::get(&value, Path::parse(text).unwrap().segments()).cloned().unwrap_or(Value::Null)
}

#[test]
fn types_do_what_the_appendix_says() {
    // Type, properties, then (event path or profile path, expected value).
    type Expected<'a> = &'a [(&'a str, Value)];
    let cases: [(&str, Value, Expected<'_>, Expected<'_>); 12] = [
        (
            "page-view",
            json!({"id": "h", "category": "shoes"}),
            &[("hit.id", json!("h")), ("hit.category", json!("shoes")), ("journey.state", json!("awareness"))],
            &[],
        ),
        (
            "product-added-to-basket",
            json!({"id": "p1", "price": "9.90", "variant": {"color": "red"}, "quantity": 2}),
            &[
                ("data.ec.product.price", json!("9.90")),
                ("data.ec.product.variant", json!({"color": "red"})),
                ("journey.state", json!("consideration")),
            ],
            &[],
        ),
        (
            "product-shared",
            json!({"id": "p1", "media": "mail"}),
            &[("data.marketing.channel", json!("mail")), ("tags.values", json!(["event:behavioral"]))],
            &[],
        ),
        (
            "sign-up",
            json!({"email": {"main": "A@b.pl"}, "firstname": "Ann", "login": "ann"}),
            &[("data.identifier.token", json!("ann"))],
            &[
                ("data.contact.email.main", json!("A@b.pl")),
                ("data.pii.firstname", json!("Ann")),
                ("data.identifier.token", json!("ann")),
            ],
        ),
        (
            "consent-update",
            json!({"consents": {"marketing": {"revoke": "2030-01-01T00:00:00Z"}, "cookies": {"revoke": null}}}),
            &[],
            &[
                ("consents.marketing.revoke", json!("2030-01-01T00:00:00.000000+00:00")),
                ("consents.cookies.revoke", json!(null)),
            ],
        ),
        (
            "location",
            json!({"location": [21.0, 52.2]}),
            &[("device.geo.longitude", json!(21.0)), ("device.geo.location", json!([21.0, 52.2]))],
            &[
                ("data.devices.last.geo.latitude", json!(52.2)),
                ("data.devices.last.geo.longitude", json!(21.0)),
                ("data.devices.last.geo.location", json!([21.0, 52.2])),
            ],
        ),
        (
            "add-color-preference",
            json!({"color": "red"}),
            &[("traits.color", json!("red"))],
            &[("data.preferences.colors", json!(["red"]))],
        ),
        (
            "identification",
            json!({"coupon": ["a", "b"], "twitter": "@x", "id": "I"}),
            &[],
            &[
                ("data.identifier.coupons", json!(["a", "b"])),
                ("data.contact.app.twitter", json!("@x")),
                ("data.identifier.id", json!("I")),
            ],
        ),
        (
            "profile-update",
            json!({"preferences": {"colors": ["x"], "brands": "y"}, "job": {"salary": "10.5", "company": {"size": 3}}, "pii": {"birthday": "1990-05-01"}}),
            &[],
            &[
                ("data.preferences.colors", json!(["x"])),
                ("data.preferences.brands", json!(["y"])),
                ("data.job.salary", json!(10.5)),
                ("data.job.company.size", json!(3)),
                ("data.pii.birthday", json!("1990-05-01T00:00:00.000000+00:00")),
            ],
        ),
        (
            "loyalty-card-added",
            json!({"id": "c", "expires": "2030-01-01"}),
            &[("data.loyalty.card.id", json!("c"))],
            &[
                ("data.loyalty.card.id", json!("c")),
                ("data.loyalty.card.expires", json!("2030-01-01T00:00:00.000000+00:00")),
            ],
        ),
        (
            "message-sent",
            json!({"message": "hi", "identity": {"email": {"main": "m@x.pl"}}}),
            &[("data.message.text", json!("hi"))],
            &[("data.contact.email.main", json!("m@x.pl"))],
        ),
        (
            "checkout-status",
            json!({"id": "k", "status": "open"}),
            &[("data.ec.checkout", json!({"id": "k", "status": "open"}))],
            &[],
        ),
    ];
    for (kind, properties, on_event, on_profile) in cases {
        let mut world = World::new();
        let event = world.event(kind, properties);
        assert!(!event.metadata.warning, "{kind}");
        for (path, value) in on_event {
            assert_eq!(at(&event, path), *value, "{kind}: event {path}");
        }
        for (path, value) in on_profile {
            assert_eq!(world.value(path), *value, "{kind}: profile {path}");
            assert_eq!(
                world.profile().metadata.fields.0.get(field(path)).map(|entry| entry.1.as_str()),
                Some(event.id()),
                "{kind}: {path}"
            );
        }
    }
}

/// The field that a mapping writes; consents are written as a whole.
fn field(path: &str) -> &str {
    if path.starts_with("consents") { "consents" } else { path }
}

#[test]
fn signing_in_identifies() {
    let mut world = World::new();
    world.settings.merging_key = Some("0123456789abcdefghijklmnop".to_owned());
    let event = world.event(
        "sign-in",
        json!({"pk": "K-1", "login": "ann", "email": {"main": " A@b.pl "}, "phone": {"mobile": "123"}}),
    );
    assert_eq!(at(&event, "profile.primary_id"), Value::Null, "as it was before the event");
    assert_eq!(world.value("primary_id"), json!("K-1"));
    assert_eq!(world.value("data.identifier.pk"), json!("K-1"));
    assert_eq!(world.value("data.anonymous"), json!(false));
    let profile = world.profile();
    let ids = profile.ids();
    assert!(ids.contains(&"emm-bae00b00-1d7d-cc7b-c3f2-35d441c79761".to_owned()), "{ids:?}");
    assert!(ids.iter().any(|id| id.starts_with("ipk-")) && ids.iter().any(|id| id.starts_with("pho-")));
    assert_eq!(ids.len(), 4);
    let waiting = world.value("metadata.system.aux.auto_merge");
    assert_eq!(waiting.as_array().unwrap().len(), 3, "{waiting}");
    world.event("sign-in", json!({"pk": "K-1", "email": {"main": "a@b.pl"}}));
    assert_eq!(world.profile().ids().len(), 4, "the same person gets no new ids");
}

#[test]
fn hashed_ids_are_completed_on_load_and_can_be_switched_off() {
    let mut world = World::new();
    world.settings.merging_key = None;
    world.event("sign-in", json!({"pk": "K", "email": {"main": "a@b.pl"}}));
    assert_eq!(world.profile().ids().len(), 1);
    world.settings.merging_key = Some("key".to_owned());
    world.event("search", json!({}));
    assert_eq!(world.profile().ids().len(), 3);
}

#[test]
fn checkouts_are_counted() {
    let mut world = World::new();
    world.event("checkout-started", json!({"value": 10.5, "order_id": "o"}));
    assert_eq!(world.value("data.metrics.ltcop"), json!(0.0));
    world.event("checkout-started", json!({"value": "4.5"}));
    world.event("checkout-started", json!({"value": 5}));
    world.event("checkout-completed", json!({"value": 15}));
    world.event("checkout-completed", json!({"value": 5}));
    assert_eq!(world.value("data.metrics.ltcosc"), json!(3));
    assert_eq!(world.value("data.metrics.ltcosv"), json!(20.0));
    assert_eq!(world.value("data.metrics.ltcocc"), json!(2));
    assert_eq!(world.value("data.metrics.ltcocv"), json!(20.0));
    assert_eq!(world.value("data.metrics.ltcop"), json!(1.5));
}

#[test]
fn values_that_do_not_fit_cost_a_warning_not_the_event() {
    let cases = [
        ("sign-up", json!({"firstname": ["x"], "lastname": "L"})),
        ("sign-up", json!({"firstname": 5, "lastname": "L"})),
        ("consent-update", json!({"consents": {"a": {"revoke": "soon"}}})),
        ("consent-update", json!({"consents": "all"})),
        ("checkout-started", json!({"value": "much"})),
        ("checkout-started", json!({"value": {"a": 1}})),
        ("increase-interest", json!({"interest": 5})),
        ("increase-interest", json!({"interest": "a..b"})),
        ("increase-interest", json!({"interest": "a".repeat(300)})),
        ("increase-interest", json!({"interest": "a.b.c.d.e.f.g.h.i"})),
        ("increase-interest", json!({"interest": "a", "value": "much"})),
        ("location", json!({"location": ["here", "there"]})),
        ("add-size-preference", json!({"size": {"eu": 41}})),
    ];
    for (kind, properties) in cases {
        let mut world = World::new();
        let event = world.event(kind, properties.clone());
        assert!(event.metadata.warning, "{kind} {properties}");
        assert_eq!(world.events.len(), 4, "stored with the system's events");
        if kind == "sign-up" {
            assert_eq!(world.value("data.pii.lastname"), json!("L"), "the rest is mapped");
            assert_eq!(world.value("data.pii.firstname"), Value::Null);
        }
    }
    let mut world = World::new();
    world.event("sign-in", json!({"pk": null, "email": {"main": null}}));
    assert_eq!(world.profile().ids().len(), 1, "null identifies nobody");
}

#[test]
fn numbers_that_leave_the_range_are_not_taken() {
    let mut world = World::new();
    world.event("checkout-started", json!({"value": 1e308}));
    let event = world.event("checkout-started", json!({"value": 1e308}));
    assert!(event.metadata.warning);
    assert_eq!(world.value("data.metrics.ltcosv"), json!(1e308));
    assert_eq!(world.value("data.metrics.ltcosc"), json!(2));
}

#[test]
fn interests_grow_and_shrink() {
    let mut world = World::new();
    let steps = [
        ("increase-interest", json!({"interest": "shoes"}), 1.0),
        ("increase-interest", json!({"interest": "shoes", "value": "2.5"}), 3.5),
        ("decrease-interest", json!({"interest": "shoes", "value": 1}), 2.5),
        ("reset-interest", json!({"interest": "shoes", "value": 7}), 7.0),
        ("reset-interest", json!({"interest": "shoes"}), 1.0),
    ];
    for (kind, properties, expected) in steps {
        let event = world.event(kind, properties);
        assert!(!event.metadata.warning);
        assert_eq!(world.value("interests.shoes"), json!(expected), "{kind}");
    }
    world.event("decrease-interest", json!({"interest": "sport.ball"}));
    assert_eq!(world.value("interests"), json!({"shoes": 1.0, "sport": {"ball": -1.0}}));
    assert!(world.event("increase-interest", json!({"interest": "sport"})).metadata.warning, "a group is no interest");
    assert!(
        world.event("increase-interest", json!({"interest": "shoes.red"})).metadata.warning,
        "an interest is no group"
    );
    assert_eq!(world.value("interests"), json!({"shoes": 1.0, "sport": {"ball": -1.0}}));
    assert!(world.profile().metadata.fields.0.is_empty(), "interests are not logged");
}

#[test]
fn lists_are_joined_and_values_deleted() {
    let mut world = World::new();
    for color in [json!("red"), json!(["blue", "red"]), json!(5), json!(null)] {
        world.event("add-color-preference", json!({"color": color}));
    }
    assert_eq!(world.value("data.preferences.colors"), json!(["red", "blue", "5"]));
    world.event("loyalty-card-added", json!({"id": "c", "name": "Gold"}));
    world.event("loyalty-card-removed", json!({"id": "c"}));
    assert_eq!(
        (world.value("data.loyalty.card.id"), world.value("data.loyalty.card.name")),
        (Value::Null, Value::Null)
    );
}

#[test]
fn what_is_known_is_not_overwritten_by_messages() {
    let mut world = World::new();
    world.event("sign-up", json!({"email": {"main": "known@x.pl"}}));
    world.event("message-sent", json!({"identity": {"email": {"main": "other@x.pl", "private": "new@x.pl"}}}));
    assert_eq!(world.value("data.contact.email.main"), json!("known@x.pl"));
    assert_eq!(world.value("data.contact.email.private"), json!("new@x.pl"));
}

#[test]
fn an_event_knows_what_earlier_events_of_its_request_did() {
    let mut world = World::new();
    let outcome = world.events(json!([
        {"type": "sign-in", "properties": {"pk": "K"}},
        {"type": "custom", "properties": {"deep": {"list": [1]}}},
    ]));
    assert_eq!(outcome.events[1].profile.as_ref().unwrap().primary_id.as_deref(), Some("K"));
}
