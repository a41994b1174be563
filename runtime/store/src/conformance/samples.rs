//! Documents to store in tests.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracardi_model::{Context, Event, Profile, Session, time};

use crate::{Batch, Document};

/// A fixed instant and so many seconds.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

/// An event of this id and type at [`at`]`(seconds)`, of source `source`, session `session` and profile `profile`.
#[must_use]
pub fn event(id: &str, kind: &str, seconds: i64) -> Event {
    let instant = time::format(at(seconds));
    let document = json!({
        "id": id, "name": kind, "type": kind,
        "metadata": {"time": {"insert": instant}, "status": "collected", "valid": true},
        "properties": {"n": seconds}, "source": {"id": "source"},
        "session": {"id": "session", "start": instant}, "profile": {"id": "profile"},
    });
    serde_json::from_value(document).unwrap()
}

/// [`event`] with further values at the top of the document.
#[must_use]
pub fn event_with(id: &str, kind: &str, seconds: i64, more: &Value) -> Event {
    let mut document = serde_json::to_value(event(id, kind, seconds)).unwrap();
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

/// A session of this profile.
#[must_use]
pub fn session(id: &str, profile: Option<&str>) -> Session {
    let mut session = Session::starting(id, at(0));
    session.profile = profile.map(|id| tracardi_model::session::ProfileRef { id: id.to_owned(), primary_id: None });
    session
}

/// A profile with these ids; the first is its own.
#[must_use]
pub fn profile(ids: &[&str]) -> Profile {
    let mut profile = Profile::starting(ids[0], at(0));
    profile.ids.0 = ids.iter().map(ToString::to_string).collect();
    profile
}

/// A document to be written.
#[must_use]
pub fn document<T: serde::Serialize>(value: T) -> Document<T> {
    Document::new(Arc::new(value)).unwrap()
}

/// A batch for production.
#[must_use]
pub fn batch(events: Vec<Event>, sessions: Vec<Session>, profiles: Vec<Profile>) -> Batch {
    batch_in(Context::Production, events, sessions, profiles)
}

/// A batch.
#[must_use]
pub fn batch_in(context: Context, events: Vec<Event>, sessions: Vec<Session>, profiles: Vec<Profile>) -> Batch {
    Batch {
        events: events.into_iter().map(|event| (context, document(event))).collect(),
        sessions: sessions.into_iter().map(|session| (context, document(session))).collect(),
        profiles: profiles.into_iter().map(|profile| (context, document(profile))).collect(),
        ..Batch::default()
    }
}

/// [`at`]`(0)` and so many microseconds.
#[must_use]
pub fn at_micros(micros: i64) -> Timestamp {
    at(0) + SignedDuration::from_micros(micros)
}
