//! Destinations through the real program: configured over the private API, fed by `/track`, delivered to a real server.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod http;
#[path = "../outbound/tests/common/receiver.rs"]
mod receiver;
mod support;

use http::{Api, call};
use receiver::{Receiver, reply};
use serde_json::{Value, json};
use support::{Server, scratch};
use tracardi_model::configuration::HTTP_CONNECTOR;

impl Api {
    async fn start(server: &mut Server) -> Self {
        server.start().await;
        server.create_source().await;
        Self::open(server.url(0), server.url(1)).await
    }

    /// A destination `crm` for events of type `order`.
    async fn destination(&self, url: &str) {
        let resource = json!({"id": "crm", "name": "CRM", "type": "api", "credentials": {"production": {"url": url}}});
        self.save("/resource", &resource).await;
        let destination = json!({"id": "crm", "name": "CRM", "enabled": true, "on_profile_change_only": false,
            "event_type": {"id": "order", "name": "Order"}, "source": {"id": "shop", "name": "Shop"},
            "resource": {"id": "crm"}, "mapping": {"total": "event@properties.total"},
            "destination": {"package": HTTP_CONNECTOR, "init": {"method": "post"}}});
        self.save("/destination", &destination).await;
    }

    async fn track(&self, id: &str, total: u64) {
        let payload = json!({"source": {"id": "shop"}, "session": {"id": "s"},
            "events": [{"id": id, "type": "order", "properties": {"total": total}}]});
        let reply = call("POST", format!("{}/track", self.public)).json(&payload).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }

    /// The one delivery of an event, when it stands so.
    async fn delivery(&self, event: &str, state: &str) -> Value {
        loop {
            let reply = self.send("GET", &format!("/deliveries?event={event}&state={state}"), None).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            let page = reply.json();
            if page["total"] == 1 {
                return page["result"][0].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

fn server(folder: &std::path::Path) -> Server {
    Server::new(env!("CARGO_BIN_EXE_tracardi"), folder).set("TRACARDI_OUTBOUND_ALLOW", "127.0.0.1")
}

#[tokio::test]
async fn an_event_is_delivered_as_configured_and_a_refused_one_replayed() {
    let folder = scratch();
    let mut server = server(folder.path());
    let api = Api::start(&mut server).await;
    let receiver = Receiver::start(|_, before| Some(reply(if before == 1 { 422 } else { 200 }))).await;
    api.destination(&receiver.url).await;
    api.track("e1", 7).await;
    let delivered = api.delivery("e1", "delivered").await;
    assert_eq!((&delivered["destination"], &delivered["attempts"]), (&json!("crm"), &json!(1)));
    api.track("e1", 7).await;
    api.track("e2", 8).await;
    let dead = api.delivery("e2", "dead").await;
    assert_eq!(dead["error"], "answered 422 Unprocessable Entity");
    assert_eq!(dead["body"], json!({"data": {"total": 8}, "changes": []}));
    assert_eq!(api.send("GET", "/dead-letters", None).await.json()["result"], json!([dead]));
    let replayed = api.send("POST", "/dead-letters/replay", Some(&json!({"ids": [dead["id"], "none"]}))).await;
    assert_eq!(replayed.json(), json!({"replayed": 1}));
    api.delivery("e2", "delivered").await;
    let bodies: Vec<Value> = receiver.seen().iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect();
    let totals: Vec<&Value> = bodies.iter().map(|body| &body["data"]["total"]).collect();
    assert_eq!(totals, [7, 8, 8], "the event that came twice was delivered once");
    assert_eq!(api.send("GET", "/dead-letters", None).await.json(), json!({"total": 0, "result": []}));
    server.stop().await;
}

#[tokio::test]
async fn what_was_under_way_when_the_program_died_is_sent_again() {
    let folder = scratch();
    let mut server = server(folder.path());
    let api = Api::start(&mut server).await;
    let receiver = Receiver::start(|_, before| (before > 0).then(|| reply(200))).await;
    api.destination(&receiver.url).await;
    api.track("e1", 7).await;
    receiver.wait_for(1).await;
    server.kill().await;
    let api = Api::start(&mut server).await;
    let delivered = api.delivery("e1", "delivered").await;
    let seen = receiver.seen();
    assert_eq!(seen.iter().map(receiver::Seen::key).collect::<Vec<_>>(), [delivered["id"].as_str().unwrap(); 2]);
    server.stop().await;
}

#[tokio::test]
async fn what_could_never_be_sent_is_refused_when_saved() {
    let folder = scratch();
    let mut server = server(folder.path());
    let api = Api::start(&mut server).await;
    let resource = |url: &str| json!({"id": "r", "name": "R", "type": "api", "credentials": {"test": {"url": url}}});
    for url in ["http://169.254.169.254/", "http://127.2/", "ftp://example.com", "http://u:geheim@example.com"] {
        let reply = api.send("POST", "/resource", Some(&resource(url))).await;
        assert_eq!(reply.status, 422, "{url}");
        assert_eq!(reply.json()["detail"][0]["loc"], json!(["body", "credentials", "test", "url"]));
        assert!(!reply.text.contains("geheim"));
    }
    for url in ["https://example.com", "http://127.0.0.1:1/", "<url>", ""] {
        api.save("/resource", &resource(url)).await;
    }
    let destination = json!({"id": "d", "name": "D", "resource": {"id": "r"},
        "destination": {"package": HTTP_CONNECTOR, "init": {"method": "brew"}}});
    let reply = api.send("POST", "/destination", Some(&destination)).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.json()["detail"][0]["loc"]),
        (422, &json!(["body", "destination", "init"]))
    );
    for (method, path, body) in [
        ("POST", "/dead-letters/replay", json!({})),
        ("POST", "/dead-letters/replay", json!({"ids": "x"})),
        ("DELETE", "/dead-letters", json!({"ids": [], "destination": "d"})),
        ("DELETE", "/dead-letters", json!([])),
    ] {
        assert_eq!(api.send(method, path, Some(&body)).await.status, 422, "{method} {path} {body}");
    }
    assert_eq!(api.send("GET", "/deliveries?state=lost", None).await.status, 422);
    let discarded = api.send("DELETE", "/dead-letters", Some(&json!({"destination": "d"}))).await;
    assert_eq!(discarded.json(), json!({"discarded": 0}));
    server.stop().await;
}
