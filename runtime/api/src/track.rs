//! `POST /track`: a payload comes in, and is acknowledged when it is on disk.
//!
//! The way of a request: content type and size are checked while reading ([`crate::body`]), the bytes become a payload
//! ([`TrackerPayload::parse`], which refuses what is too deep or too large before it makes a tree of it), the event source
//! is looked up in the configuration's snapshot and asked whether it admits this ([`tracardi_engine::admit`]), and the
//! collector stores it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tracardi_collector::CollectError;
use tracardi_engine::{Command, Origin, Rejected, admit, agent};
use tracardi_model::{SourceType, TrackerPayload, weight};
use tracardi_process::random;

use crate::app::App;
use crate::body::{self, Read};
use crate::context::InContext;
use crate::errors::Refusal;
use crate::info::clean;

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        let status = StatusCode::from_u16(rejected.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::Detail(status, rejected.detail())
    }
}

impl From<CollectError> for Refusal {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::Rejected(rejected) => rejected.into(),
            error => Self::Later { retry_after_s: error.retry_after_s().unwrap_or(1), reason: error.to_string() },
        }
    }
}

/// `POST /track[?profile_less=bool]`: the answer of the collector, `null` when there are no events.
///
/// 226 instead of 200 when the answer has errors; 401 when the source does not admit it; 413, 422 for a wrong body; 503
/// when it could not be stored.
pub async fn track(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let Checked { parts, payload, profile_less, bytes } = payload(&app, request).await?;
    let InContext(context) = InContext::of(app.surface, &parts.headers);
    let source = {
        let snapshot = app.configuration.watch().borrow().clone();
        let source_id = payload.source.id.to_lowercase();
        let source = snapshot.event_source(context, &source_id);
        // Internal ids, then robots, then the source (spec/pipeline.md 6.1).
        match admit(&payload.source.id, source.map(AsRef::as_ref), SourceType::Rest) {
            Err(Rejected::InternalSource) => Err(Rejected::InternalSource),
            _ if app.options.disallow_bot_traffic && is_robot(&payload) => Err(Rejected::Bot),
            admitted => admitted,
        }
        .inspect_err(|rejected| app.collector.refused(rejected))?;
        // Whoever is admitted has a source.
        source.map(Arc::clone).ok_or(Refusal::Missing)?
    };
    if payload.events.is_empty() {
        return Ok(Json(Value::Null).into_response());
    }
    // Asked for only when it may be needed: it is a system call.
    let nonce = if payload.session.is_none() { random::bytes().map(u64::from_le_bytes).unwrap_or_default() } else { 0 };
    let origin = Origin { headers: clean(&parts.headers), client_ip: client_ip(&app, &parts), nonce };
    // Headers are kept with every event: what counts against the bounds is what will be written.
    let copies = weight::map(&origin.headers).saturating_mul(payload.events.len());
    let command = Command::new(context, source, payload, origin, profile_less);
    let _underway = app.progress.begin();
    let answer = app.collector.collect(command, bytes.saturating_add(copies)).await?;
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
    /// Length of the body.
    bytes: usize,
}

async fn payload(app: &App, request: Request) -> Result<Checked, Refusal> {
    let (parts, body) = request.into_parts();
    if !body::is_json(&parts.headers) {
        return Err(body::not_json());
    }
    let profile_less = profile_less(parts.uri.query().unwrap_or_default())?;
    let Read { bytes, .. } = &body::read(&parts.headers, body, app.options.limits.body_bytes, &app.bodies).await?;
    let payload = TrackerPayload::parse(bytes, &app.options.limits).map_err(Refusal::Fields)?;
    Ok(Checked { parts, payload, profile_less, bytes: bytes.len() })
}

/// Whether the user agent that the body carries is a robot's. That of the request is looked at when a session opens.
fn is_robot(payload: &TrackerPayload) -> bool {
    let agent = payload.request.get("headers").and_then(|headers| headers.get("user-agent")).and_then(Value::as_str);
    agent.and_then(agent::parse).is_some_and(|agent| agent.app.bot)
}

/// The parameter `profile_less`, as a boolean in one of the usual spellings; the last one counts.
fn profile_less(query: &str) -> Result<bool, Refusal> {
    if query.is_empty() {
        return Ok(false);
    }
    let mut found = false;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        if key == "profile_less" {
            found = match value.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" | "t" | "y" => true,
                "false" | "0" | "no" | "off" | "f" | "n" => false,
                _ => {
                    let at = vec!["query".into(), "profile_less".into()];
                    let message = "Input should be a valid boolean, unable to interpret input";
                    return Err(Refusal::field("bool_parsing", at, message));
                }
            };
        }
    }
    Ok(found)
}

/// The address of the client: from the header that the configuration names, if it is there, else of the connection.
fn client_ip(app: &App, parts: &Parts) -> String {
    let forwarded = |headers: &HeaderMap| {
        let value = headers.get(app.options.forwarded_ip.as_ref()?)?;
        Some(String::from_utf8_lossy(value.as_bytes()).trim().to_owned())
    };
    forwarded(&parts.headers).unwrap_or_else(|| {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        peer.map_or_else(String::new, |ConnectInfo(peer)| peer.ip().to_canonical().to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_profile_less() {
        for (query, expected) in [
            ("", Some(false)),
            ("profile_less=true", Some(true)),
            ("a=b&profile_less=0", Some(false)),
            ("profile_less=YES", Some(true)),
            ("profile_less", None),
            ("profile_less=maybe", None),
        ] {
            assert_eq!(profile_less(query).ok(), expected, "{query}");
        }
    }
}
