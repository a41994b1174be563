//! Listeners: binding with an error for people, and serving with limits, so that no client can hold the process up.
//!
//! Limits: connections at a time per listener (when there is one more, the one that has waited longest for a complete
//! request is closed, see `slots`), time until the request's head is complete (also the time that an idle connection is
//! kept), size of the head. HTTP/1.1 and HTTP/2 with prior knowledge are spoken. On shutdown the listener closes first;
//! connections finish the request under way and close.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::slots::{Slot, Slots, Watched};
use crate::supervisor::{Phase, Supervisor};

/// How a client announces HTTP/2 without negotiation (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What one listener grants its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; one more makes the one go that waits longest on its client.
    pub connections: usize,
    /// Until the head of a request is there, counted from the connection's start or the previous answer.
    pub head: Duration,
    /// Of the head of a request, in bytes.
    pub head_bytes: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 2048, head: Duration::from_secs(20), head_bytes: 64 * 1024, streams: 64 }
    }
}

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{name} cannot listen on {address}: {problem}")]
pub struct ListenError {
    /// What the listener is for, in words: `public API`.
    pub name: String,
    /// The address as given.
    pub address: String,
    /// What the system said, and a remedy where there is one.
    pub problem: String,
}

/// A bound listener, not yet served.
#[derive(Debug)]
pub struct Bound {
    name: &'static str,
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// The address that it listens on (with the port that the system chose for port 0).
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Opens a listener on `address` (`host:port`). `name` says in words what it is for.
pub async fn bind(name: &'static str, address: &str) -> Result<Bound, ListenError> {
    let failed = |problem: String| ListenError { name: name.to_owned(), address: address.to_owned(), problem };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        failed(match error.kind() {
            io::ErrorKind::AddrInUse => "the port is in use by another process; choose another one".to_owned(),
            io::ErrorKind::PermissionDenied => "not permitted; ports below 1024 need root".to_owned(),
            io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
            io::ErrorKind::InvalidInput => "this is no address; write it as host:port".to_owned(),
            _ => error.to_string(),
        })
    })?;
    let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
    Ok(Bound { name, listener, address })
}

/// Serves a router. Handlers find the client's address in [`ConnectInfo<SocketAddr>`].
pub fn serve(supervisor: &Supervisor, bound: Bound, router: Router, limits: Limits) {
    let Bound { name, listener, address } = bound;
    tracing::info!(%address, "{name} listens");
    let stop = supervisor.token(Phase::Accept);
    let drain = supervisor.token(Phase::Drain);
    let connections = supervisor.clone();
    supervisor.spawn(format!("listener of the {name}"), Phase::Accept, async move {
        let slots = Slots::new(limits.connections);
        let builder = Arc::new(builder(&connections, limits));
        loop {
            let (stream, peer) = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        pause_after(&error).await;
                        continue;
                    }
                },
            };
            let slot = tokio::select! {
                () = stop.cancelled() => return,
                slot = slots.take(peer.ip().to_canonical()) => slot,
            };
            let (builder, router, drain) = (builder.clone(), router.clone(), drain.clone());
            connections.spawn_job("connection", Phase::Drain, async move {
                serve_connection(&builder, stream, peer, router, limits, &slot, &drain).await;
            });
        }
    });
}

/// Tasks that HTTP/2 starts for its requests belong to the supervisor as well.
#[derive(Clone)]
struct Executor(Supervisor);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Executor {
    fn execute(&self, future: F) {
        self.0.spawn_job("request", Phase::Drain, future);
    }
}

fn builder(supervisor: &Supervisor, limits: Limits) -> auto::Builder<Executor> {
    let mut builder = auto::Builder::new(Executor(supervisor.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.head)
        .keep_alive_timeout(limits.head)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
    builder
}

async fn serve_connection(
    builder: &auto::Builder<Executor>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    slot: &Slot,
    drain: &CancellationToken,
) {
    // Answers are small and written at once; waiting to fill packets would only delay them.
    let _ = stream.set_nodelay(true);
    let http2 = tokio::select! {
        () = drain.cancelled() => return,
        () = slot.wanted() => return,
        spoken = tokio::time::timeout(limits.head, speaks_http2(&stream)) => match spoken {
            Ok(Ok(http2)) => http2,
            Ok(Err(_)) | Err(_) => return,
        },
    };
    let service = service_fn(|request: Request<Incoming>| {
        let work = slot.request();
        let mut request = request.map(|body| axum::body::Body::new(Watched::request(body, work.clone())));
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.clone().oneshot(request);
        async move { answer.await.map(|answer| answer.map(|body| Watched::answer(body, work))) }
    });
    let builder = if http2 { builder.clone().http2_only() } else { builder.clone().http1_only() };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = slot.wanted() => {
            if !slot.works() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Clients that hang up or send rubbish are everyday life.
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// Looks at the first bytes without taking them: HTTP/2's preface or not.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; HTTP2_PREFACE.len()];
    loop {
        let read = stream.peek(&mut start).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if start[..read] != HTTP2_PREFACE[..read] {
            return Ok(false);
        }
        if read == HTTP2_PREFACE.len() {
            return Ok(true);
        }
        // Only a client that sends the preface in crumbs comes here; the caller limits the time.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Errors of one connection cost nothing; when files run out, waiting is all that helps.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "no connection can be accepted at the moment");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
