//! What a workflow has asked to happen later: kept until it is due.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Map, time};

/// A workflow that goes on later (spec/pipeline.md 5.9): at `due` one event starts the workflow `flow` at its node `node`, for
/// the same profile and session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delayed {
    /// The same whenever the same request comes again: nothing happens twice.
    pub id: String,
    /// When.
    #[serde(with = "time::stamp")]
    pub due: Timestamp,
    /// Id of the workflow.
    pub flow: String,
    /// Id of the node.
    pub node: String,
    /// The event that started the workflow.
    pub event: String,
    /// Type of the event that it goes on with; none: one that is not stored.
    pub event_type: Option<String>,
    /// Properties of that event; empty: those of the event that started it.
    pub properties: Map,
    /// The event source.
    pub source: String,
    /// The session, if kept.
    pub session: Option<String>,
    /// The profile, if kept; as it was called when this was made.
    pub profile: Option<String>,
    /// When it was asked for.
    #[serde(with = "time::stamp")]
    pub at: Timestamp,
}
