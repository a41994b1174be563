//! What the queue of a larger installation gave up: requests that were accepted and that no worker could carry out.
//!
//! | request | answer |
//! |---|---|
//! | `GET /queue/dead-letters?start=&limit=` | `{"total", "result": [letter, …]}`, the oldest first, of both contexts |
//! | `POST /queue/dead-letters/replay` | `{"replayed": n}`: the oldest, at most 1,000, wait in the queue again |
//! | `POST /queue/dead-letter/{id}/replay` | `{"replayed": 1}`; 404 `null` |
//! | `DELETE /queue/dead-letter/{id}` | `{"discarded": 1}`; 404 `null` |
//!
//! A letter: `{"id", "at", "reason", "bytes", "accepted", "context", "source", "session", "profile", "events": [{"id", "type"}, …],
//! "sent"}`. The last are the client's own bytes, or what was made of them where they were no payload (a webhook's call, a link);
//! of a decision about consents the decision. A letter that cannot be read has null in place of what is in it, and is sent as a whole.
//!
//! What is replayed is carried out as of the time at which it was accepted; if that fails once more, it is here again, under another
//! id. An installation in one process has no queue, and no such letters. An addition to the original.

use std::fmt;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tracardi_engine::{Envelope, Letter, Settings, Submission};
use tracardi_model::{Context, time};
use tracardi_store::{Page, StoreError};

use crate::app::App;
use crate::auth::{Allowed, Builders};
use crate::errors::Refusal;
use crate::event::Part;
use crate::page;
use crate::params::{Path, Query};
use crate::range::MAX_LIMIT;

/// Letters on a page when nobody says.
const PAGE: u64 = 25;
/// Letters that one request replays at most.
const AT_ONCE: u64 = 1_000;

/// A message that nobody could carry out.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// Its id among its kind.
    pub id: String,
    /// When it was given up.
    pub at: Timestamp,
    /// Why; one line.
    pub reason: String,
    /// What was put into the queue: an [`Envelope`], if all is well.
    pub message: Bytes,
}

/// What comes of a question; a refusal is for whoever asked.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, Refusal>>;

/// Where they are kept.
pub trait DeadLetters: fmt::Debug + Send + Sync {
    /// How many there are, and some of them, the oldest first; fewer than `limit` where they are large.
    fn list(&self, start: u64, limit: u64) -> Asked<'_, (u64, Vec<DeadLetter>)>;

    /// Puts the one with this id, or the oldest ones, into the queue again; how many.
    fn replay<'a>(&'a self, id: Option<&'a str>, limit: u64) -> Asked<'a, u64>;

    /// Forgets the one with this id; how many there were.
    fn discard<'a>(&'a self, id: &'a str) -> Asked<'a, u64>;
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/queue/dead-letters", get(list))
        .route("/queue/dead-letters/replay", post(replay_all))
        .route("/queue/dead-letter/{id}", delete(discard))
        .route("/queue/dead-letter/{id}/replay", post(replay))
}

async fn list(
    _: Allowed<Builders>,
    State(app): State<App>,
    Query(Part { start, limit }): Query<Part>,
) -> Result<Response, Refusal> {
    let Some(letters) = &app.dead_letters else {
        return Ok(Json(json!({"total": 0, "result": []})).into_response());
    };
    let limit = limit.unwrap_or(PAGE).min(MAX_LIMIT);
    let settings = app.settings.borrow().clone();
    let page = async {
        let (total, letters) = letters.list(start, limit).await?;
        let result: Result<_, Refusal> = letters.iter().map(|letter| told(letter, &settings)).collect();
        Ok::<_, Refusal>(Page { total, result: result? })
    };
    Ok(page::hold(&app, start, page).await?.answer("]}"))
}

async fn replay_all(allowed: Allowed<Builders>, State(app): State<App>) -> Result<Json<Value>, Refusal> {
    let replayed = match &app.dead_letters {
        Some(letters) => letters.replay(None, AT_ONCE).await?,
        None => 0,
    };
    tracing::info!(replayed, user = allowed.user.email, "the queue's dead letters wait in it again");
    Ok(Json(json!({"replayed": replayed})))
}

async fn replay(
    allowed: Allowed<Builders>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let letters = app.dead_letters.as_ref().ok_or(Refusal::Missing)?;
    found(letters.replay(Some(&id), 1).await?)?;
    tracing::info!(id, user = allowed.user.email, "a dead letter of the queue waits in it again");
    Ok(Json(json!({"replayed": 1})))
}

async fn discard(
    allowed: Allowed<Builders>,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let letters = app.dead_letters.as_ref().ok_or(Refusal::Missing)?;
    found(letters.discard(&id).await?)?;
    tracing::info!(id, user = allowed.user.email, "a dead letter of the queue discarded");
    Ok(Json(json!({"discarded": 1})))
}

fn found(number: u64) -> Result<(), Refusal> {
    if number == 0 { Err(Refusal::Missing) } else { Ok(()) }
}

/// A letter as it is told.
#[derive(Debug, Serialize)]
struct Told<'a> {
    id: &'a str,
    at: String,
    reason: &'a str,
    bytes: usize,
    #[serde(flatten)]
    request: Option<Request>,
    sent: Box<RawValue>,
}

/// What is in it, if it can be read.
#[derive(Debug, Serialize)]
struct Request {
    accepted: String,
    context: Context,
    source: Option<String>,
    session: Option<String>,
    profile: Option<String>,
    events: Vec<Value>,
}

fn told(letter: &DeadLetter, settings: &Settings) -> Result<Box<RawValue>, Refusal> {
    let DeadLetter { id, at, reason, message } = letter;
    let told = match Envelope::read(message) {
        Ok(envelope) => opened(envelope, settings).map(|(request, sent)| (Some(request), sent)),
        Err(_) => whole(message).map(|sent| (None, sent)),
    };
    told.and_then(|(request, sent)| {
        to_raw_value(&Told { id, at: time::format(*at), reason, bytes: message.len(), request, sent })
    })
    .map_err(|error| StoreError::Corrupt { what: format!("dead letter {id}"), reason: error.to_string() }.into())
}

fn opened(Envelope { at, letter, .. }: Envelope, settings: &Settings) -> serde_json::Result<(Request, Box<RawValue>)> {
    let (sent, source, types) = match &letter {
        Letter::Collect(submission) => {
            let types: Vec<_> = submission.payload.events.iter().map(|event| event.kind.clone()).collect();
            (bytes_of(submission)?, Some(submission.source.id.clone()), types)
        }
        Letter::Consent(consent) => (to_raw_value(consent)?, None, Vec::new()),
    };
    let order = letter.order(settings);
    let events = order.event_ids().iter().zip(types).map(|(id, kind)| json!({"id": id, "type": kind}));
    let request = Request {
        accepted: time::format(at),
        context: order.context(),
        source,
        session: order.session_id().map(str::to_owned),
        profile: order.named_profile().map(str::to_owned),
        events: events.collect(),
    };
    Ok((request, sent))
}

/// What the client sent, or what was made of it.
fn bytes_of(submission: &Submission) -> serde_json::Result<Box<RawValue>> {
    match std::str::from_utf8(&submission.body) {
        Ok(body) if !body.is_empty() => RawValue::from_string(body.to_owned()),
        _ => to_raw_value(&submission.payload),
    }
}

/// A message that is no request: as it is if it is JSON, else as a text.
fn whole(message: &[u8]) -> serde_json::Result<Box<RawValue>> {
    match serde_json::from_slice::<&RawValue>(message) {
        Ok(json) => Ok(json.to_owned()),
        Err(_) => to_raw_value(&String::from_utf8_lossy(message)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracardi_engine::Origin;
    use tracardi_model::{EventSource, Limits, SourceType, TrackerPayload};

    use super::*;

    fn letter(message: &[u8]) -> String {
        let letter = DeadLetter {
            id: "7-0".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            reason: "why".to_owned(),
            message: Bytes::copy_from_slice(message),
        };
        told(&letter, &Settings::new("x").unwrap()).unwrap().get().to_owned()
    }

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_cannot_be_read_is_told_as_a_whole() {
        let other = read(&letter(br#"{"form": 7, "n": 1.0}"#));
        assert_eq!((&other["id"], &other["reason"], &other["bytes"]), (&json!("7-0"), &json!("why"), &json!(21)));
        assert_eq!((&other["sent"], other.get("events")), (&json!({"form": 7, "n": 1.0}), None));
        assert_eq!(read(&letter(b"\xff!"))["sent"], json!("\u{fffd}!"));
    }

    #[test]
    fn what_was_sent_is_told_to_the_byte() {
        let body =
            r#"{"source": {"id": "shop"}, "session": {"id": "s"}, "events": [{"type": "a", "id": "e", "n": 1.00}]}"#;
        let submission = Submission {
            context: Context::Staging,
            source: Arc::new(EventSource::new("shop", "Shop", vec![SourceType::Rest], Timestamp::UNIX_EPOCH)),
            referrer: None,
            payload: TrackerPayload::parse(body.as_bytes(), &Limits::default()).unwrap(),
            origin: Origin::new([("user-agent", "x/1")], "192.0.2.1"),
            profile_less: false,
            body: Bytes::from_static(body.as_bytes()),
        };
        let envelope =
            Envelope { at: Timestamp::UNIX_EPOCH, awaited: None, letter: Letter::Collect(Box::new(submission)) };
        let text = letter(&envelope.write().unwrap());
        assert!(text.contains(body), "{text}");
        let told = read(&text);
        assert_eq!(told["events"], json!([{"id": "e", "type": "a"}]));
        assert_eq!(
            [&told["context"], &told["source"], &told["session"], &told["profile"]],
            [&json!("staging"), &json!("shop"), &json!("s"), &Value::Null]
        );
    }
}
