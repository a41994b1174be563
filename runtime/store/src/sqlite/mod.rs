//! Documents and configuration in one SQLite file.
//!
//! One connection writes, a few read. sqlx gives each connection a thread of its own, so no SQLite call ever blocks a
//! worker of the runtime.
//!
//! | module | what for |
//! |---|---|
//! | `schema` | tables and their migration |
//! | `open` | directory, lock, keys, connections |
//! | `load` | everything a group of requests must know |
//! | `commit` | a batch as one transaction; the size of the log |
//! | `merge` | merges of profiles and their steps |
//! | `outbox` | what destinations are to get |
//! | `delayed` | what is to happen later |
//! | `history` | what became of events and profiles |
//! | `query` | pages, counts, histograms |
//! | `condition` | filters as SQL |
//! | `holding` | conditions as SQL, and what SQL leaves open |
//! | `verdict` | single tests of a condition as SQL |
//! | `config` | event sources, users, tokens |
//! | `records` | configuration of all other kinds |
//! | `script` | statements for many rows, and several statements as one |
//! | `failure` | SQLite's errors in our words |
//! | `room` | room on the volume |

mod commit;
mod condition;
mod config;
mod delayed;
mod delete;
mod failure;
mod history;
mod holding;
mod load;
#[cfg(test)]
mod log_tests;
mod merge;
mod open;
mod outbox;
#[cfg(test)]
mod plans;
mod quarantine;
mod query;
mod records;
mod room;
mod schema;
mod script;
mod verdict;

pub use room::{LEAST_ROOM, Room};

use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::value::RawValue;
use sqlx::pool::PoolConnection;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{Mutex, MutexGuard, OwnedRwLockReadGuard, RwLock, watch};
use tracardi_model::Context;

use crate::{
    Batch, Committed, ConfigurationSnapshot, Counts, Documents, Found, Histogram, Holding, Index, Keys, Merge, Page,
    Repointed, Select, StoreError, Waiting, Wanted,
};

/// No read lasts longer than this; it is interrupted and answered with [`StoreError::Unavailable`].
pub const READ_SECONDS: u64 = 30;
/// A page has at most this many documents, whatever was asked for.
pub const MAX_PAGE: u64 = 10_000;
/// The write-ahead log is cut back when it has passed this size.
pub const LOG_BYTES: u64 = 64 << 20;

/// The embedded store; a cheap handle. See the crate's documentation for what is durable when.
#[derive(Clone, Debug)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The only connection that writes.
    writer: Mutex<Writer>,
    readers: SqlitePool,
    /// Held for reading by every read, for writing while the log is cut back.
    reading: Arc<RwLock<()>>,
    keys: Keys,
    snapshot: watch::Sender<Arc<ConfigurationSnapshot>>,
    log: PathBuf,
    room: Room,
    /// Size at which the log is cut back.
    log_bytes: u64,
    /// Held as long as the store is open: nobody else may open the directory.
    _lock: File,
}

/// The writing connection. Transactions are begun and ended by statements of our own: SQLite ends a transaction by itself
/// when the disk is full, which sqlx's count of transactions does not notice.
#[derive(Debug)]
struct Writer {
    connection: SqliteConnection,
    /// A transaction was begun and not seen to end: it failed, or whoever began it went away.
    unfinished: bool,
    /// A change of the configuration was begun that the snapshot does not have: it failed, or whoever began it went away.
    unpublished: bool,
    /// How often in a row the log could not be cut back.
    failed_cuts: u32,
}

impl Writer {
    async fn execute(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(&mut self.connection).await.map(|_| ())
    }

    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.unfinished = true;
        self.execute("BEGIN IMMEDIATE").await
    }

    /// Makes the transaction durable. After an error it is still to be rolled back.
    async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.execute("COMMIT").await?;
        self.unfinished = false;
        Ok(())
    }

    /// Undoes the transaction, if SQLite has not done so itself.
    async fn roll_back(&mut self) {
        // The only complaint left is that there is nothing to roll back.
        let _ = self.execute("ROLLBACK").await;
        self.unfinished = false;
    }
}

impl Sqlite {
    /// The writing connection, outside of any transaction.
    async fn writer(&self) -> MutexGuard<'_, Writer> {
        let mut writer = self.0.writer.lock().await;
        if writer.unfinished {
            writer.roll_back().await;
        }
        if writer.unpublished {
            self.publish_all(&mut writer).await;
        }
        writer
    }

    /// Size of the write-ahead log in bytes.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.0.log).map_or(0, |file| file.len())
    }

    /// The volume that holds the store.
    #[must_use]
    pub fn room(&self) -> Room {
        self.0.room.clone()
    }

    /// A connection for reading, with the clock running.
    async fn reader(&self) -> Result<Reader, StoreError> {
        let turn = self.0.reading.clone().read_owned().await;
        let mut connection = self.0.readers.acquire().await.map_err(failure::failed)?;
        let began = std::time::Instant::now();
        let patience = Duration::from_secs(READ_SECONDS);
        let mut handle = connection.lock_handle().await.map_err(failure::failed)?;
        handle.set_progress_handler(10_000, move || began.elapsed() < patience);
        drop(handle);
        Ok(Reader { connection, _turn: turn })
    }
}

/// A connection for reading.
struct Reader {
    connection: PoolConnection<sqlx::Sqlite>,
    _turn: OwnedRwLockReadGuard<()>,
}

impl Deref for Reader {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

#[async_trait]
impl Documents for Sqlite {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.load_wanted(wanted).await.map_err(|error| self.0.room.explain(error))
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.commit_batch(batch).await.map_err(|error| self.0.room.explain(error))
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        self.list_waiting(after, limit).await
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        self.merge_profiles(merge).await
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.repoint_some(limit).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write_probe().await.map_err(|error| self.0.room.explain(error))
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.document(context, index, id).await
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        self.delete_document(context, index, id).await
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.count_all(context, index).await
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.page(context, index, select).await.map_err(|error| self.0.room.explain(error))
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.page_of_holding(context, index, holding).await.map_err(|error| self.0.room.explain(error))
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.counts(context, index, histogram).await
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.types_of_events(context, limit).await
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.delayed_page(context, start, limit).await
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.original_of(context, id).await
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.quarantine_page(context, start, limit).await
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
