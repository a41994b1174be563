//! Counters are exact under parallel load, and the same request twice changes nothing: the real program, real connections.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use serde_json::{Value, json};
use support::{Private, Server, payload, profile_of, scratch};
use tokio::task::JoinSet;
use tracardi_simulate::client::Answer;

const CLIENTS: usize = 64;
const EVENTS: usize = 1_000;

fn event(kind: &str, properties: &Value, number: usize) -> Value {
    json!({"type": kind, "time": {"create": format!("2026-03-01T10:00:00.{number:06}Z")}, "properties": properties})
}

/// The `number`th event: what it adds to the profile depends on the number alone.
fn numbered(number: usize) -> Value {
    match number % 4 {
        0 => event("checkout-started", &json!({"id": format!("k{number}"), "currency": "EUR", "value": 2.5}), number),
        1 => event("checkout-completed", &json!({"id": format!("k{number}"), "value": 1.25}), number),
        2 => event("increase-interest", &json!({"interest": "shoes", "value": 1}), number),
        _ => event("page-view", &json!({"id": format!("/{number}")}), number),
    }
}

async fn started() -> (tempfile::TempDir, Server) {
    let directory = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), directory.path());
    server.start().await;
    server.create_source().await;
    (directory, server)
}

async fn track(server: &Server, body: &[u8]) -> Answer {
    let delivered = server.delivery(1).post("/track", &[("content-type", "application/json")], body).await.unwrap();
    assert_eq!(delivered.answer.status, 200, "{}", delivered.answer.detail());
    delivered.answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_of_one_profile_lose_no_count() {
    let (_directory, mut server) = started().await;
    let first = track(&server, &payload("session-0", None, &[event("visit", &json!({}), 0)])).await;
    let profile = profile_of(&first);

    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (mut delivery, profile) = (server.delivery(client as u64), profile.clone());
        clients.spawn(async move {
            for number in (client..EVENTS).step_by(CLIENTS) {
                let body = payload(&format!("session-of-{client}"), Some(&profile), &[numbered(number)]);
                let delivered = delivery.post("/track", &[("content-type", "application/json")], &body).await.unwrap();
                assert_eq!(delivered.answer.status, 200, "{}", delivered.answer.detail());
                assert_eq!(profile_of(&delivered.answer), profile);
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }

    let mut private = server.log_in().await;
    let document = private.get(&format!("/profile/{profile}")).await;
    // One visit for each client's session and one for the first request's.
    assert_eq!(document["metadata"]["time"]["visit"]["count"], json!(CLIENTS + 1));
    let quarter = EVENTS / 4;
    let metrics = &document["data"]["metrics"];
    assert_eq!((&metrics["ltcosc"], &metrics["ltcocc"]), (&json!(quarter), &json!(quarter)));
    assert_eq!(metrics["ltcosv"].as_f64(), Some(625.0));
    assert_eq!(metrics["ltcocv"].as_f64(), Some(312.5));
    assert_eq!(metrics["ltcop"].as_f64(), Some(1.0));
    assert_eq!(document["interests"]["shoes"].as_f64(), Some(250.0));
    assert_eq!(private.count("profile").await, 1);
    assert_eq!(private.count("session").await, CLIENTS as u64 + 1);
    // The events of the clients, the first one, and for each session visit-started and session-opened, once profile-created.
    assert_eq!(private.count("event").await, (EVENTS + 1 + 2 * (CLIENTS + 1) + 1) as u64);
    server.stop().await;
}

/// Everything that a request could change, as the private API shows it.
async fn world(private: &mut Private, profile: &str, session: &str) -> Value {
    private.get("/events/refresh").await;
    json!({
        "profile": private.get(&format!("/profile/{profile}")).await,
        "session": private.get(&format!("/session/{session}")).await,
        "events": private.count("event").await,
        "sessions": private.count("session").await,
        "profiles": private.count("profile").await,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_again_changes_nothing_and_is_answered_the_same() {
    let (_directory, mut server) = started().await;
    let events = [numbered(0), numbered(2), numbered(2), numbered(3)];
    let body = payload("session-1", None, &events);
    let first = track(&server, &body).await;
    let profile = profile_of(&first);
    let mut private = server.log_in().await;
    let before = world(&mut private, &profile, "session-1").await;
    // Two equal events in one request are two events.
    assert_eq!(before["profile"]["interests"]["shoes"].as_f64(), Some(2.0));
    assert_eq!(before["events"], json!(events.len() + 3));

    // One after the other.
    for _ in 0..3 {
        assert_eq!(answer(&track(&server, &body).await), answer(&first));
    }
    assert_eq!(world(&mut private, &profile, "session-1").await, before);

    // At the same time.
    let mut clients = JoinSet::new();
    for client in 0..32 {
        let (mut delivery, body) = (server.delivery(client), body.clone());
        clients.spawn(async move { delivery.post("/track", &[("content-type", "application/json")], &body).await });
    }
    while let Some(delivered) = clients.join_next().await {
        assert_eq!(answer(&delivered.unwrap().unwrap().answer), answer(&first));
    }
    assert_eq!(world(&mut private, &profile, "session-1").await, before);

    // After a restart, by SIGTERM and by SIGKILL: nothing of it lives in memory only.
    for gentle in [true, false] {
        if gentle {
            server.stop().await;
        } else {
            server.kill().await;
        }
        server.start().await;
        assert_eq!(answer(&track(&server, &body).await), answer(&first));
        assert_eq!(world(&mut server.log_in().await, &profile, "session-1").await, before);
    }
}

/// At the same time and never sent before: the first of them makes the profile, all of them name it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_copies_of_a_first_request_make_one_profile() {
    let (_directory, server) = started().await;
    let body = payload("session-2", None, &[numbered(0), numbered(1)]);
    let mut clients = JoinSet::new();
    for client in 0..32 {
        let (mut delivery, body) = (server.delivery(client), body.clone());
        clients.spawn(async move { delivery.post("/track", &[("content-type", "application/json")], &body).await });
    }
    let mut answers = Vec::new();
    while let Some(delivered) = clients.join_next().await {
        answers.push(answer(&delivered.unwrap().unwrap().answer));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let mut private = server.log_in().await;
    assert_eq!((private.count("profile").await, private.count("session").await), (1, 1));
    let profile = private.get(&format!("/profile/{}", answers[0]["profile"]["id"].as_str().unwrap())).await;
    assert_eq!(profile["metadata"]["time"]["visit"]["count"], 1);
    assert_eq!(profile["data"]["metrics"]["ltcosc"], 1);
}

/// The answer as a tracker reads it.
fn answer(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.detail());
    serde_json::from_slice(&answer.body).unwrap()
}
