//! `POST /track`: a payload comes in, and is acknowledged when it is on disk.
//!
//! Content type and size are checked while reading ([`crate::body`]), the bytes become a payload ([`TrackerPayload::parse`],
//! which refuses what is too deep or too large before it makes a tree of it); from there on it goes the way of every request
//! that brings events ([`crate::intake`]).

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::Value;
use tracardi_model::{SourceType, TrackerPayload};

use crate::app::App;
use crate::body;
use crate::errors::Refusal;
use crate::intake::Admitted;
use crate::params;

/// `POST /track[?profile_less=bool]`: the answer of the collector, `null` when there are no events.
///
/// 226 instead of 200 when the answer has errors; 401 when the source does not admit it; 413, 422 for a wrong body; 503
/// when it could not be stored.
pub async fn track(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let Checked { parts, payload, profile_less, body, memory } = payload(&app, request).await?;
    let admitted = Admitted::by(&app, &parts.headers, &payload, SourceType::Rest)?;
    if payload.events.is_empty() {
        return Ok(Json(Value::Null).into_response());
    }
    let answer = admitted.collect(&app, &parts, payload, profile_less, body, memory).await?;
    let status = if answer.errors.is_empty() { StatusCode::OK } else { StatusCode::IM_USED };
    Ok((status, Json(answer)).into_response())
}

/// `PUT /track`: checks the body and answers `null`; nothing is stored.
pub async fn check(State(app): State<App>, request: Request) -> Result<Json<Value>, Refusal> {
    payload(&app, request).await?;
    Ok(Json(Value::Null))
}

/// A request whose body is in order.
struct Checked {
    parts: Parts,
    payload: TrackerPayload,
    profile_less: bool,
    /// As it was read.
    body: Bytes,
    /// Bytes of memory that the payload takes at most.
    memory: usize,
}

async fn payload(app: &App, request: Request) -> Result<Checked, Refusal> {
    let (parts, body) = request.into_parts();
    if !body::is_json(&parts.headers) {
        return Err(body::not_json());
    }
    let profile_less = params::flag(parts.uri.query(), "profile_less")?;
    let limits = &app.options.limits;
    let mut read = body::read(&parts.headers, body, limits.body_bytes, &app.bodies).await?;
    let bytes = read.bytes.clone();
    let weighed = TrackerPayload::weigh(&bytes, limits).map_err(Refusal::Fields)?;
    let memory = weighed.memory;
    read.reserve(memory)?;
    let payload = weighed.parse().map_err(Refusal::Fields)?;
    // From here on it is the collector's queue that counts it; nothing is waited for in between.
    Ok(Checked { parts, payload, profile_less, body: bytes, memory })
}
