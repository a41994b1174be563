//! What `/track` answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Map;

/// An id or null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionalId {
    /// The id; null when nothing was kept under one (profile-less, or saving switched off).
    pub id: Option<String>,
}

/// Body of a successful `/track`, `/collect` or internal call; every key is always present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrackAnswer {
    /// Id of this request, for reference only.
    pub task: String,
    /// Elements that the page must show: `{"tag", "props", "content"?}`.
    pub ux: Vec<Value>,
    /// What workflows responded.
    pub response: Map,
    /// Ids of the collected events, system events included; filled only when debugging is on.
    pub events: Vec<String>,
    /// The visitor; the client must adopt this id.
    pub profile: OptionalId,
    /// The session.
    pub session: OptionalId,
    /// Reserved; empty.
    pub errors: Vec<Value>,
    /// What was left out of a request that went well otherwise, as texts for people.
    pub warnings: Vec<Value>,
}
