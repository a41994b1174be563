//! Resources and destinations, besides what all kinds of records have: lists, types, switching on and off.
//!
//! Credentials are told only to who asks for one resource (`GET /resource/{id}`); lists leave them out.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tracardi_model::Context;
use tracardi_model::configuration::{Credentials, Destination, HTTP_CONNECTOR, Kind, Resource};
use tracardi_outbound::Target;

use crate::app::App;
use crate::auth::{Allowed, Builders};
use crate::configuration::{all, id, keep, name, saved};
use crate::context::InContext;
use crate::document::refresh;
use crate::errors::Refusal;
use crate::params::Path;

/// The type of resource that is reached over HTTP.
const API: &str = "api";
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

/// Refuses an address that must not be dialled. What is not filled in yet is no mistake.
pub(crate) fn check(app: &App, _: Context, resource: &Resource) -> Result<(), Refusal> {
    if resource.r#type != API {
        return Ok(());
    }
    let Credentials { production, test } = &resource.credentials;
    for (which, credentials) in [("production", production), ("test", test)] {
        let url = credentials.get("url").and_then(Value::as_str).unwrap_or_default().trim();
        if !url.is_empty() && !url.starts_with('<') {
            let at = vec!["body".into(), "credentials".into(), which.into(), "url".into()];
            app.guard.url(url).map_err(|reason| Refusal::field("value_error", at, reason))?;
        }
    }
    Ok(())
}

/// Refuses what the connector cannot do.
pub(crate) fn check_destination(_: &App, _: Context, destination: &Destination) -> Result<(), Refusal> {
    let somewhere = json!({"url": "https://example.com"});
    let init = Value::Object(destination.destination.init.clone());
    let at = || vec!["body".into(), "destination".into(), "init".into()];
    Target::read(&somewhere, &init).map(drop).map_err(|reason| Refusal::field("value_error", at(), reason))
}

/// The type of resource that has a transport: what its record begins with.
fn http() -> Value {
    json!({
        "id": API,
        "name": "API endpoint",
        "config": {"url": "<url>", "username": "", "password": ""},
        "tags": ["api", "destination"],
        "icon": "plugin",
        "destination": {
            "package": HTTP_CONNECTOR,
            "init": {
                "method": "post", "timeout": 30, "headers": {"content-type": "application/json"}, "cookies": {},
                "ssl_check": true,
            },
            "form": {},
            "pro": false,
        },
    })
}

/// `name`: `{"total", "result": {id: name}}`; `configuration`: `{id: what a record begins with}` in its place.
async fn types(_: Allowed<Builders>, Path(form): Path<String>) -> Result<Json<Value>, Refusal> {
    let http = http();
    let value = match form.as_str() {
        "name" => http["name"].clone(),
        "configuration" => http,
        _ => {
            let at = vec!["path".into(), "type".into()];
            return Err(Refusal::field("enum", at, "Input should be 'name' or 'configuration'"));
        }
    };
    Ok(Json(json!({"total": 1, "result": {API: value}})))
}

/// `{connector: type of resource}`
async fn connectors(_: Allowed<Builders>) -> Json<Value> {
    Json(json!({HTTP_CONNECTOR: http()}))
}
