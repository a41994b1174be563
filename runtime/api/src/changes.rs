//! The history of profiles: which event and which record of the configuration changed which field, and who was merged into
//! whom. Additions to the original; a change has the shape of its documents in `field-update-log` (spec/pipeline.md 4.10), with
//! `by` besides.
//!
//! | request | answer |
//! |---|---|
//! | `GET /profile/{id}/changes?field=&start=&limit=` | `{"total", "result": [change, …]}`, newest first; of one field, if it is named |
//! | `GET /event/{id}/changes` | the same of what one event changed, in the order in which it did |
//! | `GET /profile/{id}/merges?start=&limit=` | `{"total", "result": [{"merged", "into", "at", "keys", "events", "done"}, …]}`, newest first |
//!
//! A change: `{"id", "type": "profile", "timestamp", "profile_id", "event_id", "source_id", "session_id", "field", "value", "old_value",
//! "by": {"kind", "id", "name"}}`, and `"shortened": true` when a value was too long to be kept. The profile may be named by any of
//! its ids.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tracardi_model::canonical::Hasher;
use tracardi_model::entropy::{dashed, first_16};
use tracardi_model::trail::{Changed, Deed};
use tracardi_model::{Trail, time};
use tracardi_store::{Changes, Page, StoreError};

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::context::InContext;
use crate::document::owner;
use crate::errors::Refusal;
use crate::explain::{Names, who};
use crate::page;
use crate::params::{Path, Query};
use crate::range::MAX_LIMIT;

/// Entries on a page when nobody says.
const PAGE: u64 = 25;

/// `?field=&start=&limit=`
#[derive(Debug, Deserialize)]
pub struct Wanted {
    field: Option<String>,
    #[serde(default)]
    start: u64,
    limit: Option<u64>,
}

/// `GET /profile/{id}/changes`
pub async fn of_profile(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(Wanted { field, start, limit }): Query<Wanted>,
) -> Result<Response, Refusal> {
    let profile = owner(&app, context, &id).await?;
    let field = field.map(|field| field.trim().to_owned()).filter(|field| !field.is_empty());
    let wanted = Changes { profile, field, start, limit: limit.unwrap_or(PAGE).min(MAX_LIMIT) };
    let names = Names::of(&app, context);
    let reading = async {
        let found = app.history.changes(context, &wanted).await?;
        let result = found.result.iter().filter_map(|change| entry(change, &names)).map(|entry| raw(&entry));
        Ok::<_, StoreError>(Page { total: found.total, result: result.collect::<Result<_, _>>()? })
    };
    Ok(page::hold(&app, start, reading).await?.answer("]}"))
}

/// `GET /event/{id}/changes`
pub async fn of_event(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let mut trail = app.history.trail(context, &id.trim().to_lowercase()).await?;
    if let Some(trail) = &mut trail
        && let Some(profile) = &mut trail.profile
    {
        // As it is called now.
        *profile = owner(&app, context, profile).await?;
    }
    let names = Names::of(&app, context);
    let result: Vec<Value> =
        trail.iter().flat_map(Trail::changes).filter_map(|change| entry(&change, &names)).collect();
    Ok(Json(json!({"total": result.len(), "result": result})))
}

/// `?start=&limit=`
#[derive(Debug, Deserialize)]
pub struct Part {
    #[serde(default)]
    start: u64,
    limit: Option<u64>,
}

/// `GET /profile/{id}/merges`
pub async fn merges(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
    Query(Part { start, limit }): Query<Part>,
) -> Result<Response, Refusal> {
    let profile = owner(&app, context, &id).await?;
    let limit = limit.unwrap_or(PAGE).min(MAX_LIMIT);
    let reading = async {
        let found = app.history.merges(context, &profile, start, limit).await?;
        Ok::<_, StoreError>(Page {
            total: found.total,
            result: found.result.iter().map(raw).collect::<Result<_, _>>()?,
        })
    };
    Ok(page::hold(&app, start, reading).await?.answer("]}"))
}

fn raw(entry: &impl Serialize) -> Result<Box<RawValue>, StoreError> {
    to_raw_value(entry)
        .map_err(|error| StoreError::Corrupt { what: "an entry of the history".to_owned(), reason: error.to_string() })
}

/// A change as clients get it.
fn entry(change: &Changed, names: &Names) -> Option<Value> {
    let Deed::Changed { field, value, old_value, shortened } = &change.note.did else { return None };
    let mut entry = json!({
        "id": id(change),
        "type": "profile",
        "timestamp": time::format_spaced(change.at),
        "profile_id": change.profile,
        "event_id": change.event,
        "source_id": change.source,
        "session_id": change.session,
        "field": field,
        "value": value,
        "old_value": old_value,
        "by": who(&change.note.by, |by| names.name(by)),
    });
    if let (true, Value::Object(entry)) = (*shortened, &mut entry) {
        entry.insert("shortened".to_owned(), Value::Bool(true));
    }
    Some(entry)
}

/// It follows from the event and the change's place in it.
fn id(change: &Changed) -> String {
    let mut hasher = Hasher::new("field change");
    hasher.text(&change.event);
    hasher.number(i64::try_from(change.number).unwrap_or(i64::MAX));
    dashed(first_16(&hasher.finish()))
}
