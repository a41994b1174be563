//! Room on the volume: how much there is, and errors in its light. SQLite says "disk I/O error" where the system said
//! that there is no space left, and does not say where.

use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Free bytes below which the store counts as full: two of the largest requests would no longer fit.
pub const LEAST_ROOM: u64 = 16 << 20;

/// The volume of a directory.
#[derive(Clone, Debug)]
pub struct Room(PathBuf);

impl Room {
    /// Of the volume on which this directory lies.
    #[must_use]
    pub fn of(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Bytes that this process may still write. Asks the system; waits for a network file system that does not answer.
    pub fn free(&self) -> io::Result<u64> {
        let volume = rustix::fs::statvfs(&self.0)?;
        Ok(volume.f_bavail.saturating_mul(volume.f_frsize))
    }

    /// An error when there is less than [`LEAST_ROOM`], or when the volume does not tell.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.free() {
            Ok(free) if free < LEAST_ROOM => Err(StoreError::Full(self.left(free))),
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Directory { path: self.0.clone(), reason: error.to_string() }),
        }
    }

    /// The error, with the directory and what is left there when that is the reason.
    pub(super) fn explain(&self, error: StoreError) -> StoreError {
        match (&error, self.free()) {
            (StoreError::Full(_), Ok(free)) => StoreError::Full(self.left(free)),
            (StoreError::Disk(_), Ok(free)) if free < LEAST_ROOM => StoreError::Full(self.left(free)),
            (StoreError::Disk(reason), _) => StoreError::Disk(format!("{reason} in {}", self.0.display())),
            _ => error,
        }
    }

    fn left(&self, free: u64) -> String {
        format!("{} kB are left on the volume of {}", free / 1000, self.0.display())
    }
}
