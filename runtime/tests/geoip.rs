//! Places by address, through the real binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod http;
// A writer of small databases: the engine's own tests use it too.
#[path = "../engine/src/tests/mmdb.rs"]
mod mmdb;
mod support;

use http::call;
use support::{Server, payload, scratch, stored};

#[tokio::test]
async fn a_session_knows_where_its_visitor_is() {
    let folder = scratch();
    let file = folder.path().join("places.mmdb");
    std::fs::write(&file, mmdb::two_cities()).unwrap();
    let file = file.to_str().unwrap().to_owned().leak();
    let mut server = Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path()).set("TRACARDI_GEOIP", file);
    server.start().await;
    server.create_source().await;
    let event = serde_json::json!({"type": "page-view"});
    let tracked = call("POST", format!("{}/track", server.url(0)))
        .header("x-forwarded-for", "10.1.2.3, 81.2.69.160")
        .header("content-type", "application/json")
        .body(payload("s", None, &[event]))
        .send()
        .await;
    assert_eq!(tracked.status, 200, "{}", tracked.text);
    server.stop().await;
    let sessions = stored(&server.data(), "session").await;
    assert_eq!(sessions[0]["device"]["geo"]["city"], "London", "{sessions:?}");
}
