//! Single sessions: `/session/{id}`, `/session/profile/{id}`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tracardi_store::{Index, Matching, Select};

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::context::InContext;
use crate::document::{equal, object};
use crate::errors::Refusal;
use crate::params::{Path, Query};

/// `GET /session/{id}`: the session, with `operation`; 404 `null`.
pub async fn get(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, Refusal> {
    let mut session = object(&app, context, Index::Session, &id).await?;
    session.insert("operation".to_owned(), json!({"new": false, "update": false, "segment": false, "merge": []}));
    Ok(Json(session))
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
) -> Result<Json<Value>, Refusal> {
    let filter = equal("profile.id", &profile)?;
    let start = back.n.unwrap_or(0).unsigned_abs();
    let select = Select { matching: Matching::Filter(filter), start, limit: 1, ..Select::default() };
    let page = app.documents.select(context, Index::Session, &select).await?;
    let session: Option<Map<String, Value>> = page.result.first().and_then(|raw| serde_json::from_str(raw.get()).ok());
    Ok(Json(session.map_or(Value::Null, |session| {
        let kept = ["id", "metadata", "context", "profile", "device", "app", "os"];
        Value::Object(session.into_iter().filter(|(key, _)| kept.contains(&key.as_str())).collect())
    })))
}
