//! Which workflow an event starts.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{EventTypeRef, Kind, Record, list, or_default, text, type_needed, wrong, yes};
use crate::field::FieldError;
use crate::source::NamedEntity;
use crate::time;

/// Starts a workflow: for events of a type from a source, or when a segment is added to a profile (spec/pipeline.md 6.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Key.
    pub id: String,
    /// What people read; made of event type and workflow when it is blank.
    #[serde(default, deserialize_with = "text")]
    pub name: String,
    /// For people; made when it is blank.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// For events of this type.
    #[serde(default, deserialize_with = "or_default")]
    pub event_type: EventTypeRef,
    /// What starts the workflow.
    #[serde(default, deserialize_with = "or_default")]
    pub r#type: RuleType,
    /// The workflow.
    pub flow: NamedEntity,
    /// For events from this source.
    #[serde(default, deserialize_with = "or_default")]
    pub source: NamedEntity,
    /// For this segment.
    #[serde(default, deserialize_with = "or_default")]
    pub segment: NamedEntity,
    /// Disabled rules do nothing.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// On what condition.
    #[serde(default, deserialize_with = "properties")]
    pub properties: RuleProperties,
    /// When it was made.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: RuleMetadata,
    /// Labels.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
}

/// What starts the workflow of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleType {
    /// An event of the type from the source.
    #[default]
    EventCollect,
    /// The segment was added to a profile.
    SegmentAdd,
}

/// On what condition a rule applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleProperties {
    /// The profile must have given all of these.
    #[serde(default, deserialize_with = "list")]
    pub consents: Vec<NamedEntity>,
}

/// Facts about a rule as a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMetadata {
    /// Times.
    #[serde(default, deserialize_with = "or_default")]
    pub time: RuleTime,
}

/// Times of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTime {
    /// When it was first saved.
    #[serde(default, with = "time::optional")]
    pub insert: Option<Timestamp>,
    /// Reserved; null.
    #[serde(default, with = "time::optional")]
    pub create: Option<Timestamp>,
    /// Reserved; null.
    #[serde(default, with = "time::optional")]
    pub update: Option<Timestamp>,
}

impl Record for Rule {
    const KIND: Kind = Kind::Rule;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        for entity in [&mut self.flow, &mut self.source].into_iter().chain(&mut self.properties.consents) {
            entity.id = entity.id.trim().to_lowercase();
        }
        if self.tags.is_empty() {
            self.tags = vec!["General".to_owned()];
        }
        let mut errors = Vec::new();
        if self.flow.id.is_empty() {
            errors.push(wrong(["flow", "id"], "the id of a workflow is needed"));
        }
        let cause = match self.r#type {
            RuleType::EventCollect => {
                type_needed(&self.event_type, &mut errors);
                self.event_type.id().into_owned()
            }
            RuleType::SegmentAdd => {
                if self.segment.id.trim().is_empty() && self.segment.name.trim().is_empty() {
                    errors.push(wrong(["segment"], "a rule of the type `segment-add` needs a segment"));
                }
                self.segment.name.clone()
            }
        };
        let flow = if self.flow.name.is_empty() { &self.flow.id } else { &self.flow.name };
        if self.name.trim().is_empty() {
            self.name = format!("{cause} -> {flow}");
        }
        if self.description.trim().is_empty() {
            self.description = format!("Starts the workflow {flow}.");
        }
        errors
    }

    fn saved(&mut self, now: Timestamp) {
        self.metadata.time.insert.get_or_insert(now);
    }
}

/// Web applications send an empty list where there are none.
fn properties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RuleProperties, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(RuleProperties::default()),
        Value::Array(list) if list.is_empty() => Ok(RuleProperties::default()),
        other => serde_json::from_value(other).map_err(serde::de::Error::custom),
    }
}
