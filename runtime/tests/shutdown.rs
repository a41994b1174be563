//! SIGTERM under load, and starting again: what was acknowledged is there, and the process leaves well and soon.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use support::{Server, payload, scratch, stored};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

const CLIENTS: u64 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_survives_sigterm_under_load() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path()).set("SYSTEM_EVENTS", "no");
    server.start().await;
    server.create_source().await;

    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let stopping = Arc::new(AtomicBool::new(false));
        let count = Arc::new(AtomicU64::new(0));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (mut connection, stopping, count) = (server.public(), stopping.clone(), count.clone());
            clients.spawn(async move {
                let mut mine = Vec::new();
                for number in 0.. {
                    let id = format!("r{round}-c{client}-{number}");
                    let body = payload(&format!("r{round}-c{client}"), None, &[json!({"type": "page-view", "id": id})]);
                    let headers = [("content-type", "application/json")];
                    match connection.request("POST", "/track", &headers, &body).await {
                        Ok(answer) if answer.status == 200 => {
                            mine.push(id);
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        // It is leaving and says so.
                        Ok(answer) => {
                            assert!(answer.status == 503 && stopping.load(Ordering::SeqCst), "{}", answer.detail());
                        }
                        // It has left.
                        Err(error) => {
                            assert!(stopping.load(Ordering::SeqCst), "{error}");
                            return mine;
                        }
                    }
                }
                mine
            });
        }
        while count.load(Ordering::Relaxed) < 300 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopping.store(true, Ordering::SeqCst);
        let started = std::time::Instant::now();
        server.stop().await;
        assert!(started.elapsed() < Duration::from_secs(20), "it took {:?} to leave", started.elapsed());
        while let Some(mine) = clients.join_next().await {
            acknowledged.extend(mine.unwrap());
        }
        let there: Vec<String> = stored(&server.data(), "event")
            .await
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect();
        let once: BTreeSet<String> = there.iter().cloned().collect();
        assert_eq!(once.len(), there.len(), "no event is stored twice");
        let lost: Vec<_> = acknowledged.difference(&once).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and not stored: {lost:?}");
        server.start().await;
    }
    assert!(acknowledged.len() >= 900);
    let events = server.log_in().await.count("event").await;
    assert!(events >= acknowledged.len() as u64);
    server.stop().await;
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let body = payload("s", None, &[json!({"type": "page-view", "id": "e"})]);
    let headers = [("content-type", "application/json")];
    let first = server.public().request("POST", "/track", &headers, &body).await.unwrap();
    let before = server.log_in().await.get("/event/e").await;
    server.stop().await;

    let ready = server.start().await;
    println!("ready after {ready:?}");
    let again = server.public().request("POST", "/track", &headers, &body).await.unwrap();
    let profile = |answer: &tracardi_simulate::client::Answer| support::profile_of(answer);
    assert_eq!(profile(&first), profile(&again), "the source, the session and its profile are known");
    let mut private = server.log_in().await;
    assert_eq!(private.get("/event/e").await, before);
    assert_eq!(private.count("profile").await, 1);
    server.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_process_leaves() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let url = server.url(1).replace("http://", "");
    let form = "username=admin%40example.com&password=correct-horse-battery-7";
    let login = server
        .client(1)
        .request("POST", "/user/token", &[("content-type", "application/x-www-form-urlencoded")], form.as_bytes())
        .await
        .unwrap();
    let token: serde_json::Value = serde_json::from_slice(&login.body).unwrap();
    let mut stream = tokio::net::TcpStream::connect(&url).await.unwrap();
    let request = format!(
        "GET /events/live HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\r\n",
        token["access_token"].as_str().unwrap()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 1024];
    let read = stream.read(&mut head).await.unwrap();
    assert!(head[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head[..read]));
    let started = std::time::Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "an open stream held it up for {:?}", started.elapsed());
}

/// A request that is under way, and stays so as long as this is kept.
async fn request_without_end(server: &Server) -> JoinSet<()> {
    let mut client = tokio::net::TcpStream::connect(server.url(0).replace("http://", "")).await.unwrap();
    let head = "POST /track HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    // The server has the head and waits for the body.
    let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut told = [0; 25];
    assert_eq!(client.read_exact(&mut told).await.unwrap(), expected.len());
    assert_eq!(&told, expected, "{}", String::from_utf8_lossy(&told));
    // It keeps sending, so that no pause between two pieces ends it.
    let mut sending = JoinSet::new();
    sending.spawn(async move {
        while client.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    sending
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    let _request = request_without_end(&server).await;
    // It leaves well.
    server.stop().await;
    let log = server.log();
    let cut: Vec<&str> = log.lines().filter(|line| line.contains("are cut off")).collect();
    assert!(cut.len() == 1 && cut[0].contains("WARN") && cut[0].contains("1 connections"), "{log}");
}

#[tokio::test]
async fn a_second_signal_does_not_wait() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    // A client in the middle of its request would be waited for.
    let _request = request_without_end(&server).await;
    let signal = || async {
        let pid = server.pid().to_string();
        assert!(tokio::process::Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    };
    signal().await;
    // Two signals that come too close are one: it has seen the first when it takes no connections any more.
    let public = server.url(0).replace("http://", "");
    while tokio::net::TcpStream::connect(&public).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let started = std::time::Instant::now();
    signal().await;
    let ended = server.wait().await;
    assert_eq!(ended.code(), Some(1));
    assert!(started.elapsed() < Duration::from_secs(5), "it left after {:?}", started.elapsed());
    assert!(server.log().contains("a second SIGTERM came; left at once"), "{}", server.log());
}
