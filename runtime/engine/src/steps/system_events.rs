//! Events that the system makes itself: a profile was created, a visit started, a session opened (spec/pipeline.md 6.2).
//! Their ids follow from the request, so that a repeated request makes the same ones.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tracardi_model::canonical::Hasher;
use tracardi_model::entropy::{dated, first_16};
use tracardi_model::payload::ClientTime;
use tracardi_model::session::Status;
use tracardi_model::{EventPayload, Map};

use crate::Rejected;
use crate::pipeline::{Flow, Run};

pub(crate) const PROFILE_CREATED: &str = "profile-created";
pub(crate) const VISIT_STARTED: &str = "visit-started";
pub(crate) const VISIT_ENDED: &str = "visit-ended";
const SESSION_OPENED: &str = "session-opened";

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let has = |run: &Run<'_>, kind: &str| run.items.iter().any(|item| item.kind == kind);
    // A replay is no visit.
    if !run.settings.system_events || run.command.is_replay() || has(run, VISIT_ENDED) {
        return Ok(Flow::Next);
    }
    if run.profile_new && !has(run, PROFILE_CREATED) {
        add(run, PROFILE_CREATED, 3, Map::new());
    }
    let Some(session) = run.session.as_deref().filter(|_| run.command.save_session()) else { return Ok(Flow::Next) };
    let ended = session.metadata.status == Some(Status::Ended);
    if run.session_new || ended {
        let types: Vec<&str> = run.items.iter().map(|item| item.kind.as_str()).collect();
        let mut properties = Map::new();
        properties.insert("trigger-event-types".to_owned(), json!(types));
        add(run, VISIT_STARTED, 1, properties);
    }
    if run.session_new {
        add(run, SESSION_OPENED, 2, Map::new());
    }
    Ok(Flow::Next)
}

/// Adds an event that lies some seconds back, so that lists sorted by time read in the order of cause.
fn add(run: &mut Run<'_>, kind: &str, seconds_ago: i64, properties: Map) {
    let mut hasher = Hasher::new("system event id");
    hasher.bytes(&run.command.digest());
    hasher.text(kind);
    let time = run.now.checked_sub(SignedDuration::from_secs(seconds_ago)).unwrap_or(run.now);
    let mut options = Map::new();
    options.insert("async".to_owned(), Value::Bool(true));
    let payload = EventPayload {
        kind: kind.to_owned(),
        id: None,
        time: ClientTime { insert: Some(time), create: Some(time) },
        properties: Some(Arc::new(properties)),
        options: Arc::new(options),
        context: Arc::default(),
        tags: Vec::new(),
    };
    let id = dated(run.command.time(), first_16(&hasher.finish()));
    let item = run.item(Cow::Owned(payload), id, None);
    run.items.push(item);
}
