//! Single profiles: `/profile/{id}`.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};
use tracardi_store::Index;

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::context::InContext;
use crate::document::{object, place};
use crate::errors::Refusal;
use crate::params::Path;

/// `GET /profile/{id}` by any of the profile's ids: the document, with `_meta`; 404 `null`.
pub async fn get(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, Refusal> {
    let mut profile = object(&app, context, Index::Profile, &id).await?;
    let own = profile.get("id").and_then(Value::as_str).unwrap_or(&id);
    let meta = place(Index::Profile, own);
    profile.insert("_meta".to_owned(), meta);
    Ok(Json(profile))
}
