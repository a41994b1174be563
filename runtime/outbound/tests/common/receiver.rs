//! A real HTTP server that remembers what it was sent.

#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;
use tracardi_process::{Phase, Supervisor};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn key(&self) -> &str {
        self.header("idempotency-key").unwrap()
    }
}

type Answer = dyn Fn(&Seen, usize) -> Option<Response> + Send + Sync;

struct Shared {
    answer: Box<Answer>,
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
}

/// The server; it answers as it was told, or never.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
}

impl Receiver {
    /// `answer` gets the request and how many came before it; `None` is never answered.
    pub async fn start(answer: impl Fn(&Seen, usize) -> Option<Response> + Send + Sync + 'static) -> Self {
        let count = watch::Sender::new(0);
        let shared = Arc::new(Shared { answer: Box::new(answer), seen: Mutex::default(), count });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(shared.clone());
        Supervisor::new().spawn_job("receiver", Phase::Drain, async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { url, shared }
    }

    /// Answers everything with this status.
    pub async fn answering(status: u16) -> Self {
        Self::start(move |_, _| Some(reply(status))).await
    }

    /// What has come so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub async fn wait_for(&self, number: usize) -> Vec<Seen> {
        self.shared.count.subscribe().wait_for(|count| *count >= number).await.unwrap();
        self.seen()
    }
}

/// An answer without content.
pub fn reply(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap().into_response()
}

async fn take(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap, body: Body) -> Response {
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let seen = Seen { method, uri, headers, body };
    let before = {
        let mut all = shared.seen.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    shared.count.send_replace(before + 1);
    match (shared.answer)(&seen, before) {
        Some(response) => response,
        None => std::future::pending().await,
    }
}
