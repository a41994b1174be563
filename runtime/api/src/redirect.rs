//! `/redirect/{redirect_id}[/{session_id}]`: a link that makes an event and leads on (spec/pipeline.md 1.8).
//!
//! Where it leads stands in the record alone, which was checked when it was saved: nothing of the request gets into it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use tracardi_engine::configuration::Link;
use tracardi_model::event::Entity;
use tracardi_model::payload::{guard, tree};
use tracardi_model::{Context, Limits, Map, SourceType, TrackerPayload};
use tracardi_store::Index;

use crate::app::App;
use crate::body::{self, Read, is_json_type, media_type};
use crate::context::InContext;
use crate::errors::Refusal;
use crate::intake::Admitted;
use crate::params::Path;
use crate::{collect, properties};

/// The cookie in which the tracker keeps the session.
const SESSION_COOKIE: &str = "tracardi-session-id";

type Named = HashMap<String, String>;

/// Makes the event and answers 307 with the record's URL; 404 when there is no such link. What speaks against the event
/// (401, 422, 503) is answered instead.
pub async fn follow(State(app): State<App>, Path(named): Path<Named>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let InContext(context) = InContext::of(app.surface, &parts.headers);
    let link = link(&app, context, &named)?;
    let limits = &app.options.limits;
    let Read { bytes, .. } = &body::read(&parts.headers, body, limits.body_bytes, &app.bodies).await?;
    let body = if parts.method == Method::GET { json!({}) } else { content(&parts.headers, bytes, limits)? };
    let session = session(&app, context, &named, &parts).await?;
    let payload = payload(&link, &parts, body, session, limits)?;
    let profile_less = payload.session.is_none();
    let admitted = Admitted::by(&app, &parts.headers, &payload, SourceType::Redirect)?;
    admitted.collect(&app, &parts, payload, profile_less, Bytes::new(), bytes.len()).await?;
    lead(&link)
}

/// Where a link leads, for those who only look (`HEAD`): no event is made.
pub async fn look(
    InContext(context): InContext,
    State(app): State<App>,
    Path(named): Path<Named>,
) -> Result<Response, Refusal> {
    lead(&*link(&app, context, &named)?)
}

fn link(app: &App, context: Context, named: &Named) -> Result<Arc<Link>, Refusal> {
    let id = named.get("redirect_id").map(|id| id.trim()).unwrap_or_default();
    app.compiled(context).redirect(id).cloned().ok_or_else(not_found)
}

fn lead(link: &Link) -> Result<Response, Refusal> {
    // A record whose URL fits no header cannot be saved.
    let location = HeaderValue::from_bytes(link.record.url.as_bytes()).map_err(|_| not_found())?;
    Ok((StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response())
}

fn not_found() -> Refusal {
    Refusal::detail(StatusCode::NOT_FOUND, "Not Found")
}

/// The body as templates see it: JSON when it is said to be, otherwise a text.
fn content(headers: &HeaderMap, body: &Bytes, limits: &Limits) -> Result<Value, Refusal> {
    if !media_type(headers).is_some_and(|media| is_json_type(&media)) {
        return Ok(Value::String(String::from_utf8_lossy(body).into_owned()));
    }
    guard::check(body, limits).map_err(|error| Refusal::Fields(vec![*error]))?;
    Ok(tree::parse(body).unwrap_or_else(|_| json!({})))
}

/// The session that path, query or cookie name, as it is stored; none when it is not.
async fn session(app: &App, context: Context, named: &Named, parts: &Parts) -> Result<Option<Value>, Refusal> {
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let of_query =
        || form_urlencoded::parse(query).find(|(name, _)| name == "session_id").map(|(_, id)| id.into_owned());
    let usable = |id: String| {
        let id = id.trim();
        (!id.is_empty() && id.len() <= app.options.limits.id_bytes).then(|| id.to_owned())
    };
    let id = named.get("session_id").cloned().and_then(usable);
    let id = id.or_else(|| of_query().and_then(usable)).or_else(|| cookie(&parts.headers).and_then(usable));
    let Some(id) = id else { return Ok(None) };
    let document = app.documents.get(context, Index::Session, &id).await?;
    Ok(document.and_then(|document| serde_json::from_str(document.get()).ok()))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == SESSION_COOKIE).map(|(_, value)| value.trim().trim_matches('"').to_owned())
}

fn payload(
    link: &Link,
    parts: &Parts,
    body: Value,
    session: Option<Value>,
    limits: &Limits,
) -> Result<TrackerPayload, Refusal> {
    let params = properties::of_query(parts.uri.query().unwrap_or_default(), limits)?;
    let id = session.as_ref().and_then(|session| session.get("id")?.as_str().map(str::to_owned));
    let payload = Map::from_iter([("params".to_owned(), Value::Object(params)), ("body".to_owned(), body)]);
    let mut scope = Map::from_iter([("payload".to_owned(), Value::Object(payload))]);
    scope.extend(session.map(|session| ("session".to_owned(), session)));
    let properties = link.properties(&Value::Object(scope)).map_err(|error| {
        Refusal::field("value_error", vec!["body".into()], format!("Value error, the link's properties: {error}"))
    })?;
    let (source, event_type) = (link.record.source.id.clone(), link.record.event_type.trim().to_owned());
    Ok(TrackerPayload {
        session: id.map(|id| Entity { id }),
        options: Map::from_iter([("saveSession".to_owned(), Value::Bool(false))]),
        ..collect::payload(source, event_type, properties, parts)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_in_the_cookie() {
        for (cookies, expected) in [
            ("tracardi-session-id=s1", Some("s1")),
            ("a=b; tracardi-session-id=\"s 1\" ;c", Some("s 1")),
            ("xtracardi-session-id=s1", None),
            ("tracardi-session-id", None),
        ] {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookies))]);
            assert_eq!(cookie(&headers).as_deref(), expected, "{cookies}");
        }
    }
}
