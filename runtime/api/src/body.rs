//! Reading request bodies: bounded in size, in time and, over all requests together, in memory; the trees that are made of
//! them included.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracardi_model::payload::guard;
use tracardi_model::{FieldError, Limits, Loc};

use crate::app::App;
use crate::decode::Coding;
use crate::errors::Refusal;

/// Longest body of a request to the private API, in bytes.
pub const PRIVATE_BODY_BYTES: usize = 1 << 20;
/// Longest pause between two pieces of a body.
const PAUSE: Duration = Duration::from_secs(10);
/// Longest time for a whole body.
const WHOLE: Duration = Duration::from_mins(1);
/// How much of a body that is too long is read (and thrown away), so that its sender gets to read the answer.
const DISCARD_BYTES: usize = 128 << 20;
/// How long that may take.
const DISCARD: Duration = Duration::from_secs(10);

/// What a JSON body of the private API may cost: the configuration of an event source has some dozen values.
const PRIVATE_LIMITS: Limits =
    Limits { body_bytes: PRIVATE_BODY_BYTES, depth: 64, values: 20_000, events: 0, id_bytes: 0, tags: 0 };

/// Memory for all bodies that are being read, and for the trees that are being made of them.
#[derive(Clone, Debug)]
pub struct BodyBudget {
    free: Arc<Semaphore>,
    /// In units of [`UNIT`].
    whole: usize,
}

/// Bytes of one permit.
const UNIT: usize = 1024;
/// Bodies up to this length cost nothing of the budget: however many long ones are on their way, ordinary requests get
/// through. (Their memory is bounded by the number of connections, that of their trees by the number of threads that parse.)
const FREE: usize = 16 * 1024;

impl BodyBudget {
    /// Room for `bytes` at a time.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let whole = bytes / UNIT;
        Self { free: Arc::new(Semaphore::new(whole)), whole }
    }

    /// Makes it so many bytes that are held, or none more at the moment. Who needs more than there is gets all of it: single
    /// requests are limited elsewhere.
    fn take(&self, held: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Refusal> {
        let held_units = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.saturating_sub(FREE).div_ceil(UNIT).min(self.whole).saturating_sub(held_units);
        if missing == 0 {
            return Ok(());
        }
        let full = || Refusal::Later {
            reason: "too many large request bodies are under way; send again in 1 s".to_owned(),
            retry_after_s: 1,
        };
        let more = u32::try_from(missing).map_err(|_| full())?;
        let permit = self.free.clone().try_acquire_many_owned(more).map_err(|_| full())?;
        match held {
            Some(held) => held.merge(permit),
            None => *held = Some(permit),
        }
        Ok(())
    }
}

/// A body that has been read. Its share of the budget is given back when this is dropped.
#[derive(Debug)]
pub struct Read {
    /// The body.
    pub bytes: Bytes,
    budget: BodyBudget,
    held: Option<OwnedSemaphorePermit>,
}

impl Read {
    /// Sets memory aside for a tree that takes so many bytes, as long as this lives; 503 when there is none at the moment.
    pub fn reserve(&mut self, tree: usize) -> Result<(), Refusal> {
        if self.bytes.len() <= FREE {
            return Ok(());
        }
        self.budget.take(&mut self.held, self.bytes.len().saturating_add(tree))
    }

    /// [`Read::reserve`] for the JSON tree of the body; 422 when it exceeds the limits.
    pub fn weigh(&mut self, limits: &Limits) -> Result<(), Refusal> {
        let tree = guard::check(&self.bytes, limits).map_err(|error| Refusal::Fields(vec![*error]))?;
        self.reserve(tree)
    }

    /// The body as JSON, of at most [`PRIVATE_LIMITS`]; 422 when it is none.
    pub fn json(mut self) -> Result<Value, Refusal> {
        self.weigh(&PRIVATE_LIMITS)?;
        parse(&self.bytes)
    }
}

/// Reads a body of at most `limit` bytes, unpacked if it is compressed.
///
/// 413 with a complaint about `body` when it is longer (known from `Content-Length`, or as soon as it turns out), 408 when
/// the sender is too slow, 400 when it breaks off, 415 when it
/// is compressed in an unknown way, 503 when all requests together hold too much.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize, budget: &BodyBudget) -> Result<Read, Refusal> {
    let coding = Coding::of(headers)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced > limit) {
        // Who waits for permission to send ("100-continue") reads the refusal without having sent anything.
        if !headers.contains_key(header::EXPECT) {
            discard(body, 0).await;
        }
        return Err(too_long(limit));
    }
    let unpacking = coding.map_or(0, Coding::memory);
    let mut held = None;
    budget.take(&mut held, unpacking)?;
    let reading = async {
        let mut body = match coding {
            Some(coding) => coding.unpack(body),
            None => body,
        };
        let mut first: Option<Bytes> = None;
        let mut whole = BytesMut::new();
        loop {
            let frame = match tokio::time::timeout(PAUSE, body.frame()).await {
                Err(_) => return Err(too_slow()),
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(broken_off(coding)),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else { continue };
            let length = first.as_ref().map_or(whole.len(), Bytes::len) + data.len();
            if length > limit {
                drop((first, whole));
                // What is packed may be without end when unpacked.
                if coding.is_none() {
                    discard(body, length).await;
                }
                return Err(too_long(limit));
            }
            budget.take(&mut held, length.saturating_add(unpacking))?;
            // Most bodies come in one piece, which is then used as it is.
            match first.take() {
                None if whole.is_empty() => first = Some(data),
                None => whole.extend_from_slice(&data),
                Some(start) => {
                    whole.reserve(length);
                    whole.extend_from_slice(&start);
                    whole.extend_from_slice(&data);
                }
            }
        }
        Ok(first.unwrap_or_else(|| whole.freeze()))
    };
    let bytes = tokio::time::timeout(WHOLE, reading).await.map_err(|_| too_slow())??;
    Ok(Read { bytes, budget: budget.clone(), held })
}

/// Reads and forgets the rest of a body, within limits.
async fn discard(mut body: Body, mut seen: usize) {
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DISCARD_BYTES {
                return;
            }
        }
    };
    // When time is up the connection is closed on the sender, who has been warned by size.
    let _ = tokio::time::timeout(DISCARD, reading).await;
}

fn at_body(kind: &'static str, status: StatusCode, msg: String) -> Refusal {
    let complaint = FieldError::new(kind, vec!["body".into()], msg);
    Refusal::Detail(status, serde_json::to_value([complaint]).unwrap_or_default())
}

fn too_long(limit: usize) -> Refusal {
    at_body("too_long", StatusCode::PAYLOAD_TOO_LARGE, format!("The body must not be longer than {limit} bytes"))
}

fn too_slow() -> Refusal {
    at_body("timeout", StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time".to_owned())
}

fn broken_off(coding: Option<Coding>) -> Refusal {
    let message = match coding {
        None => "The body broke off",
        Some(_) => "The body broke off, or is not packed as its content-encoding says",
    };
    at_body("incomplete", StatusCode::BAD_REQUEST, message.to_owned())
}

/// Whether a body with these headers is read as JSON: `application/json`, `…+json`, or no content type at all.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_none_or(|media| is_json_type(&media))
}

/// Whether a media type without parameters is JSON.
#[must_use]
pub fn is_json_type(media: &str) -> bool {
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

/// The media type of a body, without parameters, in lower case; none when there is no `Content-Type`.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The refusal of a body that is not declared as JSON.
#[must_use]
pub fn not_json() -> Refusal {
    Refusal::field(
        "model_attributes_type",
        vec!["body".into()],
        "Input should be a valid dictionary or object to extract fields from; send it as application/json",
    )
}

/// The JSON body of a request to the private API, whatever it is.
#[derive(Clone, Debug)]
pub struct JsonBody(pub Value);

impl FromRequest<App> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(not_json());
        }
        read(&parts.headers, body, PRIVATE_BODY_BYTES, &app.bodies).await?.json().map(Self)
    }
}

/// The JSON body of a request to the private API: an object.
#[derive(Clone, Debug)]
pub struct JsonObject(pub Value);

impl FromRequest<App> for JsonObject {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let JsonBody(body) = JsonBody::from_request(request, app).await?;
        if body.is_object() { Ok(Self(body)) } else { Err(no_object()) }
    }
}

/// As [`JsonObject`], for requests that may come without a body: null then.
#[derive(Clone, Debug)]
pub struct OptionalJsonObject(pub Value);

impl FromRequest<App> for OptionalJsonObject {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let read = read(&parts.headers, body, PRIVATE_BODY_BYTES, &app.bodies).await?;
        if read.bytes.trim_ascii().is_empty() {
            return Ok(Self(Value::Null));
        }
        if !is_json(&parts.headers) {
            return Err(not_json());
        }
        let body = read.json()?;
        if body.is_object() || body.is_null() { Ok(Self(body)) } else { Err(no_object()) }
    }
}

fn no_object() -> Refusal {
    let message = "Input should be a valid dictionary or object to extract fields from";
    Refusal::field("model_attributes_type", vec!["body".into()], message)
}

fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::field("missing", vec!["body".into()], "Field required"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let offset = offset(bytes, error.line(), error.column());
        Refusal::field("json_invalid", vec!["body".into(), Loc::Index(offset)], format!("JSON decode error: {error}"))
    })
}

/// Where in the text a line and a column are.
fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let start: usize = bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    start + column.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn budget() -> BodyBudget {
        BodyBudget::new(64 * UNIT)
    }

    fn pieces(count: usize, size: usize) -> Body {
        let piece = Bytes::from(vec![b'x'; size]);
        Body::from_stream(futures::stream::iter((0..count).map(move |_| Ok::<_, std::io::Error>(piece.clone()))))
    }

    fn status(refusal: Refusal) -> StatusCode {
        use axum::response::IntoResponse as _;
        refusal.into_response().status()
    }

    #[tokio::test]
    async fn reads_what_fits() {
        let none = HeaderMap::new();
        let budget = budget();
        for (count, size) in [(0, 0), (1, 10), (3, 10)] {
            let read = read(&none, pieces(count, size), 30, &budget).await.unwrap();
            assert_eq!(read.bytes.len(), count * size);
        }
        assert_eq!(budget.free.available_permits(), 64);
    }

    #[tokio::test]
    async fn refuses_what_is_too_long_and_says_the_limit() {
        let budget = budget();
        let refusal = read(&HeaderMap::new(), pieces(4, 10), 30, &budget).await.unwrap_err();
        let Refusal::Detail(status, detail) = refusal else { unreachable!() };
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(detail[0]["loc"], serde_json::json!(["body"]));
        assert_eq!(detail[0]["msg"], "The body must not be longer than 30 bytes");
        let announced = HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from_static("31"))]);
        assert!(read(&announced, pieces(4, 10), 30, &budget).await.is_err());
        assert_eq!(budget.free.available_permits(), 64);
    }

    #[tokio::test]
    async fn all_bodies_together_have_a_budget() {
        let budget = budget();
        let held = read(&HeaderMap::new(), pieces(60, UNIT), 1 << 20, &budget).await.unwrap();
        let refusal = read(&HeaderMap::new(), pieces(40, UNIT), 1 << 20, &budget).await.unwrap_err();
        assert_eq!(status(refusal), StatusCode::SERVICE_UNAVAILABLE);
        // Ordinary requests are not affected.
        assert!(read(&HeaderMap::new(), pieces(16, UNIT), 1 << 20, &budget).await.is_ok());
        drop(held);
        assert!(read(&HeaderMap::new(), pieces(40, UNIT), 1 << 20, &budget).await.is_ok());
    }

    #[tokio::test]
    async fn trees_count_as_what_they_will_take() {
        let budget = budget();
        let body = |text: String| Body::from(text);
        let list = |items: usize| format!("[{}0]", "{\"a\":1},".repeat(items));
        let none = HeaderMap::new();
        let held = read(&none, pieces(40, UNIT), 1 << 20, &budget).await.unwrap();
        // 24 kB of text make a tree of more than a megabyte: not beside another body, but alone.
        let refused = read(&none, body(list(3_000)), 1 << 20, &budget).await.unwrap().json().unwrap_err();
        assert_eq!(status(refused), StatusCode::SERVICE_UNAVAILABLE);
        assert!(read(&none, body(list(1_000)), 1 << 20, &budget).await.unwrap().json().is_ok(), "a short one");
        drop(held);
        assert!(read(&none, body(list(3_000)), 1 << 20, &budget).await.unwrap().json().is_ok());
        assert_eq!(budget.free.available_permits(), 64);
        let refused = read(&none, body(list(10_000)), 1 << 20, &budget).await.unwrap().json().unwrap_err();
        assert_eq!(status(refused), StatusCode::UNPROCESSABLE_ENTITY, "more values than anybody needs");
    }

    #[tokio::test]
    async fn unknown_codings_are_refused() {
        let packed = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("compress"))]);
        let refusal = read(&packed, pieces(1, 1), 10, &budget()).await.unwrap_err();
        assert_eq!(status(refusal), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let plain = HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("identity"))]);
        assert!(read(&plain, pieces(1, 1), 10, &budget()).await.is_ok());
    }

    #[test]
    fn content_types() {
        let with = |kind: &'static str| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        assert!(is_json(&HeaderMap::new()));
        for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/ld+json"] {
            assert!(is_json(&with(kind)), "{kind}");
        }
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            assert!(!is_json(&with(kind)), "{kind}");
        }
    }

    #[test]
    fn syntax_errors_tell_where() {
        let Err(Refusal::Fields(fields)) = parse(b"{\n\"a\": nope}") else { unreachable!() };
        assert_eq!(fields[0].kind, "json_invalid");
        assert_eq!(fields[0].loc[1], Loc::Index(8));
    }
}
