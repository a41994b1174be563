//! Single sessions: `/session/{id}`, `/session/profile/{id}`.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use tracardi_store::{Index, Matching, Select};

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::context::InContext;
use crate::document::{self, completed, raw};
use crate::errors::Refusal;
use crate::page;
use crate::params::{Path, Query};

/// `GET /session/{id}`: the session, with `operation`; 404 `null`.
pub async fn get(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let session = raw(&app, context, Index::Session, &id).await?;
    Ok(completed(session, "operation", &json!({"new": false, "update": false, "segment": false, "merge": []})))
}

/// A session without its free parts, as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Shown {
    id: Option<Box<RawValue>>,
    metadata: Option<Box<RawValue>>,
    profile: Option<Box<RawValue>>,
    device: Option<Box<RawValue>>,
    os: Option<Box<RawValue>>,
    app: Option<Box<RawValue>>,
    context: Option<Box<RawValue>>,
}

/// `?n=`: how many sessions to go back, the newest being 0; the sign does not matter.
#[derive(Debug, Deserialize)]
pub struct Back {
    n: Option<i64>,
}

/// `GET /session/profile/{profile_id}?n=0`: the nth last session of a profile, without its free parts; `null` when there
/// is none.
pub async fn of_profile(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(profile): Path<String>,
    Query(back): Query<Back>,
) -> Result<Json<Option<Shown>>, Refusal> {
    let filter = document::of_profile(&app, context, &profile).await?;
    let start = back.n.unwrap_or(0).unsigned_abs();
    let select = Select { matching: Matching::Filter(filter), start, limit: 1, ..Select::default() };
    let held = page::read(&app, context, Index::Session, &select).await?;
    Ok(Json(held.page.result.first().and_then(|session| serde_json::from_str(session.get()).ok())))
}
