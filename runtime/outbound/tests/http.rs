//! One attempt at a delivery, against real servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod common;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use common::Receiver;
use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_model::configuration::HTTP_CONNECTOR;
use tracardi_outbound::{Connector, Guard, Message, Sent, Target};

/// This machine, as far as its first address goes.
const ALLOWED: &str = "127.0.0.1";

async fn send_with(allowed: &str, url: &str, init: Value) -> Sent {
    let guard = Arc::new(Guard::new(allowed, "").unwrap());
    let credentials = json!({"url": url, "username": "u", "password": "geheim"});
    let target = Target::read(HTTP_CONNECTOR, &credentials, &init).unwrap();
    let body = serde_json::value::to_raw_value(&json!({"data": {"a": {"b": 1}}, "changes": []})).unwrap();
    let message = Message { id: "d-1", profile: None, body: &body, at: Timestamp::UNIX_EPOCH };
    Connector::new(guard).unwrap().send(&target, message).await
}

async fn send(url: &str, init: Value) -> Sent {
    send_with(ALLOWED, url, init).await
}

fn dead(sent: &Sent) -> &str {
    let Sent::Dead(reason) = sent else { panic!("{sent:?}") };
    assert!(!reason.contains("geheim"), "{reason}");
    reason
}

fn later(sent: &Sent) -> &str {
    let Sent::Later { error, .. } = sent else { panic!("{sent:?}") };
    assert!(!error.contains("geheim"), "{error}");
    error
}

fn leading(status: u16, to: &str) -> Response {
    (axum::http::StatusCode::from_u16(status).unwrap(), [("location", to)]).into_response()
}

#[tokio::test]
async fn a_post_carries_everything_that_was_configured() {
    let receiver = Receiver::answering(201).await;
    let init = json!({"method": "POST", "headers": {"X-Shop": "7"}, "cookies": {"a": "b"}});
    assert_eq!(send(&format!("{}/hook?token=1", receiver.url), init).await, Sent::Delivered);
    let [seen] = &receiver.seen()[..] else { panic!() };
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("POST", "/hook?token=1"));
    assert_eq!(seen.body, r#"{"data":{"a":{"b":1}},"changes":[]}"#);
    assert_eq!(seen.key(), "d-1");
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-shop", "7"),
        ("cookie", "a=b"),
        ("authorization", "Basic dTpnZWhlaW0="),
    ] {
        assert_eq!(seen.header(name), Some(value));
    }
}

#[tokio::test]
async fn a_get_carries_parameters() {
    let receiver = Receiver::answering(200).await;
    assert_eq!(send(&format!("{}/hook?x=y", receiver.url), json!({})).await, Sent::Delivered);
    let [seen] = &receiver.seen()[..] else { panic!() };
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("GET", "/hook?x=y&data.a.b=1"));
    assert!(seen.body.is_empty());
}

#[tokio::test]
async fn refusals_are_final_and_failures_are_not() {
    let receiver =
        Receiver::start(|_, _| Some((axum::http::StatusCode::BAD_REQUEST, "no such field").into_response())).await;
    assert_eq!(dead(&send(&receiver.url, json!({})).await), "answered 400 Bad Request: no such field");
    let receiver = Receiver::answering(500).await;
    assert_eq!(later(&send(&receiver.url, json!({})).await), "answered 500 Internal Server Error");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = send(&format!("http://{nobody}/?token=geheim"), json!({})).await;
    assert!(later(&refused).contains("refused"), "{refused:?}");
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let receiver = Receiver::start(|_, _| None).await;
    let sent = send(&receiver.url, json!({"timeout": 0.2})).await;
    assert_eq!(later(&sent), "no answer within 0.2 s");
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let drip = |status: u16| {
        move |_: &common::Seen, _| {
            let drops = futures::stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 1000])));
            let slow = futures::stream::StreamExt::chain(
                futures::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"no"))]),
                futures::stream::pending(),
            );
            let body = if status == 200 { Body::from_stream(drops) } else { Body::from_stream(slow) };
            Some((axum::http::StatusCode::from_u16(status).unwrap(), body).into_response())
        }
    };
    let flood = Receiver::start(drip(200)).await;
    assert_eq!(send(&flood.url, json!({})).await, Sent::Delivered);
    let slow = Receiver::start(drip(400)).await;
    // The head is to come within this time, and as long is waited for the rest: on a busy machine the first may be too short.
    let mut sent = send(&slow.url, json!({"timeout": 0.3})).await;
    for timeout in [1, 3, 10] {
        if matches!(sent, Sent::Dead(_)) {
            break;
        }
        assert!(later(&sent).starts_with("no answer within"), "{sent:?}");
        sent = send(&slow.url, json!({"timeout": timeout})).await;
    }
    assert!(dead(&sent).starts_with("answered 400 Bad Request"));
}

#[tokio::test]
async fn a_redirect_is_followed_and_shown_no_credentials_elsewhere() {
    let there = Receiver::answering(200).await;
    let place = there.url.clone();
    let here = Receiver::start(move |seen, _| match seen.uri.path() {
        "/a" => Some(leading(308, "/b")),
        _ => Some(leading(307, &format!("{place}/c"))),
    })
    .await;
    let init = json!({"method": "put", "headers": {"X-Key": "geheim"}, "cookies": {"a": "b"}});
    assert_eq!(send(&format!("{}/a", here.url), init).await, Sent::Delivered);
    let both = here.seen();
    assert_eq!(both.len(), 2);
    assert!(both.iter().all(|seen| seen.header("authorization").is_some() && seen.header("x-key").is_some()));
    let [seen] = &there.seen()[..] else { panic!() };
    assert_eq!((seen.method.as_str(), seen.body.len(), seen.key()), ("PUT", 35, "d-1"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    for name in ["authorization", "x-key", "cookie"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn redirects_that_lead_nowhere_good_are_not_followed() {
    let circle = Receiver::start(|_, _| Some(leading(302, "/again"))).await;
    assert!(dead(&send(&circle.url, json!({})).await).contains("more than 5 redirects"));
    assert_eq!(circle.seen().len(), 6);
    let lost = Receiver::start(|_, _| Some(leading(301, "/elsewhere"))).await;
    assert!(dead(&send(&lost.url, json!({"method": "post"})).await).contains("would get lost"));
    assert_eq!(lost.seen().len(), 1);
    let silent = Receiver::answering(307).await;
    assert!(dead(&send(&silent.url, json!({})).await).contains("without saying where to"));
}

#[tokio::test]
async fn nothing_leads_to_a_forbidden_address() {
    let inside = Receiver::answering(200).await;
    let port = inside.url.rsplit(':').next().unwrap().to_owned();
    // By an address.
    assert!(dead(&send_with("", &inside.url, json!({})).await).contains("--outbound-allow"));
    // By a name.
    for name in ["localhost", "localhost."] {
        assert!(dead(&send_with("", &format!("http://{name}:{port}"), json!({})).await).contains("--outbound-allow"));
    }
    // By redirects, from a server that may be reached: one address of this machine is open, no other.
    for place in ["127.0.0.2", "0x7f.2", "[::1]", "[::ffff:127.0.0.2]", "169.254.169.254", "0"] {
        let to = format!("http://{place}:{port}/");
        let outside = Receiver::start(move |_, _| Some(leading(302, &to))).await;
        assert!(dead(&send(&outside.url, json!({})).await).contains("--outbound-allow"), "{place}");
        assert_eq!(outside.seen().len(), 1);
    }
    assert!(inside.seen().is_empty());
}
