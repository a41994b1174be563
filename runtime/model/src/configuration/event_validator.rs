//! What events of a type must look like.

use serde::{Deserialize, Serialize};

use super::{EventTypeRef, Kind, Record, list, object, or_default, text, type_needed, yes};
use crate::Map;
use crate::field::FieldError;

/// A check that events of a type must pass; those that do not are kept, marked as invalid (spec/pipeline.md 5.6).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventValidator {
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
    /// Disabled records do nothing.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The check.
    #[serde(default, deserialize_with = "or_default")]
    pub validation: Validation,
}

/// Schemas by the place that they are for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Reference (`event@properties.email`) -> JSON Schema, draft 2020-12. All must hold.
    #[serde(default, deserialize_with = "object")]
    pub json_schema: Map,
    /// A condition on the event; the schemas are looked at only if it holds. Blank: always.
    #[serde(default, deserialize_with = "text")]
    pub condition: String,
}

impl Record for EventValidator {
    const KIND: Kind = Kind::EventValidator;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        type_needed(&self.event_type, &mut errors);
        errors
    }
}
