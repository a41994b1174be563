//! Against a real MariaDB: the suites of the traits, and what they cannot know: several processes, several tenants, a server that
//! dies, refuses, or is another one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod common;
mod composite;
mod faults;
mod follow;
mod lines;
mod look;
mod refusals;
mod schema;
mod statements;
mod tenants;

use common::{fresh, open};
use composite::Composite;
use tracardi_store::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn configuration() {
    conformance::configuration::all(&open(&fresh().await).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outbox() {
    conformance::outbox::all(&Composite::over(open(&fresh().await).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasure() {
    conformance::erasure::all(&Composite::over(open(&fresh().await).await)).await;
}
