//! Events are given another form before anything looks at them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EventTypeRef, Kind, Record, list, or_default, text, type_needed, yes};
use crate::field::FieldError;
use crate::source::NamedEntity;

/// New properties and contexts for events of a type, by templates (spec/pipeline.md 5.7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventReshaping {
    /// Key.
    pub id: String,
    /// What people read.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// Labels.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
    /// For events of this type.
    pub event_type: EventTypeRef,
    /// For events from this source; without id: from every source.
    #[serde(default, deserialize_with = "or_default")]
    pub event_source: NamedEntity,
    /// Disabled records do nothing.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The templates.
    #[serde(default, deserialize_with = "or_default")]
    pub reshaping: Reshaping,
}

/// What is reshaped.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reshaping {
    /// The templates.
    #[serde(default, deserialize_with = "or_default")]
    pub reshape_schema: ReshapeSchema,
}

/// Object templates over `event@type`, `event@properties`, `event@context` and `session@context`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReshapeSchema {
    /// Becomes the event's properties.
    #[serde(default)]
    pub properties: Option<Value>,
    /// Becomes the event's context.
    #[serde(default)]
    pub context: Option<Value>,
    /// Becomes the request's context, which is the session's.
    #[serde(default)]
    pub session: Option<Value>,
}

impl Record for EventReshaping {
    const KIND: Kind = Kind::EventReshaping;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.event_source.id = self.event_source.id.trim().to_lowercase();
        let mut errors = Vec::new();
        type_needed(&self.event_type, &mut errors);
        errors
    }
}
