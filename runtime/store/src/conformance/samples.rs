//! Documents to store in tests.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tracardi_model::{Context, Event, Profile, Session, time};

use crate::{Batch, Committed, Document, Documents, Merge, Repointed, StoreError, Version, Wanted};

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

/// Commits a batch as a collector does: its sessions and profiles replace what is there now.
pub async fn commit(store: &dyn Documents, mut batch: Batch) -> Result<Committed, StoreError> {
    let sessions = batch.sessions.iter().map(|(context, session)| (*context, session.value.id()));
    let profiles = batch.profiles.iter().map(|(context, profile)| (*context, profile.value.id()));
    let wanted = Wanted { sessions: sessions.collect(), profiles: profiles.collect(), events: Vec::new() };
    let found = store.load(&wanted).await?;
    let key = |context: Context, id: &str| (context, id.to_owned());
    for (context, session) in &mut batch.sessions {
        let known = found.sessions.get(&key(*context, session.value.id()));
        session.replaces = known.and_then(|known| known.version);
    }
    for (context, profile) in &mut batch.profiles {
        let own = profile.value.id();
        // Another one's id may lead here.
        let known = found.profiles.get(&key(*context, own)).filter(|known| known.value.id() == own);
        profile.replaces = known.and_then(|known| known.version);
    }
    let committed = store.commit(batch).await?;
    store.refresh().await?;
    Ok(committed)
}

/// Merges profiles as a collector does: as they are now.
pub async fn merge_current(store: &dyn Documents, mut merge: Merge) -> Result<Repointed, StoreError> {
    for gone in &mut merge.gone {
        gone.version = version(store, merge.context, &gone.id).await;
    }
    merge.survivor.replaces = version(store, merge.context, merge.survivor.value.id()).await;
    let done = store.merge(merge).await?;
    store.refresh().await?;
    Ok(done)
}

/// The version of a profile, by its own id.
pub async fn version(store: &dyn Documents, context: Context, id: &str) -> Option<Version> {
    let wanted = Wanted { profiles: vec![(context, id)], ..Wanted::default() };
    store.load(&wanted).await.unwrap().profiles.into_values().find(|found| found.value.id() == id)?.version
}

/// [`at`]`(0)` and so many microseconds.
#[must_use]
pub fn at_micros(micros: i64) -> Timestamp {
    at(0) + SignedDuration::from_micros(micros)
}
