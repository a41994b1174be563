//! Configuration records over HTTP: saved, listed, in force at once, refused when they would not work.

mod http;
mod support;

use http::{Api, call};
use serde_json::{Value, json};
use support::{Server, scratch};

impl Api {
    async fn start(server: &mut Server) -> Self {
        server.start().await;
        server.create_source().await;
        Self::open(server.url(0), server.url(1)).await
    }

    /// Sends one event of a type and reads it back as stored.
    async fn track(&self, id: &str, kind: &str, properties: Value) -> Value {
        let payload = json!({"source": {"id": "shop"}, "session": {"id": "s"},
                             "events": [{"type": kind, "id": id, "properties": properties}]});
        let reply = call("POST", format!("{}/track", self.public)).json(&payload).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        self.send("GET", &format!("/event/{id}"), None).await.json()
    }
}

#[tokio::test]
async fn a_mapping_is_in_force_as_soon_as_it_is_saved() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = Api::start(&mut server).await;
    let mapping = json!({"id": "x", "name": "Size chosen", "event_type": "Size Chosen", "enabled": true,
        "index_schema": {"traits.size": "properties.size"}, "journey": "consideration", "tags": ["size"]});
    let before = api.track("e1", "size-chosen", json!({"size": "XL"})).await;
    assert_eq!(before["event"]["traits"], json!({}));
    for round in 0..20 {
        assert_eq!(
            api.save("/event-type/mapping", &mapping).await,
            json!({"saved": 1, "errors": [], "ids": ["size-chosen"]})
        );
        let after = api.track(&format!("on{round}"), "size-chosen", json!({"size": "XL"})).await;
        assert_eq!(after["event"]["traits"], json!({"size": "XL"}));
        assert_eq!(after["event"]["journey"]["state"], "consideration");
        assert_eq!(after["event"]["tags"], json!({"values": ["size"], "count": 1}));
        assert_eq!(api.send("DELETE", "/event-type/mapping/size-chosen", None).await.text, "true");
        let gone = api.track(&format!("off{round}"), "size-chosen", json!({"size": "XL"})).await;
        assert_eq!(gone["event"]["traits"], json!({}));
    }
    // A start finds what was saved before.
    api.save("/event-type/mapping", &mapping).await;
    server.kill().await;
    let api = Api::start(&mut server).await;
    let after = api.track("e3", "size-chosen", json!({"size": "M"})).await;
    assert_eq!(after["event"]["traits"], json!({"size": "M"}));
    server.stop().await;
}

#[tokio::test]
async fn each_kind_does_its_work_over_http() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = Api::start(&mut server).await;
    let check = json!({"id": "v", "name": "n", "event_type": "order", "validation": {
        "condition": "event@properties.kind = \"web\"", "json_schema": {"event@properties.sum": {"type": "number"}}}});
    let shape = json!({"id": "r", "name": "n", "event_type": {"id": "order", "name": "Order"}, "reshaping": {
        "reshape_schema": {"properties": {"total": "event@properties.sum", "email?": "event@properties.email"}}}});
    let protect = json!({"id": "c", "name": "n", "event_type": {"id": "order", "name": "Order"}, "enabled": true,
        "settings": [{"action": "hash", "field": {"value": "properties.email", "ref": true},
                      "consents": [{"id": "marketing", "name": "Marketing"}]}]});
    let onto = json!({"id": "p", "name": "n", "event_type": {"id": "order", "name": "Order"}, "enabled": true,
        "config": {"condition": "event@properties.total > 10"},
        "event_to_profile": [{"event": {"value": "properties.total", "ref": true}, "op": 0,
                              "profile": {"value": "traits.last_order", "ref": true}}]});
    api.save("/event-validator", &check).await;
    let event = api.track("e1", "order", json!({"kind": "web", "sum": "5"})).await["event"].clone();
    assert_eq!(event["metadata"]["valid"], json!(false));
    assert_eq!(
        event["aux"]["validation"],
        json!({"error": true, "message": "`event@properties.sum`: value is not of type \"number\"", "validator": "v"})
    );
    api.save("/event-reshape-schema", &shape).await;
    let event = api.track("e2", "order", json!({"kind": "web", "sum": 5, "email": "a@b.pl"})).await["event"].clone();
    assert_eq!(event["properties"], json!({"total": 5, "email": "a@b.pl"}));
    api.save("/consent/compliance/field", &protect).await;
    let event = api.track("e3", "order", json!({"sum": 5, "email": "a@b.pl"})).await["event"].clone();
    assert!(event["properties"]["email"].as_str().unwrap().starts_with("hmac-sha256:"), "{event}");
    api.save("/event-to-profile", &onto).await;
    for (id, sum, written) in [("e4", 7, Value::Null), ("e5", 70, json!(70)), ("e6", 8, json!(70))] {
        let event = api.track(id, "order", json!({"sum": sum})).await["event"].clone();
        let profile = format!("/profile/{}", event["profile"]["id"].as_str().unwrap());
        let profile = api.send("GET", &profile, None).await.json();
        assert_eq!(profile["traits"]["last_order"], written, "{id}");
    }
    let figures = call("GET", format!("{}/metrics", server.url(3))).send().await.text;
    for line in ["tracardi_collector_events_invalid_total 1\n", "tracardi_collector_events_warned_total 0\n"] {
        assert!(figures.contains(line), "{line}");
    }
    // All of it is there again after a start.
    server.kill().await;
    let api = Api::start(&mut server).await;
    let event = api.track("e7", "order", json!({"kind": "web", "sum": "5"})).await["event"].clone();
    assert_eq!(event["metadata"]["valid"], json!(false));
    let event = api.track("e8", "order", json!({"sum": 90, "email": "a@b.pl"})).await["event"].clone();
    assert_eq!((&event["properties"]["total"], &event["metadata"]["warning"]), (&json!(90), &json!(false)));
    server.stop().await;
}

#[tokio::test]
async fn a_visitor_is_recognised_in_another_session() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = Api::start(&mut server).await;
    let path = |value: &str| json!({"value": value, "ref": true});
    let event_type = |id: &str| json!({"id": id, "name": id});
    let point = json!({"id": "i", "name": "n", "event_type": event_type("card-shown"), "enabled": true,
        "fields": [{"profile_trait": path("traits.card"), "event_property": path("properties.number")}]});
    let onto = json!({"id": "p", "name": "n", "event_type": event_type("joined"), "enabled": true,
        "event_to_profile": [{"event": path("properties.card"), "op": 0, "profile": path("traits.card")}]});
    let whose = async |session: &str, kind: &str, properties: Value| {
        let payload = json!({"source": {"id": "shop"}, "session": {"id": session}, "events": [{"type": kind, "properties": properties}]});
        let reply = call("POST", format!("{}/track", api.public)).json(&payload).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["profile"]["id"].as_str().unwrap().to_owned()
    };
    api.save("/event-to-profile", &onto).await;
    api.save("/identification/point", &point).await;
    let ann = whose("a", "joined", json!({"card": "X-1"})).await;
    assert_eq!(whose("b", "card-shown", json!({"number": "x-1"})).await, ann);
    assert_ne!(whose("c", "card-shown", json!({"number": "x-2"})).await, ann);
    assert_eq!(api.send("DELETE", "/identification/point/i", None).await.text, "true");
    assert_ne!(whose("d", "card-shown", json!({"number": "x-1"})).await, ann);
    server.stop().await;
}

#[tokio::test]
async fn records_are_listed_read_and_removed() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = Api::start(&mut server).await;
    let consent = |name: &str, enabled: bool| json!({"name": name, "description": "d", "default_value": "deny", "enabled": enabled});
    for (name, enabled) in [("Marketing", true), ("Analytics", true), ("Old", false)] {
        api.save("/consent/type", &consent(name, enabled)).await;
    }
    let list = api.send("GET", "/consents/types", None).await.json();
    assert_eq!(list["total"], 3);
    let names: Vec<&str> =
        list["grouped"]["Consent types"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Analytics", "Marketing", "Old"]);
    let found = api.send("GET", "/consents/types?query=MARK", None).await.json();
    assert_eq!(found["grouped"]["Consent types"].as_array().unwrap().len(), 1);
    assert_eq!(api.send("GET", "/consents/types?query=nothing", None).await.json()["grouped"], json!({}));
    let one = api.send("GET", "/consent/type/marketing", None).await.json();
    assert_eq!(
        (&one["id"], &one["revokable"], &one["auto_revoke"]),
        (&json!("marketing"), &json!(false), &Value::Null)
    );
    // The consent widget asks without login, on the public port.
    let shown = call("GET", format!("{}/consents/type/enabled", api.public)).send().await.json();
    assert_eq!(shown["total"], 2);
    let ids = call("GET", format!("{}/consents/type/ids", api.public)).send().await.json();
    assert_eq!(ids, json!({"total": 2, "result": ["analytics", "marketing"]}));
    assert_eq!(api.send("DELETE", "/consent/type/marketing", None).await.text, "true");
    for method in ["GET", "DELETE"] {
        let reply = api.send(method, "/consent/type/marketing", None).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (404, "null"));
    }
    // Nothing of one context is seen in the other.
    let staging = call("GET", format!("{}/consents/types", api.private))
        .bearer(&api.token)
        .header("x-context", "staging")
        .send()
        .await;
    assert_eq!(staging.json(), json!({"total": 0, "grouped": {}}));
    server.stop().await;
}

#[tokio::test]
async fn a_stored_record_that_does_not_compile_is_told() {
    use sqlx::ConnectOptions as _;
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = Api::start(&mut server).await;
    let none = json!({"total": 0, "result": []});
    assert_eq!(api.send("GET", "/configuration/problems", None).await.json(), none);
    let mut check = json!({"id": "v", "name": "Orders", "event_type": "order", "validation": {"condition": ""}});
    api.save("/event-validator", &check).await;
    server.kill().await;
    // What the API would refuse comes by another way: an import, an older program.
    check["validation"]["condition"] = "event@type =".into();
    let file = server.data().join("tracardi.db");
    let mut store = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let changed = sqlx::query("UPDATE configuration SET document = ?").bind(check.to_string());
    assert_eq!(changed.execute(&mut store).await.unwrap().rows_affected(), 1);
    drop(store);
    let api = Api::start(&mut server).await;
    let told = api.send("GET", "/configuration/problems", None).await.json();
    let problem = &told["result"][0];
    assert_eq!((&told["total"], &problem["kind"]), (&json!(1), &json!("event-validator")));
    assert_eq!((&problem["id"], &problem["name"]), (&json!("v"), &json!("Orders")));
    assert_eq!(problem["errors"][0]["loc"], json!(["body", "validation", "condition"]));
    assert!(problem["errors"][0]["msg"].as_str().unwrap().starts_with("line 1, column 13"), "{told}");
    check["validation"]["condition"] = "event@type = \"order\"".into();
    api.save("/event-validator", &check).await;
    assert_eq!(api.send("GET", "/configuration/problems", None).await.json(), none);
    server.stop().await;
}

#[tokio::test]
async fn a_rule_and_a_segment_follow_an_event() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = Api::start(&mut server).await;
    let named = |id: &str| json!({"id": id, "name": id});
    let rule = json!({"id": "r", "name": "Greet", "event_type": named("Order"), "flow": named("f1"), "source": named("shop"),
        "segment": null, "properties": []});
    let onto = json!({"id": "p", "name": "n", "event_type": named("order"), "enabled": true,
        "event_to_profile": [{"event": {"value": "properties.sum", "ref": true}, "op": 0,
                              "profile": {"value": "traits.sum", "ref": true}}]});
    let segment =
        json!({"id": "s", "name": "Big Spender", "eventType": ["order"], "condition": "profile@traits.sum > 100"});
    assert_eq!(api.save("/rule", &rule).await, json!({"saved": 1, "errors": [], "ids": ["r"]}));
    api.save("/event-to-profile", &onto).await;
    api.save("/segment", &segment).await;
    for (id, sum, segments) in [("e1", 7, json!([])), ("e2", 700, json!(["big-spender"]))] {
        let event = api.track(id, "order", json!({"sum": sum})).await["event"].clone();
        assert_eq!(event["metadata"]["processed_by"]["rules"], json!(["Greet"]));
        assert_eq!(event["aux"]["warnings"], json!(["rule Greet: this installation runs no workflows"]));
        let profile = format!("/profile/{}", event["profile"]["id"].as_str().unwrap());
        assert_eq!(api.send("GET", &profile, None).await.json()["segments"], segments);
    }
    let stored = api.send("GET", "/rule/r", None).await.json();
    assert!(stored["metadata"]["time"]["insert"].is_string(), "{stored}");
    let list = api.send("GET", "/rules/by_tag", None).await.json();
    assert_eq!((&list["total"], &list["grouped"]["Triggers"][0]), (&json!(1), &stored));
    assert_eq!(api.send("GET", "/rules/by_flow/f1", None).await.json(), json!([stored]));
    assert_eq!(api.send("GET", "/rules/by_flow/f2", None).await.json(), json!([]));
    for (kind, total) in [("order", 1), ("other", 0)] {
        let found = api.send("GET", &format!("/rules/by_event_type/{kind}"), None).await.json();
        assert_eq!(found["total"], json!(total), "{found}");
    }
    assert_eq!(
        api.send("GET", "/segments/metadata?name=BIG", None).await.json(),
        json!({"total": 1, "result": [{"id": "s", "name": "Big Spender"}]})
    );
    assert_eq!(api.send("GET", "/segments/metadata?name=no", None).await.json()["total"], 0);
    for refresh in ["/rules/refresh", "/rules/flash", "/segments/refresh"] {
        assert_eq!(api.send("GET", refresh, None).await.json()["_shards"]["failed"], 0, "{refresh}");
    }
    let later = api.send("GET", "/events/delayed?start=0&limit=5", None).await;
    assert_eq!((later.status.as_u16(), later.json()), (200, json!({"total": 0, "result": []})));
    assert_eq!(api.send("GET", "/segment/s", None).await.json()["machine_name"], "big-spender");
    assert_eq!(api.send("DELETE", "/segment/s", None).await.text, "true");
    assert_eq!(api.send("GET", "/segments", None).await.json(), json!({"total": 0, "grouped": {}}));
    server.stop().await;
}

#[tokio::test]
async fn what_would_not_work_is_refused_with_the_field() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    let api = Api::start(&mut server).await;
    let table = [
        (
            "/event-type/mapping",
            json!({"name": "n", "event_type": "x", "index_schema": {"id": "properties.x"}}),
            "index_schema",
        ),
        (
            "/event-type/mapping",
            json!({"name": "n", "event_type": "x", "index_schema": {"traits.x": 5}}),
            "index_schema",
        ),
        ("/event-type/mapping", json!({"name": "n"}), "event_type"),
        ("/consent/type", json!({"name": "n", "default_value": "perhaps"}), "default_value"),
        (
            "/event-redirect",
            json!({"id": "r", "name": "n", "url": "javascript:alert(1)", "source": {"id": "s", "name": ""}, "event_type": "x"}),
            "url",
        ),
        (
            "/event-redirect",
            json!({"id": "r", "name": "n", "url": "https://a", "source": {"id": "s", "name": ""}, "event_type": "x", "props": {"a": "payload@"}}),
            r#"["body","props","a"]"#,
        ),
        ("/event-validator", json!([]), "body"),
        (
            "/event-validator",
            json!({"id": "v", "name": "n", "event_type": "x", "validation": {"condition": "event@type ="}}),
            "line 1, column 13",
        ),
        (
            "/event-validator",
            json!({"id": "v", "name": "n", "event_type": "x", "validation": {"json_schema": {"event@type": {"type": "strin"}}}}),
            r#"["body","validation","json_schema","event@type","type"]"#,
        ),
        (
            "/event-reshape-schema",
            json!({"id": "r", "name": "n", "event_type": "x", "reshaping": {"reshape_schema": {"session": {"a": "event@"}}}}),
            r#"["body","reshaping","reshape_schema","session","a"]"#,
        ),
        (
            "/consent/compliance/field",
            json!({"id": "c", "name": "n", "event_type": "x", "settings": [{"action": "hash",
                "field": {"value": "profile.id", "ref": true}, "consents": [{"id": "m", "name": "m"}]}]}),
            r#"["body","settings",0,"field"]"#,
        ),
        (
            "/destination",
            json!({"id": "d", "name": "n", "destination": {"package": "fax"}, "resource": {"id": "r"}}),
            r#"["body","destination","package"]"#,
        ),
        (
            "/identification/point",
            json!({"id": "i", "name": "n", "event_type": "x", "fields": [{"profile_trait": {"value": "id", "ref": true},
                "event_property": {"value": "properties.x", "ref": true}}]}),
            r#"["body","fields",0,"profile_trait"]"#,
        ),
        (
            "/event-to-profile",
            json!({"id": "p", "name": "n", "event_type": "x", "event_to_profile": [{"event": {"value": "type", "ref": true},
                "op": 0, "profile": {"value": "metadata.x", "ref": true}}]}),
            r#"["body","event_to_profile",0,"profile"]"#,
        ),
        ("/segment", json!({"id": "s", "name": "n", "condition": "profile@stats.visits >"}), "line 1, column 23"),
        ("/segment", json!({"id": "s", "name": "n"}), "condition"),
        ("/rule", json!({"id": "r", "event_type": "x", "source": {"id": "shop", "name": ""}}), "flow"),
        (
            "/rule",
            json!({"id": "r", "event_type": "x", "flow": {"id": "f", "name": ""}, "source": {"id": "No", "name": ""}}),
            "Incorrect source id: `no`",
        ),
    ];
    for (path, body, field) in table {
        let reply = api.send("POST", path, Some(&body)).await;
        assert_eq!(reply.status, 422, "{path} {body}: {}", reply.text);
        assert!(reply.json()["detail"].to_string().contains(field), "{path}: {}", reply.text);
    }
    let anonymous = call("POST", format!("{}/consent/type", api.private)).json(&json!({})).send().await;
    assert_eq!(anonymous.status, 401);
    let public = call("POST", format!("{}/consent/type", api.public)).bearer(&api.token).json(&json!({})).send().await;
    assert_eq!(public.status, 404, "the public port has no configuration");
    server.stop().await;
}
