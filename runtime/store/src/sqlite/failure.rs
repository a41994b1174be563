//! SQLite's errors in our words.

use crate::StoreError;

/// Result codes of SQLite: the low byte says the kind.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const INTERRUPT: i32 = 9;
    pub(super) const IO: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANNOT_OPEN: i32 = 14;
    pub(super) const TOO_BIG: i32 = 18;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOT_A_DATABASE: i32 = 26;
}

/// The result code of an error, if it comes from SQLite.
fn code_of(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// Whether a row could not be inserted because of one that is there.
pub(super) fn exists_already(error: &sqlx::Error) -> bool {
    code_of(error).is_some_and(|code| code & 0xff == code::CONSTRAINT)
}

/// The error in our words.
#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(super) fn failed(error: sqlx::Error) -> StoreError {
    let message = || error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    match code_of(&error).map(|code| code & 0xff) {
        Some(code::FULL) => StoreError::Full(message()),
        Some(code::IO | code::CANNOT_OPEN) => StoreError::Disk(message()),
        Some(code::INTERRUPT) => {
            StoreError::Unavailable(format!("the query took longer than {} s; ask for less", super::READ_SECONDS))
        }
        Some(code::BUSY) => StoreError::Unavailable("the database file is locked by another program".to_owned()),
        Some(code::CORRUPT | code::NOT_A_DATABASE) => {
            StoreError::Corrupt { what: "database file".to_owned(), reason: message() }
        }
        Some(code::TOO_BIG) => StoreError::Corrupt { what: "document to be stored".to_owned(), reason: message() },
        _ => StoreError::Unavailable(message()),
    }
}
