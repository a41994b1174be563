//! Single profiles: `/profile/{id}`.

use axum::extract::State;
use axum::response::Response;
use tracardi_store::Index;

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::context::InContext;
use crate::document::{completed, own_id, place, raw};
use crate::errors::Refusal;
use crate::params::Path;

/// `GET /profile/{id}` by any of the profile's ids: the document, with `_meta`; 404 `null`.
pub async fn get(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let profile = raw(&app, context, Index::Profile, &id).await?;
    let own = own_id(&profile);
    let meta = place(Index::Profile, own.as_deref().unwrap_or(&id));
    Ok(completed(profile, "_meta", &meta))
}
