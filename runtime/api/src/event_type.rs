//! Event types: those that mean something without configuration, and those that occur (spec/pipeline.md 5.8, Appendix A).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracardi_engine::command::normal_type;
use tracardi_engine::event_types::{Copy, EventType, State as Journey, words};
use tracardi_model::Context;
use tracardi_model::configuration::Kind;

use crate::app::App;
use crate::auth::{Allowed, Builders, Everyone};
use crate::configuration;
use crate::context::InContext;
use crate::errors::Refusal;
use crate::event_source::ListQuery;
use crate::params::{Path, Query};

/// The routes.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/events/metadata/type", get(occurring))
        .route("/event-type/build-in/{id}", get(predefined))
        .route("/event-types/build-in/by_type", get(all_predefined))
        .route("/event-type/mappings/{event_type}", get(mappings))
}

/// `?query=&limit=`
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    query: String,
    limit: Option<u32>,
}

/// `GET /events/metadata/type?query=&limit=`: `{"total", "result": [{"id", "name"}]}`, by id: the predefined types and those that
/// something is configured for or that events have had, as far as their id or name contains the query.
async fn occurring(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(Wanted { query, limit }): Query<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let wanted = query.trim().to_lowercase();
    let known = known(&app, context).await?;
    let fitting = known.iter().filter(|(id, name)| id.contains(&wanted) || name.to_lowercase().contains(&wanted));
    let result: Vec<Value> = fitting
        .take(limit.unwrap_or(MAX_TYPES).min(MAX_TYPES) as usize)
        .map(|(id, name)| json!({"id": id, "name": name}))
        .collect();
    Ok(Json(json!({"total": result.len(), "result": result})))
}

/// How many types are told, at most.
const MAX_TYPES: u32 = 1000;

/// Event types by id, with their names: predefined ones, those of configuration records, those that events have had.
pub(crate) async fn known(app: &App, context: Context) -> Result<BTreeMap<String, String>, Refusal> {
    let mut known: BTreeMap<String, String> =
        app.documents.event_types(context, MAX_TYPES).await?.into_iter().map(|id| (id.clone(), words(&id))).collect();
    let snapshot = app.configuration.watch().borrow().clone();
    for kind in Kind::ALL {
        for (_, record) in snapshot.records(context, kind) {
            let id = configuration::type_of(record).map(normal_type).filter(|id| !id.is_empty());
            known.extend(id.map(|id| (id.clone(), words(&id))));
        }
    }
    let settings = app.settings.borrow().clone();
    known.extend(settings.event_types.list().iter().map(|kind| (kind.id.clone(), kind.name.clone())));
    Ok(known)
}

/// `GET /event-type/build-in/{id}`: what is predefined for a type: `{"id", "name", "description", "tags", "state", "copy", "profile"}`;
/// null when nothing is.
async fn predefined(_: Allowed<Builders>, State(app): State<App>, Path(id): Path<String>) -> Json<Value> {
    let settings = app.settings.borrow().clone();
    Json(settings.event_types.get(&normal_type(&id)).map_or(Value::Null, told))
}

/// `GET /event-types/build-in/by_type?query=`: `{"total", "grouped": {"Build In": [{"id", "name", "description"}]}}`.
async fn all_predefined(_: Allowed<Builders>, State(app): State<App>, Query(query): Query<ListQuery>) -> Json<Value> {
    let wanted = query.wanted();
    let settings = app.settings.borrow().clone();
    let types: BTreeMap<&str, &EventType> =
        settings.event_types.list().iter().map(|kind| (kind.id.as_str(), kind)).collect();
    let fitting: Vec<Value> = types
        .values()
        .filter(|kind| kind.id.contains(&wanted) || kind.name.to_lowercase().contains(&wanted))
        .map(|kind| json!({"id": kind.id, "name": kind.name, "description": kind.group}))
        .collect();
    let grouped = if fitting.is_empty() { json!({}) } else { json!({"Build In": fitting}) };
    Json(json!({"total": types.len(), "grouped": grouped}))
}

/// `GET /event-type/mappings/{event_type}`: `{"total", "result"}`: what is predefined inside the event, as a mapping with
/// `build_in: true`, then what is configured.
async fn mappings(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(event_type): Path<String>,
) -> Json<Value> {
    let id = normal_type(&event_type);
    let settings = app.settings.borrow().clone();
    let predefined = settings.event_types.get(&id).map(|kind| {
        Arc::new(json!({
            "id": kind.id,
            "name": "Build in mapping",
            "event_type": kind.id,
            "description": format!("What is predefined for {}", kind.name),
            "enabled": true,
            "index_schema": copies(kind),
            "journey": journey(kind),
            "tags": ["General"],
            "build_in": true,
        }))
    });
    let snapshot = app.configuration.watch().borrow().clone();
    let configured = snapshot.record(context, Kind::EventTypeMapping, &id).cloned();
    let result: Vec<Arc<Value>> = predefined.into_iter().chain(configured).collect();
    Json(json!({"total": result.len(), "result": result}))
}

fn told(kind: &EventType) -> Value {
    let profile: Map<String, Value> = kind
        .profile
        .iter()
        .map(|entry| {
            (entry.destination.as_str().to_owned(), json!([entry.source.to_string(), entry.operation.as_str()]))
        })
        .collect();
    json!({
        "id": kind.id,
        "name": kind.name,
        "description": kind.group,
        "tags": kind.tags,
        "state": journey(kind),
        "copy": copies(kind),
        "profile": profile,
    })
}

/// Destination -> source; where one of several sources is taken, the first.
fn copies(kind: &EventType) -> Map<String, Value> {
    let entry = |copy: &Copy| Some((copy.destination.as_str().to_owned(), copy.sources.first()?.as_str().into()));
    kind.copy.iter().filter_map(entry).collect()
}

fn journey(kind: &EventType) -> Value {
    match &kind.state {
        None => Value::Null,
        Some(Journey::Fixed(state)) => state.as_str().into(),
        Some(Journey::ByVisits) => "awareness on the first visit, consideration later".into(),
    }
}
