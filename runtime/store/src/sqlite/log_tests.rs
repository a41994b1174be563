//! The write-ahead log stays bounded although there is never a moment without a reader.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::Executor;
use tracardi_model::Context;

use super::Sqlite;
use crate::conformance::samples::{batch, event_with};
use crate::{Batch, Documents, Index, Keys};

const LIMIT: u64 = 8 << 20;
/// The attempt at cutting that succeeds at the latest.
const ATTEMPTS: u32 = 5;
/// How often the log is seen to be cut.
const CUTS: usize = 3;

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
    // More than is needed when each cut takes all its attempts.
    let most = (CUTS as u64 + 1) * u64::from(ATTEMPTS + 1) * LIMIT / (1 << 18);
    let write = async {
        let (mut commits, mut cuts, mut largest) = (0, 0, 0);
        while cuts < CUTS && commits < most {
            store.commit(quarter_megabyte(commits)).await.unwrap();
            commits += 1;
            let size = store.log_bytes();
            cuts += usize::from(size == 0);
            largest = largest.max(size);
            // Nobody else writes, so this is what the cut at the end of the commit has left.
            let failed = store.0.writer.lock().await.failed_cuts;
            assert!(failed < ATTEMPTS, "it was not cut in {failed} attempts");
            assert!(size < LIMIT * u64::from(failed + 1), "{size} bytes after {failed} attempts");
            // The readers shall get their turn between the commits.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.store(true, Ordering::Relaxed);
        (commits, cuts, largest)
    };
    // Two readers that relieve one another, so that one of them is always there.
    let ((commits, cuts, largest), one, other) = tokio::join!(
        write,
        keep_reading(&store, Duration::ZERO, &stop),
        keep_reading(&store, Duration::from_millis(600), &stop)
    );
    println!("{} MB written, {} reads, the log was at most {} MB", commits / 4, one + other, largest >> 20);
    assert!(largest > LIMIT / 4 * 3, "the readers did hold the log up");
    assert_eq!(cuts, CUTS, "the log was cut although somebody always read");
    assert_eq!(store.count(Context::Production, Index::Event).await.unwrap(), commits);
}
