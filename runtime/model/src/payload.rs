//! What a client sends to `/track`, parsed and checked. The way of a body: [`guard`] looks at the bytes, [`tree`] makes JSON
//! of them, [`reader`] takes the tree apart into the types below and collects what is wrong.

pub mod consents;
pub mod guard;
pub mod reader;
pub mod tree;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::event::Entity;
use crate::field::FieldError;
use crate::{Map, time};
use reader::{At, Fields, Report};

/// How much one request may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the body.
    pub body_bytes: usize,
    /// Levels of objects and lists.
    pub depth: usize,
    /// Keys and values, all levels together.
    pub values: usize,
    /// Events.
    pub events: usize,
    /// Length of an id, an event type or a tag.
    pub id_bytes: usize,
    /// Tags of an event.
    pub tags: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 8 << 20, depth: 64, values: 200_000, events: 10_000, id_bytes: 512, tags: 100 }
    }
}

/// Reference to a profile as a client sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProfileEntity {
    /// Trimmed; not empty.
    pub id: String,
    /// Key in the customer's systems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_id: Option<String>,
}

/// Times that a client gives an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClientTime {
    /// When it happened; reception if absent.
    #[serde(with = "time::optional")]
    pub insert: Option<Timestamp>,
    /// When the client made it.
    #[serde(with = "time::optional")]
    pub create: Option<Timestamp>,
}

/// One event of a payload. Statuses that a client has no business to set (`validation`, `reshaping`, `merging`, `error`) are
/// dropped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventPayload {
    /// As sent, without blanks around it; not empty.
    #[serde(rename = "type")]
    pub kind: String,
    /// In lower case, if the client gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Times.
    pub time: ClientTime,
    /// Facts; null stays null. This and what follows becomes part of the event, which shares it with the payload.
    pub properties: Option<Arc<Map>>,
    /// Options, stored as the event's `config`.
    pub options: Arc<Map>,
    /// Page and the like.
    pub context: Arc<Map>,
    /// Labels.
    pub tags: Vec<String>,
}

/// A body that may be parsed.
#[derive(Clone, Copy, Debug)]
pub struct Weighed<'b> {
    /// Bytes of memory that the payload will take at most.
    pub memory: usize,
    body: &'b [u8],
    limits: &'b Limits,
}

impl Weighed<'_> {
    /// The second half of [`TrackerPayload::parse`].
    pub fn parse(self) -> Result<TrackerPayload, Vec<FieldError>> {
        let tree = tree::parse(self.body).map_err(|error| vec![*error])?;
        TrackerPayload::read(tree, self.limits)
    }
}

/// A request to collect events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrackerPayload {
    /// The event source, by id (trimmed).
    pub source: Entity,
    /// The session (trimmed); none when absent or blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Entity>,
    /// The profile; none when absent or blank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileEntity>,
    /// Facts about the session.
    pub context: Map,
    /// Merged into the session's properties.
    pub properties: Map,
    /// Kept with every event.
    pub request: Map,
    /// What happened.
    pub events: Vec<EventPayload>,
    /// Flags, see the methods.
    pub options: Map,
    /// Chooses test credentials of destinations.
    pub debug: bool,
}

impl TrackerPayload {
    /// A payload without events.
    #[must_use]
    pub fn new(source_id: impl Into<String>) -> Self {
        Self {
            source: Entity { id: source_id.into() },
            session: None,
            profile: None,
            context: Map::new(),
            properties: Map::new(),
            request: Map::new(),
            events: Vec::new(),
            options: Map::new(),
            debug: false,
        }
    }

    /// Parses and checks a body. All complaints are returned at once (at most 100), each naming its field.
    pub fn parse(body: &[u8], limits: &Limits) -> Result<Self, Vec<FieldError>> {
        Self::weigh(body, limits)?.parse()
    }

    /// The first half of [`TrackerPayload::parse`]: looks at the bytes only, refuses what would cost too much, and tells
    /// what the rest will cost.
    pub fn weigh<'b>(body: &'b [u8], limits: &'b Limits) -> Result<Weighed<'b>, Vec<FieldError>> {
        let memory = guard::check(body, limits).map_err(|error| vec![*error])?;
        Ok(Weighed { memory, body, limits })
    }

    /// As [`TrackerPayload::parse`] for a tree that is there already and within the limits of depth and size.
    pub fn read(tree: Value, limits: &Limits) -> Result<Self, Vec<FieldError>> {
        let mut report = Report::default();
        let payload = Fields::of(tree, &At::Body, &mut report).map(|fields| read(fields, limits, &mut report));
        report.conclude(payload)
    }

    /// A flag counts only if it is a boolean.
    fn flag(&self, name: &str, default: bool) -> bool {
        self.options.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    /// Whether the session is kept.
    #[must_use]
    pub fn save_session(&self) -> bool {
        self.flag("saveSession", true)
    }

    /// Whether the events are kept.
    #[must_use]
    pub fn save_events(&self) -> bool {
        self.flag("saveEvents", true)
    }

    /// Whether the profile is kept.
    #[must_use]
    pub fn save_profile(&self) -> bool {
        self.flag("saveProfile", true)
    }

    /// Whether the answer shall list the events.
    #[must_use]
    pub fn debugger(&self) -> bool {
        self.flag("debugger", false)
    }
}

fn read(mut fields: Fields, limits: &Limits, report: &mut Report) -> TrackerPayload {
    let at = At::Body;
    let source = fields.required("source", &at, report).and_then(|value| entity(value, "source", limits, report));
    let session = fields.take("session").and_then(|value| optional_entity(value, "session", limits, report));
    let profile = fields.take("profile").and_then(|value| profile(value, limits, report));
    let scheduled = ["scheduledFlowId", "scheduledNodeId"];
    let payload = TrackerPayload {
        source: source.unwrap_or_default(),
        session,
        profile,
        context: fields.object("context", &at, report).unwrap_or_default(),
        properties: fields.object("properties", &at, report).unwrap_or_default(),
        request: fields.object("request", &at, report).unwrap_or_default(),
        events: fields.take("events").map(|value| events(value, limits, report)).unwrap_or_default(),
        options: fields.object("options", &at, report).unwrap_or_default(),
        debug: fields.bool("debug", &at, report).unwrap_or(false),
    };
    if scheduled.iter().all(|name| payload.options.get(*name).is_some_and(Value::is_string)) {
        let allowed = payload.source.id.starts_with(crate::source::INTERNAL_PREFIX) && payload.events.len() == 1;
        if !allowed {
            let msg = "Value error, a scheduled event is sent alone and through an internal source";
            report.push(&At::Key(&at, "options"), "value_error", msg, None);
        }
    }
    payload
}

fn entity(value: Value, name: &'static str, limits: &Limits, report: &mut Report) -> Option<Entity> {
    let at = At::Key(&At::Body, name);
    let mut fields = Fields::of(value, &at, report)?;
    let id = fields.string("id", &at, report, limits.id_bytes)?;
    Some(Entity { id: reader::trimmed(id) })
}

fn optional_entity(value: Value, name: &'static str, limits: &Limits, report: &mut Report) -> Option<Entity> {
    if value.is_null() {
        return None;
    }
    entity(value, name, limits, report).filter(|entity| !entity.id.is_empty())
}

fn profile(value: Value, limits: &Limits, report: &mut Report) -> Option<ProfileEntity> {
    if value.is_null() {
        return None;
    }
    let at = At::Key(&At::Body, "profile");
    let mut fields = Fields::of(value, &at, report)?;
    let id = fields.string("id", &at, report, limits.id_bytes).map(reader::trimmed);
    let primary_id = fields.optional_string("primary_id", &at, report, limits.id_bytes);
    id.filter(|id| !id.is_empty()).map(|id| ProfileEntity { id, primary_id })
}

fn events(value: Value, limits: &Limits, report: &mut Report) -> Vec<EventPayload> {
    let at = At::Key(&At::Body, "events");
    let list = match value {
        Value::Array(list) => list,
        other => {
            report.push(&at, "list_type", "Input should be a valid list", Some(&other));
            return Vec::new();
        }
    };
    if list.len() > limits.events {
        let msg = format!("List should have at most {} items, it has {}", limits.events, list.len());
        report.push(&at, "too_long", &msg, None);
        return Vec::new();
    }
    list.into_iter()
        .enumerate()
        .filter_map(|(index, value)| event(value, &At::Index(&at, index), limits, report))
        .collect()
}

fn event(value: Value, at: &At<'_>, limits: &Limits, report: &mut Report) -> Option<EventPayload> {
    let mut fields = Fields::of(value, at, report)?;
    let kind = fields.id("type", at, report, limits.id_bytes);
    let id = fields.optional_string("id", at, report, limits.id_bytes).map(|id| id.trim().to_lowercase());
    let time = match fields.take("time") {
        None | Some(Value::Null) => ClientTime::default(),
        Some(value) => {
            let at = At::Key(at, "time");
            Fields::of(value, &at, report).map_or_else(ClientTime::default, |mut fields| ClientTime {
                insert: fields.time("insert", &at, report),
                create: fields.time("create", &at, report),
            })
        }
    };
    // Null is kept as null, absence becomes an empty object.
    let sent = fields.take("properties");
    let properties = match sent {
        None => Some(Arc::default()),
        Some(Value::Object(map)) => Some(Arc::new(map)),
        Some(Value::Null) => None,
        Some(other) => {
            report.push(&At::Key(at, "properties"), "dict_type", "Input should be a valid dictionary", Some(&other));
            None
        }
    };
    let options = fields.object("options", at, report).unwrap_or_default();
    let context = fields.object("context", at, report).unwrap_or_default();
    let tags = tags(fields.take("tags"), &At::Key(at, "tags"), limits, report);
    let id = id.filter(|id| !id.is_empty());
    let (options, context) = (Arc::new(options), Arc::new(context));
    Some(EventPayload { kind: kind?, id, time, properties, options, context, tags })
}

fn tags(value: Option<Value>, at: &At<'_>, limits: &Limits, report: &mut Report) -> Vec<String> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) if list.len() <= limits.tags => {
            let tags = list.into_iter().enumerate();
            tags.filter_map(|(index, tag)| reader::text(tag, &At::Index(at, index), report, limits.id_bytes)).collect()
        }
        Some(Value::Array(list)) => {
            let msg = format!("List should have at most {} items, it has {}", limits.tags, list.len());
            report.push(at, "too_long", &msg, None);
            Vec::new()
        }
        Some(other) => {
            report.push(at, "list_type", "Input should be a valid list", Some(&other));
            Vec::new()
        }
    }
}
