//! What became of events that went wrong, as people see it in the web application: a record that does nothing, an event that is
//! invalid, a destination that refuses.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

mod browser;
mod support;

use browser::day;
use serde_json::json;
use sqlx::ConnectOptions as _;
use support::{Server, scratch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_seen_mended_and_made_good() {
    let folder = scratch();
    let mut server =
        Server::new(env!("CARGO_BIN_EXE_tracardi"), folder.path()).set("TRACARDI_OUTBOUND_ALLOW", "127.0.0.1");
    server.start().await;
    server.create_source().await;
    let segment =
        json!({"id": "regulars", "name": "Regulars", "eventType": ["visit"], "condition": "profile@stats.visits > 3"});
    server.log_in().await.post("/segment", &segment).await;
    server.kill().await;
    // As an import, or an older program, may leave it.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(server.data().join("tracardi.db"));
    let mut store = options.connect().await.unwrap();
    let broken = "UPDATE configuration SET document = json_set(document, '$.condition', 'profile@stats.visits > (3') \
        WHERE kind = 'segment' AND id = 'regulars'";
    assert_eq!(sqlx::query(broken).execute(&mut store).await.unwrap().rows_affected(), 1);
    drop(store);
    server.start().await;
    day("trouble", &server.url(2), &server.url(0)).await;
    server.stop().await;
}
