//! `POST /customer/consent`: what a consent bar sends (spec/pipeline.md 1.9).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use http::{Reply, call};
use serde_json::{Value, json};
use support::{SOURCE, Server, payload, profile_of, scratch, stored};

fn body(session: &str, profile: &str, consents: &Value) -> Value {
    json!({"source": {"id": SOURCE}, "session": {"id": session}, "profile": {"id": profile}, "consents": consents})
}

async fn decide(server: &Server, body: &Value) -> Reply {
    call("POST", format!("{}/customer/consent", server.url(0))).json(body).send().await
}

/// A visitor's profile.
async fn visit(server: &Server, session: &str) -> String {
    let body = payload(session, None, &[json!({"type": "page-view"})]);
    let headers = [("content-type", "application/json")];
    profile_of(&server.public().request("POST", "/track", &headers, &body).await.unwrap())
}

#[tokio::test]
async fn decisions_are_on_disk_when_they_are_answered() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let profile = visit(&server, "s").await;
    let given = decide(&server, &body("s", &profile, &json!({"marketing": true, "analytics": true}))).await;
    assert_eq!((given.status.as_u16(), given.text.as_str()), (200, "null"));
    server.kill().await;
    server.start().await;
    let mut private = server.log_in().await;
    let known = private.get(&format!("/profile/{profile}")).await;
    assert_eq!(known["consents"], json!({"marketing": {"revoke": null}, "analytics": {"revoke": null}}));
    assert_eq!(known["aux"]["consents"], json!({"granted": true}));

    // What the writer has in its cache is what is on disk: the next event does not undo it.
    let withdrawn = decide(&server, &body("s", &profile, &json!({"marketing": false}))).await;
    assert_eq!(withdrawn.status, 200);
    let event = payload("s", None, &[json!({"type": "sign-in", "properties": {"pk": "c-1"}})]);
    let headers = [("content-type", "application/json")];
    assert_eq!(server.public().request("POST", "/track", &headers, &event).await.unwrap().status, 200);
    let known = private.get(&format!("/profile/{profile}")).await;
    assert_eq!(known["consents"], json!({"analytics": {"revoke": null}}));
    assert_eq!(known["data"]["identifier"]["pk"], "c-1");
    server.stop().await;
}

#[tokio::test]
async fn decisions_and_events_at_the_same_time() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let profile = visit(&server, "s").await;
    let (running, visitor) = (&server, &profile);
    let decisions = (0..20).map(|number| async move {
        let reply = decide(running, &body("s", visitor, &json!({format!("c{number}"): true}))).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    });
    let events = (0..20).map(|number| async move {
        let event = json!({"type": "checkout-started", "properties": {"id": number.to_string(), "value": 2}});
        let headers = [("content-type", "application/json")];
        let body = payload("s", None, &[event]);
        assert_eq!(running.public().request("POST", "/track", &headers, &body).await.unwrap().status, 200);
    });
    futures::join!(futures::future::join_all(decisions), futures::future::join_all(events));
    server.stop().await;
    let profiles = stored(&server.data(), "profile").await;
    assert_eq!(profiles[0]["consents"].as_object().unwrap().len(), 20);
    assert_eq!(profiles[0]["data"]["metrics"]["ltcosc"], 20, "neither undoes the other");
}

#[tokio::test]
async fn what_is_refused() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let (mine, other) = (visit(&server, "s").await, visit(&server, "t").await);
    let given = json!({"a": true});
    let mut no_source = body("s", &mine, &given);
    no_source["source"] = json!({"id": "none"});
    let long = "x".repeat(10_000);
    for denied in [
        no_source,
        body("nowhere", &mine, &given),
        body("s", "nobody", &given),
        body("s", &other, &given),
        body("", &mine, &given),
    ] {
        let reply = decide(&server, &denied).await;
        assert_eq!((reply.status.as_u16(), reply.text.as_str()), (403, r#"{"detail":"Access denied"}"#), "{denied}");
    }
    let many: serde_json::Map<_, _> = (0..1_001).map(|number| (number.to_string(), json!(true))).collect();
    let wrong = [
        json!([]),
        json!({}),
        json!({"source": {"id": SOURCE}}),
        body("s", &long, &given),
        body("s", &mine, &json!("all")),
        body("s", &mine, &json!({"a": "perhaps"})),
        body("s", &mine, &json!({"a": null})),
        body("s", &mine, &json!({long: true})),
        body("s", &mine, &json!(many)),
    ];
    for wrong in wrong {
        let reply = decide(&server, &wrong).await;
        assert_eq!(reply.status, 422, "{}", reply.text);
        assert_eq!(reply.json()["detail"][0]["loc"][0], "body");
    }
    let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let url = format!("{}/customer/consent", server.url(0));
    for (body, status) in
        [(deep.into_bytes(), 422), (Vec::new(), 422), (b"\xff\xfe".to_vec(), 422), (vec![b' '; 50 << 20], 413)]
    {
        let reply = call("POST", &url).header("content-type", "application/json").body(body).send().await;
        assert_eq!(reply.status.as_u16(), status, "{}", reply.text);
    }
    let text = call("POST", &url).header("content-type", "text/plain").body("x").send().await;
    assert_eq!(text.status, 422);
    let wrong_flag = call("POST", format!("{url}?all=perhaps")).json(&body("s", &mine, &given)).send().await;
    assert_eq!((wrong_flag.status.as_u16(), &wrong_flag.json()["detail"][0]["loc"]), (422, &json!(["query", "all"])));
    assert_eq!(call("GET", &url).send().await.status, 405);
    server.stop().await;
    let profiles = stored(&server.data(), "profile").await;
    assert!(profiles.iter().all(|profile| profile["consents"] == json!({})), "nothing was kept");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test]
async fn all_that_are_configured() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let mut private = server.log_in().await;
    for (name, life, enabled) in
        [("Marketing", json!("365d"), true), ("Needed", Value::Null, true), ("Old", Value::Null, false)]
    {
        let kind = json!({"name": name, "description": "", "revokable": life.is_string(), "default_value": "deny", "enabled": enabled,
            "auto_revoke": life});
        private.post("/consent/type", &kind).await;
    }
    let profile = visit(&server, "s").await;
    let url = format!("{}/customer/consent?all=true", server.url(0));
    let reply = call("POST", &url).json(&body("s", &profile, &json!({"other": true}))).send().await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, "null"));
    let consents = private.get(&format!("/profile/{profile}")).await["consents"].clone();
    let ids: Vec<_> = consents.as_object().unwrap().keys().cloned().collect();
    assert_eq!(ids, ["marketing", "needed"]);
    assert!(consents["marketing"]["revoke"].is_string() && consents["needed"]["revoke"].is_null(), "{consents}");
    server.stop().await;
}
