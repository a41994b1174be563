//! `GET /events/live`: events as they are stored, as server-sent events.
//!
//! Messages: `event: event` with the event's id as `id:` and the stored document as `data:`; `event: lagged` with
//! `{"missed": n}` when this client was too slow and missed n of them. A comment every 15 seconds keeps the connection.
//! The stream ends after [`LIFE`]; clients connect again, and the token is checked again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};
use tracardi_collector::LiveEvent;

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::context::InContext;
use crate::errors::Refusal;

/// Longest time that one stream lasts: as long as a login token lives without use.
pub const LIFE: Duration = Duration::from_mins(30);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Streams the events of the request's context.
pub async fn live(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
) -> Result<Response, Refusal> {
    let place = app.live.clone().try_acquire_owned().map_err(|_| Refusal::Later {
        reason: "too many clients listen to the live stream already; try again in a minute".to_owned(),
        retry_after_s: 60,
    })?;
    let events = app.collector.live();
    let end = Instant::now() + LIFE;
    let leaving = app.leaving.clone();
    app.figures.listeners.inc();
    let guard = Listening { _place: place, app };
    let messages = futures::stream::unfold((events, guard), move |(mut events, guard)| {
        let leaving = leaving.clone();
        async move {
            loop {
                let received = tokio::select! {
                    () = leaving.cancelled() => return None,
                    () = sleep_until(end) => return None,
                    received = events.recv() => received,
                };
                let message = match received {
                    Ok((of, _)) if of != context => continue,
                    Ok(event) => match message(&event) {
                        Some(message) => message,
                        None => continue,
                    },
                    Err(RecvError::Lagged(missed)) => {
                        Message::default().event("lagged").data(json!({ "missed": missed }).to_string())
                    }
                    Err(RecvError::Closed) => return None,
                };
                return Some((Ok::<_, Infallible>(message), (events, guard)));
            }
        }
    });
    let mut response =
        Sse::new(messages).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx kind collect answers unless told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn message((_, event): &LiveEvent) -> Option<Message> {
    let data = serde_json::to_string(event.as_ref()).ok()?;
    let message = Message::default().event("event").data(data);
    // An id must not contain line breaks; a client may have chosen one that does.
    Some(if event.id().contains(['\n', '\r', '\0']) { message } else { message.id(event.id()) })
}

/// Counts a client as long as its stream lasts.
struct Listening {
    _place: tokio::sync::OwnedSemaphorePermit,
    app: App,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.app.figures.listeners.dec();
    }
}
