//! The way of a request that brings events, whatever its endpoint: the event source is looked up in the configuration's
//! snapshot and asked whether it admits this ([`tracardi_engine::admit`]), and the collector stores what the endpoint made of
//! the request ([`TrackerPayload`]). How a body becomes a payload is the endpoint's affair: [`crate::track`],
//! [`crate::collect`], [`crate::redirect`].

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::Value;
use tracardi_collector::CollectError;
use tracardi_engine::{Origin, Referral, Rejected, Submission, admit, agent};
use tracardi_model::{Context, Event, EventSource, SourceType, TrackAnswer, TrackerPayload, weight};
use tracardi_process::random;
use tracardi_store::ConfigurationSnapshot;

use crate::app::App;
use crate::context::InContext;
use crate::errors::Refusal;
use crate::info::clean;

/// What an event takes besides what the client sent: its record, and about as much for its text and its ids.
const EVENT_BYTES: usize = 2 * size_of::<Event>();

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

/// A request whose event source admits it.
pub(crate) struct Admitted {
    context: Context,
    endpoint: SourceType,
    source: Arc<EventSource>,
    snapshot: Arc<ConfigurationSnapshot>,
}

impl Admitted {
    /// Looks the source of a payload up; 401 for robots, and unless the source is there, enabled, and admits requests of this
    /// endpoint.
    pub(crate) fn by(
        app: &App,
        headers: &HeaderMap,
        payload: &TrackerPayload,
        endpoint: SourceType,
    ) -> Result<Self, Refusal> {
        let InContext(context) = InContext::of(app.surface, headers);
        let snapshot = app.configuration.watch().borrow().clone();
        let source = snapshot.event_source(context, &payload.source.id.to_lowercase()).cloned();
        // Internal ids, then robots, then the source (spec/pipeline.md 6.1).
        match admit(&payload.source.id, source.as_deref(), endpoint) {
            Err(Rejected::InternalSource) => Err(Rejected::InternalSource),
            _ if app.settings.borrow().disallow_bot_traffic && is_robot(payload) => Err(Rejected::Bot),
            admitted => admitted,
        }
        .inspect_err(|rejected| app.collector.refused(rejected))?;
        // Whoever is admitted has a source.
        let source = source.ok_or(Refusal::Missing)?;
        Ok(Self { context, endpoint, source, snapshot })
    }

    /// Stores a payload that takes `memory` bytes; Ok means: on disk. `body`: its bytes, if the client sent it in this form.
    pub(crate) async fn collect(
        self,
        app: &App,
        parts: &Parts,
        payload: TrackerPayload,
        profile_less: bool,
        body: Bytes,
        memory: usize,
    ) -> Result<TrackAnswer, Refusal> {
        let Self { context, endpoint, source, snapshot } = self;
        // Asked for only when it may be needed: it is a system call.
        let anonymous = payload.session.is_none() || endpoint != SourceType::Rest;
        let nonce = if anonymous { random::bytes().map(u64::from_le_bytes).unwrap_or_default() } else { 0 };
        let origin = Origin { endpoint, headers: clean(&parts.headers), client_ip: client_ip(app, parts), nonce };
        // What will be made of it counts against the bounds: a record for each event, with the headers in its text.
        let made = EVENT_BYTES.saturating_add(weight::map(&origin.headers)).saturating_mul(payload.events.len());
        let referral = Referral::of(&payload);
        let referrer =
            referral.and_then(|referral| snapshot.event_source(context, &referral.source_id.to_lowercase()).cloned());
        let memory = memory.saturating_add(body.len()).saturating_add(made);
        let submission = Submission { context, source, referrer, payload, origin, profile_less, body };
        let _underway = app.progress.begin();
        Ok(app.collector.collect(submission, memory).await?)
    }
}

/// Whether the user agent that the payload carries is a robot's. That of a request to `/track` is looked at when a session
/// opens.
fn is_robot(payload: &TrackerPayload) -> bool {
    let agent = payload.request.get("headers").and_then(|headers| headers.get("user-agent")).and_then(Value::as_str);
    agent.and_then(agent::parse).is_some_and(|agent| agent.app.bot)
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
