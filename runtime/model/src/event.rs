//! The stored event.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::path::{self, PathError, Segment};
use crate::record::lenient;
use crate::session::{ProfileRef, Utm};
use crate::{Map, time};

/// Times of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventTime {
    /// When it happened, as far as known: the client's `time.insert`, else reception.
    #[serde(with = "time::stamp")]
    pub insert: Timestamp,
    /// The client's `time.create`.
    #[serde(default, with = "time::optional")]
    pub create: Option<Timestamp>,
    /// Reserved; null.
    #[serde(default, with = "time::optional")]
    pub update: Option<Timestamp>,
    /// Seconds spent in workflows.
    #[serde(default)]
    pub process_time: f64,
    /// Reserved; 0.
    #[serde(default)]
    pub total_time: f64,
}

/// Which rules, workflows and third parties an event went through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessedBy {
    /// Names of rules.
    pub rules: Vec<String>,
    /// Ids of workflows.
    pub flows: Vec<String>,
    /// Names of third parties.
    pub third_party: Vec<String>,
}

/// Something known by its id only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// The id.
    pub id: String,
}

/// Facts about the event as a record.
#[allow(clippy::struct_excessive_bools, reason = "the stored JSON has them")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventMetadata {
    /// Free.
    #[serde(default, deserialize_with = "lenient")]
    pub aux: Map,
    /// Times.
    pub time: EventTime,
    /// Reserved; null.
    #[serde(default)]
    pub ip: Option<String>,
    /// `collected`, later `processed`.
    #[serde(default)]
    pub status: Option<String>,
    /// Channel of the event source.
    #[serde(default)]
    pub channel: Option<String>,
    /// What handled the event.
    #[serde(default, deserialize_with = "lenient")]
    pub processed_by: ProcessedBy,
    /// Whether no profile was wanted.
    #[serde(default)]
    pub profile_less: bool,
    /// Whether the client asked for debugging and the server allows it.
    #[serde(default)]
    pub debug: bool,
    /// False when the event broke a validation rule.
    #[serde(default)]
    pub valid: bool,
    /// Whether processing failed.
    #[serde(default)]
    pub error: bool,
    /// Whether a part of the mapping had to be skipped.
    #[serde(default)]
    pub warning: bool,
    /// Whether identification merged profiles.
    #[serde(default)]
    pub merge: bool,
    /// The process that collected the event.
    #[serde(default)]
    pub instance: Entity,
}

/// Reference to the session of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRef {
    /// Its id.
    pub id: String,
    /// Its start.
    #[serde(with = "time::stamp")]
    pub start: Timestamp,
    /// Its duration in seconds.
    #[serde(default)]
    pub duration: f64,
    /// Its time zone.
    #[serde(default)]
    pub tz: Option<String>,
}

/// Labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tags {
    /// The labels.
    pub values: Vec<String>,
    /// How many.
    pub count: usize,
}

impl From<Vec<String>> for Tags {
    fn from(values: Vec<String>) -> Self {
        Self { count: values.len(), values }
    }
}

impl Tags {
    /// Adds those that are not there yet.
    pub fn add(&mut self, tags: &[String]) {
        for tag in tags {
            if !self.values.contains(tag) {
                self.values.push(tag.clone());
            }
        }
        self.count = self.values.len();
    }
}

/// Where in the customer's journey the event stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Journey {
    /// `awareness`, `consideration`, `purchase`, `retention`, `advocacy` or null.
    pub state: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Given by the client or derived from the content.
    pub id: String,
    /// The type in words.
    pub name: String,
    /// Lower case, dashes for blanks.
    #[serde(rename = "type")]
    pub kind: String,
    /// Times, state, flags.
    pub metadata: EventMetadata,
    /// Campaign of the session.
    #[serde(default, deserialize_with = "lenient")]
    pub utm: Utm,
    /// What the client sent; null if it sent null.
    #[serde(default)]
    pub properties: Option<Arc<Map>>,
    /// Indexed properties.
    #[serde(default, deserialize_with = "lenient")]
    pub traits: Map,
    /// Event source.
    pub source: Entity,
    /// Session; null when not kept.
    #[serde(default)]
    pub session: Option<SessionRef>,
    /// Profile; null when not kept.
    #[serde(default)]
    pub profile: Option<ProfileRef>,
    /// Page and the like.
    #[serde(default, deserialize_with = "lenient")]
    pub context: Arc<Map>,
    /// Headers and free parts of the request; the same for all events of a request.
    #[serde(default)]
    pub request: Arc<Map>,
    /// Options of the event.
    #[serde(default, deserialize_with = "lenient")]
    pub config: Arc<Map>,
    /// Labels.
    #[serde(default, deserialize_with = "lenient")]
    pub tags: Tags,
    /// Free.
    #[serde(default, deserialize_with = "lenient")]
    pub aux: Map,
    /// What is known of the device; defaults are left out. Device, system and browser are the session's, the same for all
    /// events of a request unless a mapping writes.
    #[serde(default, deserialize_with = "lenient")]
    pub device: Arc<Map>,
    /// What is known of the operating system.
    #[serde(default, deserialize_with = "lenient")]
    pub os: Arc<Map>,
    /// What is known of the browser.
    #[serde(default, deserialize_with = "lenient")]
    pub app: Arc<Map>,
    /// Page, search words and the like.
    #[serde(default, deserialize_with = "lenient")]
    pub hit: Map,
    /// Journey.
    #[serde(default, deserialize_with = "lenient")]
    pub journey: Journey,
    /// Typed copies of properties, made by the type's mapping.
    #[serde(default, deserialize_with = "lenient")]
    pub data: Map,
}

impl Event {
    /// The key of the document.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The type.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// When it happened; the time field of range queries.
    #[must_use]
    pub fn insert(&self) -> Timestamp {
        self.metadata.time.insert
    }

    /// The event source.
    #[must_use]
    pub fn source_id(&self) -> &str {
        &self.source.id
    }

    /// The session, if kept.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.id.as_str())
    }

    /// The profile, if kept.
    #[must_use]
    pub fn profile_id(&self) -> Option<&str> {
        self.profile.as_ref().map(|profile| profile.id.as_str())
    }

    /// What a repeated request needs to know of this event.
    #[must_use]
    pub fn stored(&self) -> StoredEvent {
        StoredEvent {
            id: self.id.clone(),
            source_id: self.source.id.clone(),
            session_id: self.session_id().map(str::to_owned),
            profile_id: self.profile_id().map(str::to_owned),
        }
    }

    /// The value at a path below one of the free parts (`properties`, `traits`, `context`, `data`, `hit`, `device`, `os`,
    /// `app`, `config`, `aux`, `request`).
    #[must_use]
    pub fn get(&self, path: &[Segment]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        let map = match &*first.name {
            "properties" => self.properties.as_ref()?,
            "traits" => &self.traits,
            "context" => &self.context,
            "data" => &self.data,
            "hit" => &self.hit,
            "device" => &self.device,
            "os" => &self.os,
            "app" => &self.app,
            "config" => &self.config,
            "aux" => &self.aux,
            "request" => &self.request,
            _ => return None,
        };
        path::get_in(map, rest)
    }

    /// Writes at a path below `data`, `hit`, `device`, `traits` or `aux`, the parts that mappings may write.
    pub fn set(&mut self, path: &[Segment], value: Value) -> Result<(), PathError> {
        let (first, rest) = path.split_first().ok_or(PathError::Empty)?;
        let map = match &*first.name {
            "data" => &mut self.data,
            "hit" => &mut self.hit,
            "device" => Arc::make_mut(&mut self.device),
            "traits" => &mut self.traits,
            "aux" => &mut self.aux,
            _ => return Err(PathError::Blocked),
        };
        path::set_in(map, rest, value)
    }
}

/// What the store keeps at hand of an event that is already stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its id.
    pub id: String,
    /// The source it came from.
    pub source_id: String,
    /// Its session, if kept.
    pub session_id: Option<String>,
    /// Its profile, if kept.
    pub profile_id: Option<String>,
}
