//! The web application's listener: its files, the way to the private API, and the live stream through it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use std::process::Stdio;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http::{admin_token, call};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use support::{Server, free_ports, payload, scratch};

/// Messages of a stream of server-sent events.
struct Messages {
    body: Body,
    buffer: String,
}

impl Messages {
    async fn open(url: String, token: &str) -> Self {
        let request = Request::get(url).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { body: Body::new(answer.into_body()), buffer: String::new() }
    }

    async fn next(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                return self.buffer.drain(..end + 2).collect();
            }
            let frame =
                tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await.unwrap().unwrap().unwrap();
            self.buffer.push_str(&String::from_utf8_lossy(frame.data_ref().unwrap()));
        }
    }
}

#[tokio::test]
async fn files_and_the_way_to_the_api() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let gui = server.url(2);

    let page = call("GET", format!("{gui}/profiles/4711")).send().await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let tag = page.header("etag").unwrap().to_owned();
    let known = call("GET", &gui).header("if-none-match", &tag).send().await;
    assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
    let packed = call("GET", &gui).header("accept-encoding", "gzip, br").send().await;
    assert!(matches!(packed.header("content-encoding"), Some("br" | "gzip")), "{:?}", packed.headers);
    assert_eq!(packed.header("vary"), Some("Accept-Encoding"));
    assert_eq!(call("GET", format!("{gui}/assets/none.js")).send().await.status, 404);
    let post = call("POST", &gui).send().await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, Some("GET, HEAD")));
    let shop = call("GET", format!("{gui}/shop?source=a")).send().await;
    assert_eq!((shop.status.as_u16(), shop.header("location")), (308, Some("/shop/?source=a")));
    assert_eq!(
        call("GET", format!("{gui}/shop/")).send().await.header("content-type"),
        Some("text/html; charset=utf-8")
    );

    // The private API is behind /api, statuses and bodies as they are.
    let token = admin_token(&format!("{gui}/api")).await;
    for path in ["/event/count", "/event/none", "/nowhere", "/event/count/?x=%20y"] {
        let through = call("GET", format!("{gui}/api{path}")).bearer(&token).send().await;
        let direct = call("GET", format!("{}{path}", server.url(1))).bearer(&token).send().await;
        assert_eq!(
            (through.status, &through.text, through.header("location").map(str::to_owned)),
            // A redirect stays below the path of the API.
            (direct.status, &direct.text, direct.header("location").map(|location| format!("/api{location}"))),
            "{path}"
        );
    }
    let big = call("POST", format!("{gui}/api/event-source"))
        .bearer(&token)
        .json(&json!({"x": "y".repeat(2 << 20)}))
        .send()
        .await;
    assert_eq!(big.status, 413, "{}", big.text);

    // The tracker is on both APIs.
    for base in [server.url(0), server.url(1)] {
        let script = call("GET", format!("{base}/tracker/liliput.min.js")).header("accept-encoding", "br").send().await;
        assert_eq!(
            (script.status.as_u16(), script.header("content-type")),
            (200, Some("text/javascript; charset=utf-8"))
        );
        assert!(script.header("etag").is_some() && script.header("cache-control").is_some());
        let missing = call("GET", format!("{base}/tracker/none.js")).send().await;
        assert_eq!((missing.status.as_u16(), missing.text.as_str()), (404, r#"{"detail":"Not Found"}"#));
    }
    let nameless = call("GET", format!("{gui}/shop/%ff")).send().await;
    assert_eq!((nameless.status.as_u16(), nameless.text.as_str()), (404, r#"{"detail":"Not Found"}"#));
    server.stop().await;
}

#[tokio::test]
async fn events_arrive_while_they_are_stored() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path()).set("SYSTEM_EVENTS", "no");
    server.start().await;
    server.create_source().await;
    let token = admin_token(&server.url(1)).await;
    // Directly, and through the web application's listener.
    let mut streams = [
        Messages::open(format!("{}/events/live", server.url(1)), &token).await,
        Messages::open(format!("{}/api/events/live", server.url(2)), &token).await,
    ];
    for number in 0..3 {
        let body = payload("s", None, &[json!({"type": "page-view", "id": format!("e{number}")})]);
        let tracked = call("POST", format!("{}/track", server.url(0)))
            .header("content-type", "application/json")
            .body(body)
            .send()
            .await;
        assert_eq!(tracked.status, 200, "{}", tracked.text);
        for stream in &mut streams {
            let message = stream.next().await;
            let line = |name: &str| {
                message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default()
            };
            assert_eq!((line("event:"), line("id:")), ("event", format!("e{number}").as_str()), "{message}");
            let event: Value = serde_json::from_str(line("data:")).unwrap();
            assert_eq!((&event["id"], &event["type"]), (&json!(format!("e{number}")), &json!("page-view")));
        }
    }
    // Another context's stream is silent: what comes next there is the heartbeat.
    server.stop().await;
}

#[tokio::test]
async fn alone_in_front_of_an_api_elsewhere() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let [port, ..] = free_ports();
    let listen = format!("127.0.0.1:{port}");
    let mut gui = tokio::process::Command::new(env!("CARGO_BIN_EXE_tracardi"))
        .args(["gui", "--listen", &listen, "--api-url", &server.url(1)])
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while tokio::net::TcpStream::connect(&listen).await.is_err() {
        assert!(gui.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(call("GET", format!("http://{listen}/api/info/version")).send().await.text, "\"0.8.2\"");
    assert_eq!(call("GET", format!("http://{listen}/")).send().await.status, 200);
    server.stop().await;
    let gone = call("GET", format!("http://{listen}/api/info/version")).send().await;
    assert_eq!(gone.status, 503);
    assert!(gone.json()["detail"].as_str().unwrap().contains("cannot be reached"), "{}", gone.text);
    gui.kill().await.unwrap();
}
