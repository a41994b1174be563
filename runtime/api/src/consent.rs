//! `POST /customer/consent`: a consent bar tells what a visitor decided (spec/pipeline.md 1.9).

use axum::Json;
use axum::extract::{Request, State};
use serde_json::Value;
use tracardi_engine::{Consent, Decision, Rejected, consent};
use tracardi_model::payload::consents::ConsentPayload;

use crate::app::App;
use crate::body;
use crate::context::InContext;
use crate::errors::Refusal;
use crate::params;

/// `POST /customer/consent[?all=bool]`: keeps a visitor's decision about consents, `null` when it is on disk. With `all` every
/// configured consent is given, whatever the body says, each for as long as it lasts.
///
/// 403 when source, session or profile do not exist or do not belong together; 413, 422 for a wrong body; 503 when it could
/// not be stored.
pub async fn decide(State(app): State<App>, request: Request) -> Result<Json<Value>, Refusal> {
    let (parts, body) = request.into_parts();
    if !body::is_json(&parts.headers) {
        return Err(body::not_json());
    }
    let all = params::flag(parts.uri.query(), "all")?;
    let limits = &app.options.limits;
    let mut read = body::read(&parts.headers, body, limits.body_bytes, &app.bodies).await?;
    read.weigh(limits)?;
    let payload = ConsentPayload::parse(&read.bytes, limits).map_err(Refusal::Fields)?;
    let InContext(context) = InContext::of(app.surface, &parts.headers);
    let snapshot = app.configuration.watch().borrow().clone();
    if snapshot.event_source(context, &payload.source.id.to_lowercase()).is_none() {
        app.collector.refused(&Rejected::ConsentDenied);
        return Err(Rejected::ConsentDenied.into());
    }
    let decision = if all {
        let configuration = app.compiled(context);
        let types = configuration.consent_types().iter();
        Decision::All(
            types.map(|kind| (kind.id.clone(), kind.auto_revoke.as_deref().and_then(consent::life))).collect(),
        )
    } else {
        Decision::Each(payload.consents)
    };
    let consent = Consent { context, session_id: payload.session.id, profile_id: payload.profile.id, decision };
    let _underway = app.progress.begin();
    app.collector.consent(consent, read.bytes.len()).await?;
    Ok(Json(Value::Null))
}
