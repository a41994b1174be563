//! What a destination is to get: rendered when the request is collected, kept in the outbox until it has been sent.

use jiff::Timestamp;
use serde_json::value::RawValue;

/// One piece of data for one destination.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The same whenever the same request comes again: nobody gets it twice, and receivers can tell a repetition.
    pub id: String,
    /// Id of the destination.
    pub destination: String,
    /// The event that it tells of; none when it tells of the profile.
    pub event_id: Option<String>,
    /// The profile that it tells of, or whose event it is: what is for one profile is sent in order.
    pub profile_id: Option<String>,
    /// Whether it is a test: sent with the credentials for tests.
    pub debug: bool,
    /// `{"data": ..., "changes": [...]}` (spec/pipeline.md 6.4).
    pub body: Box<RawValue>,
    /// When it was made.
    pub at: Timestamp,
}
