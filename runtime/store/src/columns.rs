//! How values stand in the columns of an SQL store: the same in each, so that what one wrote another can take over.

use jiff::Timestamp;
use tracardi_model::Context;

use crate::{PAGE_BYTES, State, StoreError};

/// The number of a context.
#[must_use]
pub const fn number(context: Context) -> i64 {
    match context {
        Context::Production => 0,
        Context::Staging => 1,
    }
}

/// The context of a number.
#[must_use]
pub const fn context_of(number: i64) -> Context {
    if number == 0 { Context::Production } else { Context::Staging }
}

/// A time: microseconds since 1970.
#[must_use]
pub fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time of a delivery.
pub fn instant(micros: i64, id: &str) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|error| unreadable("delivery", id, error))
}

/// The number of a delivery's state.
#[must_use]
pub const fn code(state: State) -> i64 {
    match state {
        State::Waiting => 0,
        State::Delivered => 1,
        State::Dead => 2,
    }
}

/// The state of a number.
#[must_use]
pub const fn state_of(code: i64) -> State {
    match code {
        0 => State::Waiting,
        1 => State::Delivered,
        _ => State::Dead,
    }
}

/// What SQL counts is never negative.
#[must_use]
pub fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// As many of these rows (with the lengths of their documents) as a page holds.
#[must_use]
pub fn fitting(rows: Vec<(i64, i64)>) -> Vec<i64> {
    let mut room = PAGE_BYTES;
    let fit = |(at, (row, length)): (usize, (i64, i64))| {
        let rest = room.checked_sub(unsigned(length));
        room = rest.unwrap_or(0);
        (at == 0 || rest.is_some()).then_some(row)
    };
    rows.into_iter().enumerate().map_while(fit).collect()
}

/// A row that is there but cannot be read.
pub fn unreadable(what: &str, id: &str, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { what: format!("{what} {id}"), reason: reason.to_string() }
}
