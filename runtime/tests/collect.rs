//! `/collect/{event_type}/{source_id}[/{session_id}]`: webhooks and pixels, row by row of spec/pipeline.md 1.8 and 2.4.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use http::{Reply, call};
use serde_json::{Value, json};
use support::{Server, scratch, stored};

const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// A server with the webhook `hook`, and others for the refusals.
async fn server(folder: &std::path::Path, config: &Value) -> Server {
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder);
    server.start().await;
    server.create_source().await;
    let bridge = json!({"id": "3d8bb87e-28d1-4a38-b19c-d0c1fbb71e22", "name": "Webhook"});
    let hook = json!({"id": "hook", "name": "Hook", "type": ["webhook"], "bridge": bridge, "config": config});
    let off = json!({"id": "off", "name": "Off", "type": ["webhook"], "bridge": bridge, "enabled": false});
    let mut private = server.log_in().await;
    for source in [hook, off] {
        private.post("/event-source", &source).await;
    }
    server
}

fn ids(reply: &Reply) -> (Option<String>, Option<String>) {
    let answer = reply.json();
    let id = |name: &str| answer[name]["id"].as_str().map(str::to_owned);
    (id("profile"), id("session"))
}

/// The first complaint's place: `path.event_type`; a text as it is.
fn place(reply: &Reply) -> String {
    let detail = &reply.json()["detail"];
    let Some(first) = detail.get(0) else { return detail.as_str().unwrap().to_owned() };
    let steps: Vec<_> = first["loc"].as_array().unwrap().iter().map(|step| step.as_str().unwrap_or("#")).collect();
    steps.join(".")
}

#[tokio::test]
async fn what_is_sent_are_the_properties() {
    let folder = scratch();
    let mut server = server(folder.path(), &json!({})).await;
    let base = format!("{}/collect", server.url(0));
    let form = "multipart/form-data; boundary=b";
    let parts = "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
                 --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nxx\r\n--b--\r\n";
    let json_type = "application/json; charset=utf-8";
    let urlencoded = "application/x-www-form-urlencoded";
    let table = [
        ("GET", "?a=1&b=x%20y&a=2&c=&d", None, "", json!({"a": ["1", "2"], "b": "x y"})),
        ("GET", "", None, "", json!({})),
        (
            "POST",
            "?ignored=1",
            Some(json_type),
            r#"{"order": {"id": 5, "tags": ["x"]}}"#,
            json!({"order": {"id": 5, "tags": ["x"]}}),
        ),
        ("POST", "", None, r#"{"a": null}"#, json!({"a": null})),
        ("POST", "", Some("application/json"), "{broken", json!({})),
        ("POST", "", Some("application/json"), "", json!({})),
        ("POST", "", Some(urlencoded), "a=1&b=&a=2", json!({"a": ["1", "2"], "b": ""})),
        ("POST", "", Some(form), parts, json!({"a": "1"})),
    ];
    for (number, (method, query, kind, body, _)) in table.iter().enumerate() {
        for session in ["", "/visit"] {
            let name = if session.is_empty() { "alone" } else { "session" };
            let url = format!("{base}/{name}-{number}/HOOK{session}{query}");
            let mut request = call(method, url).header("x-shop", "7").header("authorization", "Bearer x").body(*body);
            if let Some(kind) = kind {
                request = request.header("content-type", kind);
            }
            let reply = request.send().await;
            assert_eq!(reply.status, 200, "{number}: {}", reply.text);
            let (profile, in_session) = ids(&reply);
            assert_eq!(profile.is_some(), !session.is_empty(), "{number}");
            assert_eq!(in_session.as_deref(), (!session.is_empty()).then_some("visit"), "{number}");
        }
    }
    server.stop().await;
    let events = stored(&server.data(), "event").await;
    for (number, (.., properties)) in table.iter().enumerate() {
        for name in ["alone", "session"] {
            let kind = format!("{name}-{number}");
            let event = events.iter().find(|event| event["type"] == json!(kind)).unwrap();
            assert_eq!(event["properties"], *properties, "{kind}");
            assert_eq!(event["source"]["id"], "hook");
            assert_eq!(event["metadata"]["profile_less"], json!(name == "alone"));
            assert_eq!(event["request"]["headers"]["x-shop"], "7");
            assert_eq!(event["request"]["headers"].get("authorization"), None);
            assert_eq!(event["profile"].is_null(), name == "alone");
        }
    }
    assert_eq!(stored(&server.data(), "session").await.len(), 1);
    assert_eq!(stored(&server.data(), "profile").await.len(), 1);
}

#[tokio::test]
async fn the_same_again_is_another_event() {
    let folder = scratch();
    let mut server = server(folder.path(), &json!({})).await;
    for session in ["", "/s"] {
        for _ in 0..3 {
            let reply = call("GET", format!("{}/collect/open/hook{session}?mail=7", server.url(0))).send().await;
            assert_eq!(reply.status, 200);
        }
    }
    let head = call("HEAD", format!("{}/collect/open/hook", server.url(0))).send().await;
    assert_eq!((head.status.as_u16(), head.header("allow")), (405, Some("GET,POST")), "no event by looking only");
    server.stop().await;
    let events = stored(&server.data(), "event").await;
    assert_eq!(events.iter().filter(|event| event["type"] == "open").count(), 6);
}

#[tokio::test]
async fn what_is_refused() {
    let folder = scratch();
    let mut server = server(folder.path(), &json!({})).await;
    let base = format!("{}/collect", server.url(0));
    let long = "x".repeat(600);
    let cases = [
        (format!("{base}/a/none"), 401, "Invalid event source `none`."),
        (format!("{base}/a/off"), 401, "Event source disabled."),
        (format!("{base}/a/@internal-110a200da64822fdebf9"), 401, "Internal event sources are not allowed via API."),
        (format!("{base}/a/shop"), 401, "This endpoint takes events through a `webhook` bridge only."),
        (format!("{base}/%20/hook"), 422, "path.event_type"),
        (format!("{base}/{long}/hook"), 422, "path.event_type"),
        (format!("{base}/a%00b/hook"), 422, "path.event_type"),
        (format!("{base}/%FF/hook"), 422, "path"),
        (format!("{base}/a/{long}"), 422, "path.source_id"),
        (format!("{base}/a/hook/{long}"), 422, "path.session_id"),
        (format!("{base}/a/hook/%FF"), 422, "path"),
    ];
    for (url, status, expected) in cases {
        for method in ["GET", "POST"] {
            let reply = call(method, &url).send().await;
            assert_eq!(reply.status.as_u16(), status, "{url}: {}", reply.text);
            assert!(place(&reply).starts_with(expected), "{url}: {}", reply.text);
        }
    }
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let reply = call(method, format!("{base}/a/hook")).send().await;
        assert_eq!(
            (reply.status.as_u16(), reply.text.as_str()),
            (405, r#"{"detail":"Method Not Allowed"}"#),
            "{method}"
        );
    }

    let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let fields = "a&".repeat(110_000);
    let bodies = [
        ("application/json", deep.into_bytes(), 422),
        ("text/plain", "[".repeat(10_000).into_bytes(), 422),
        ("application/json", b"[1, 2]".to_vec(), 422),
        ("application/json", b"5".to_vec(), 422),
        ("application/json", br#"{"$serde_json::private::Number": "1"}"#.to_vec(), 422),
        ("text/plain", b"hello".to_vec(), 422),
        ("text/plain", b"\xff\xfe".to_vec(), 422),
        ("application/json", b"{\"a\": \"\xff\"}".to_vec(), 200),
        ("application/x-www-form-urlencoded", b"a=%FF&\xff=1".to_vec(), 200),
        ("application/x-www-form-urlencoded", fields.into_bytes(), 422),
        ("multipart/form-data; boundary=b", b"--b\r\n\xff".to_vec(), 422),
        ("multipart/form-data", b"--b--".to_vec(), 422),
        ("application/json", vec![b' '; 50 << 20], 413),
        ("application/x-www-form-urlencoded", vec![b'a'; 50 << 20], 413),
    ];
    for (kind, body, status) in bodies {
        for session in ["", "/s"] {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let url = format!("{base}/a/hook{session}");
            let reply = call("POST", url).header("content-type", kind).body(body.clone()).send().await;
            assert_eq!(reply.status.as_u16(), status, "{kind} {shown}: {}", reply.text);
            assert!(status == 200 || place(&reply) == "body", "{kind} {shown}: {}", reply.text);
        }
    }
    let query = call("GET", format!("{base}/a/hook?{}", "a=1&".repeat(10_000))).send().await;
    assert!(query.status == 200 || query.status.is_client_error(), "{}", query.status);

    // A robot is known by its user agent, in a known session too.
    for url in ["/a/hook", "/a/hook/s"] {
        let person = call("GET", format!("{base}{url}")).send().await;
        assert_eq!(person.status, 200, "{}", person.text);
        let robot = call("GET", format!("{base}{url}")).header("user-agent", ROBOT).send().await;
        assert_eq!((robot.status.as_u16(), place(&robot).as_str()), (401, "Traffic from bot is not allowed."));
    }
    server.stop().await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test]
async fn generated_profiles() {
    let folder = scratch();
    let mut server = server(folder.path(), &json!({"generate_profile": true})).await;
    let base = format!("{}/collect", server.url(0));
    let person = |mail: &str, order: u32| json!({"email": {"main": mail}, "order": order});
    let url = format!("{base}/identification/hook");
    let first = ids(&call("POST", &url).json(&person("Ann@example.com", 1)).send().await);
    let second = ids(&call("POST", &url).json(&person(" ann@EXAMPLE.com", 2)).send().await);
    assert!(first.0.is_some() && first.1.is_some());
    assert_eq!(first, second, "one person, one session");
    let other = ids(&call("POST", &url).json(&person("bob@example.com", 1)).send().await);
    assert!(other.0 != first.0 && other.1 != first.1);
    let unknown = ids(&call("POST", format!("{base}/order/hook")).json(&json!({"id": 1})).send().await);
    assert!(unknown.0.is_some() && unknown.0 != first.0);
    // After a restart nothing is forgotten.
    server.stop().await;
    server.start().await;
    assert_eq!(ids(&call("POST", &url).json(&person("ann@example.com", 3)).send().await), first);
    server.stop().await;
    assert_eq!(stored(&server.data(), "profile").await.len(), 3);
    assert_eq!(stored(&server.data(), "session").await.len(), 3);
}

#[tokio::test]
async fn profile_ids_from_properties() {
    let folder = scratch();
    let mut server = server(folder.path(), &json!({"replace_profile_id": "user.id", "sticky_session": true})).await;
    let base = format!("{}/collect/order/hook", server.url(0));
    let body = json!({"user": {"id": "crm-7"}, "total": 5});
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(ids(&call("POST", &base).json(&body).send().await), (some("crm-7"), some("crm-7")));
    assert_eq!(ids(&call("POST", format!("{base}/s")).json(&body).send().await), (some("crm-7"), some("s")));
    assert_eq!(ids(&call("GET", format!("{base}?user.id=crm-8")).send().await), (some("crm-8"), some("crm-8")));
    assert_eq!(ids(&call("GET", format!("{base}?user=crm-8")).send().await), (None, None));
    server.stop().await;
    let events = stored(&server.data(), "event").await;
    assert_eq!(events.iter().filter(|event| event["properties"] == body).count(), 2, "the properties are kept");
}
