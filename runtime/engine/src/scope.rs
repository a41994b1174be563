//! What conditions and templates of the configuration see of the typed documents. Values are read by path; a document is
//! never made JSON of as a whole, unless the whole is asked for.

use serde::Serialize;
use serde_json::Value;
use tracardi_language::{Found, Scope, Source};
use tracardi_model::path::{self, Segment};
use tracardi_model::record::Node;
use tracardi_model::{Event, EventPayload, Map, Profile, Session};

/// An event, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Collected<'a> {
    /// What happened.
    pub event: &'a Event,
    /// The person, if known.
    pub profile: Option<&'a Profile>,
    /// The visit, if there is one.
    pub session: Option<&'a Session>,
}

impl Scope for Collected<'_> {
    fn get(&self, source: Source, path: &[Segment]) -> Option<Found<'_>> {
        match source {
            Source::Event => event(self.event, path),
            Source::Profile => self.profile?.get(path).map(Found::from),
            Source::Session => session(self.session?, path),
            Source::Payload | Source::Flow | Source::Memory => None,
        }
    }
}

/// A person, whatever happened.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The person.
    pub profile: &'a Profile,
    /// The visit, if there is one.
    pub session: Option<&'a Session>,
}

impl Scope for Person<'_> {
    fn get(&self, source: Source, path: &[Segment]) -> Option<Found<'_>> {
        match source {
            Source::Profile => self.profile.get(path).map(Found::from),
            Source::Session => session(self.session?, path),
            Source::Event | Source::Payload | Source::Flow | Source::Memory => None,
        }
    }
}

/// An event as the client sent it, before anything is known of it: `event@type|id|time|properties|options|context|tags` and
/// `session@context`, the context of the request.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The type, normalised.
    pub kind: &'a str,
    /// The id that the event will have.
    pub id: &'a str,
    /// The rest.
    pub payload: &'a EventPayload,
    /// The request's.
    pub context: &'a Map,
}

impl Scope for Received<'_> {
    fn get(&self, source: Source, path: &[Segment]) -> Option<Found<'_>> {
        let Some((first, rest)) = path.split_first() else {
            return match source {
                Source::Event => Some(Found::from(self.whole())),
                Source::Session => Some(Found::from(Value::Object(Map::from_iter([(
                    "context".to_owned(),
                    Value::Object(self.context.clone()),
                )])))),
                _ => None,
            };
        };
        match (source, &*first.name) {
            (Source::Event, "type") => text(self.kind, rest),
            (Source::Event, "id") => text(self.id, rest),
            (Source::Event, "time") => part(&self.payload.time, rest),
            (Source::Event, "properties") => optional(self.payload.properties.as_deref(), rest),
            (Source::Event, "options") => inside(&self.payload.options, rest),
            (Source::Event, "context") => inside(&self.payload.context, rest),
            (Source::Event, "tags") => part(&self.payload.tags, rest),
            (Source::Session, "context") => inside(self.context, rest),
            _ => None,
        }
    }
}

impl Received<'_> {
    fn whole(&self) -> Value {
        let mut whole = serde_json::to_value(self.payload).unwrap_or_default();
        if let Value::Object(whole) = &mut whole {
            whole.insert("type".to_owned(), Value::from(self.kind));
            whole.insert("id".to_owned(), Value::from(self.id));
        }
        whole
    }
}

/// The parts of an event.
pub const EVENT_PARTS: [&str; 21] = [
    "id",
    "name",
    "type",
    "metadata",
    "utm",
    "properties",
    "traits",
    "source",
    "session",
    "profile",
    "context",
    "request",
    "config",
    "tags",
    "aux",
    "device",
    "os",
    "app",
    "hit",
    "journey",
    "data",
];

/// The value at a path of an event's JSON form; the whole of it for the empty path.
#[must_use]
pub fn event<'a>(event: &'a Event, path: &[Segment]) -> Option<Found<'a>> {
    let Some((first, rest)) = path.split_first() else { return part(event, path) };
    match &*first.name {
        "id" => text(&event.id, rest),
        "name" => text(&event.name, rest),
        "type" => text(&event.kind, rest),
        "metadata" => part(&event.metadata, rest),
        "utm" => event.utm.get(rest).map(Found::from),
        "properties" => optional(event.properties.as_deref(), rest),
        "traits" => inside(&event.traits, rest),
        "source" => part(&event.source, rest),
        "session" => part(&event.session, rest),
        "profile" => part(&event.profile, rest),
        "context" => inside(&event.context, rest),
        "request" => inside(&event.request, rest),
        "config" => inside(&event.config, rest),
        "tags" => part(&event.tags, rest),
        "aux" => inside(&event.aux, rest),
        "device" => inside(&event.device, rest),
        "os" => inside(&event.os, rest),
        "app" => inside(&event.app, rest),
        "hit" => inside(&event.hit, rest),
        "journey" => part(&event.journey, rest),
        "data" => inside(&event.data, rest),
        _ => None,
    }
}

/// The same of a session.
#[must_use]
pub fn session<'a>(session: &'a Session, path: &[Segment]) -> Option<Found<'a>> {
    let Some((first, rest)) = path.split_first() else { return part(session, path) };
    match &*first.name {
        "id" => text(&session.id, rest),
        "metadata" => part(&session.metadata, rest),
        "profile" => part(&session.profile, rest),
        "device" => session.device.get(rest).map(Found::from),
        "os" => session.os.get(rest).map(Found::from),
        "app" => session.app.get(rest).map(Found::from),
        "utm" => session.utm.get(rest).map(Found::from),
        "context" => inside(&session.context, rest),
        "properties" => inside(&session.properties, rest),
        "traits" => inside(&session.traits, rest),
        "aux" => inside(&session.aux, rest),
        _ => None,
    }
}

fn text<'a>(text: &'a str, rest: &[Segment]) -> Option<Found<'a>> {
    rest.is_empty().then_some(Found::Text(text))
}

fn inside<'a>(map: &'a Map, rest: &[Segment]) -> Option<Found<'a>> {
    if rest.is_empty() {
        return Some(Found::from(Value::Object(map.clone())));
    }
    path::get_in(map, rest).map(Found::from)
}

fn optional<'a>(map: Option<&'a Map>, rest: &[Segment]) -> Option<Found<'a>> {
    match map {
        Some(map) => inside(map, rest),
        None => rest.is_empty().then(|| Found::from(Value::Null)),
    }
}

/// A value of a typed part.
fn part<'a>(part: &impl Serialize, rest: &[Segment]) -> Option<Found<'a>> {
    let part = serde_json::to_value(part).ok()?;
    if rest.is_empty() { Some(Found::from(part)) } else { path::get(&part, rest).cloned().map(Found::from) }
}
