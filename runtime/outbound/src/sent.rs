//! What is sent in one attempt, and what the attempt ends in.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::value::RawValue;

/// What is sent, whatever the transport.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The same for every attempt: a receiver that has seen it already knows what it needs to do.
    pub id: &'a str,
    /// The profile that it tells of: what is for one profile stays in order.
    pub profile: Option<&'a str>,
    /// The document, the same for all transports.
    pub body: &'a RawValue,
    /// When it is sent.
    pub at: Timestamp,
}

/// What an attempt ended in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The destination has it.
    Delivered,
    /// Another attempt may succeed.
    Later {
        /// Why this one did not, for people.
        error: String,
        /// The pause that the destination asks for.
        asked: Option<Duration>,
    },
    /// The same would happen again: why, for people.
    Dead(String),
}

impl Sent {
    /// Another attempt may succeed, at a time of our choice.
    pub(crate) fn later(error: String) -> Self {
        Self::Later { error, asked: None }
    }
}
