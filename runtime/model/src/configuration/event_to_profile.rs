//! Values of events that go to the profile.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{EventTypeRef, Kind, Record, RefValue, list, or_default, text, type_needed};
use crate::field::FieldError;

/// Which values of an event type are written where on the profile (spec/pipeline.md 5.5).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventToProfile {
    /// Key.
    pub id: String,
    /// What people read.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// For events of this type.
    pub event_type: EventTypeRef,
    /// Disabled records do nothing.
    #[serde(default)]
    pub enabled: bool,
    /// When.
    #[serde(default, deserialize_with = "or_default")]
    pub config: EventToProfileConfig,
    /// Labels.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
    /// Kept for the web application.
    #[serde(default)]
    pub build_in: bool,
    /// In this order.
    #[serde(default, deserialize_with = "list")]
    pub event_to_profile: Vec<ProfileAssignment>,
}

/// When a record applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventToProfileConfig {
    /// A condition on event, profile and session; blank: always.
    #[serde(default, deserialize_with = "text")]
    pub condition: String,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileAssignment {
    /// Where it comes from: a path below the event, or a fixed text.
    pub event: RefValue,
    /// How it is written.
    pub op: ProfileOperation,
    /// Where it goes: a path below the profile.
    pub profile: RefValue,
}

/// How a value is written to the profile. On the wire a number or a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileOperation {
    /// `0`, `equal`, `equals`: it replaces what is there.
    Equals,
    /// `1`, `equals_if_not_exists`: it is written where nothing is.
    EqualsIfNotExists,
    /// `2`, `append`: it is added to the list there.
    Append,
}

impl Serialize for ProfileOperation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::Equals => 0,
            Self::EqualsIfNotExists => 1,
            Self::Append => 2,
        })
    }
}

impl<'de> Deserialize<'de> for ProfileOperation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let word = value.as_str().map(str::to_lowercase);
        match (value.as_i64(), word.as_deref().map(str::trim)) {
            (Some(0), _) | (_, Some("0" | "equal" | "equals")) => Ok(Self::Equals),
            (Some(1), _) | (_, Some("1" | "equals_if_not_exists")) => Ok(Self::EqualsIfNotExists),
            (Some(2), _) | (_, Some("2" | "append")) => Ok(Self::Append),
            _ => Err(serde::de::Error::custom("an operation is 0 (equals), 1 (equals_if_not_exists) or 2 (append)")),
        }
    }
}

impl Record for EventToProfile {
    const KIND: Kind = Kind::EventToProfile;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        type_needed(&self.event_type, &mut errors);
        errors
    }
}
