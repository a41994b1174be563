//! Where documents and configuration are kept: traits, the embedded SQLite backend, the conformance suite.
//!
//! | module | what for |
//! |---|---|
//! | [`documents`] | events, sessions, profiles: load, commit, read, count over time |
//! | [`merges`] | several profiles become one, and what follows |
//! | [`outbox`] | what destinations are to get, until they have it |
//! | [`columns`], [`kept`] | how values and configuration stand in the tables of an SQL store |
//! | [`configuration`] | event sources, users, login tokens; the snapshot that the hot path reads |
//! | [`sqlite`] | all of it on one SQLite file |
//! | [`seal`] | encryption of credentials, keyed hashes of tokens |
//! | [`interval`] | how wide the bars of a histogram are |
//! | [`conformance`] | what every backend must pass; wrappers that count calls and inject faults (feature `conformance`) |
//!
//! # What is durable, and when (SQLite)
//!
//! The write-ahead log of SQLite **is** the journal; there is no second one. The database runs with `journal_mode=WAL`
//! and `synchronous=FULL`: [`Documents::commit`] returns after the log with the whole batch has been synced, one
//! `fdatasync` for a group of any size. Events, session, profile, the ids that lead to it and what destinations are to get are one
//! transaction: after a crash either all of a batch is there or nothing.
//!
//! - **kill -9, power loss:** the log's frames carry checksums chained from frame to frame; on opening, everything up to
//!   the last complete commit is used and a torn tail is dropped. A commit whose answer was given is never in that tail.
//!   Recovery reads the log only, whose size is bounded (below), so a start takes milliseconds.
//! - **Disk full:** the transaction is rolled back, the answer is [`StoreError::Full`] (503 for the client), reads go on.
//!   As soon as there is space the next commit succeeds; nothing has to be restarted.
//! - **Failed sync:** the answer is [`StoreError::Unavailable`] and the collector forgets what it cached, so that it
//!   continues with what is really on disk.
//! - **Size of the log:** it is carried over into the database every 32 MiB and normally starts anew then. Reads that
//!   never pause would keep it from that; when it has grown to 64 MiB, new reads wait until those under way have ended and it is
//!   cut back. As no read lasts longer than [`sqlite::READ_SECONDS`], it never grows beyond five times that size.
//! - **Limits:** one process per directory (a lock file says so), a document of at most 1 GB (SQLite's own limit), a
//!   database as big as the volume.

pub mod columns;
pub mod configuration;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod documents;
mod error;
pub mod history;
pub mod interval;
pub mod kept;
pub mod merges;
pub mod outbox;
pub mod seal;
pub mod sqlite;

pub use configuration::{Configuration, ConfigurationSnapshot, Saved, StoredRecord};
pub use documents::{
    APPLIED_LIFE, Applied, Batch, Bucket, Committed, Counts, Document, Documents, Found, Histogram, Holding, Index,
    Loaded, Matching, ORIGINAL_LIFE, PAGE_BYTES, Page, Select, Version, Wanted, Written,
};
pub use error::StoreError;
pub use history::{ChangePage, Changes, History, MergePage, Merged, TRAIL_LIFE};
pub use kept::Kept;
pub use merges::{Gone, Merge, Repointed, Waiting};
pub use outbox::{Chosen, Deliveries, DeliveryPage, Deposit, Due, Outbox, Queue, Settled, State, StoredDelivery};
pub use seal::Keys;
pub use sqlite::{Room, Sqlite};
