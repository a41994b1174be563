//! What an event type means beyond what is predefined.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{EventTypeRef, Kind, Record, list, or_default, text, type_needed};
use crate::field::FieldError;

/// Values inside the event, tags and journey of a type (spec/pipeline.md 5.3). There is one for each type: its id is the type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTypeMapping {
    /// The event type.
    #[serde(default, deserialize_with = "text")]
    pub id: String,
    /// What people read.
    pub name: String,
    /// For events of this type.
    pub event_type: EventTypeRef,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// Disabled records do nothing.
    #[serde(default)]
    pub enabled: bool,
    /// Destination -> source, both paths below the event: `{"traits.size": "properties.size"}`.
    #[serde(default, deserialize_with = "or_default")]
    pub index_schema: IndexMap<String, String>,
    /// The state of the customer journey that such an event shows.
    #[serde(default)]
    pub journey: Option<String>,
    /// Labels that the events get.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
    /// Kept for the web application.
    #[serde(default)]
    pub build_in: bool,
}

impl Record for EventTypeMapping {
    const KIND: Kind = Kind::EventTypeMapping;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.id = self.event_type.id().into_owned();
        let mut errors = Vec::new();
        type_needed(&self.event_type, &mut errors);
        errors
    }
}
