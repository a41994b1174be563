//! What can go wrong between a caller and the disk.

use std::path::PathBuf;

/// A failed operation of the store. Each message is one line that says what to do.
///
/// After an error nothing of the operation has been kept, with one exception that every caller must reckon with: when a
/// commit's answer is lost (a network backend), it may have taken place. Writes are therefore keyed by id and repeatable.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, the quota or the configured size is used up. Passes when space is made.
    #[error("the store is full: {0}; make space on the volume, nothing was stored by this request")]
    Full(String),
    /// The disk does not do what it is asked; the embedded store names a full one [`StoreError::Full`] instead. May pass.
    #[error("the disk fails: {0}; look at the volume and at the log of the machine")]
    Disk(String),
    /// The store cannot be reached or does not answer in time. Passes by itself.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A setting of the store cannot be meant as it is; names the setting and what to do.
    #[error("{0}")]
    Setting(String),
    /// Another process has changed what was loaded. Passes when it is loaded again.
    #[error("what was read has been changed by another process since; read it again")]
    Stale,
    /// Another process has the same directory open.
    #[error("{0} is in use by another tracardi process; end it first or choose another --data directory")]
    InUse(PathBuf),
    /// The directory was written by a newer program.
    #[error(
        "the store has schema {found}, this program knows up to {known}; start the newer version of tracardi again"
    )]
    NewerSchema {
        /// Schema version on disk.
        found: i64,
        /// Highest schema version that this program can read.
        known: i64,
    },
    /// The data was sealed with another key than the one given.
    #[error(
        "the {name} key is not the one this store was made with; give the former key, or start with an empty directory"
    )]
    WrongKey {
        /// Which key: `encryption` or `signing`.
        name: &'static str,
    },
    /// A stored record cannot be read: damage, or a foreign hand.
    #[error("stored {what} cannot be read: {reason}; restore the volume from a backup if it is damaged")]
    Corrupt {
        /// The record, by kind and id.
        what: String,
        /// What the reader said.
        reason: String,
    },
    /// The name of a field in a query is not one.
    #[error("{0:?} is not a field name: give names separated by dots, made of letters, digits, `_` and `-`")]
    BadField(String),
    /// A pattern in a query has too many wildcards.
    #[error("the pattern {0:?} has more than 8 `*`; use fewer, or search for its words")]
    BadPattern(String),
    /// So many documents would have to be read to answer a query.
    #[error(
        "the index cannot answer this query alone: {found} documents would have to be read, at most {most} are; narrow it by time, or by a field that is compared with a value"
    )]
    TooBroad {
        /// How many.
        found: u64,
        /// How many a query may read.
        most: u64,
    },
    /// A condition that is to find documents reads others as well.
    #[error("{field} stands in another document: a condition that finds them reads {own}@… only")]
    ForeignField {
        /// The field as it is written.
        field: String,
        /// What may stand before the `@`.
        own: &'static str,
    },
    /// The directory or a file in it cannot be used.
    #[error("cannot use {path}: {reason}")]
    Directory {
        /// File or directory.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same request may succeed later without anybody changing the request.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Disk(_) | Self::Unavailable(_) | Self::Stale)
    }
}
