//! What is wrong is refused with a 4xx that names the field; what may be unknown is ignored; nothing makes the process
//! panic, answer 5xx or grow.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use http::{Api, Reply, call};
use serde_json::{Value, json};
use support::{Server, scratch};

/// What a case must come to: a status, and for refusals the place of the complaint (`body.events.0.type`).
type Expected = (u16, &'static str);

fn place(reply: &Reply) -> String {
    let detail = &reply.json()["detail"];
    let Some(first) = detail.get(0) else { return detail.as_str().unwrap_or_default().to_owned() };
    assert!(first["msg"].as_str().is_some_and(|message| !message.is_empty()), "{detail}");
    assert!(first["type"].is_string(), "{detail}");
    let steps: Vec<String> =
        first["loc"].as_array().unwrap().iter().map(|step| step.to_string().replace('"', "")).collect();
    steps.join(".")
}

#[tokio::test]
async fn payloads() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let public = server.url(0);

    let with = |event: Value| json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [event]}).to_string();
    let nested = format!(
        r#"{{"source":{{"id":"shop"}},"events":[{{"type":"a","properties":{}1{}}}]}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let lists = format!(r#"{{"source":{{"id":"shop"}},"context":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let long = "x".repeat(10_000);
    let cases: Vec<(&str, String, Expected)> = vec![
        ("unknown fields", r#"{"source":{"id":"shop","x":1},"session":{"id":"s"},"device":{"id":"d"},"new":[1],"events":[{"type":"a","new":1}]}"#.into(), (200, "")),
        ("no events", r#"{"source":{"id":"shop"},"events":[]}"#.into(), (200, "")),
        ("no events of nobody", r#"{"source":{"id":"nobody"},"events":[]}"#.into(), (401, "Invalid event source `nobody`.")),
        ("no events of an internal source", r#"{"source":{"id":"@x"},"events":[]}"#.into(), (401, "Internal event sources are not allowed via API.")),
        ("no events of a robot", r#"{"source":{"id":"nobody"},"request":{"headers":{"user-agent":"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}},"events":[]}"#.into(), (401, "Traffic from bot is not allowed.")),
        ("events left out", r#"{"source":{"id":"shop"}}"#.into(), (200, "")),
        ("nulls where the original fails", r#"{"source":{"id":"shop"},"session":null,"profile":null,"context":null,"properties":null,"request":null,"options":null,"debug":null,"events":[{"type":"a","time":null,"properties":null,"options":null,"context":null,"tags":null}]}"#.into(), (200, "")),
        ("duplicate keys", r#"{"source":{"id":"none"},"source":{"id":"shop"},"session":{"id":"s"},"events":[{"type":"a","type":"b"}]}"#.into(), (200, "")),
        ("control characters in ids", with(json!({"type": "a", "id": "a\nb"})), (200, "")),
        ("nothing", String::new(), (422, "body")),
        ("no JSON", "hello".into(), (422, "body.#")),
        ("cut off", r#"{"source":{"id":"shop"},"#.into(), (422, "body.#")),
        ("rubbish behind", r#"{"source":{"id":"shop"}} x"#.into(), (422, "body.#")),
        ("a list", "[]".into(), (422, "body")),
        ("a number", "1".into(), (422, "body")),
        ("null", "null".into(), (422, "body")),
        ("no source", r#"{"events":[]}"#.into(), (422, "body.source")),
        ("source is a text", r#"{"source":"shop","events":[]}"#.into(), (422, "body.source")),
        ("source without id", r#"{"source":{},"events":[]}"#.into(), (422, "body.source.id")),
        ("id is a number", r#"{"source":{"id":5},"events":[]}"#.into(), (422, "body.source.id")),
        ("session is a text", r#"{"source":{"id":"shop"},"session":"s"}"#.into(), (422, "body.session")),
        ("session id is null", r#"{"source":{"id":"shop"},"session":{"id":null}}"#.into(), (422, "body.session.id")),
        ("profile id is a list", r#"{"source":{"id":"shop"},"profile":{"id":[]}}"#.into(), (422, "body.profile.id")),
        ("context is a list", r#"{"source":{"id":"shop"},"context":[]}"#.into(), (422, "body.context")),
        ("events is null", r#"{"source":{"id":"shop"},"events":null}"#.into(), (422, "body.events")),
        ("events is an object", r#"{"source":{"id":"shop"},"events":{}}"#.into(), (422, "body.events")),
        ("event is null", r#"{"source":{"id":"shop"},"events":[null]}"#.into(), (422, "body.events.0")),
        ("event without type", with(json!({"properties": {}})), (422, "body.events.0.type")),
        ("blank type", with(json!({"type": "  "})), (422, "body.events.0.type")),
        ("type is a number", with(json!({"type": 1})), (422, "body.events.0.type")),
        ("properties is a list", with(json!({"type": "a", "properties": []})), (422, "body.events.0.properties")),
        ("tags is a text", with(json!({"type": "a", "tags": "x"})), (422, "body.events.0.tags")),
        ("time is a text", with(json!({"type": "a", "time": "now"})), (422, "body.events.0.time")),
        ("no date", with(json!({"type": "a", "time": {"create": "yesterday"}})), (422, "body.events.0.time.create")),
        ("year 99999", with(json!({"type": "a", "time": {"create": "99999-01-01T00:00:00Z"}})), (422, "body.events.0.time.create")),
        ("the last day of 9999", with(json!({"type": "a", "time": {"create": "9999-12-31T23:59:59Z"}})), (422, "body.events.0.time.create")),
        ("the day before", with(json!({"type": "a", "time": {"create": "9999-12-30T00:00:00Z", "insert": "9999-12-30T00:00:00Z"}})), (200, "")),
        ("month 13", with(json!({"type": "a", "time": {"insert": "2026-13-01T00:00:00Z"}})), (422, "body.events.0.time.insert")),
        ("a far number", with(json!({"type": "a", "time": {"insert": 1e300}})), (422, "body.events.0.time.insert")),
        ("10,000 levels of objects", nested, (422, "body")),
        ("10,000 levels of lists", lists, (422, "body")),
        ("a session id of 10 kB", json!({"source": {"id": "shop"}, "session": {"id": long}, "events": [{"type": "a"}]}).to_string(), (422, "body.session.id")),
        ("a profile id of 10 kB", json!({"source": {"id": "shop"}, "profile": {"id": long}, "events": [{"type": "a"}]}).to_string(), (422, "body.profile.id")),
        ("a source id of 10 kB", json!({"source": {"id": long}, "events": [{"type": "a"}]}).to_string(), (422, "body.source.id")),
        ("an event id of 10 kB", with(json!({"type": "a", "id": long})), (422, "body.events.0.id")),
        ("a type of 10 kB", with(json!({"type": long})), (422, "body.events.0.type")),
        ("too many events", json!({"source": {"id": "shop"}, "events": vec![json!({"type": "a"}); 10_001]}).to_string(), (422, "body.events")),
        ("a huge number", format!(r#"{{"source":{{"id":"shop"}},"debug":1{}}}"#, "0".repeat(500)), (422, "body.#")),
    ];
    for (name, body, (status, expected)) in cases {
        let reply =
            call("POST", format!("{public}/track")).header("content-type", "application/json").body(body).send().await;
        assert_eq!(reply.status.as_u16(), status, "{name}: {}", reply.text);
        if status != 200 {
            let place = place(&reply);
            let at = place.rsplit_once('.').filter(|(_, step)| step.bytes().all(|digit| digit.is_ascii_digit()));
            // `#` stands for the offset of a syntax error.
            let fits = place == expected || expected == "body.#" && at.is_some_and(|(parent, _)| parent == "body");
            assert!(fits, "{name}: {place} instead of {expected}: {}", reply.text);
        }
    }

    // Not UTF-8, and lone surrogates: refused, or taken as something harmless, but never a failure of ours.
    for body in [
        &b"{\"source\":{\"id\":\"\xff\xfe\"},\"events\":[]}"[..],
        b"\xef\xbb\xbf{}",
        b"\0",
        br#"{"source":{"id":"\ud800"},"session":{"id":"s"},"events":[{"type":"\udfff"}]}"#,
    ] {
        let reply = call("POST", format!("{public}/track"))
            .header("content-type", "application/json")
            .body(body.to_vec())
            .send()
            .await;
        assert!(
            (400..500).contains(&reply.status.as_u16()) && reply.json()["detail"].is_array(),
            "{:?}: {}",
            reply.status,
            reply.text
        );
    }

    // The type of the content.
    let good = r#"{"source":{"id":"shop"},"events":[]}"#;
    for (kind, status) in [
        (None, 200),
        (Some("application/json; charset=utf-8"), 200),
        (Some("text/plain"), 422),
        (Some("application/x-www-form-urlencoded"), 422),
    ] {
        let mut request = call("POST", format!("{public}/track")).body(good);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let reply = request.send().await;
        assert_eq!(reply.status.as_u16(), status, "{kind:?}: {}", reply.text);
        if status == 422 {
            assert_eq!(place(&reply), "body");
        }
    }
    let packed = call("POST", format!("{public}/track")).header("content-encoding", "zstd").body("x").send().await;
    assert_eq!((packed.status.as_u16(), place(&packed).as_str()), (415, "header.content-encoding"));
    let query = call("POST", format!("{public}/track?profile_less=maybe")).body(good).send().await;
    assert_eq!((query.status.as_u16(), place(&query).as_str()), (422, "query.profile_less"));
    let get = call("GET", format!("{public}/track")).send().await;
    assert_eq!((get.status.as_u16(), get.text.as_str()), (405, r#"{"detail":"Method Not Allowed"}"#));
    server.stop().await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// A line of `/proc/PID/status` in kB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[tokio::test]
async fn memory_stays_flat() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let public = server.url(0);
    let good = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"type": "page-view"}]});
    assert_eq!(call("POST", format!("{public}/track")).json(&good).send().await.status, 200);
    let before = memory(server.pid(), "VmHWM");

    let nested = format!(
        r#"{{"source":{{"id":"shop"}},"events":[{{"type":"a","properties":{}1{}}}]}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let big = format!(r#"{{"source":{{"id":"shop"}},"events":[{}1]}}"#, "1,".repeat(25 << 20));
    assert!(big.len() > 50 << 20);
    for round in 0..3 {
        let reply = call("POST", format!("{public}/track")).body(nested.clone()).send().await;
        assert_eq!(reply.status, 422, "{}", reply.text);
        // With its length announced, and in pieces of unknown number.
        let reply = call("POST", format!("{public}/track")).body(big.clone()).send().await;
        assert_eq!((reply.status.as_u16(), place(&reply).as_str()), (413, "body"), "round {round}: {}", reply.text);
        assert!(reply.text.contains("8388608 bytes"), "{}", reply.text);
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            big.as_bytes().chunks(1 << 16).map(|piece| Ok(piece.to_vec())).collect();
        let stream = axum::body::Body::from_stream(futures::stream::iter(pieces));
        let reply = call("POST", format!("{public}/track")).body(stream).send().await;
        assert_eq!((reply.status.as_u16(), place(&reply).as_str()), (413, "body"), "round {round}: {}", reply.text);
    }
    let grown = memory(server.pid(), "VmHWM").saturating_sub(before);
    // What may be read of a body is 8 MiB; three bodies of 50 MiB and the trees of them would be far more.
    assert!(grown < 40 * 1024, "the process grew by {grown} kB");
    assert_eq!(call("POST", format!("{public}/track")).json(&good).send().await.status, 200);
    server.stop().await;
}

/// What costs those who read it without bounds, as bodies: nested, endless, with names twice, and no text.
fn poison() -> Vec<(&'static str, Vec<u8>)> {
    let nested =
        |open: &str, close: &str| format!("{{\"a\":{}1{}}}", open.repeat(10_000), close.repeat(10_000)).into_bytes();
    vec![
        ("10,000 lists", nested("[", "]")),
        ("10,000 objects", nested("{\"a\":", "}")),
        ("a list without end", b"[".repeat(1 << 20)),
        ("300,000 values", format!("{{\"a\":[{}1]}}", "1,".repeat(300_000)).into_bytes()),
        ("50 MB", format!("{{\"a\":\"{}\"}}", "x".repeat(50 << 20)).into_bytes()),
        ("a name twice", br#"{"id":"a","id":"b","source":{"id":"x"},"source":7}"#.to_vec()),
        ("half of a letter", br#"{"id":"\ud800","name":"\udfff\ud800"}"#.to_vec()),
        ("no letters", b"{\"id\":\"\xff\xfe\xc0\x80\",\"name\":\"\xed\xa0\x80\"}".to_vec()),
        ("a number without end", format!("{{\"a\":1{}}}", "0".repeat(100_000)).into_bytes()),
        ("an exponent without end", format!("{{\"a\":1e{}}}", "9".repeat(100_000)).into_bytes()),
    ]
}

#[tokio::test]
async fn poison_is_refused_wherever_it_is_sent() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let api = Api::open(server.url(0), server.url(1)).await;
    let open = |id: &str| json!({"id": id, "name": id, "type": [id], "bridge": {"id": "b", "name": "B"}});
    for source in ["webhook", "redirect"] {
        api.save("/event-source", &open(source)).await;
    }
    let link = json!({"id": "link", "name": "Link", "url": "https://shop.example/", "source": {"id": "redirect", "name": ""},
        "event_type": "clicked", "props": {"body": "payload@body", "part": "payload@body.a"}});
    api.save("/event-redirect", &link).await;
    assert_eq!(call("POST", format!("{}/redirect/link", server.url(0))).send().await.status, 307);
    let paths = [
        (0, "/track"),
        (0, "/customer/consent"),
        (0, "/collect/a/webhook"),
        (0, "/redirect/link"),
        (1, "/event-source"),
        (1, "/event-validator"),
        (1, "/segment"),
        (1, "/destination"),
        (1, "/event/select"),
        (1, "/event/select/range"),
        (1, "/profile/select/condition"),
        (1, "/user"),
    ];
    for (name, body) in poison() {
        for (port, path) in paths {
            for kind in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"] {
                let call = call("POST", format!("{}{path}", server.url(port))).header("content-type", kind);
                let reply = match call.bearer(&api.token).body(body.clone()).try_send().await {
                    // Who is refused before the body is read may be cut off while sending it.
                    Err(_) if body.len() > 1 << 20 => continue,
                    answer => answer.unwrap(),
                };
                let status = reply.status.as_u16();
                // What nobody reads is no error: a search asks for `where` only.
                let unread = status == 200 && body.len() < 100;
                // Webhooks and links take any text that is not too long; what says that it is JSON is held to all bounds.
                let takes_text = ["/collect/a/webhook", "/redirect/link"].contains(&path) && body.len() <= 8 << 20;
                let is_deep = name.contains("000 ") || name == "a list without end";
                let taken = takes_text && [200, 307].contains(&status) && !(is_deep && kind == "application/json");
                assert!(
                    (400..500).contains(&status) || unread || taken,
                    "{name} to {path} as {kind}: {status} {}",
                    reply.text
                );
                let short = reply.text.len() < 100_000;
                assert!(status == 200 || short, "{name} to {path}: a refusal of {} bytes", reply.text.len());
            }
        }
    }
    // A place far to the right in a text is told like any other.
    let field = format!("event@{}..b", "a".repeat(100_000));
    let validator = json!({"id": "v", "name": "n", "event_type": "a", "validation": {"json_schema": {(field): {}}}});
    let reply = api.send("POST", "/event-validator", Some(&validator)).await;
    assert_eq!(reply.status, 422, "{}", reply.text);
    let good = json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"type": "page-view"}]});
    assert_eq!(call("POST", format!("{}/track", api.public)).json(&good).send().await.status, 200);
    server.stop().await;
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test]
async fn clients_that_wait_for_permission_are_told_before_they_send() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let address = server.url(0).replace("http://", "");
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
            .write_all(b"POST /track HTTP/1.1\r\nhost: a\r\ncontent-length: 52428800\r\nexpect: 100-continue\r\n\r\n")
            .unwrap();
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    })
    .await
    .unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"loc\":[\"body\"]"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn requests_that_are_no_http() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let address = server.url(0).replace("http://", "");
    tokio::task::spawn_blocking(move || {
        for rubbish in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"GET\r\n\r\n",
            b"POST /track HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            b"POST /track HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            &vec![b'a'; 100_000],
        ] {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let _ = stream.write_all(rubbish);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    })
    .await
    .unwrap();
    assert_eq!(call("GET", format!("{}/info/version", server.url(0))).send().await.status, 200);
    server.stop().await;
}
