//! Much in one go: thousands of events in a request, many requests on a connection, many at a time over HTTP/2.

mod support;

use axum::body::Body;
use axum::http::{Request, Version};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use support::{SOURCE, Server, payload, scratch};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn five_thousand_events_in_one_request() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let event = |number: u32| {
        json!({"type": "product-viewed", "time": {"create": 1_790_000_000 + number},
            "properties": {"id": number, "name": format!("Shoe {number}"), "price": 99.5, "tags": ["a", "b"]},
            "context": {"page": {"url": "https://shop.example/shoes", "title": "Shoes"}}})
    };
    let events: Vec<Value> = (0..5_000).map(event).collect();
    let body = payload("s", None, &events);
    let mut private = server.log_in().await;
    // Far longer than it takes: a busy machine is no failure.
    let client =
        || tracardi_simulate::client::Client::new(server.url(0).parse().unwrap(), std::time::Duration::from_mins(2));
    // A batch that is sent again is no other batch.
    for _ in 0..2 {
        let answer = client().request("POST", "/track", &JSON, &body).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.detail());
        assert_eq!(private.count("event").await, 5_000 + 3, "and those of the system");
    }
    // An event more than a request may have: nothing is stored of it.
    let events: Vec<Value> = (0..10_001).map(|_| json!({"type": "a"})).collect();
    let answer = client().request("POST", "/track", &JSON, &payload("t", None, &events)).await.unwrap();
    assert_eq!(answer.status, 422);
    assert_eq!(private.count("event").await, 5_003);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_is_kept() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let address = server.url(0).replace("http://", "");
    let kept = tokio::task::spawn_blocking(move || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        let mut kept = 0;
        for number in 0..50 {
            // Refusals among them.
            let source = if number % 5 == 0 { "none" } else { SOURCE };
            let body =
                json!({"source": {"id": source}, "session": {"id": "s"}, "events": [{"type": format!("e{number}")}]});
            let body = body.to_string();
            let head = "POST /track HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length";
            stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"}") {
                let mut piece = [0; 4096];
                let read = stream.read(&mut piece).unwrap();
                assert!(read > 0, "the connection was closed after {kept} requests");
                answer.extend_from_slice(&piece[..read]);
            }
            let expected = if source == SOURCE { "HTTP/1.1 200" } else { "HTTP/1.1 401" };
            assert!(String::from_utf8_lossy(&answer).starts_with(expected));
            kept += 1;
        }
        kept
    });
    assert_eq!(kept.await.unwrap(), 50);
    server.stop().await;
}

#[tokio::test]
async fn many_at_a_time_over_http_2() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let url = format!("{}/track", server.url(0));
    let requests = (0..200).map(|number| {
        let body = payload(
            &format!("s{}", number % 10),
            None,
            &[json!({"type": "checkout-started", "id": format!("e{number}"), "properties": {"value": 1}})],
        );
        let request = Request::post(&url).header("content-type", "application/json").body(Body::from(body)).unwrap();
        let answer = client.request(request);
        async move {
            let answer = answer.await.unwrap();
            let (status, version) = (answer.status(), answer.version());
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!((status.as_u16(), version), (200, Version::HTTP_2), "{}", String::from_utf8_lossy(&body));
        }
    });
    // As many at a time as a server lets a client have.
    futures::stream::iter(requests).buffer_unordered(50).collect::<()>().await;
    server.stop().await;
    let events = support::stored(&server.data(), "event").await;
    assert_eq!(events.iter().filter(|event| event["type"] == "checkout-started").count(), 200);
    let profiles = support::stored(&server.data(), "profile").await;
    assert_eq!(profiles.len(), 10);
    assert!(profiles.iter().all(|profile| profile["data"]["metrics"]["ltcosc"] == 20), "no count is lost");
}
