//! Configuration that would not work is refused when it is saved, with the place and what to do. What is stored all the same
//! (an import, an older program) hurts nobody: events go on, and the failure is told by the event, by
//! `GET /configuration/problems` and by the metrics.

#![allow(clippy::unwrap_used, reason = "a failed check panics: that is its answer")]

mod http;
mod support;

use std::collections::BTreeSet;

use http::{Api, call};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use support::{Server, scratch};

/// A record as it should be, what makes it wrong (a JSON pointer and a value), and what the complaint says.
struct Case {
    path: &'static str,
    kind: &'static str,
    record: Value,
    wrong: (&'static str, Value),
    says: &'static str,
}

fn value(path: &str) -> Value {
    json!({"value": path, "ref": true})
}

fn cases() -> Vec<Case> {
    let case = |path, kind, record, wrong, says| Case { path, kind, record, wrong, says };
    vec![
        case(
            "/event-type/mapping",
            "event-type-mapping",
            json!({"name": "n", "event_type": "order", "enabled": true, "index_schema": {"traits.x": "properties.x"}}),
            ("/index_schema/traits.x", json!("properties..x")),
            "a path is made of names separated by single dots",
        ),
        case(
            "/event-to-profile",
            "event-to-profile",
            json!({"id": "path", "name": "n", "event_type": "order", "enabled": true, "event_to_profile": [
                {"event": value("properties.x"), "op": 0, "profile": value("traits.x")}]}),
            ("/event_to_profile/0/profile/value", json!("metadata.x")),
            "of a profile, data, traits",
        ),
        case(
            "/event-validator",
            "event-validator",
            json!({"id": "schema", "name": "n", "event_type": "order", "enabled": true, "validation": {"json_schema":
                {"event@properties": {"type": "object"}}}}),
            ("/validation/json_schema/event@properties/type", json!("objekt")),
            "\"objekt\" is not valid",
        ),
        case(
            "/event-validator",
            "event-validator",
            json!({"id": "condition", "name": "n", "event_type": "order", "enabled": true, "validation": {"condition": "event@type = \"a\""}}),
            ("/validation/condition", json!("event@type = ")),
            "line 1, column 1",
        ),
        case(
            "/segment",
            "segment",
            json!({"id": "segment", "name": "n", "eventType": ["order"], "condition": "profile@stats.visits > 3"}),
            ("/condition", json!("profile@stats.visits > (3")),
            "line 1, column",
        ),
        case(
            "/event-reshape-schema",
            "event-reshaping",
            json!({"id": "template", "name": "n", "event_type": "order", "enabled": true,
                "reshaping": {"reshape_schema": {"properties": {"a": "event@properties.a", "x": "event@properties.x"}}}}),
            ("/reshaping/reshape_schema/properties/a", json!("event@properties.")),
            "is no reference",
        ),
        case(
            "/consent/compliance/field",
            "data-compliance",
            json!({"id": "compliance", "name": "n", "event_type": "order", "enabled": true, "settings": [
                {"action": "hash", "field": value("properties.x"), "consents": [{"id": "m", "name": "m"}]}]}),
            ("/settings/0/field/value", json!("email")),
            "a path here begins with one of properties, context",
        ),
        case(
            "/event-redirect",
            "redirect",
            json!({"id": "link", "name": "n", "event_type": "paid", "url": "https://shop.example/", "source": {"id": "shop", "name": ""},
                "props": {"a": "payload@params.a"}}),
            ("/props/a", json!("payload@params.")),
            "is no reference",
        ),
        case(
            "/destination",
            "destination",
            destination("mapping"),
            ("/mapping/x", json!("event@properties.")),
            "is no reference",
        ),
        case(
            "/destination",
            "destination",
            destination("condition"),
            ("/condition", json!("event@properties.x > (3")),
            "line 1, column",
        ),
        case(
            "/identification/point",
            "identification-point",
            json!({"id": "point", "name": "n", "event_type": {"id": "paid", "name": "paid"}, "enabled": true, "source": {"id": "", "name": ""},
                "fields": [{"profile_trait": value("traits.card"), "event_property": value("properties.card")}]}),
            ("/fields/0/event_property/value", json!("email")),
            "a path here begins with one of properties, context",
        ),
        case(
            "/rule",
            "rule",
            json!({"id": "rule", "name": "n", "event_type": {"id": "paid", "name": "paid"}, "source": {"id": "shop", "name": ""},
                "flow": {"id": "flow", "name": "flow"}}),
            ("/flow/id", json!("")),
            "the id of a workflow is needed",
        ),
    ]
}

fn destination(id: &str) -> Value {
    json!({"id": id, "name": "n", "enabled": true, "on_profile_change_only": false, "event_type": "paid", "resource": {"id": "r"},
        "mapping": {"x": "event@properties.x"}, "condition": "event@properties.x > 3",
        "destination": {"package": "tracardi.process_engine.destination.http_connector.HttpConnector"}})
}

fn broken(case: &Case) -> Value {
    let mut record = case.record.clone();
    *record.pointer_mut(case.wrong.0).unwrap() = case.wrong.1.clone();
    record
}

/// Sends an event of a type; gives it as it was stored.
async fn send(api: &Api, kind: &str, id: &str) -> Value {
    let body = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"type": kind, "id": id, "properties": {"x": 1}}]});
    let reply = call("POST", format!("{}/track", api.public)).json(&body).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    api.send("GET", &format!("/event/{id}"), None).await.json()["event"].clone()
}

async fn start(server: &mut Server) -> Api {
    server.start().await;
    Api::open(server.url(0), server.url(1)).await
}

async fn database(server: &Server) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(server.data().join("tracardi.db"));
    options.connect().await.unwrap()
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_what_is_stored_all_the_same_hurts_nobody() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = start(&mut server).await;
    server.create_source().await;
    let allowed =
        json!({"id": "r", "name": "r", "type": "api", "credentials": {"production": {"url": "https://a.example"}}});
    api.save("/resource", &allowed).await;
    for case in cases() {
        let refused = api.send("POST", case.path, Some(&broken(&case))).await;
        assert_eq!(refused.status, 422, "{}: {}", case.path, refused.text);
        let error = refused.json()["detail"][0].clone();
        assert!(error["msg"].as_str().unwrap().contains(case.says), "{}: {error}", case.path);
        let place: Vec<String> =
            error["loc"].as_array().unwrap().iter().map(|step| step.to_string().replace('"', "")).collect();
        let first = case.wrong.0.split('/').nth(1).unwrap();
        assert_eq!(place[..2], ["body", first], "{error}");
        api.save(case.path, &case.record).await;
    }
    let mut forbidden = allowed.clone();
    forbidden["credentials"]["production"]["url"] = json!("http://169.254.169.254/latest");
    let refused = api.send("POST", "/resource", Some(&forbidden)).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.json()["detail"][0]["loc"], json!(["body", "credentials", "production", "url"]));
    assert_eq!(send(&api, "order", "before").await["metadata"]["warning"], json!(false));
    server.kill().await;

    let mut store = database(&server).await;
    for case in cases() {
        let id = case.record.get("id").map_or("order", |id| id.as_str().unwrap());
        let mut document = broken(&case);
        document["id"] = json!(id);
        let changed = sqlx::query("UPDATE configuration SET document = ?1 WHERE kind = ?2 AND id = ?3");
        let changed = changed.bind(document.to_string()).bind(case.kind).bind(id).execute(&mut store).await.unwrap();
        assert_eq!(changed.rows_affected(), 1, "{}", case.path);
    }
    drop(store);
    let api = start(&mut server).await;
    for (kind, id) in [("order", "after"), ("paid", "paid")] {
        let event = send(&api, kind, id).await;
        assert_eq!((&event["metadata"]["valid"], &event["properties"]), (&json!(true), &json!({"x": 1})));
        assert_eq!(event["metadata"]["warning"], json!(true));
        let warnings: Vec<&str> =
            event["aux"]["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        assert_eq!(warnings.len(), 5, "as many as an event tells: {warnings:?}");
        assert!(
            warnings.iter().all(|text| text.contains("it is not used, because it has an error: body.")),
            "{warnings:?}"
        );
    }
    // A link whose event cannot be made leads nowhere, and what is not understood is sent nobody.
    assert_eq!(call("GET", format!("{}/redirect/link", api.public)).send().await.status, 404);
    assert_eq!(api.send("GET", "/deliveries?event=paid", None).await.json()["total"], json!(0));
    let told = api.send("GET", "/configuration/problems", None).await.json();
    let kinds: BTreeSet<&str> =
        told["result"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!((&told["total"], kinds), (&json!(12), cases().iter().map(|case| case.kind).collect()));
    let figures = call("GET", format!("{}/metrics", server.url(3))).send().await.text;
    assert!(figures.contains("\ntracardi_configuration_problems 12\n"), "{figures}");
    // An event of another type is not concerned.
    let other =
        json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"type": "page-view", "id": "other"}]});
    call("POST", format!("{}/track", api.public)).json(&other).send().await;
    assert_eq!(api.send("GET", "/event/other", None).await.json()["event"]["metadata"]["warning"], json!(false));
    server.stop().await;
}

#[tokio::test]
async fn a_forbidden_address_that_is_stored_is_told_and_never_dialled() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = start(&mut server).await;
    server.create_source().await;
    server.kill().await;
    // As an older program that allowed it has left them.
    let mut server = server.set("TRACARDI_OUTBOUND_ALLOW", "127.0.0.0/8");
    let api_of_old = start(&mut server).await;
    drop(api);
    let resource = json!({"id": "r", "name": "Metadata", "type": "api", "credentials": {"production": {"url": "http://127.0.0.1:9/"}}});
    api_of_old.save("/resource", &resource).await;
    let destination = json!({"id": "d", "name": "d", "enabled": true, "on_profile_change_only": false, "event_type": "order",
        "resource": {"id": "r"}, "mapping": {"x": "event@properties.x"},
        "destination": {"package": "tracardi.process_engine.destination.http_connector.HttpConnector"}});
    api_of_old.save("/destination", &destination).await;
    server.kill().await;
    let mut server = server.set("TRACARDI_OUTBOUND_ALLOW", "");
    let api = start(&mut server).await;
    let told = api.send("GET", "/configuration/problems", None).await.json();
    assert_eq!((&told["result"][0]["kind"], &told["result"][0]["name"]), (&json!("resource"), &json!("Metadata")));
    assert_eq!(told["result"][0]["errors"][0]["loc"], json!(["body", "credentials", "production", "url"]));
    assert_eq!(send(&api, "order", "e").await["metadata"]["valid"], json!(true));
    let mut error = Value::Null;
    while error.is_null() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        error = api.send("GET", "/deliveries?event=e", None).await.json()["result"][0]["error"].clone();
    }
    assert!(error.as_str().unwrap().contains("127.0.0.1"), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn a_context_has_a_bounded_number_of_records_of_a_kind() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = start(&mut server).await;
    api.save("/consent/type", &json!({"name": "first", "default_value": "deny"})).await;
    server.kill().await;
    let mut store = database(&server).await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 19999) \
        INSERT INTO configuration (context, kind, id, document) SELECT context, kind, 'c' || i, json_set(document, '$.id', 'c' || i) \
        FROM configuration CROSS JOIN n WHERE kind = 'consent-type'";
    sqlx::query(many).execute(&mut store).await.unwrap();
    drop(store);
    let api = start(&mut server).await;
    let refused = api.send("POST", "/consent/type", Some(&json!({"name": "one more", "default_value": "deny"}))).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("there are 20000 records of this kind"), "{}", refused.text);
    // What is there can be changed, and makes room when it goes.
    api.save("/consent/type", &json!({"name": "first", "default_value": "grant"})).await;
    assert_eq!(api.send("DELETE", "/consent/type/c7", None).await.text, "true");
    api.save("/consent/type", &json!({"name": "one more", "default_value": "deny"})).await;
    server.stop().await;
}
