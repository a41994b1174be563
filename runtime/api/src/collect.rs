//! `/collect/{event_type}/{source_id}[/{session_id}]`: one event from a program that knows nothing of trackers, such as a
//! webhook or a pixel. What it sends are the event's properties ([`crate::properties`]); from there on it goes the way of
//! every request that brings events ([`crate::intake`]). Facts: spec/pipeline.md 1.8.
//!
//! Without a session in the path neither session nor profile are kept, unless the settings of the source say so
//! (`tracardi_engine::bridge`).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use bytes::Bytes;
use serde_json::Value;
use tracardi_model::event::Entity;
use tracardi_model::payload::ClientTime;
use tracardi_model::payload::reader::{At, Fields, Report, trimmed};
use tracardi_model::{EventPayload, Limits, Map, SourceType, TrackAnswer, TrackerPayload, weight};

use crate::app::App;
use crate::body;
use crate::errors::Refusal;
use crate::info::clean;
use crate::intake::Admitted;
use crate::params::Path;
use crate::properties;

type Named = HashMap<String, String>;

/// `GET /collect/…`: the properties are the parameters of the query.
pub async fn get(
    State(app): State<App>,
    Path(named): Path<Named>,
    request: Request,
) -> Result<Json<TrackAnswer>, Refusal> {
    let (parts, _) = request.into_parts();
    let place = Place::read(named, &app.options.limits)?;
    let query = parts.uri.query().unwrap_or_default();
    let properties = properties::of_query(query, &app.options.limits)?;
    place.collect(&app, &parts, properties).await
}

/// `POST /collect/…`: the properties are the body, JSON or a form.
pub async fn post(
    State(app): State<App>,
    Path(named): Path<Named>,
    request: Request,
) -> Result<Json<TrackAnswer>, Refusal> {
    let (parts, body) = request.into_parts();
    let place = Place::read(named, &app.options.limits)?;
    let limits = &app.options.limits;
    let mut read = body::read(&parts.headers, body, limits.body_bytes, &app.bodies).await?;
    read.reserve(properties::memory(&parts.headers, &read.bytes, limits)?)?;
    let properties = properties::of_body(&parts.headers, &read.bytes, limits).await?;
    // From here on it is the collector's queue that counts them.
    drop(read);
    place.collect(&app, &parts, properties).await
}

/// What the path says.
struct Place {
    event_type: String,
    source_id: String,
    session_id: Option<String>,
}

impl Place {
    fn read(named: Named, limits: &Limits) -> Result<Self, Refusal> {
        let mut report = Report::default();
        let named = named.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        let place = Fields::of(Value::Object(named), &At::Path, &mut report).map(|mut fields| {
            let event_type = fields.id("event_type", &At::Path, &mut report, limits.id_bytes);
            let source_id = fields.id("source_id", &At::Path, &mut report, limits.id_bytes);
            let session_id = fields.optional_string("session_id", &At::Path, &mut report, limits.id_bytes);
            Self {
                event_type: event_type.unwrap_or_default(),
                source_id: source_id.unwrap_or_default(),
                session_id: session_id.map(trimmed).filter(|id| !id.is_empty()),
            }
        });
        report.conclude(place).map_err(Refusal::Fields)
    }

    async fn collect(self, app: &App, parts: &Parts, properties: Map) -> Result<Json<TrackAnswer>, Refusal> {
        let memory = weight::behind_map(&properties);
        let profile_less = self.session_id.is_none();
        let payload = TrackerPayload {
            options: Map::from_iter([("saveSession".to_owned(), Value::Bool(!profile_less))]),
            session: self.session_id.map(|id| Entity { id }),
            ..payload(self.source_id, self.event_type, properties, parts)
        };
        let admitted = Admitted::by(app, &parts.headers, &payload, SourceType::Webhook)?;
        admitted.collect(app, parts, payload, profile_less, Bytes::new(), memory).await.map(Json)
    }
}

/// A payload with one event. It carries the headers, so that robots are recognised by them (spec/pipeline.md 1.4).
pub(crate) fn payload(source_id: String, event_type: String, properties: Map, parts: &Parts) -> TrackerPayload {
    TrackerPayload {
        request: Map::from_iter([("headers".to_owned(), Value::Object(clean(&parts.headers)))]),
        events: vec![EventPayload {
            kind: event_type,
            id: None,
            time: ClientTime::default(),
            properties: Some(Arc::new(properties)),
            options: Arc::default(),
            context: Arc::default(),
            tags: Vec::new(),
        }],
        ..TrackerPayload::new(source_id)
    }
}
