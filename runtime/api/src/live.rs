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
use futures::{Stream, StreamExt as _};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracardi_collector::LiveEvent;
use tracardi_model::Context;

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
    let leaving = app.leaving.clone();
    app.figures.listeners.inc();
    let guard = Listening { _place: place, app };
    let messages = messages(events, context, leaving, guard).map(Ok::<_, Infallible>);
    let mut response =
        Sse::new(messages).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("alive")).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx kind collect answers unless told not to.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// The messages of one client, until the process leaves or the stream has lived long enough. `guard` lives as long.
fn messages<G: Send + 'static>(
    events: Receiver<LiveEvent>,
    context: Context,
    leaving: CancellationToken,
    guard: G,
) -> impl Stream<Item = Message> + Send {
    let end = Instant::now() + LIFE;
    futures::stream::unfold((events, leaving, guard), move |(mut events, leaving, guard)| async move {
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
            return Some((message, (events, leaving, guard)));
        }
    })
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::broadcast;

    use super::*;

    fn event(context: Context, id: &str) -> LiveEvent {
        let event = json!({
            "id": id, "name": "A", "type": "a", "source": {"id": "s"},
            "metadata": {"time": {"insert": "2026-03-01T10:00:00Z"}}
        });
        (context, Arc::new(serde_json::from_value(event).unwrap()))
    }

    /// The stream as the client reads it.
    async fn text(stream: impl Stream<Item = Message> + Send + 'static) -> String {
        let response = Sse::new(stream.map(Ok::<_, Infallible>)).into_response();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_client_sees_its_context_and_is_told_what_it_missed() {
        let (sender, receiver) = broadcast::channel(2);
        for (context, id) in [
            (Context::Production, "lost-1"),
            (Context::Production, "lost-2"),
            (Context::Staging, "elsewhere"),
            (Context::Production, "line\nbreak"),
        ] {
            sender.send(event(context, id)).unwrap();
        }
        drop(sender);
        let text = text(messages(receiver, Context::Production, CancellationToken::new(), ())).await;
        let told: Vec<&str> = text.lines().filter(|line| !line.starts_with("data: {\"id\"")).collect();
        assert_eq!(told, ["event: lagged", "data: {\"missed\":2}", "", "event: event", ""], "{text}");
    }

    #[tokio::test]
    async fn it_ends_when_the_process_leaves() {
        let (_sender, receiver) = broadcast::channel(2);
        let leaving = CancellationToken::new();
        leaving.cancel();
        assert_eq!(text(messages(receiver, Context::Production, leaving, ())).await, "");
    }
}
