//! Whole runs against a server that stands in for a collector: real connections, scripted answers.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use clap::Parser;
use serde_json::{Value, json};
use tracardi_process::{ManualClock, SharedClock};
use tracardi_simulate::cli::{Arguments, Failure, send, verdict};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

/// What the server has seen: bodies by session, in order.
#[derive(Default)]
struct Seen {
    requests: AtomicUsize,
    bodies: Mutex<BTreeMap<String, Vec<(String, Value)>>>,
}

/// Answers as a collector does; every third request is answered 503 although it was seen.
async fn track(State(seen): State<Arc<Seen>>, body: String) -> Response {
    let payload: Value = serde_json::from_str(&body).unwrap();
    let session = payload["session"]["id"].as_str().unwrap().to_owned();
    if payload["source"]["id"] != "shop" {
        return (StatusCode::UNAUTHORIZED, json!({"detail": "Invalid event source."}).to_string()).into_response();
    }
    let profile = payload["profile"]["id"].as_str().map_or_else(|| format!("profile of {session}"), ToOwned::to_owned);
    seen.bodies.lock().unwrap().entry(session.clone()).or_default().push((body, payload));
    if seen.requests.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
        return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")], "busy").into_response();
    }
    json!({"profile": {"id": profile}, "session": {"id": session}}).to_string().into_response()
}

async fn server() -> (String, Arc<Seen>, tokio::task::JoinSet<()>) {
    let seen = Arc::new(Seen::default());
    let router = Router::new().route("/track", post(track)).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, seen, tasks)
}

fn arguments(url: &str, words: &str) -> Arguments {
    let words = format!("simulate --url {url} {words}");
    Command::try_parse_from(words.split_whitespace()).unwrap_or_else(|error| unreachable!("{error}")).arguments
}

fn clock() -> SharedClock {
    Arc::new(ManualClock::new("2026-03-01T12:00:00Z".parse().unwrap()))
}

#[tokio::test]
async fn everything_is_acknowledged_although_the_server_is_busy_at_times() {
    let (url, seen, _tasks) = server().await;
    let arguments = arguments(&url, "--source shop --visitors 40 --concurrency 5");
    let (journal, _) = send(&arguments, &clock(), |_| ()).await.unwrap();
    assert_eq!(verdict(&journal, &arguments), Ok(()));
    assert_eq!(journal.visitors.len(), 40);
    assert!(journal.retries > 0);
    assert!(journal.profile_to_look_at().unwrap().starts_with("profile of "));

    let bodies = seen.bodies.lock().unwrap();
    let requests: usize = bodies.values().map(Vec::len).sum();
    assert_eq!(requests as u64, journal.requests + journal.retries);
    let mut distinct = 0;
    for sent in bodies.values() {
        let mut last = String::new();
        for pair in sent.chunk_by(|(one, _), (two, _)| one == two) {
            // What is sent again is sent with the same bytes; what follows is later.
            distinct += 1;
            let created = pair[0].1["events"][0]["time"]["create"].as_str().unwrap().to_owned();
            assert!(created > last);
            last = created;
        }
        // The first answer's profile is carried from then on.
        let after: Vec<_> =
            sent.iter().map(|(_, payload)| &payload["profile"]["id"]).skip_while(|id| id.is_null()).collect();
        assert!(after.windows(2).all(|pair| pair[0] == pair[1]));
    }
    assert_eq!(distinct, journal.requests);
}

#[tokio::test]
async fn an_unknown_source_is_one_readable_line() {
    let (url, _, _tasks) = server().await;
    let arguments = arguments(&url, "--source shpo --visitors 5000");
    let (journal, _) = send(&arguments, &clock(), |_| ()).await.unwrap();
    assert!(journal.refused.count <= 8, "it stops at once: {:?}", journal.refused);
    let failure = verdict(&journal, &arguments).unwrap_err();
    assert!(matches!(failure, Failure::Refused { .. }));
    assert_eq!(
        failure.to_string(),
        format!(
            "{url} refused event source `shpo`: 401 Invalid event source; create it (type rest) or name another with --source"
        )
    );
}

#[tokio::test]
async fn nobody_there_is_one_readable_line() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let arguments = arguments(&format!("http://127.0.0.1:{port}"), "--source shop");
    let failure = send(&arguments, &clock(), |_| ()).await.unwrap_err().to_string();
    assert!(
        failure.starts_with(&format!("http://127.0.0.1:{port} cannot be reached: Connection refused")),
        "{failure}"
    );
}

#[tokio::test]
async fn pace_follows_the_clock() {
    let (url, _, _tasks) = server().await;
    // Half a minute of arrivals at 60 times the speed: half a second, and what the visitors do after that.
    let words = "--source shop --visitors 3 --hours 0.01 --speed 600 --start 2026-03-01T12:00:00Z";
    let (journal, elapsed) = send(&arguments(&url, words), &clock(), |_| ()).await.unwrap();
    assert!(journal.requests > 0);
    assert!(elapsed.as_millis() >= 30, "{elapsed:?}");
}
