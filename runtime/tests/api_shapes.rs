//! The answers as clients of the original know them: one story told through the API, each answer kept as a snapshot.

mod http;
mod support;

use http::{Reply, admin_token, call, redacted};
use serde_json::{Value, json};
use support::{Server, scratch};

struct Api {
    public: String,
    private: String,
    token: String,
}

impl Api {
    async fn new(server: &Server) -> Self {
        let private = server.url(1);
        let token = admin_token(&private).await;
        Self { public: server.url(0), private, token }
    }

    async fn get(&self, path: &str) -> Reply {
        call("GET", format!("{}{path}", self.private)).bearer(&self.token).send().await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        call("POST", format!("{}{path}", self.private)).bearer(&self.token).json(body).send().await
    }

    async fn delete(&self, path: &str) -> Reply {
        call("DELETE", format!("{}{path}", self.private)).bearer(&self.token).send().await
    }

    async fn track(&self, body: &Value) -> Reply {
        call("POST", format!("{}/track", self.public)).json(body).send().await
    }
}

#[tokio::test]
async fn what_the_installation_is() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let (public, private) = (server.url(0), server.url(1));
    let mut shapes = Vec::new();
    for path in ["/info/version", "/info/version/details", "/"] {
        let (outside, inside) =
            (call("GET", format!("{public}{path}")).send().await, call("GET", format!("{private}{path}")).send().await);
        assert_eq!(outside.text, inside.text, "{path}");
        shapes.push((path, inside.shape()));
    }
    shapes.push(("/install", call("GET", format!("{private}/install")).send().await.shape()));
    shapes.push(("/settings/public-url", {
        let api = Api::new(&server).await;
        let reply = api.get("/settings/public-url").await;
        assert_eq!(reply.json()["public_url"], json!(public));
        json!(reply.status.as_u16())
    }));
    insta::assert_json_snapshot!("info", shapes);

    // Health: what comes is sent back.
    let mut echoes = Vec::new();
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let url = format!("{public}/healthcheck");
        let json =
            call(method, &url).header("x-probe", "1").header("cookie", "secret=1").body(r#"{"a": [1]}"#).send().await;
        let text = call(method, &url).body("not json").send().await;
        let nothing = call(method, &url).send().await;
        let mut sent_back = json.json();
        assert_eq!(sent_back["headers"]["x-probe"], "1");
        assert_eq!(sent_back["headers"].get("cookie"), None);
        sent_back.as_object_mut().unwrap().remove("headers");
        echoes.push((method, sent_back, text.json(), nothing.json()));
    }
    insta::assert_json_snapshot!("healthcheck", echoes);
    server.stop().await;
}

#[tokio::test]
async fn installing_over_http() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let private = server.url(1);
    let token = std::fs::read_to_string(server.data().join("keys/installation-token")).unwrap();
    let install = |body: Value| {
        let url = format!("{private}/install");
        async move { call("POST", url).json(&body).send().await.shape() }
    };
    let shapes = [
        install(json!({"username": "a@b.c", "password": "x", "token": "wrong", "needs_admin": true})).await,
        install(json!({"username": "a@b.c", "password": "x", "token": token.trim(), "needs_admin": true})).await,
        install(json!({"username": "a@b.c", "needs_admin": "perhaps"})).await,
    ];
    insta::assert_json_snapshot!("install", shapes);
    // There was an administrator already: no second one was made.
    let second = call("POST", format!("{private}/user/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("username=a%40b.c&password=x")
        .send()
        .await;
    assert_eq!(second.status, 400);
    server.stop().await;
}

#[tokio::test]
async fn event_sources() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let api = Api::new(&server).await;
    let source = json!({
        "id": "SHOP-1", "name": "Shop", "type": "rest", "groups": ["web", "shops"], "tags": ["t"],
        "bridge": {"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST"},
        "config": {"static_profile_id": false}
    });
    let hook = json!({"id": "hook", "name": "Hook", "type": ["webhook"], "bridge": {"id": "b", "name": "Webhook"}});
    let mut told = vec![
        ("saved", api.post("/event-source", &source).await.shape()),
        ("saved again", api.post("/event-source", &source).await.shape()),
        ("another", api.post("/event-source", &hook).await.shape()),
        ("read", api.get("/event-source/shop-1").await.shape()),
        ("ids have no case", api.get("/event-source/SHOP-1").await.shape()),
        ("missing", api.get("/event-source/none").await.shape()),
        ("grouped", api.get("/event-sources").await.shape()),
        ("asked for", api.get("/event-sources/by_type?query=HOO").await.shape()),
        ("entities", api.get("/event-sources/entity?add_current=true&type=rest").await.shape()),
        ("types", api.get("/event-sources/type/name").await.shape()),
        ("types in full", api.get("/event-sources/type/configuration").await.shape()),
        ("no such form", api.get("/event-sources/type/other").await.shape()),
        ("refresh", api.get("/event-sources/refresh").await.shape()),
        ("wrong", api.post("/event-source", &json!({"id": 1, "type": "fax", "bridge": "x"})).await.shape()),
        (
            "reserved",
            api.post(
                "/event-source",
                &json!({"id": "@x", "name": "X", "type": "rest", "bridge": {"id": "b", "name": "B"}}),
            )
            .await
            .shape(),
        ),
        ("no object", api.post("/event-source", &json!([])).await.shape()),
        ("deleted", api.delete("/event-source/hook").await.shape()),
        ("deleted again", api.delete("/event-source/hook").await.shape()),
    ];
    // The other context has its own.
    let staging =
        call("GET", format!("{}/event-sources", api.private)).bearer(&api.token).header("x-context", "staging");
    told.push(("staging", staging.send().await.shape()));
    insta::assert_json_snapshot!("event_sources", told);
    server.stop().await;
}

#[tokio::test]
async fn a_visit() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path())
        .set("TRACK_DEBUG", "yes")
        .set("AUTO_PROFILE_MERGING", "s>a.d-kljsa87^5adh");
    server.start().await;
    server.create_source().await;
    let api = Api::new(&server).await;
    let payload = json!({
        "source": {"id": "Shop "},
        "session": {"id": "visit-1"},
        "context": {"time": {"local": "2026-11-21T10:00:00Z", "tz": "Europe/Warsaw"}, "utm": {"source": "news"}},
        "events": [
            {"type": "Page View", "id": "EVENT-1", "time": {"create": "2026-11-21T09:00:00Z"}, "properties": {"category": "shoes"}},
            {"type": "sign-in", "id": "event-2", "time": {"create": "2026-11-21T09:00:05Z"}, "properties": {"email": {"main": "ada@example.com"}, "pk": "c-1"}}
        ],
        "options": {"debugger": true}
    });
    let answer = api.track(&payload).await;
    assert_eq!(answer.json()["events"].as_array().unwrap().len(), 5, "two sent, three made by the system");
    let profile = answer.json()["profile"]["id"].as_str().unwrap().to_owned();
    let again = api.track(&payload).await;
    assert_eq!(again.json()["profile"]["id"], json!(profile));
    assert_eq!(api.get("/event/count").await.json()["count"], 5, "the same request twice changes nothing");

    let mut told = vec![
        ("answer", answer.shape()),
        ("event", api.get("/event/event-1").await.shape()),
        ("identifying event", api.get("/event/event-2").await.shape()),
        ("no event", api.get("/event/none").await.shape()),
        ("session", api.get("/session/visit-1").await.shape()),
        ("no session", api.get("/session/none").await.shape()),
        ("profile", api.get(&format!("/profile/{profile}")).await.shape()),
        ("no profile", api.get("/profile/none").await.shape()),
        ("events", api.get("/event/count").await.shape()),
        ("sessions", api.get("/session/count").await.shape()),
        ("profiles", api.get("/profile/count").await.shape()),
        ("refresh", api.get("/events/refresh").await.shape()),
        ("last session", api.get(&format!("/session/profile/{profile}?n=0")).await.shape()),
        ("session before", api.get(&format!("/session/profile/{profile}?n=-1")).await.shape()),
    ];
    let of_session = api.get(&format!("/events/session/visit-1/profile/{profile}?limit=2")).await.json();
    assert_eq!((of_session["result"].as_array().unwrap().len(), &of_session["more_to_load"]), (2, &json!(true)));
    told.push(("first of the session", redacted(of_session["result"][0].clone())));
    let of_profile = api.get(&format!("/events/profile/{profile}")).await.json();
    assert_eq!((&of_profile["total"], of_profile["result"].as_array().unwrap().len()), (&json!(5), 5));
    insta::assert_json_snapshot!("a_visit", told);

    // Staging has seen nothing of it, and has no such source.
    let staging = |method: &str, path: &str| {
        call(method, format!("{}{path}", api.private)).bearer(&api.token).header("x-context", "staging")
    };
    assert_eq!(staging("GET", "/event/count").send().await.json()["count"], 0);
    let refused = staging("POST", "/track").json(&payload).send().await;
    assert_eq!(refused.status, 401, "{}", refused.text);
    // The header is read in whatever case; what it does not know it ignores.
    for (value, count) in [("STAGING", 0), ("nonsense", 5)] {
        let url = format!("{}/event/count", api.private);
        let reply = call("GET", url).bearer(&api.token).header("x-context", value).send().await;
        assert_eq!(reply.json()["count"], count, "{value}");
    }
    // The public port is production, whatever it is told.
    let public =
        call("POST", format!("{}/track", api.public)).header("x-context", "staging").json(&payload).send().await;
    assert_eq!((public.status.as_u16(), public.header("x-context")), (200, Some("staging")));
    server.stop().await;
}

#[tokio::test]
async fn shapes_of_collecting() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let api = Api::new(&server).await;
    let hook = json!({"id": "hook", "name": "Hook", "type": ["webhook"], "bridge": {"id": "b", "name": "B"}});
    let off =
        json!({"id": "off", "name": "Off", "type": ["rest"], "enabled": false, "bridge": {"id": "b", "name": "B"}});
    assert_eq!(api.post("/event-source", &hook).await.status, 200);
    assert_eq!(api.post("/event-source", &off).await.status, 200);
    let event = json!([{"type": "page-view"}]);
    let told = [
        ("no events", api.track(&json!({"source": {"id": "shop"}, "events": []})).await.shape()),
        ("unknown source", api.track(&json!({"source": {"id": "none"}, "events": event})).await.shape()),
        ("switched off", api.track(&json!({"source": {"id": "off"}, "events": event})).await.shape()),
        ("wrong type", api.track(&json!({"source": {"id": "hook"}, "events": event})).await.shape()),
        ("internal", api.track(&json!({"source": {"id": "@internal"}, "events": event})).await.shape()),
        (
            "without profile",
            call("POST", format!("{}/track?profile_less=true", api.public))
                .json(&json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": event}))
                .send()
                .await
                .shape(),
        ),
        (
            "nothing kept",
            api.track(&json!({
                "source": {"id": "shop"}, "session": {"id": "t"}, "events": event,
                "options": {"saveSession": false, "saveProfile": false, "saveEvents": false}
            }))
            .await
            .shape(),
        ),
        (
            "checked only",
            call("PUT", format!("{}/track", api.public))
                .json(&json!({"source": {"id": "none"}, "events": event}))
                .send()
                .await
                .shape(),
        ),
        (
            "robot",
            call("POST", format!("{}/track", api.public))
                .header("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
                .json(&json!({"source": {"id": "shop"}, "session": {"id": "bot"}, "events": event}))
                .send()
                .await
                .shape(),
        ),
    ];
    insta::assert_json_snapshot!("collecting", told);
    server.stop().await;
}
