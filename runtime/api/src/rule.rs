//! What rules have besides the requests of every kind: their source is checked, and they are looked for by workflow.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use tracardi_model::Context;
use tracardi_model::configuration::{Kind, Rule, RuleType};

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::configuration::all;
use crate::context::InContext;
use crate::errors::Refusal;
use crate::params::Path;

/// A rule for events is for those of an event source that exists, and no rule leads back to itself.
pub(crate) fn check(app: &App, context: Context, rule: &Rule) -> Result<(), Refusal> {
    if let Some(workflows) = app.settings.borrow().workflows.clone() {
        app.compiled(context).check_rule_loops(rule, &*workflows).map_err(Refusal::Fields)?;
    }
    let snapshot = app.configuration.watch().borrow().clone();
    if rule.r#type != RuleType::EventCollect || snapshot.event_source(context, &rule.source.id).is_some() {
        return Ok(());
    }
    let text = format!("Incorrect source id: `{}`", rule.source.id);
    Err(Refusal::detail(StatusCode::UNPROCESSABLE_ENTITY, text))
}

/// `GET /rules/by_flow/{workflow_id}`: a list of rules.
pub(crate) async fn by_flow(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(flow): Path<String>,
) -> Json<Vec<Arc<Value>>> {
    let starts = |rule: &Arc<Value>| rule.get("flow").and_then(|flow| flow.get("id")?.as_str()) == Some(flow.as_str());
    Json(all(&app, context, Kind::Rule).into_iter().filter(starts).collect())
}
