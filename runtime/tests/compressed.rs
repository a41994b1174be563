//! Compressed request bodies: read like any other, bounded by what they unpack to.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod http;
mod support;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder};
use http::{Reply, call};
use serde_json::{Value, json};
use support::{Server, scratch};
use tokio::io::AsyncReadExt as _;

async fn packed(coding: &str, plain: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    match coding {
        "gzip" => GzipEncoder::new(plain).read_to_end(&mut packed).await.unwrap(),
        "deflate" => ZlibEncoder::new(plain).read_to_end(&mut packed).await.unwrap(),
        _ => BrotliEncoder::with_quality(plain, async_compression::Level::Fastest)
            .read_to_end(&mut packed)
            .await
            .unwrap(),
    };
    packed
}

fn body(id: &str, text: &str) -> Vec<u8> {
    let event = json!({"type": "page-view", "id": id, "properties": {"text": text}});
    json!({"source": {"id": "shop"}, "session": {"id": "s"}, "events": [event]}).to_string().into_bytes()
}

async fn send(public: &str, coding: &str, body: Vec<u8>) -> Reply {
    call("POST", format!("{public}/track"))
        .header("content-type", "application/json")
        .header("content-encoding", coding)
        .body(body)
        .send()
        .await
}

fn complaint(reply: &Reply) -> String {
    let detail: Value = reply.json()["detail"].clone();
    format!("{} {} {}", reply.status.as_u16(), detail[0]["loc"], detail[0]["msg"])
}

#[tokio::test]
async fn compressed_bodies() {
    let folder = scratch();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path());
    server.start().await;
    server.create_source().await;
    let public = server.url(0);

    // Some text, and more than one piece of what is unpacked at a time.
    for coding in ["gzip", "deflate", "br"] {
        for (size, text) in [("small", "ż".to_owned()), ("large", "0123456789".repeat(50_000))] {
            let id = format!("{coding}-{size}");
            let reply = send(&public, coding, packed(coding, &body(&id, &text)).await).await;
            assert_eq!(reply.status, 200, "{id}: {}", reply.text);
            let stored = server.log_in().await.get(&format!("/event/{id}")).await;
            assert_eq!(stored["event"]["properties"]["text"], text, "{id}");
        }
    }

    // 200 MB of blanks pack into some hundred kB.
    for coding in ["gzip", "deflate", "br"] {
        let bomb = packed(coding, &vec![b' '; 200 << 20]).await;
        assert!(bomb.len() < 1 << 20);
        let reply = send(&public, coding, bomb).await;
        assert!(
            complaint(&reply).starts_with(r#"413 ["body"] "The body must not be longer than"#),
            "{coding}: {}",
            reply.text
        );
    }

    for coding in ["gzip", "deflate", "br"] {
        let whole = packed(coding, &body("broken", "x")).await;
        let cut = whole[..whole.len() / 2].to_vec();
        for wrong in [cut, b"{\"source\": 1}".to_vec()] {
            let reply = send(&public, coding, wrong).await;
            assert_eq!(reply.status, 400, "{coding}: {}", reply.text);
            assert!(complaint(&reply).contains("not packed as its content-encoding says"), "{}", reply.text);
        }
    }

    for coding in ["zstd", "gzip, gzip"] {
        let reply = send(&public, coding, body("e", "x")).await;
        assert!(complaint(&reply).starts_with(r#"415 ["header","content-encoding"]"#), "{coding}: {}", reply.text);
    }
    let reply = send(&public, "identity", body("plain", "x")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    server.stop().await;
}
