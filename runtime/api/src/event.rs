//! Single events and the events of a profile: `/event/{id}`, `/events/profile/{id}`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use tracardi_language::filter::Filter;
use tracardi_model::Context;
use tracardi_store::{Index, Matching, Page, Select};

use crate::app::App;
use crate::auth::{Allowed, Everyone, Readers};
use crate::context::InContext;
use crate::document::{equal, place, raw};
use crate::errors::Refusal;
use crate::params::{Path, Query};
use crate::range::MAX_LIMIT;

/// `GET /event/{id}`, the id in whatever case (events are stored under lower-case ids): `{"event", "_metadata": {"id",
/// "index"}}`; 404 `null`.
pub async fn get(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = id.trim().to_lowercase();
    let event = raw(&app, context, Index::Event, &id).await?;
    Ok(Json(json!({"event": event, "_metadata": place(Index::Event, &id)})))
}

/// `?limit=`
#[derive(Debug, Deserialize)]
pub struct Limit {
    limit: Option<u64>,
}

/// `GET /events/profile/{profile_id}`: `{"total", "result": [event, …]}`, newest first.
pub async fn of_profile(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(profile): Path<String>,
    Query(limit): Query<Limit>,
) -> Result<Json<Value>, Refusal> {
    let filter = equal("profile.id", &profile)?;
    let page = newest(&app, context, filter, limit.limit.unwrap_or(24)).await?;
    Ok(Json(json!({"total": page.total, "result": page.result})))
}

/// `GET /events/session/{session_id}/profile/{profile_id}`: `{"result": [{id, metadata, type, name, source}],
/// "more_to_load"}`, newest first.
pub async fn of_session(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Path((session, profile)): Path<(String, String)>,
    Query(limit): Query<Limit>,
) -> Result<Json<Value>, Refusal> {
    let filter = Filter::All(vec![equal("session.id", &session)?, equal("profile.id", &profile)?]);
    let limit = limit.limit.unwrap_or(20).min(MAX_LIMIT);
    let page = newest(&app, context, filter, limit).await?;
    let result: Vec<Value> = page
        .result
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event.get()).ok())
        .map(|event| {
            let part = |name: &str| event.get(name).cloned().unwrap_or_default();
            json!({
                "id": part("id"), "metadata": part("metadata"), "type": part("type"),
                "name": part("name"), "source": part("source")
            })
        })
        .collect();
    Ok(Json(json!({"result": result, "more_to_load": page.total > limit})))
}

async fn newest(app: &App, context: Context, filter: Filter, limit: u64) -> Result<Page, Refusal> {
    let select = Select { matching: Matching::Filter(filter), limit: limit.min(MAX_LIMIT), ..Select::default() };
    Ok(app.documents.select(context, Index::Event, &select).await?)
}
