//! Configuration records: the same four requests for every kind, under the paths that the web application of the original
//! calls (spec/api-surface.md 2 and 3).
//!
//! | request | answer |
//! |---|---|
//! | `POST {one}` (or `{list}`, where the original does so) | `{"saved": 1, "errors": [], "ids": [id]}`; 422 names the wrong field, also inside expressions |
//! | `GET {one}/{id}` | the record; 404 `null` |
//! | `DELETE {one}/{id}` | `true`; 404 `null` |
//! | `GET {list}?query=` | `{"total", "grouped": {label: [record, …]}}` |
//!
//! Whoever saves or deletes finds it in force when answered. Records that are stored but do nothing, because they do not
//! compile (an import or an older program left them), are told by `GET /configuration/problems`.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tracardi_engine::command::normal_type;
use tracardi_engine::configuration::Problem;
use tracardi_model::Context;
use tracardi_model::configuration::{
    self as records, ConsentType, DataCompliance, Destination, EventReshaping, EventToProfile, EventTypeMapping,
    EventValidator, IdentificationPoint, Kind, Record, Redirect, Resource, Rule, Segment,
};
use tracardi_store::StoredRecord;

use crate::app::App;
use crate::auth::{Allowed, Builders, Readers, Roles};
use crate::body::JsonObject;
use crate::context::InContext;
use crate::document;
use crate::errors::Refusal;
use crate::event_source::ListQuery;
use crate::params::{Path, Query};
use crate::{resource, rule};

/// How many records of a kind a context has at most: every one of them takes memory, whoever makes them.
pub const MAX_RECORDS: usize = 20_000;

/// The routes of all kinds.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .merge(kind::<ConsentType, Readers>("/consent/type", "/consents/types", "Consent types"))
        .merge(kind::<DataCompliance, Readers>(
            "/consent/compliance/field",
            "/consent/compliance/fields",
            "Data compliance",
        ))
        .merge(checked::<Destination, Builders>(
            "/destination",
            "/destinations/by_tag",
            "Destinations",
            resource::check_destination,
        ))
        .merge(kind::<EventReshaping, Builders>("/event-reshape-schema", "/event-reshape-schemas", "Event reshaping"))
        .merge(kind::<EventToProfile, Builders>("/event-to-profile", "/event-to-profiles", "Event to profile"))
        .merge(kind::<EventTypeMapping, Builders>("/event-type/mapping", "/event-type/search/mappings", "Event types"))
        .merge(kind::<EventValidator, Builders>("/event-validator", "/event-validator/list", "Event validation"))
        .merge(kind::<IdentificationPoint, Builders>(
            "/identification/point",
            "/identification/points",
            "Identification points",
        ))
        .merge(kind::<Redirect, Builders>("/event-redirect", "/event-redirect/list", "Redirected links"))
        .merge(checked::<Resource, Builders>("/resource", "/resources/by_type", "Resources", resource::check))
        .route("/configuration/problems", get(problems))
        .merge(checked::<Rule, Readers>("/rule", "/rules/by_tag", "Triggers", rule::check))
        .merge(kind::<Segment, Readers>("/segment", "/segments", "Segments"))
        .route("/event-reshape-schemas/by_type/{type}", get(by_type::<EventReshaping, Builders>))
        .route("/event-to-profiles/type/{type}", get(by_type::<EventToProfile, Builders>))
        .route("/event-validators/by_type/{type}", get(by_type::<EventValidator, Builders>))
        .route("/identification/points/by_type/{type}", get(by_type::<IdentificationPoint, Builders>))
        .route("/rules/by_event_type/{type}", get(by_type::<Rule, Readers>))
        .route("/rules/by_flow/{workflow_id}", get(rule::by_flow))
        .route("/rules/flash", get(document::refresh))
        .route("/rules/refresh", get(document::refresh))
        .route("/segments/refresh", get(document::refresh))
        .route("/segments/metadata", get(entities::<Segment, Readers>))
}

/// What is to be said against a record besides what its kind says, by looking at the rest of the installation.
type Check<R> = fn(&App, Context, &R) -> Result<(), Refusal>;

/// The four requests for records of kind `R`, for users of the roles `A`.
fn kind<R: Record, A: Roles>(one: &str, list: &str, label: &'static str) -> Router<App> {
    checked::<R, A>(one, list, label, |_, _, _| Ok(()))
}

/// [`kind`], with a check before a record is saved.
fn checked<R: Record, A: Roles>(one: &str, list: &str, label: &'static str, check: Check<R>) -> Router<App> {
    let saved = move |_: Allowed<A>,
                      InContext(context): InContext,
                      State(app): State<App>,
                      JsonObject(body): JsonObject| async move {
        save::<R>(&app, context, body, check).await
    };
    let listed = move |_: Allowed<A>,
                       InContext(context): InContext,
                       State(app): State<App>,
                       Query(query): Query<ListQuery>| async move {
        Json(grouped(&app, context, R::KIND, label, &query.wanted()))
    };
    Router::new()
        .route(one, post(saved))
        .route(&format!("{one}/{{id}}"), get(read::<R, A>).delete(delete::<R, A>))
        .route(list, get(listed).post(saved))
}

async fn save<R: Record>(app: &App, context: Context, body: Value, check: Check<R>) -> Result<Json<Value>, Refusal> {
    let mut record: R = records::read(body).map_err(Refusal::Fields)?;
    check(app, context, &record)?;
    record.saved(app.clock.now());
    let document = serde_json::to_value(&record).unwrap_or_default();
    tracardi_engine::configuration::check(R::KIND, &document).map_err(Refusal::Fields)?;
    keep(app, context, R::KIND, record.id(), document).await?;
    Ok(saved(record.id()))
}

/// Stores a record that was checked; it is in force when this returns.
pub(crate) async fn keep(app: &App, context: Context, kind: Kind, id: &str, document: Value) -> Result<(), Refusal> {
    let snapshot = app.configuration.watch().borrow().clone();
    if snapshot.record(context, kind, id).is_none() && snapshot.count(context, kind) >= MAX_RECORDS {
        let message =
            format!("there are {MAX_RECORDS} records of this kind, more are not kept; delete one that is not needed");
        return Err(Refusal::field("too_many", vec!["body".into(), "id".into()], message));
    }
    drop(snapshot);
    let stored = StoredRecord { context, kind, id: id.to_owned(), document: Arc::new(document) };
    app.configuration.save_record(&stored).await?;
    app.in_force().await;
    Ok(())
}

/// The answer to who has saved.
pub(crate) fn saved(id: &str) -> Json<Value> {
    Json(json!({"saved": 1, "errors": [], "ids": [id]}))
}

async fn read<R: Record, A: Roles>(
    _: Allowed<A>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Arc<Value>>, Refusal> {
    let snapshot = app.configuration.watch().borrow().clone();
    snapshot.record(context, R::KIND, &id).cloned().map(Json).ok_or(Refusal::Missing)
}

async fn delete<R: Record, A: Roles>(
    _: Allowed<A>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<bool>, Refusal> {
    if !app.configuration.delete_record(context, R::KIND, &id).await? {
        return Err(Refusal::Missing);
    }
    app.in_force().await;
    Ok(Json(true))
}

/// Kinds whose records [`routes`] gives to everybody who reads.
const OF_ALL_READERS: [Kind; 4] = [Kind::ConsentType, Kind::DataCompliance, Kind::Rule, Kind::Segment];

/// Records that do not compile and therefore do nothing, of the kinds that the user may see: `{"total", "result": [{"kind",
/// "id", "name", "errors"}]}`, the errors as a 422 would name them. An addition to the original.
async fn problems(allowed: Allowed<Readers>, InContext(context): InContext, State(app): State<App>) -> Json<Value> {
    let snapshot = app.configuration.watch().borrow().clone();
    let compiled = app.compiled(context);
    let told = |problem: &Problem| {
        let (kind, id) = (problem.kind, &problem.id);
        let name = snapshot.record(context, kind, id).map_or("", |record| name(record));
        json!({"kind": kind.as_str(), "id": id, "name": name, "errors": problem.errors})
    };
    let all = allowed.user.has_any(Builders::ANY_OF);
    let seen = compiled.problems().iter().filter(|problem| all || OF_ALL_READERS.contains(&problem.kind));
    let mut result: Vec<Value> = seen.map(told).collect();
    // What compiles may still lead where nothing is sent.
    for (id, document) in snapshot.records(context, Kind::Resource).filter(|_| all) {
        let Ok(resource) = records::read::<Resource>(Value::clone(document)) else { continue };
        if let Err(Refusal::Fields(errors)) = resource::check(&app, context, &resource) {
            result.push(json!({"kind": Kind::Resource.as_str(), "id": id, "name": name(document), "errors": errors}));
        }
    }
    Json(json!({"total": result.len(), "result": result}))
}

/// Records for an event type: `{"total", "result"}`.
async fn by_type<R: Record, A: Roles>(
    _: Allowed<A>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(event_type): Path<String>,
    Query(only): Query<OnlyEnabled>,
) -> Json<Value> {
    let event_type = normal_type(&event_type);
    let only_enabled = only.only_enabled.as_deref() == Some("true");
    let result: Vec<Arc<Value>> = all(&app, context, R::KIND)
        .into_iter()
        .filter(|record| type_of(record).is_some_and(|kind| normal_type(kind) == event_type))
        .filter(|record| !only_enabled || record.get("enabled").and_then(Value::as_bool) == Some(true))
        .collect();
    Json(json!({"total": result.len(), "result": result}))
}

/// `?only_enabled=true`.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct OnlyEnabled {
    only_enabled: Option<String>,
}

/// The id of the event type that a record is for.
pub(crate) fn type_of(record: &Value) -> Option<&str> {
    let event_type = record.get("event_type")?;
    event_type.as_str().or_else(|| event_type.get("id")?.as_str())
}

/// Ids and names: `{"total", "result": [{"id", "name"}]}`, of those whose name contains `?name=`.
async fn entities<R: Record, A: Roles>(
    _: Allowed<A>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(query): Query<NameQuery>,
) -> Json<Value> {
    let wanted = query.name.unwrap_or_default().trim().to_lowercase();
    let fitting =
        all(&app, context, R::KIND).into_iter().filter(|record| name(record).to_lowercase().contains(&wanted));
    let result: Vec<Value> = fitting.map(|record| json!({"id": id(&record), "name": name(&record)})).collect();
    Json(json!({"total": result.len(), "result": result}))
}

/// `?name=`: part of the name, in whatever case.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct NameQuery {
    name: Option<String>,
}

/// All records of a kind by name, without what is [secret](Kind::secret) in them.
pub(crate) fn all(app: &App, context: Context, kind: Kind) -> Vec<Arc<Value>> {
    let snapshot = app.configuration.watch().borrow().clone();
    let shown = |record: &Arc<Value>| match kind.secret() {
        None => record.clone(),
        Some(secret) => {
            let mut record = Value::clone(record);
            record.as_object_mut().and_then(|members| members.shift_remove(secret));
            Arc::new(record)
        }
    };
    let mut all: Vec<Arc<Value>> = snapshot.records(context, kind).map(|(_, record)| shown(record)).collect();
    all.sort_by_cached_key(|record| name(record).to_lowercase());
    all
}

fn grouped(app: &App, context: Context, kind: Kind, label: &str, wanted: &str) -> Value {
    let all = all(app, context, kind);
    let total = all.len();
    let fitting: Vec<Arc<Value>> =
        all.into_iter().filter(|record| name(record).to_lowercase().contains(wanted)).collect();
    if fitting.is_empty() {
        json!({"total": total, "grouped": {}})
    } else {
        json!({"total": total, "grouped": {label: fitting}})
    }
}

/// The name of a record, for people.
pub(crate) fn name(record: &Value) -> &str {
    text(record, "name")
}

/// The id of a record.
pub(crate) fn id(record: &Value) -> &str {
    text(record, "id")
}

fn text<'a>(record: &'a Value, member: &str) -> &'a str {
    record.get(member).and_then(Value::as_str).unwrap_or_default()
}
