//! Single events and the events of a profile: `/event/{id}`, `/events/profile/{id}`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tracardi_language::filter::Filter;
use tracardi_model::Context;
use tracardi_store::{Index, Matching, Select};

use crate::app::App;
use crate::auth::{Allowed, Everyone, Readers};
use crate::context::InContext;
use crate::document::{self, equal, place, raw};
use crate::errors::Refusal;
use crate::page::{self, Held};
use crate::params::{Path, Query};
use crate::range::MAX_LIMIT;

/// An event as it is stored, and where it lies.
#[derive(Debug, Serialize)]
pub struct Single {
    event: Box<RawValue>,
    #[serde(rename = "_metadata")]
    place: Value,
}

/// `GET /event/{id}`, the id in whatever case (events are stored under lower-case ids): `{"event", "_metadata": {"id",
/// "index"}}`; 404 `null`.
pub async fn get(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Single>, Refusal> {
    let id = id.trim().to_lowercase();
    let event = raw(&app, context, Index::Event, &id).await?;
    Ok(Json(Single { event, place: place(Index::Event, &id) }))
}

/// `?limit=`
#[derive(Debug, Deserialize)]
pub struct Limit {
    limit: Option<u64>,
}

/// `GET /events/profile/{profile_id}`: `{"total", "result": [event, …]}`, newest first. The profile may be named by any of its ids.
pub async fn of_profile(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(profile): Path<String>,
    Query(limit): Query<Limit>,
) -> Result<Response, Refusal> {
    let filter = document::of_profile(&app, context, &profile).await?;
    Ok(newest(&app, context, filter, limit.limit.unwrap_or(24)).await?.answer("]}"))
}

/// The parts of an event that a list shows, as they are stored.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Listed {
    id: Option<Box<RawValue>>,
    metadata: Option<Box<RawValue>>,
    r#type: Option<Box<RawValue>>,
    name: Option<Box<RawValue>>,
    source: Option<Box<RawValue>>,
}

/// Events of a session, and whether there are more.
#[derive(Debug, Serialize)]
pub struct OfSession {
    result: Vec<Listed>,
    more_to_load: bool,
}

/// `GET /events/session/{session_id}/profile/{profile_id}`: `{"result": [{id, metadata, type, name, source}],
/// "more_to_load"}`, newest first.
pub async fn of_session(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path((session, profile)): Path<(String, String)>,
    Query(limit): Query<Limit>,
) -> Result<Json<OfSession>, Refusal> {
    let filter =
        Filter::All(vec![equal("session.id", &session)?, document::of_profile(&app, context, &profile).await?]);
    let Held { page, .. } = newest(&app, context, filter, limit.limit.unwrap_or(20)).await?;
    let more_to_load = page.total > page.result.len() as u64;
    let result = page.result.iter().filter_map(|event| serde_json::from_str(event.get()).ok()).collect();
    Ok(Json(OfSession { result, more_to_load }))
}

/// `?start=&limit=`
#[derive(Debug, Deserialize)]
pub struct Part {
    /// How many to skip.
    #[serde(default)]
    pub start: u64,
    /// How many to give, at most.
    pub limit: Option<u64>,
}

/// `GET /events/delayed`: what workflows have asked to happen later, the soonest first: `{"total", "result": [{"id", "due",
/// "flow", "node", "event", "event_type", "properties", "source", "session", "profile", "at"}, …]}`. An addition to the original.
pub async fn delayed(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(Part { start, limit }): Query<Part>,
) -> Result<Response, Refusal> {
    let limit = limit.unwrap_or(20).min(MAX_LIMIT);
    Ok(page::hold(&app, start, app.documents.delayed(context, start, limit)).await?.answer("]}"))
}

async fn newest(app: &App, context: Context, filter: Filter, limit: u64) -> Result<Held, Refusal> {
    let select = Select { matching: Matching::Filter(filter), limit: limit.min(MAX_LIMIT), ..Select::default() };
    page::read(app, context, Index::Event, &select).await
}
