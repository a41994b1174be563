//! Removing single documents: `DELETE /event/{id}`, `/session/{id}`, `/profile/{id}`. Only the named document goes: events
//! and sessions of a profile stay (spec/pipeline.md 4.9).

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tracardi_model::Context;
use tracardi_store::Index;

use crate::app::App;
use crate::auth::{Allowed, Builders};
use crate::context::InContext;
use crate::document::name;
use crate::errors::Refusal;
use crate::params::Path;

/// Through the writer, whose memory must forget it as well. Whether there was one.
async fn deleted(app: &App, context: Context, index: Index, id: &str, user: &str) -> Result<bool, Refusal> {
    let deleted = app.collector.delete(context, index, id).await?;
    if deleted {
        tracing::info!(index = name(index), id, user, "document deleted");
    }
    Ok(deleted)
}

/// The answer of a deletion by query, of which clients read `deleted`.
fn told(deleted: bool) -> Json<Value> {
    let count = u8::from(deleted);
    Json(json!({
        "took": 1, "timed_out": false, "total": count, "deleted": count, "batches": count, "version_conflicts": 0,
        "noops": 0, "retries": {"bulk": 0, "search": 0}, "throttled_millis": 0, "requests_per_second": -1.0,
        "throttled_until_millis": 0, "failures": []
    }))
}

/// `DELETE /event/{id}`, the id in whatever case; 200 also when there is none.
pub async fn event(
    allowed: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    deleted(&app, context, Index::Event, &id.trim().to_lowercase(), &allowed.user.email).await.map(told)
}

/// `DELETE /session/{id}`; 404 `null`.
pub async fn session(
    allowed: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let there = deleted(&app, context, Index::Session, id.trim(), &allowed.user.email).await?;
    if there { Ok(told(true)) } else { Err(Refusal::Missing) }
}

/// `DELETE /profile/{id}`, by the profile's own id; 404 `null`.
pub async fn profile(
    allowed: Allowed<Builders>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let there = deleted(&app, context, Index::Profile, id.trim(), &allowed.user.email).await?;
    if there { Ok(told(true)) } else { Err(Refusal::Missing) }
}
