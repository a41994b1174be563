//! Event sources: `/event-source`, `/event-source/{id}`, `/event-sources` and its variants.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracardi_model::source::INTERNAL_PREFIX;
use tracardi_model::{EventSource, SourceType};

use crate::app::App;
use crate::auth::{Allowed, Builders};
use crate::body::JsonObject;
use crate::context::InContext;
use crate::errors::Refusal;
use crate::params::{Path, Query};

/// Group of the sources that name none.
const GENERAL: &str = "general";

/// `?query=` of a list: part of the name, in whatever case.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    /// What to look for.
    #[serde(default)]
    query: Option<String>,
}

impl ListQuery {
    /// In the form in which names are compared.
    pub(crate) fn wanted(self) -> String {
        self.query.unwrap_or_default().trim().to_lowercase()
    }
}

/// `POST /event-source`: creates or replaces; `{"saved": 1, "errors": [], "ids": [id]}`.
pub async fn save(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>, Refusal> {
    let source = EventSource::read(body, app.clock.now()).map_err(Refusal::Fields)?;
    if source.id.starts_with(INTERNAL_PREFIX) {
        let message =
            format!("Ids that begin with {INTERNAL_PREFIX} belong to the installation itself; choose another one");
        return Err(Refusal::field("value_error", vec!["body".into(), "id".into()], message));
    }
    app.configuration.save_event_source(context, &source).await?;
    Ok(Json(json!({"saved": 1, "errors": [], "ids": [source.id]})))
}

/// `GET /event-source/{id}`: the source; 404 `null`.
pub async fn get(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let snapshot = app.configuration.watch().borrow().clone();
    let source = snapshot.event_source(context, &id.to_lowercase()).ok_or(Refusal::Missing)?;
    Ok(Json(shown(source)))
}

/// `DELETE /event-source/{id}`: `true`; 404 `null`.
pub async fn delete(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<bool>, Refusal> {
    if app.configuration.delete_event_source(context, &id.to_lowercase()).await? {
        Ok(Json(true))
    } else {
        Err(Refusal::Missing)
    }
}

/// `GET /event-sources` and `/event-sources/by_type`: `{"total", "grouped": {group: [source, …]}}`; a source stands in
/// each of its groups, in `general` when it has none. `total` counts all sources, also those that the query leaves out.
pub async fn grouped(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(list): Query<ListQuery>,
) -> Json<Value> {
    let sources = all(&app, context);
    let wanted = list.wanted();
    let mut groups: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for source in sources.iter().filter(|source| fits(source, &wanted)) {
        if source.groups.is_empty() {
            groups.entry(GENERAL).or_default().push(shown(source));
        }
        for group in &source.groups {
            groups.entry(group).or_default().push(shown(source));
        }
    }
    Json(json!({"total": sources.len(), "grouped": groups}))
}

/// `GET /event-sources/entity`: `{"total", "result": [{"id", "name"}]}`, the type in brackets behind the name.
pub async fn entities(
    _: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Query(query): Query<EntityQuery>,
) -> Json<Value> {
    let wanted: Option<SourceType> = query.r#type.as_deref().and_then(|kind| kind.parse().ok());
    let mut result: Vec<Value> = all(&app, context)
        .iter()
        .filter(|source| wanted.is_none_or(|kind| source.admits(kind)))
        .map(|source| {
            let kinds: Vec<&str> = source.kind.iter().map(|kind| kind.as_str()).collect();
            json!({"id": source.id, "name": format!("{} ({})", source.name, kinds.join(","))})
        })
        .collect();
    if matches!(query.add_current.as_deref(), Some("true" | "1" | "yes" | "on")) {
        result.push(json!({"id": "@current-source", "name": "@current-source"}));
    }
    Json(json!({"total": result.len(), "result": result}))
}

/// Parameters of [`entities`].
#[derive(Debug, Default, Deserialize)]
pub struct EntityQuery {
    add_current: Option<String>,
    r#type: Option<String>,
}

/// `GET /event-sources/type/{name|configuration}`: the types that a source may have.
pub async fn types(_: Allowed<Builders>, Path(form): Path<String>) -> Result<Json<Value>, Refusal> {
    let long = match form.as_str() {
        "name" => false,
        "configuration" => true,
        _ => {
            let at = vec!["path".into(), "type".into()];
            return Err(Refusal::field("enum", at, "Input should be 'name' or 'configuration'"));
        }
    };
    let result: Map<String, Value> = SourceType::ALL
        .into_iter()
        .map(|kind| {
            let name = title(kind);
            let value = if long { json!({"name": name, "tags": [kind.as_str()]}) } else { json!(name) };
            (kind.as_str().to_owned(), value)
        })
        .collect();
    Ok(Json(json!({"total": result.len(), "result": result})))
}

fn title(kind: SourceType) -> &'static str {
    match kind {
        SourceType::Rest => "Rest Api Call",
        SourceType::Webhook => "Webhook",
        SourceType::Redirect => "Redirect Link",
        SourceType::Internal => "Internal",
        SourceType::Imap => "Imap Mailbox",
        SourceType::Mqtt => "Mqtt Broker",
        SourceType::Queue => "Message Queue",
    }
}

fn all(app: &App, context: tracardi_model::Context) -> Vec<Arc<EventSource>> {
    let snapshot = app.configuration.watch().borrow().clone();
    let mut sources: Vec<_> = snapshot.event_sources(context).cloned().collect();
    sources.sort_by_key(|source| (source.name.to_lowercase(), source.id.clone()));
    sources
}

fn fits(source: &EventSource, wanted: &str) -> bool {
    wanted.is_empty()
        || source.name.to_lowercase().contains(wanted)
        || source.groups.iter().any(|group| group.to_lowercase().contains(wanted))
}

/// A source as answered; `returns_profile` is a field of the older generation.
fn shown(source: &EventSource) -> Value {
    let mut value = serde_json::to_value(source).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("returns_profile".to_owned(), Value::Bool(false));
    }
    value
}
