//! What is particular to the SQLite backend: files, keys, restarts, a full disk, the size of the log.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a failed check panics: that is its answer")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sqlx::{ConnectOptions, Executor};
use tracardi_model::Context;
use tracardi_model::configuration::Kind;
use tracardi_store::conformance::configuration::{resource, source, user};
use tracardi_store::conformance::merges::waiting;
use tracardi_store::conformance::samples::{at, batch, document, event, event_with, profile, session};
use tracardi_store::{
    Committed, Configuration, ConfigurationSnapshot, Documents, Gone, Index, Keys, Matching, Merge, Select, Sqlite,
    StoreError, StoredRecord,
};

const KEYS: Keys = Keys { signing: [1; 32], encryption: [2; 32] };
const PRODUCTION: Context = Context::Production;

async fn open(directory: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(directory, KEYS).await
}

/// Another program's look at the file.
async fn raw(directory: &Path) -> sqlx::SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(directory.join("tracardi.db")).connect().await.unwrap()
}

#[tokio::test]
async fn everything_is_there_after_a_crash() {
    let original = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let e = event("e", "x", 1);
    let store = open(original.path()).await.unwrap();
    let full = batch(vec![e.clone()], vec![session("s", Some("p"))], vec![profile(&["p", "alias"])]);
    assert!(store.commit(full).await.unwrap().is_stored());
    store.save_event_source(PRODUCTION, &source("a")).await.unwrap();
    store.save_first_user(&user("1", "a@example.com")).await.unwrap();
    store.create_token("t", "1", at(100)).await.unwrap();
    // The files as they are at this moment, with everything still in the log.
    assert!(store.log_bytes() > 0);
    for file in ["tracardi.db", "tracardi.db-wal"] {
        std::fs::copy(original.path().join(file), directory.path().join(file)).unwrap();
    }
    let store = open(directory.path()).await.unwrap();
    for (index, id) in [(Index::Event, "e"), (Index::Session, "s"), (Index::Profile, "alias")] {
        assert!(store.get(PRODUCTION, index, id).await.unwrap().is_some(), "{index:?}");
    }
    assert_eq!(store.commit(batch(vec![e], vec![], vec![])).await.unwrap(), Committed::EventExists);
    assert_eq!(**store.watch().borrow().event_source(PRODUCTION, "a").unwrap(), source("a"));
    let life = jiff::SignedDuration::from_secs(100);
    assert_eq!(store.find_token("t", at(50), life).await.unwrap().unwrap().id, "1");
    store.close().await.unwrap();
    assert_eq!(store.log_bytes(), 0, "closing leaves one file");
}

#[tokio::test]
async fn one_process_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    let error = open(directory.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    assert!(error.to_string().contains("end it first"), "{error}");
    drop(store);
    open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn files_are_private_and_hold_no_secret_in_clear() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("made/by/us");
    let store = open(&directory).await.unwrap();
    store.save_event_source(PRODUCTION, &source("a")).await.unwrap();
    store.save_record(&resource("r", "resource secret")).await.unwrap();
    store.save_first_user(&user("1", "a@example.com")).await.unwrap();
    store.create_token("token-in-clear", "1", at(100)).await.unwrap();
    assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    let mut seen = 0;
    for file in std::fs::read_dir(&directory).unwrap() {
        let file = file.unwrap().path();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
        let content = std::fs::read(&file).unwrap();
        for secret in ["very secret", "token-in-clear", "resource secret"] {
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", file.display());
        }
        seen += usize::from(content.windows(8).any(|window| window == b"Source a"));
    }
    assert!(seen > 0, "the check itself works: the source's name is in clear");
}

#[tokio::test]
async fn secrets_of_records_open_again_and_in_their_place_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    let (saved, other) = (resource("r", "one"), resource("other", "two"));
    store.save_record(&saved).await.unwrap();
    store.save_record(&other).await.unwrap();
    drop(store);
    let store = open(directory.path()).await.unwrap();
    let snapshot = store.watch().borrow().clone();
    assert_eq!(snapshot.record(PRODUCTION, Kind::Resource, "r"), Some(&saved.document));
    assert!(!format!("{snapshot:?} {saved:?}").contains("one"));
    drop((store, snapshot));
    let exchange = "UPDATE configuration SET secret = (SELECT secret FROM configuration WHERE id = 'other')";
    raw(directory.path()).await.execute(exchange).await.unwrap();
    let error = open(directory.path()).await.unwrap_err();
    assert!(error.to_string().contains("resource r cannot be read: sealed with another key"), "{error}");
}

#[tokio::test]
async fn other_keys_are_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).await.unwrap());
    for (keys, name) in
        [(Keys { signing: [9; 32], ..KEYS }, "signing"), (Keys { encryption: [9; 32], ..KEYS }, "encryption")]
    {
        let error = Sqlite::open(directory.path(), keys).await.unwrap_err();
        assert!(matches!(error, StoreError::WrongKey { name: wrong } if wrong == name), "{error}");
    }
    open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn a_newer_file_is_left_alone_and_an_interrupted_migration_repeated() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).await.unwrap());
    raw(directory.path()).await.execute("PRAGMA user_version = 99").await.unwrap();
    let error = open(directory.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");

    // A start that was killed before its first step was through leaves an empty file.
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("tracardi.db"), b"").unwrap();
    let store = open(other.path()).await.unwrap();
    assert_eq!(store.count(PRODUCTION, Index::Event).await.unwrap(), 0);
}

/// Undoes what the later steps of the schema made.
async fn without_outbox(directory: &Path) {
    let undo = "DROP TABLE trail; DROP INDEX IF EXISTS merge_log_profile; DROP TABLE quarantine; DROP TABLE delayed; ALTER TABLE configuration DROP COLUMN secret; \
                DROP TABLE delivery; DROP TABLE delivery_queue; \
                DELETE FROM sqlite_stat1 WHERE tbl IN ('delayed', 'quarantine', 'trail', 'merge_log') OR tbl GLOB 'delivery*'";
    raw(directory).await.execute(undo).await.unwrap();
}

#[tokio::test]
async fn a_file_of_the_seventh_schema_knows_whose_events_are_delayed() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    store.commit(batch(vec![], vec![], vec![profile(&["p"])])).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let before = "DROP TABLE trail; DROP INDEX merge_log_profile; DROP TABLE quarantine; DROP TRIGGER delivery_gone; DROP INDEX delayed_profile; \
                  ALTER TABLE delayed DROP COLUMN profile_id; \
                  INSERT INTO delayed VALUES (0, 'd', 5, '{\"id\": \"d\", \"profile\": \"p\"}'), (0, 'n', 6, '{\"id\": \"n\", \"profile\": null}'); \
                  DELETE FROM sqlite_stat1 WHERE tbl IN ('quarantine', 'trail', 'merge_log') OR idx = 'delayed_profile'; PRAGMA user_version = 7";
    raw(directory.path()).await.execute(before).await.unwrap();
    let store = open(directory.path()).await.unwrap();
    assert_eq!(store.delayed(PRODUCTION, 0, 10).await.unwrap().total, 2);
    assert!(store.delete(PRODUCTION, Index::Profile, "p").await.unwrap());
    assert_eq!(store.delayed(PRODUCTION, 0, 10).await.unwrap().total, 1, "that of the profile is gone");
}

#[tokio::test]
async fn a_file_from_before_merges_gets_them() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    store.commit(batch(vec![], vec![], vec![waiting(&["w"]), profile(&["p"])])).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    without_outbox(directory.path()).await;
    let before = "DROP TABLE merge_waiting; DROP TABLE merge_log; DROP INDEX profile_identity_profile; \
                 DROP INDEX applied_event_age; ALTER TABLE applied_event DROP COLUMN applied; \
                 DELETE FROM sqlite_stat1 WHERE idx = 'profile_identity_profile' OR tbl = 'applied_event'; \
                 PRAGMA user_version = 2";
    raw(directory.path()).await.execute(before).await.unwrap();
    let store = open(directory.path()).await.unwrap();
    let page = store.awaiting_merge(0, 10).await.unwrap().page;
    assert_eq!(page.into_iter().map(|(_, _, id)| id).collect::<Vec<_>>(), ["w"], "who was marked waits");
}

#[tokio::test]
async fn every_merge_is_written_down() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    let events = (0..5).map(|n| event_with(&format!("e{n}"), "x", n, &serde_json::json!({"profile": {"id": "b"}})));
    store.commit(batch(events.collect(), vec![], vec![profile(&["a"]), profile(&["b"])])).await.unwrap();
    let gone = vec![Gone { id: "b".to_owned(), version: None, keys: vec!["emm-1".to_owned()] }];
    let survivor = document(profile(&["a", "b"]));
    let merge = Merge { context: PRODUCTION, survivor, gone, ids: vec!["b".to_owned()], at: at(7) };
    store.merge(merge).await.unwrap();
    store.repoint(3).await.unwrap();
    // A restart in between: the rest is still to be done.
    drop(store);
    let store = open(directory.path()).await.unwrap();
    assert_eq!(store.repoint(3).await.unwrap().events, 2);
    let row: (String, String, i64, String, i64, i64) =
        sqlx::query_as("SELECT merged_id, profile_id, merged, keys, events, done FROM merge_log")
            .fetch_one(&mut raw(directory.path()).await)
            .await
            .unwrap();
    let expected = ("b".to_owned(), "a".to_owned(), at(7).as_microsecond(), r#"["emm-1"]"#.to_owned(), 5, 1);
    assert_eq!(row, expected);
}

#[tokio::test]
async fn what_is_no_database_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("tracardi.db"), "not a database, certainly not one".repeat(100)).unwrap();
    let error = open(directory.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let error = open(Path::new("/proc/no/such/place")).await.unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_document_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    store.commit(batch(vec![], vec![session("s", None)], vec![])).await.unwrap();
    raw(directory.path()).await.execute("UPDATE session SET document = '{\"id\": 5}'").await.unwrap();
    let wanted = tracardi_store::Wanted { sessions: vec![(PRODUCTION, "s")], ..Default::default() };
    let error = store.load(&wanted).await.unwrap_err();
    assert!(error.to_string().contains("session s"), "{error}");
    assert!(!error.passes());
}

/// A small file system of its own; none without root.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let status = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(directory.path())
            .stderr(std::process::Stdio::null())
            .status();
        status.is_ok_and(|status| status.success()).then_some(Self(directory))
    }

    /// Leaves `left` bytes, whatever else lies on the disk: an attempt to open a store has files of its own, and SQLite
    /// may still hold one of them a moment after it was given up.
    fn fill_up_to(&self, left: u64) -> std::path::PathBuf {
        use std::io::Write as _;
        let path = self.0.path().join("ballast");
        let mut ballast = std::fs::File::create(&path).unwrap();
        let full = loop {
            if let Err(error) = ballast.write_all(&[0_u8; 4 << 10]) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(left)).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn large(n: usize) -> tracardi_store::Batch {
    let id = format!("e{n}");
    let text = serde_json::json!({"properties": {"text": "x".repeat(100_000)}});
    batch(vec![event_with(&id, "large", 1, &text)], vec![session(&id, None)], vec![profile(&[&id])])
}

#[tokio::test]
async fn a_full_disk_stores_nothing_by_halves_and_passes() {
    let Some(disk) = SmallDisk::mount() else {
        println!("NOT RUN: needs root, to mount a file system of 4 MB");
        return;
    };
    let store = open(disk.0.path()).await.unwrap();
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![0_u8; 1 << 20]).unwrap();
    let mut stored = 0;
    let error = loop {
        match store.commit(large(stored)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "the disk must be full by now");
    };
    println!("full after {stored} batches: {error}");
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    assert!(error.to_string().contains(disk.0.path().to_str().unwrap()), "it says where: {error}");
    assert!(error.passes());
    for index in [Index::Event, Index::Session, Index::Profile] {
        assert_eq!(store.count(PRODUCTION, index).await.unwrap(), stored as u64, "{index:?}: whole batches only");
    }
    assert!(store.commit(large(stored)).await.is_err(), "still full");
    std::fs::remove_file(&ballast).unwrap();
    store.probe().await.unwrap();
    assert!(store.commit(large(stored)).await.unwrap().is_stored(), "goes on by itself");
    drop(store);
    let store = open(disk.0.path()).await.unwrap();
    assert_eq!(store.count(PRODUCTION, Index::Event).await.unwrap(), stored as u64 + 1);
}

#[tokio::test]
async fn a_volume_without_room_is_named() {
    let Some(disk) = SmallDisk::mount() else {
        println!("NOT RUN: needs root, to mount a file system of 4 MB");
        return;
    };
    let directory = disk.0.path();
    for left in [0, 8 << 10, 100 << 10] {
        let ballast = disk.fill_up_to(left);
        match open(directory).await {
            Ok(_) => panic!("no store fits in {left} bytes"),
            Err(error) => {
                println!("{left} bytes left: {error}");
                assert!(matches!(error, StoreError::Full(_)), "{error:?}");
                assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
            }
        }
        std::fs::remove_file(&ballast).unwrap();
    }
    // 4 MB are less than the room that a store should have.
    let store = open(directory).await.unwrap();
    let error = store.room().check().unwrap_err();
    assert!(
        matches!(&error, StoreError::Full(_)) && error.to_string().contains("are left on the volume of"),
        "{error}"
    );
    assert!(tracardi_store::Room::of(Path::new("/proc/no/such/place")).check().is_err());
}

#[tokio::test]
async fn a_file_of_the_third_schema_keeps_the_ids_of_events_that_were_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).await.unwrap());
    without_outbox(directory.path()).await;
    let mut file = raw(directory.path()).await;
    for step in [
        "DROP INDEX applied_event_age",
        "ALTER TABLE applied_event DROP COLUMN applied",
        "INSERT INTO applied_event VALUES (0, 'old', 's', NULL, NULL)",
        "PRAGMA user_version = 3",
    ] {
        file.execute(step).await.unwrap();
    }
    drop(file);
    let store = open(directory.path()).await.unwrap();
    let wanted = tracardi_store::Wanted { events: vec![(PRODUCTION, "old")], ..Default::default() };
    assert_eq!(store.load(&wanted).await.unwrap().events.len(), 1);
    let again = batch(vec![event("old", "x", 1)], vec![], vec![]);
    assert_eq!(store.commit(again).await.unwrap(), Committed::EventExists);
}

#[tokio::test]
async fn a_torn_log_loses_only_what_was_not_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("tracardi.db-wal");
    let store = open(directory.path()).await.unwrap();
    store.commit(batch(vec![event("kept", "x", 1)], vec![], vec![])).await.unwrap();
    let acknowledged = std::fs::metadata(&log).unwrap().len();
    store.commit(batch(vec![event("torn", "x", 1)], vec![], vec![])).await.unwrap();
    // The files as a loss of power would have left them in the middle of the second commit.
    for (name, damage) in [("cut", false), ("flipped", true)] {
        let copy = tempfile::tempdir().unwrap();
        for file in ["tracardi.db", "tracardi.db-wal"] {
            std::fs::copy(directory.path().join(file), copy.path().join(file)).unwrap();
        }
        let path = copy.path().join("tracardi.db-wal");
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = usize::try_from(acknowledged).unwrap() + 100;
        if damage {
            bytes[middle] ^= 1;
        } else {
            bytes.truncate(middle);
        }
        std::fs::write(&path, bytes).unwrap();
        let survivor = open(copy.path()).await.unwrap();
        assert!(survivor.get(PRODUCTION, Index::Event, "kept").await.unwrap().is_some(), "{name}");
        assert!(survivor.get(PRODUCTION, Index::Event, "torn").await.unwrap().is_none(), "{name}");
        let again = batch(vec![event("torn", "x", 1)], vec![], vec![]);
        assert!(survivor.commit(again).await.unwrap().is_stored(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_see_what_was_committed_before_and_do_not_wait_for_writes() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..200 {
                store.commit(batch(vec![event(&format!("e{n}"), "x", n)], vec![], vec![])).await.unwrap();
                assert_eq!(store.count(PRODUCTION, Index::Event).await.unwrap(), u64::try_from(n).unwrap() + 1);
            }
        })
    };
    let all = Select { limit: 10, matching: Matching::Words("nothing".to_owned()), ..Select::default() };
    while !writer.is_finished() {
        tokio::time::timeout(Duration::from_secs(5), store.select(PRODUCTION, Index::Event, &all))
            .await
            .unwrap()
            .unwrap();
    }
    writer.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_given_up_halfway_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    let mut given_up = 0;
    for n in 0..200_u64 {
        let events = (0..50).map(|e| event(&format!("e{n}-{e}"), "x", 1)).collect();
        let commit = store.commit(batch(events, vec![], vec![profile(&[&format!("p{n}")])]));
        if tokio::time::timeout(Duration::from_micros(n * 10), commit).await.is_err() {
            given_up += 1;
        }
        let events = store.count(PRODUCTION, Index::Event).await.unwrap();
        assert_eq!(events % 50, 0, "whole batches only");
    }
    assert!(given_up > 0, "none was given up: the test proves nothing");
    assert!(store.commit(batch(vec![event("last", "x", 1)], vec![], vec![])).await.unwrap().is_stored());
    let (events, profiles) =
        (store.count(PRODUCTION, Index::Event).await.unwrap(), store.count(PRODUCTION, Index::Profile).await.unwrap());
    assert_eq!(events, profiles * 50 + 1);
}

#[tokio::test]
async fn a_change_of_the_configuration_that_is_given_up_halfway_is_in_force_or_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    let record = |n: u64| StoredRecord {
        context: PRODUCTION,
        kind: Kind::Redirect,
        id: format!("r{n}"),
        document: Arc::new(json!({"n": n})),
    };
    for n in 0..100 {
        let (record, patience) = (record(n), Duration::from_micros(n * 5));
        // One of them is polled once at least, so that its statement is under way.
        let _ = tokio::time::timeout(patience, store.save_record(&record)).await;
        let _ = tokio::time::timeout(patience, store.save_event_source(PRODUCTION, &source(&record.id))).await;
        let _ = tokio::time::timeout(patience, store.delete_record(PRODUCTION, Kind::Redirect, &record.id)).await;
    }
    let last = record(1_000);
    store.save_record(&last).await.unwrap();
    let known = store.watch().borrow().clone();
    assert_eq!(known.record(PRODUCTION, Kind::Redirect, &last.id), Some(&last.document));
    drop(store);
    let stored = open(directory.path()).await.unwrap().watch().borrow().clone();
    let records = |snapshot: &ConfigurationSnapshot| -> Vec<String> {
        let records = snapshot.records(PRODUCTION, Kind::Redirect).map(|(id, _)| id.to_owned());
        records.chain(snapshot.event_sources(PRODUCTION).map(|source| source.id.clone())).collect()
    };
    assert!(records(&stored).len() > 1, "every change was given up in time: the test proves nothing");
    assert_eq!(records(&known), records(&stored));
}
