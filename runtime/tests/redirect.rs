//! `/redirect/{redirect_id}[/{session_id}]`: links that make an event and lead on (spec/pipeline.md 1.8).

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use http::call;
use serde_json::{Value, json};
use support::{SOURCE, Server, payload, profile_of, scratch, stored};

const TARGET: &str = "https://shop.example/spring?x=%20y&next=//elsewhere.example#top";
const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A server with the link `news` from the source `link`, and links from sources that do not admit them.
async fn server(folder: &std::path::Path) -> Server {
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder);
    server.start().await;
    server.create_source().await;
    let bridge = json!({"id": "a495159f-91be-476d-a4e5-1b2d7e005403", "name": "Redirect"});
    let mut private = server.log_in().await;
    private
        .post("/event-source", &json!({"id": "link", "name": "Links", "type": ["redirect"], "bridge": bridge}))
        .await;
    let props = json!({"mail": "payload@params.mail", "body": "payload@body", "in?": "session@id", "fixed": "yes", "none": "payload@params.none"});
    for (id, source) in [("news", "link"), ("wrong", SOURCE), ("lost", "nowhere")] {
        let link = json!({"id": id, "name": id, "url": TARGET, "source": {"id": source, "name": ""}, "event_type": "Link Clicked", "props": props});
        private.post("/event-redirect", &link).await;
    }
    server
}

/// A visitor's profile.
async fn visit(server: &Server, session: &str) -> String {
    let body = payload(session, None, &[json!({"type": "page-view"})]);
    let headers = [("content-type", "application/json")];
    profile_of(&server.public().request("POST", "/track", &headers, &body).await.unwrap())
}

#[tokio::test]
async fn a_click_is_an_event_and_leads_on() {
    let folder = scratch();
    let mut server = server(folder.path()).await;
    let profile = visit(&server, "s").await;
    let url = format!("{}/redirect/news", server.url(0));
    let json_type = Some("application/json");
    // (method, what follows the path, cookie, content type, body, body in the event, session in the event)
    let table = [
        ("GET", "?mail=7", None, None, "", json!({}), None),
        ("GET", "?mail=7", None, json_type, r#"{"ignored": 1}"#, json!({}), None),
        ("POST", "?mail=7", None, None, "text", json!("text"), None),
        ("PUT", "?mail=7", None, json_type, r#"{"a": [1]}"#, json!({"a": [1]}), None),
        ("DELETE", "?mail=7", None, json_type, "{broken", json!({}), None),
        ("GET", "/s?mail=7", None, None, "", json!({}), Some("s")),
        ("GET", "?mail=7&session_id=s", None, None, "", json!({}), Some("s")),
        ("GET", "?mail=7", Some("a=b; tracardi-session-id=s"), None, "", json!({}), Some("s")),
        ("GET", "/unknown?mail=7", None, None, "", json!({}), None),
    ];
    for (method, rest, cookie, kind, body, ..) in &table {
        let mut request = call(method, format!("{url}{rest}")).body(*body);
        for (name, value) in [("cookie", cookie), ("content-type", kind)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let reply = request.send().await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("location")),
            (307, Some(TARGET)),
            "{method} {rest}: {}",
            reply.text
        );
    }
    // Twice the same click is two.
    assert_eq!(call("GET", format!("{url}?mail=7")).send().await.status, 307);
    let head = call("HEAD", &url).send().await;
    assert_eq!((head.status.as_u16(), head.header("location")), (307, Some(TARGET)), "looking is no click");
    server.stop().await;
    let clicks: Vec<Value> =
        stored(&server.data(), "event").await.into_iter().filter(|event| event["type"] == "link-clicked").collect();
    assert_eq!(clicks.len(), table.len() + 1);
    for (click, (.., body, session)) in clicks.iter().zip(&table) {
        let mut expected = json!({"mail": "7", "body": body, "fixed": "yes", "none": null});
        if let Some(session) = session {
            expected["in"] = json!(session);
        }
        assert_eq!(click["properties"], expected);
        assert_eq!(click["source"]["id"], "link");
        assert_eq!(click["profile"]["id"].as_str(), session.map(|_| profile.as_str()));
        assert_eq!(click["request"]["headers"].get("cookie"), None);
    }
}

#[tokio::test]
async fn what_is_refused() {
    let folder = scratch();
    let mut server = server(folder.path()).await;
    let base = format!("{}/redirect", server.url(0));
    let long = "x".repeat(2_000);
    for (path, status) in [
        ("/none".to_owned(), 404),
        ("/none/s".to_owned(), 404),
        (format!("/{long}"), 404),
        ("/%00".to_owned(), 404),
        ("/%FF".to_owned(), 422),
        ("/wrong".to_owned(), 401),
        ("/lost".to_owned(), 401),
        // An id that nobody can have is no session.
        (format!("/news/{long}"), 307),
        ("/news/%00".to_owned(), 307),
    ] {
        let reply = call("GET", format!("{base}{path}")).send().await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.text);
        assert_eq!(reply.headers.contains_key("location"), status == 307, "{path}");
        if status == 404 {
            assert_eq!(reply.text, r#"{"detail":"Not Found"}"#);
        }
    }
    for method in ["PATCH", "OPTIONS"] {
        assert_eq!(call(method, format!("{base}/news")).send().await.status, 405);
    }
    let robot = call("GET", format!("{base}/news")).header("user-agent", ROBOT).send().await;
    assert_eq!((robot.status.as_u16(), robot.text.as_str()), (401, r#"{"detail":"Traffic from bot is not allowed."}"#));
    let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for (kind, body, status) in [
        ("application/json", deep.into_bytes(), 422),
        ("application/json", b"\xff".to_vec(), 307),
        ("text/plain", b"\xff\xfe".to_vec(), 307),
        ("text/plain", vec![b'a'; 4 << 20], 422),
        ("text/plain", vec![b'a'; 50 << 20], 413),
    ] {
        let reply = call("POST", format!("{base}/news")).header("content-type", kind).body(body).send().await;
        assert_eq!(reply.status.as_u16(), status, "{kind}: {}", reply.text);
    }
    // Where a link leads is never taken from a request, and only web addresses can be saved.
    let elsewhere = call("GET", format!("{base}/news?url=https://evil.example&location=x")).send().await;
    assert_eq!(elsewhere.header("location"), Some(TARGET));
    server.stop().await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
