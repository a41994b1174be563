//! What users configure, besides event sources: one type per kind of record, one file each.
//!
//! A record is kept as JSON under its kind and id. [`read`] is the only way from a request's body to a record: it checks the
//! shape and what the shape alone cannot say, and names the wrong field. What a record *means* (do its expressions parse?)
//! the engine says when it compiles the record.

mod consent_type;
mod data_compliance;
mod destination;
mod event_to_profile;
mod event_type_mapping;
mod event_validator;
mod identification_point;
mod redirect;
mod reshaping;
mod resource;
mod rule;
mod segment;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use consent_type::{ConsentType, DefaultConsent};
pub use data_compliance::{ComplianceAction, ComplianceSetting, DataCompliance};
pub use destination::{
    CONNECTORS, Connector, Destination, HTTP_CONNECTOR, KAFKA_CONNECTOR, MQTT_CONNECTOR, PULSAR_CONNECTOR,
    RABBITMQ_CONNECTOR, REDIS_CONNECTOR,
};
pub use event_to_profile::{EventToProfile, EventToProfileConfig, ProfileAssignment, ProfileOperation};
pub use event_type_mapping::EventTypeMapping;
pub use event_validator::{EventValidator, Validation};
pub use identification_point::{IdentificationField, IdentificationPoint};
pub use redirect::Redirect;
pub use reshaping::{EventReshaping, ReshapeSchema, Reshaping};
pub use resource::{Credentials, Resource};
pub use rule::{Rule, RuleMetadata, RuleProperties, RuleTime, RuleType};
pub use segment::{Segment, machine_name};

use crate::field::FieldError;
use crate::source::NamedEntity;
use crate::{Loc, Map};

/// A kind of configuration record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// [`ConsentType`]: what visitors may consent to.
    ConsentType,
    /// [`DataCompliance`]: fields of events that need consents.
    DataCompliance,
    /// [`Destination`]: where events and profiles are sent.
    Destination,
    /// [`EventReshaping`]: events are given another form before anything looks at them.
    EventReshaping,
    /// [`EventToProfile`]: values of events that go to the profile.
    EventToProfile,
    /// [`EventTypeMapping`]: values inside the event, tags and journey of a type.
    EventTypeMapping,
    /// [`EventValidator`]: what events of a type must look like.
    EventValidator,
    /// [`IdentificationPoint`]: by which values a visitor is recognised.
    IdentificationPoint,
    /// [`Redirect`]: a link that makes an event and leads on.
    Redirect,
    /// [`Resource`]: outside systems and the credentials for them.
    Resource,
    /// [`Rule`]: which workflow an event starts.
    Rule,
    /// [`Segment`]: groups of profiles.
    Segment,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::ConsentType,
        Self::DataCompliance,
        Self::Destination,
        Self::EventReshaping,
        Self::EventToProfile,
        Self::EventTypeMapping,
        Self::EventValidator,
        Self::IdentificationPoint,
        Self::Redirect,
        Self::Resource,
        Self::Rule,
        Self::Segment,
    ];

    /// The name in the store, in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConsentType => "consent-type",
            Self::DataCompliance => "data-compliance",
            Self::Destination => "destination",
            Self::EventReshaping => "event-reshaping",
            Self::EventToProfile => "event-to-profile",
            Self::EventTypeMapping => "event-type-mapping",
            Self::EventValidator => "event-validator",
            Self::IdentificationPoint => "identification-point",
            Self::Redirect => "redirect",
            Self::Resource => "resource",
            Self::Rule => "rule",
            Self::Segment => "segment",
        }
    }

    /// The member of a record's JSON that is nobody's business: kept sealed, told only to who asks for this very record.
    #[must_use]
    pub const fn secret(self) -> Option<&'static str> {
        match self {
            Self::Resource => Some("credentials"),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// The text names no [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKind;

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this program knows no such kind of configuration record")
    }
}

impl std::error::Error for UnknownKind {}

/// A record of one kind.
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Which kind.
    const KIND: Kind;

    /// The key among the records of its kind.
    fn id(&self) -> &str;

    /// Fills in what follows from other fields, then says what is wrong although its shape is right.
    fn complete(&mut self) -> Vec<FieldError> {
        Vec::new()
    }

    /// Notes when it is saved, where records of the kind tell that.
    fn saved(&mut self, _now: Timestamp) {}
}

/// Longest id of a record, in bytes.
pub const MAX_ID: usize = 512;

/// Reads a request's body. Unknown fields are ignored, absent ones get their defaults.
pub fn read<R: Record>(body: Value) -> Result<R, Vec<FieldError>> {
    if !body.is_object() {
        return Err(vec![FieldError::new("dict_type", vec!["body".into()], "Input should be a JSON object")]);
    }
    let mut record: R = parse(body).map_err(|error| vec![*error])?;
    let mut errors = record.complete();
    if record.id().trim().is_empty() {
        errors.push(wrong(["id"], "an id is needed: any text, for example a UUID"));
    } else if record.id().len() > MAX_ID {
        errors.push(wrong(["id"], format!("an id has at most {MAX_ID} bytes")));
    }
    if errors.is_empty() { Ok(record) } else { Err(errors) }
}

/// Reads a stored record.
pub fn parse<R: DeserializeOwned>(value: Value) -> Result<R, Box<FieldError>> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let mut loc: Vec<Loc> = vec!["body".into()];
        loc.extend(error.path().iter().filter_map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => Some(Loc::Index(*index)),
            serde_path_to_error::Segment::Map { key } => Some(Loc::from(key.clone())),
            serde_path_to_error::Segment::Enum { variant } => Some(Loc::from(variant.clone())),
            serde_path_to_error::Segment::Unknown => None,
        }));
        let message = error.inner().to_string();
        // That a field is absent is told with the object that should have it; clients look for the field in `loc`.
        if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            loc.push(Loc::from(field.to_owned()));
            return Box::new(FieldError::new("missing", loc, "Field required"));
        }
        Box::new(FieldError::new("value_error", loc, message))
    })
}

/// A complaint about a field below the body.
pub fn wrong<L: Into<Loc>>(path: impl IntoIterator<Item = L>, message: impl Into<String>) -> FieldError {
    let loc = std::iter::once(Loc::from("body")).chain(path.into_iter().map(Into::into)).collect();
    FieldError::new("value_error", loc, message)
}

/// A fixed text, or the path where the value stands (spec/pipeline.md 7.6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefValue {
    /// The text or the path; blank: no value.
    #[serde(default, deserialize_with = "text")]
    pub value: String,
    /// Whether it is a path.
    #[serde(default)]
    pub r#ref: bool,
}

/// An event type, written as its id or as an object with id and name; told again as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventTypeRef {
    /// The id alone.
    Id(String),
    /// The object.
    Named(NamedEntity),
}

impl EventTypeRef {
    /// The type, in the form events have it: lower case, dashes for blanks.
    #[must_use]
    pub fn id(&self) -> Cow<'_, str> {
        let id = match self {
            Self::Id(id) => id.trim(),
            Self::Named(entity) => entity.id.trim(),
        };
        if id.bytes().all(|byte| !byte.is_ascii_uppercase() && byte != b' ' && byte.is_ascii()) {
            Cow::Borrowed(id)
        } else {
            Cow::Owned(id.to_lowercase().replace(' ', "-"))
        }
    }
}

impl Default for EventTypeRef {
    fn default() -> Self {
        Self::Id(String::new())
    }
}

/// Null counts as an absent text.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Null counts as an empty list.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Null counts as an empty object.
pub(crate) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
    Option::<Map>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Null counts as the default.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default).map_err(D::Error::custom)
}

pub(crate) const fn yes() -> bool {
    true
}

/// A complaint when an event type is missing.
pub(crate) fn type_needed(event_type: &EventTypeRef, errors: &mut Vec<FieldError>) {
    if event_type.id().is_empty() {
        errors.push(wrong(["event_type"], "an event type is needed, for example `page-view`"));
    }
}

#[cfg(test)]
mod tests;
