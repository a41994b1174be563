//! Fields of events that need consents.

use serde::{Deserialize, Serialize};

use super::{EventTypeRef, Kind, Record, RefValue, list, text, type_needed, wrong};
use crate::field::FieldError;
use crate::source::NamedEntity;

/// What happens to fields of an event type when the profile lacks consents (spec/pipeline.md 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCompliance {
    /// Key.
    pub id: String,
    /// What people read.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// For events of this type.
    pub event_type: EventTypeRef,
    /// One for each field.
    #[serde(default, deserialize_with = "list")]
    pub settings: Vec<ComplianceSetting>,
    /// Disabled records do nothing.
    #[serde(default)]
    pub enabled: bool,
}

/// One field and the consents that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComplianceSetting {
    /// What happens unless all the consents are there.
    pub action: ComplianceAction,
    /// Where, below the event: `properties.email`.
    pub field: RefValue,
    /// All of these.
    #[serde(default, deserialize_with = "list")]
    pub consents: Vec<NamedEntity>,
}

/// What happens to a field without consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComplianceAction {
    /// It is taken out of the event.
    Erase,
    /// A keyed hash stands in its place: equal values stay equal, nobody reads them.
    Hash,
    /// Nothing.
    Nothing,
}

impl Record for DataCompliance {
    const KIND: Kind = Kind::DataCompliance;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        type_needed(&self.event_type, &mut errors);
        for (index, setting) in self.settings.iter().enumerate() {
            if setting.consents.iter().all(|consent| consent.id.trim().is_empty()) {
                let at = ["settings".into(), crate::Loc::Index(index), "consents".into()];
                errors
                    .push(wrong(at, "at least one consent is needed; without any the field would never be protected"));
            }
        }
        errors
    }
}
