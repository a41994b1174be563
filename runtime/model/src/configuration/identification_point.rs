//! By which values a visitor is recognised.

use serde::{Deserialize, Serialize};

use super::{EventTypeRef, Kind, Record, RefValue, list, object, or_default, text, type_needed, wrong};
use crate::Map;
use crate::field::FieldError;
use crate::source::NamedEntity;

/// When an event of a type brings these values, the profile that has them is its visitor's (spec/pipeline.md 4.8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentificationPoint {
    /// Key.
    pub id: String,
    /// What people read.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// For events from this source; without id: from every source.
    #[serde(default, deserialize_with = "or_default")]
    pub source: NamedEntity,
    /// For events of this type.
    pub event_type: EventTypeRef,
    /// All of these must agree.
    #[serde(default, deserialize_with = "list")]
    pub fields: Vec<IdentificationField>,
    /// Disabled records do nothing.
    #[serde(default)]
    pub enabled: bool,
    /// Kept for the web application.
    #[serde(default, deserialize_with = "object")]
    pub settings: Map,
}

/// A value of the event and where profiles have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentificationField {
    /// Path below the profile: `data.contact.email.main`.
    pub profile_trait: RefValue,
    /// Path below the event: `properties.email`.
    pub event_property: RefValue,
}

impl Record for IdentificationPoint {
    const KIND: Kind = Kind::IdentificationPoint;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.source.id = self.source.id.trim().to_lowercase();
        let mut errors = Vec::new();
        type_needed(&self.event_type, &mut errors);
        if self.fields.is_empty() {
            errors.push(wrong(["fields"], "at least one pair of a profile's field and an event's property is needed"));
        }
        errors
    }
}
