//! The SQLite backend passes the suite, on real files; the one in memory passes it as well.

#![allow(clippy::unwrap_used, reason = "a failed check panics: that is its answer")]

use std::path::Path;

use tracardi_store::conformance::memory::Memory;
use tracardi_store::{Documents, Keys, Sqlite, conformance};

async fn open(directory: &Path) -> Sqlite {
    Sqlite::open(directory, Keys { signing: [1; 32], encryption: [2; 32] }).await.unwrap()
}

#[tokio::test]
async fn documents() {
    let directory = tempfile::tempdir().unwrap();
    conformance::documents::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn merges() {
    let directory = tempfile::tempdir().unwrap();
    conformance::merges::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn outbox() {
    let directory = tempfile::tempdir().unwrap();
    conformance::outbox::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn delayed() {
    let directory = tempfile::tempdir().unwrap();
    conformance::delayed::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn quarantine() {
    let directory = tempfile::tempdir().unwrap();
    conformance::quarantine::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn erasure() {
    let directory = tempfile::tempdir().unwrap();
    conformance::erasure::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn history() {
    let directory = tempfile::tempdir().unwrap();
    conformance::history::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn configuration() {
    let directory = tempfile::tempdir().unwrap();
    conformance::configuration::all(&open(directory.path()).await).await;
}

#[tokio::test]
async fn documents_in_memory() {
    conformance::documents::all(&Memory::default()).await;
}

#[tokio::test]
async fn merges_in_memory() {
    conformance::merges::all(&Memory::default()).await;
}

#[tokio::test]
async fn outbox_in_memory() {
    conformance::outbox::all(&Memory::default()).await;
}

#[tokio::test]
async fn delayed_in_memory() {
    conformance::delayed::all(&Memory::default()).await;
}

#[tokio::test]
async fn quarantine_in_memory() {
    conformance::quarantine::all(&Memory::default()).await;
}

#[tokio::test]
async fn erasure_in_memory() {
    conformance::erasure::all(&Memory::default()).await;
}

#[tokio::test]
async fn history_in_memory() {
    conformance::history::all(&Memory::default()).await;
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let (sqlite, memory) = (open(directory.path()).await, Memory::default());
    let stores: [&dyn Documents; 2] = [&sqlite, &memory];
    for store in stores {
        conformance::documents::applied_events_are_forgotten(store).await;
        conformance::quarantine::what_is_old_goes(store).await;
    }
}
