//! What events, sessions and profiles have in common: reading one, counting, making writes visible.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracardi_language::filter::{Filter, Literal, Relation};
use tracardi_model::{Context, Path};
use tracardi_store::Index;

use crate::app::App;
use crate::auth::{Allowed, Everyone};
use crate::context::InContext;
use crate::errors::Refusal;

/// Name of an index, in paths and in answers.
#[must_use]
pub const fn name(index: Index) -> &'static str {
    match index {
        Index::Event => "event",
        Index::Session => "session",
        Index::Profile => "profile",
    }
}

/// Where a document lies, in the form of the original's answers.
#[must_use]
pub fn place(index: Index, id: &str) -> Value {
    json!({"id": id, "index": format!("tracardi-{}", name(index))})
}

/// A document by id, as it is stored.
pub async fn raw(app: &App, context: Context, index: Index, id: &str) -> Result<Box<RawValue>, Refusal> {
    app.documents.get(context, index, id.trim()).await?.ok_or(Refusal::Missing)
}

/// The own id of a stored profile.
#[derive(Deserialize)]
struct Own {
    id: Option<String>,
}

/// The own id of a stored profile.
pub(crate) fn own_id(profile: &RawValue) -> Option<String> {
    serde_json::from_str::<Own>(profile.get()).ok()?.id
}

/// The own id of the profile that an id leads to, also that of a profile which was merged into it; the id itself when there is
/// no such profile.
pub(crate) async fn owner(app: &App, context: Context, id: &str) -> Result<String, Refusal> {
    let profile = app.documents.get(context, Index::Profile, id.trim()).await?;
    Ok(profile.and_then(|profile| own_id(&profile)).unwrap_or_else(|| id.trim().to_owned()))
}

/// The filter for what names a profile: by its own id, or by one of before a merge, as long as that is being carried over.
pub(crate) async fn of_profile(app: &App, context: Context, id: &str) -> Result<Filter, Refusal> {
    let own = owner(app, context, id).await?;
    let named = equal("profile.id", &own)?;
    if own == id.trim() { Ok(named) } else { Ok(Filter::Any(vec![named, equal("profile.id", id)?])) }
}

/// A document with one more field at its end, as the body of an answer.
#[must_use]
pub fn completed(document: Box<RawValue>, key: &str, value: &Value) -> Response {
    let mut text = String::from(Box::<str>::from(document));
    // Stored documents are objects, and none is empty.
    text.truncate(text.trim_end().len().saturating_sub(1));
    text.extend([",", &Value::from(key).to_string(), ":", &value.to_string(), "}"]);
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn count(app: App, context: Context, index: Index) -> Result<Json<Value>, Refusal> {
    let count = app.documents.count(context, index).await?;
    Ok(Json(json!({"count": count, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}})))
}

/// `GET /event/count`
pub async fn count_events(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
) -> Result<Json<Value>, Refusal> {
    count(app, context, Index::Event).await
}

/// `GET /session/count`
pub async fn count_sessions(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
) -> Result<Json<Value>, Refusal> {
    count(app, context, Index::Session).await
}

/// `GET /profile/count`
pub async fn count_profiles(
    _: Allowed<Everyone>,
    InContext(context): InContext,
    State(app): State<App>,
) -> Result<Json<Value>, Refusal> {
    count(app, context, Index::Profile).await
}

/// `GET /events/refresh` and its kin: everything acknowledged is visible to queries when this answers.
pub async fn refresh(_: Allowed<Everyone>, State(app): State<App>) -> Result<Json<Value>, Refusal> {
    app.documents.refresh().await?;
    Ok(Json(json!({"_shards": {"total": 1, "successful": 1, "failed": 0}})))
}

/// The filter `field = value`, whatever the value contains. `field` is one of our own dotted names.
pub fn equal(field: &'static str, value: &str) -> Result<Filter, Refusal> {
    let path =
        Path::parse(field).map_err(|error| Refusal::field("value_error", vec![field.into()], error.to_string()))?;
    Ok(Filter::Compare { field: path, relation: Relation::Equal, value: Literal::Text(value.trim().to_owned()) })
}
