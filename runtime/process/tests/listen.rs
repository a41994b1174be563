//! What a listener grants: slow clients, too many clients, HTTP/2, leaving.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tracardi_process::listen::{self, Limits};
use tracardi_process::{Phase, Supervisor};

const HEAD: Duration = Duration::from_millis(300);

async fn server(connections: usize) -> (Supervisor, SocketAddr) {
    let (supervisor, address, _) = server_with(connections, HEAD).await;
    (supervisor, address)
}

/// The last one is told when a request for `/slow` has begun to be answered.
async fn server_with(connections: usize, head: Duration) -> (Supervisor, SocketAddr, Arc<Notify>) {
    let supervisor = Supervisor::new();
    let bound = listen::bind("test", "127.0.0.1:0").await.unwrap();
    let address = bound.address();
    let begun = Arc::new(Notify::new());
    let tell = begun.clone();
    let slow = || async move {
        tell.notify_one();
        tokio::time::sleep(Duration::from_millis(400)).await;
        "slow"
    };
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() };
    let router = Router::new().route("/", get(who)).route("/slow", get(slow));
    listen::serve(&supervisor, bound, router, Limits { connections, head, ..Limits::default() });
    (supervisor, address, begun)
}

async fn ask(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

/// Reads until the server closes; gives how long that took.
async fn until_closed(mut stream: TcpStream) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await.unwrap();
    started.elapsed()
}

#[tokio::test]
async fn clients_that_do_not_speak_are_sent_away() {
    let (supervisor, address) = server(10).await;
    for start in [&b""[..], b"G", b"PRI * HT", b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let waited = until_closed(stream).await;
        assert!(waited >= HEAD / 2, "{}: {waited:?}", String::from_utf8_lossy(start));
    }
    // An idle connection is not kept for ever either.
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut stream, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.ends_with("127.0.0.1"));
    until_closed(stream).await;
    supervisor.run_until(async {}).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_idle_clients_makes_room() {
    // Nobody is sent away for being slow.
    let (supervisor, address, begun) = server_with(2, Duration::from_mins(10)).await;
    // Two clients that say nothing, or only a part, hold both places.
    let silent = TcpStream::connect(address).await.unwrap();
    let mut halting = TcpStream::connect(address).await.unwrap();
    halting.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{").await.unwrap();
    while supervisor.running(Phase::Drain) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut third, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    until_closed(silent).await;
    // A request that is being answered stays, whoever comes.
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    begun.notified().await;
    let mut others = Vec::new();
    for _ in 0..20 {
        let mut other = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut other, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.starts_with("HTTP/1.1 200"));
        others.push(other);
    }
    let mut answer = [0; 1024];
    let read = busy.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).ends_with("slow"));
    supervisor.run_until(async {}).await.unwrap();
}

#[tokio::test]
async fn requests_under_way_are_finished_before_leaving() {
    let (supervisor, address, begun) = server_with(10, HEAD).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    ask(&mut idle, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    begun.notified().await;
    let started = Instant::now();
    supervisor.run_until(async {}).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow"), "{answer}");
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
}

#[tokio::test]
async fn http2_is_spoken_with_who_begins_with_it() {
    let (supervisor, address) = server(10).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    let request = hyper::Request::get(format!("http://{address}/")).body(String::new()).unwrap();
    let answer = async move { sender.send_request(request).await.unwrap().status() };
    let (status, _) = tokio::join!(answer, connection);
    assert_eq!(status, 200);
    supervisor.run_until(async {}).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_in_words() {
    let taken = listen::bind("first", "127.0.0.1:0").await.unwrap();
    for (address, words) in [
        (taken.address().to_string(), "the port is in use by another process; choose another one"),
        ("nonsense".to_owned(), "this is no address; write it as host:port"),
        ("192.0.2.1:0".to_owned(), "this machine has no such address"),
    ] {
        let error = listen::bind("second", &address).await.unwrap_err();
        assert_eq!(error.to_string(), format!("second cannot listen on {address}: {words}"));
    }
}
