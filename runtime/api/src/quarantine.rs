//! Events that were not taken - a check complains of them, or the program failed on them - with what their clients sent.
//!
//! | request | answer |
//! |---|---|
//! | `GET /events/invalid?start=&limit=` | `{"total", "result": [original, …]}`, newest first |
//! | `GET /event/{id}/original` | the original; 404 `null` |
//! | `POST /event/{id}/replay` | `{"replayed": true}`: it is stored as it should be, by today's configuration; 409 says why not |
//! | `POST /events/replay` `{"ids": […]}` | `{"replayed": n, "refused": [{"id", "reason"}, …]}` |
//!
//! An original ([`Original`]): `{"id", "at", "reason": "invalid" | "panic", "why", "type", "source", "endpoint", "session",
//! "profile", "profile_less", "altered", "client_ip", "headers", "request", "event"}`; the last two are the client's own bytes,
//! what stood around its events and the event. What had to be taken out or hashed for want of a consent is not in it: then it
//! is `altered`. An addition to the original.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracardi_engine::{Command, Rejected};
use tracardi_model::{Context, Original};
use tracardi_store::{Index, StoreError};

use crate::app::App;
use crate::auth::{Allowed, Builders, Readers};
use crate::body::JsonObject;
use crate::context::InContext;
use crate::document::raw;
use crate::errors::Refusal;
use crate::event::Part;
use crate::page;
use crate::params::{Path, Query};
use crate::range::MAX_LIMIT;

/// Events that may be replayed in one request.
const MAX_IDS: usize = 1_000;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/events/invalid", get(list))
        .route("/events/replay", post(replay_some))
        .route("/event/{id}/original", get(original))
        .route("/event/{id}/replay", post(replay))
}

async fn list(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(Part { start, limit }): Query<Part>,
) -> Result<Response, Refusal> {
    let limit = limit.unwrap_or(20).min(MAX_LIMIT);
    Ok(page::hold(&app, start, app.documents.quarantine(context, start, limit)).await?.answer("]}"))
}

async fn original(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Box<RawValue>>, Refusal> {
    app.documents.original(context, &normal(&id)).await?.map(Json).ok_or(Refusal::Missing)
}

async fn replay(
    allowed: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = normal(&id);
    taken(&app, context, &id).await?;
    tracing::info!(%context, id, user = allowed.user.email, "an event was replayed");
    Ok(Json(json!({"replayed": true})))
}

async fn replay_some(
    allowed: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let wrong = |message: &str| Refusal::field("value_error", vec!["body".into(), "ids".into()], message);
    let ids = body.get("ids").and_then(|ids| Vec::<String>::deserialize(ids).ok());
    let ids = ids.ok_or_else(|| wrong("a list of the ids of events"))?;
    if ids.len() > MAX_IDS {
        return Err(wrong(&format!("at most {MAX_IDS} at a time")));
    }
    let (mut replayed, mut refused) = (0, Vec::new());
    for id in ids {
        match taken(&app, context, &normal(&id)).await {
            Ok(()) => replayed += 1,
            Err(Refusal::Missing) => refused.push(json!({"id": id, "reason": "There is no such event."})),
            Err(Refusal::Detail(_, reason)) => refused.push(json!({"id": id, "reason": reason})),
            Err(other) => return Err(other),
        }
    }
    tracing::info!(%context, replayed, user = allowed.user.email, "events were replayed");
    Ok(Json(json!({"replayed": replayed, "refused": refused})))
}

fn normal(id: &str) -> String {
    id.trim().to_lowercase()
}

/// Processes an event in quarantine once more. When this is Ok it is on disk, and nothing is in quarantine for it.
async fn taken(app: &App, context: Context, id: &str) -> Result<(), Refusal> {
    let Some(text) = app.documents.original(context, id).await? else {
        // There must be the event at least.
        let event = raw(app, context, Index::Event, id).await?;
        let event: Value = serde_json::from_str(event.get()).unwrap_or_default();
        let valid = event.get("metadata").and_then(|metadata| metadata.get("valid")) == Some(&Value::Bool(true));
        let reason = if valid {
            "it is valid already"
        } else {
            "what was sent for it is not kept: the system itself made it, it is too old, or its profile was deleted"
        };
        return Err(refused(reason));
    };
    let original: Original = serde_json::from_str(text.get()).map_err(|error| {
        Refusal::from(StoreError::Corrupt { what: format!("original of event {id}"), reason: error.to_string() })
    })?;
    let source = app.configuration.watch().borrow().event_source(context, &original.source).cloned();
    let source = source.ok_or_else(|| refused(&format!("its event source `{}` is gone", original.source)))?;
    let settings = app.settings.borrow().clone();
    let command = Command::replay(context, source, &original, &settings).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        refused(&errors.join("; "))
    })?;
    app.collector.replay(command, text.get().len().saturating_mul(4)).await.map_err(Refusal::from)
}

fn refused(why: &str) -> Refusal {
    let rejected = Rejected::NotReplayed { why: why.to_owned() };
    Refusal::detail(StatusCode::CONFLICT, rejected.to_string())
}
