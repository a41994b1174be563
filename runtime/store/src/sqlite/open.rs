//! Opening the directory: lock, file, keys, connections.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Mutex, watch};

use super::failure::failed;
use super::{Inner, LOG_BYTES, Room, Sqlite, Writer, config, records, schema};
use crate::{ConfigurationSnapshot, Keys, StoreError};

const FILE: &str = "tracardi.db";
const LOG: &str = "tracardi.db-wal";
const LOCK: &str = "tracardi.lock";
/// SQLite's page.
const PAGE_BYTES: u64 = 4096;
/// Connections that read: enough to keep two cores busy; each costs a thread and a small page cache.
const READERS: u32 = 3;

impl Sqlite {
    /// Opens the store in a directory; makes both if they are not there; brings an older schema up to date.
    ///
    /// Fails with [`StoreError::InUse`] when another process has the directory, [`StoreError::WrongKey`] when it was made
    /// with other keys, [`StoreError::NewerSchema`] when it was written by a newer program.
    pub async fn open(directory: &Path, keys: Keys) -> Result<Self, StoreError> {
        let explained = |error| Room::of(directory).explain(error);
        Self::open_with(directory, keys, LOG_BYTES).await.map_err(explained)
    }

    /// The file of the store that a directory has already, if any.
    #[must_use]
    pub fn existing(directory: &Path) -> Option<PathBuf> {
        let file = directory.join(FILE);
        fs::metadata(&file).is_ok_and(|found| found.len() > 0).then_some(file)
    }

    /// [`Sqlite::open`] with another bound of the log.
    pub(super) async fn open_with(directory: &Path, keys: Keys, log_bytes: u64) -> Result<Self, StoreError> {
        let lock = prepare(directory)?;
        let file = directory.join(FILE);
        let common = SqliteConnectOptions::new()
            .filename(&file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(2))
            // The root file system of the container is read-only: sorting happens in memory.
            .pragma("temp_store", "memory")
            // Pages that many groups change (indexes, a busy profile) are carried over once for all of them.
            .pragma("wal_autocheckpoint", (log_bytes / 2 / PAGE_BYTES).to_string())
            .pragma("journal_size_limit", log_bytes.to_string())
            .disable_statement_logging();
        let options = common.clone().pragma("cache_size", "-16384").statement_cache_capacity(256);
        let mut connection = options.connect().await.map_err(failed)?;
        let former = schema::migrate(&mut connection).await?;
        if former != schema::version() {
            tracing::info!(from = former, to = schema::version(), "schema of the store brought up to date");
        }
        check_keys(&mut connection, &keys).await?;
        let sources = config::read_event_sources(&mut connection, &keys).await?;
        let records = records::read_records(&mut connection, &keys).await?;
        sync_directory(directory)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(super::READ_SECONDS))
            .connect_lazy_with(common.pragma("query_only", "on").pragma("cache_size", "-4096"));
        let (snapshot, _) = watch::channel(Arc::new(ConfigurationSnapshot::new(1, sources, records)));
        Ok(Self(Arc::new(Inner {
            writer: Mutex::new(Writer { connection, unfinished: false, unpublished: false, failed_cuts: 0 }),
            readers,
            reading: Arc::default(),
            keys,
            snapshot,
            log: directory.join(LOG),
            room: Room::of(directory),
            log_bytes,
            _lock: lock,
        })))
    }

    /// Carries the log over into the database and ends all reads. Not needed for durability: it makes the next start
    /// quicker and leaves one file to copy. The handle and its clones are of no use afterwards.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.0.readers.close().await;
        self.writer().await.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.map_err(failed)
    }
}

/// Makes the directory and the file (readable by nobody else) and takes the lock.
fn prepare(directory: &Path) -> Result<File, StoreError> {
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| StoreError::Directory { path: path.clone(), reason: error.to_string() }
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(cannot(directory))?;
    let private = |name: &str| {
        let path = directory.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(cannot(&path))
    };
    let lock = private(LOCK)?;
    match tracardi_process::lock::take(&lock) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(directory.to_owned())),
        Err(TryLockError::Error(error)) => return Err(cannot(&directory.join(LOCK))(error)),
    }
    // SQLite gives its log the permissions of the database file.
    private(FILE)?;
    Ok(lock)
}

/// Makes the names of new files survive a loss of power.
fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    File::open(directory)
        .and_then(|handle| handle.sync_all())
        .map_err(|error| StoreError::Directory { path: directory.to_owned(), reason: error.to_string() })
}

/// On the first start remembers what the keys are recognised by; later refuses others.
async fn check_keys(writer: &mut SqliteConnection, keys: &Keys) -> Result<(), StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for (name, mark) in keys.marks() {
        let mark = mark.to_vec();
        let known: Vec<u8> = sqlx::query_scalar(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value RETURNING value",
        )
        .bind(format!("key/{name}"))
        .bind(mark.clone())
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        if known != mark {
            return Err(StoreError::WrongKey { name });
        }
    }
    transaction.commit().await.map_err(failed)
}
