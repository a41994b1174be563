//! Resources and destinations, besides what all kinds of records have: lists, types, switching on and off.
//!
//! Credentials are told only to who asks for one resource (`GET /resource/{id}`); lists leave them out.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tracardi_model::Context;
use tracardi_model::configuration::{Credentials, Destination, Kind, Resource};
use tracardi_outbound::ResourceType;

use crate::app::App;
use crate::auth::{Allowed, Builders};
use crate::configuration::{all, id, keep, name, saved};
use crate::context::InContext;
use crate::document::refresh;
use crate::errors::Refusal;
use crate::params::Path;

/// A list of names has at most this many.
const MAX_NAMES: usize = 250;

/// The routes.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/resource/{id}/enabled/{state}", get(switch))
        .route("/resources", get(resources))
        .route("/resources/entity", get(names))
        .route("/resources/entity/tag/{tag}", get(names_by_tag))
        .route("/resources/tag/{tag}", get(by_tag))
        .route("/resources/type/{type}", get(types))
        .route("/resources/refresh", get(refresh))
        .route("/resources/flash", get(refresh))
        .route("/destinations", get(destinations))
        .route("/destinations/type", get(connectors))
        .route("/destinations/entity", get(with_destination))
}

fn list(result: &[Arc<Value>]) -> Json<Value> {
    Json(json!({"total": result.len(), "result": result}))
}

async fn resources(_: Allowed<Builders>, InContext(context): InContext, State(app): State<App>) -> Json<Value> {
    list(&all(&app, context, Kind::Resource))
}

async fn destinations(_: Allowed<Builders>, InContext(context): InContext, State(app): State<App>) -> Json<Value> {
    list(&all(&app, context, Kind::Destination))
}

async fn by_tag(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(tag): Path<String>,
) -> Json<Value> {
    list(&tagged(&app, context, &tag))
}

fn tagged(app: &App, context: Context, tag: &str) -> Vec<Arc<Value>> {
    let has = |record: &Value| record["tags"].as_array().is_some_and(|tags| tags.iter().any(|known| known == tag));
    let mut resources = all(app, context, Kind::Resource);
    resources.retain(|record| has(record));
    resources
}

/// `{"total", "result": [{"id", "name"}]}`
async fn names(_: Allowed<Builders>, InContext(context): InContext, State(app): State<App>) -> Json<Value> {
    named(&all(&app, context, Kind::Resource))
}

async fn names_by_tag(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(tag): Path<String>,
) -> Json<Value> {
    named(&tagged(&app, context, &tag))
}

fn named(resources: &[Arc<Value>]) -> Json<Value> {
    let named = resources.iter().take(MAX_NAMES).map(|record| json!({"id": id(record), "name": name(record)}));
    Json(json!({"total": resources.len(), "result": named.collect::<Vec<_>>()}))
}

/// `{resource id: resource}` of those that a destination can be made for.
async fn with_destination(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
) -> Json<Map<String, Value>> {
    let resources = all(&app, context, Kind::Resource).into_iter().filter(|record| record["destination"].is_object());
    Json(resources.map(|record| (id(&record).to_owned(), Value::clone(&record))).collect())
}

/// `on` or `off`: the resource is used from now on, or is not.
async fn switch(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path((id, state)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let enabled = match state.as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Refusal::Missing),
    };
    let snapshot = app.configuration.watch().borrow().clone();
    let known = snapshot.record(context, Kind::Resource, &id).ok_or(Refusal::Missing)?;
    let mut changed = Value::clone(known);
    changed["enabled"] = Value::Bool(enabled);
    keep(&app, context, Kind::Resource, &id, changed).await?;
    Ok(saved(&id))
}

/// Refuses credentials with which nothing could be sent. What is not filled in yet is no mistake.
pub(crate) fn check(app: &App, _: Context, resource: &Resource) -> Result<(), Refusal> {
    let Some(known) = ResourceType::named(&resource.r#type) else { return Ok(()) };
    let Credentials { production, test } = &resource.credentials;
    for (which, credentials) in [("production", production), ("test", test)] {
        let at = || vec!["body".into(), "credentials".into(), which.into(), known.address.into()];
        let checked = known.check_credentials(&Value::Object(credentials.clone()), &app.guard);
        checked.map_err(|reason| Refusal::field("value_error", at(), reason))?;
    }
    Ok(())
}

/// Refuses what the connector cannot do, and a resource that it cannot reach.
pub(crate) fn check_destination(app: &App, context: Context, destination: &Destination) -> Result<(), Refusal> {
    let Some(known) = ResourceType::reached_by(&destination.destination.package) else { return Ok(()) };
    let at = |field: &'static str| vec!["body".into(), "destination".into(), field.into()];
    let init = Value::Object(destination.destination.init.clone());
    known.check_init(&init).map_err(|reason| Refusal::field("value_error", at("init"), reason))?;
    let snapshot = app.configuration.watch().borrow().clone();
    let resource = snapshot.record(context, Kind::Resource, &destination.resource.id);
    let other = resource.and_then(|record| ResourceType::named(record["type"].as_str()?));
    match other.filter(|other| other.id != known.id) {
        None => Ok(()),
        Some(other) => {
            let reason = format!("the resource is of type {}, which is reached by `{}`", other.id, other.package);
            Err(Refusal::field("value_error", at("package"), reason))
        }
    }
}

/// `name`: `{"total", "result": {id: name}}`; `configuration`: `{id: what a record begins with}` in its place.
async fn types(_: Allowed<Builders>, Path(form): Path<String>) -> Result<Json<Value>, Refusal> {
    let shown = |known: &ResourceType| match form.as_str() {
        "name" => Some(json!(known.name)),
        "configuration" => Some(known.template()),
        _ => None,
    };
    let all = ResourceType::all();
    let result: Option<Map<_, _>> = all.iter().map(|known| Some((known.id.to_owned(), shown(known)?))).collect();
    let result = result.ok_or_else(|| {
        let at = vec!["path".into(), "type".into()];
        Refusal::field("enum", at, "Input should be 'name' or 'configuration'")
    })?;
    Ok(Json(json!({"total": result.len(), "result": result})))
}

/// `{connector: type of resource}`
async fn connectors(_: Allowed<Builders>) -> Json<Map<String, Value>> {
    Json(ResourceType::all().iter().map(|known| (known.package.to_owned(), known.template())).collect())
}
