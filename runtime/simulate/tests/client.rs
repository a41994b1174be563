//! The client against servers that misbehave, over real connections on the loopback address.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tracardi_simulate::client::{Client, Target};

/// A server that answers each connection's requests with the given pieces, one write each, and then closes.
async fn serve(scripts: Vec<Vec<&'static str>>) -> (Client, tokio::task::JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        for script in scripts {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            for piece in script {
                if piece == "<read>" {
                    let read = stream.read(&mut request).await.unwrap();
                    assert!(request[..read].starts_with(b"POST /base/track HTTP/1.1\r\nhost: 127.0.0.1:"));
                } else {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
    });
    (Client::new(target, Duration::from_secs(20)), tasks)
}

async fn post(client: &mut Client) -> Result<(u16, String), String> {
    match client.request("POST", "/track", &[("content-type", "application/json")], b"{}").await {
        Ok(answer) => Ok((answer.status, String::from_utf8(answer.body).unwrap())),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn a_connection_is_kept_whatever_the_framing() {
    let script = vec![
        "<read>",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "ngth: 4\r\n\r\nab",
        "cd",
        "<read>",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n",
        "2\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
        "<read>",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "<read>",
        "HTTP/1.1 200 OK\r\n\r\nto the end",
    ];
    let (mut client, _tasks) = serve(vec![script]).await;
    assert_eq!(post(&mut client).await, Ok((200, "abcd".to_owned())));
    assert_eq!(post(&mut client).await, Ok((200, "abcde".to_owned())));
    assert_eq!(post(&mut client).await, Ok((204, String::new())));
    assert_eq!(post(&mut client).await, Ok((200, "to the end".to_owned())));
}

#[tokio::test]
async fn bad_answers_are_errors_and_the_next_request_has_a_new_connection() {
    let good = vec!["<read>", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"];
    let scripts = vec![
        vec!["<read>", "SSH-2.0-OpenSSH\r\n\r\n"],
        vec!["<read>", "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"],
        vec!["<read>", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"],
        vec!["<read>", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
        vec!["<read>", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd"],
        good.clone(),
        good,
    ];
    let (mut client, _tasks) = serve(scripts).await;
    for problem in ["no status", "longer than 16 MiB", "closed the connection", "no size", "longer than its size"] {
        let error = post(&mut client).await.unwrap_err();
        assert!(error.contains(problem), "{error} / {problem}");
    }
    assert_eq!(post(&mut client).await, Ok((200, String::new())));
    assert_eq!(post(&mut client).await, Ok((200, String::new())));
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_patience() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target: Target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut client = Client::new(target, Duration::from_millis(50));
    assert_eq!(post(&mut client).await, Err("no answer within 50ms".to_owned()));
}

#[test]
fn addresses() {
    let shown = |url: &str| url.parse::<Target>().map(|target| target.to_string()).map_err(|error| error.to_string());
    assert_eq!(shown("http://localhost:8585"), Ok("http://localhost:8585".to_owned()));
    assert_eq!(shown("http://shop.example/api/"), Ok("http://shop.example:80/api".to_owned()));
    assert_eq!(shown("http://[::1]:8585"), Ok("http://[::1]:8585".to_owned()));
    assert_eq!(shown("http://[::1]"), Ok("http://[::1]:80".to_owned()));
    for wrong in [
        "localhost:8585",
        "https://a",
        "http://",
        "http://:80",
        "http://a:0",
        "http://a:b",
        "http://u@a",
        "http://a/?b",
    ] {
        let error = shown(wrong).unwrap_err();
        assert!(error.starts_with(&format!("`{wrong}` is no address to send to: ")), "{error}");
    }
}
