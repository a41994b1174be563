//! The write-ahead log stays bounded although there is never a moment without a reader.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Executor;
use tracardi_model::Context;

use super::Sqlite;
use crate::conformance::samples::{batch, event_with};
use crate::{Batch, Documents, Index, Keys};

const LIMIT: u64 = 8 << 20;

fn quarter_megabyte(n: u64) -> Batch {
    let text = serde_json::json!({"properties": {"text": "x".repeat(1 << 18)}});
    batch(vec![event_with(&format!("e{n}"), "large", 1, &text)], vec![], vec![])
}

/// Reads that take 1.2 seconds each, one after the other.
async fn keep_reading(store: &Sqlite, begin_after: Duration, stop: &AtomicBool) -> usize {
    let mut reads = 0;
    tokio::time::sleep(begin_after).await;
    while !stop.load(Ordering::Relaxed) {
        let mut reader = store.reader().await.unwrap();
        reader.execute("BEGIN").await.unwrap();
        reader.execute("SELECT count(*) FROM event").await.unwrap();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        reader.execute("COMMIT").await.unwrap();
        reads += 1;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_without_a_pause_does_not_let_the_log_grow_without_bound() {
    let directory = tempfile::tempdir().unwrap();
    let keys = Keys { signing: [1; 32], encryption: [2; 32] };
    let store = Sqlite::open_with(directory.path(), keys, LIMIT).await.unwrap();
    let stop = AtomicBool::new(false);
    let commits = 4 * LIMIT / (1 << 18);
    let write = async {
        let mut largest = 0;
        for n in 0..commits {
            store.commit(quarter_megabyte(n)).await.unwrap();
            largest = largest.max(store.log_bytes());
            // The readers shall get their turn between the commits.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.store(true, Ordering::Relaxed);
        largest
    };
    // Two readers that relieve one another, so that one of them is always there.
    let (largest, one, other) = tokio::join!(
        write,
        keep_reading(&store, Duration::ZERO, &stop),
        keep_reading(&store, Duration::from_millis(600), &stop)
    );
    println!("{} MB written, {} reads, the log was at most {} MB", commits / 4, one + other, largest >> 20);
    assert!(largest > LIMIT / 4 * 3, "the readers did hold the log up");
    assert!(largest < 2 * LIMIT);
    assert_eq!(store.count(Context::Production, Index::Event).await.unwrap(), commits);
}
