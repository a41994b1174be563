//! What visitors may consent to, for the consent widget: it asks without login (spec/api-surface.md 2).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tracardi_model::configuration::ConsentType;

use crate::app::App;
use crate::context::InContext;

/// `GET /consents/type/enabled`: `{"total", "result": [consent type, …]}`.
pub async fn enabled(InContext(context): InContext, State(app): State<App>) -> Json<Value> {
    let configuration = app.compiled(context);
    let result: &[Arc<ConsentType>] = configuration.consent_types();
    Json(json!({"total": result.len(), "result": result}))
}

/// `GET /consents/type/ids`: `{"total", "result": [id, …]}`.
pub async fn ids(InContext(context): InContext, State(app): State<App>) -> Json<Value> {
    let configuration = app.compiled(context);
    let result: Vec<&str> = configuration.consent_types().iter().map(|consent| consent.id.as_str()).collect();
    Json(json!({"total": result.len(), "result": result}))
}
