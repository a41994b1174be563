//! Groups of profiles.

use serde::{Deserialize, Serialize};

use super::{Kind, Record, list, text, wrong, yes};
use crate::field::FieldError;

/// A group that a profile joins when a condition on it is true after its events (spec/pipeline.md 6.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Key.
    pub id: String,
    /// What people read.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// Looked at after events of these types; none: after all.
    #[serde(default, rename = "eventType", deserialize_with = "list")]
    pub event_type: Vec<String>,
    /// A condition on the profile.
    pub condition: String,
    /// Disabled segments do nothing.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How the segment stands in profiles. It follows from the name.
    #[serde(default, deserialize_with = "text")]
    pub machine_name: String,
}

/// How a segment of this name stands in profiles: lower case, dashes for blanks.
#[must_use]
pub fn machine_name(name: &str) -> String {
    name.trim().to_lowercase().replace(' ', "-")
}

impl Record for Segment {
    const KIND: Kind = Kind::Segment;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.machine_name = machine_name(&self.name);
        let mut errors = Vec::new();
        if self.machine_name.is_empty() {
            errors.push(wrong(["name"], "a name is needed: what stands in profiles follows from it"));
        }
        if self.condition.trim().is_empty() {
            errors.push(wrong(["condition"], "a condition is needed, for example `profile@stats.visits > 3`"));
        }
        errors
    }
}
