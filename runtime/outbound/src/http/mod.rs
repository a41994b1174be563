//! Sends over HTTP (spec/pipeline.md 6.4).
//!
//! [`target`] is what a destination and its resource say, [`body`] what a request carries, [`answer`] what becomes of the
//! delivery. Here is the request itself, with its redirects.

pub mod answer;
mod body;
mod target;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, Request, Response, StatusCode};
use serde_json::value::RawValue;
use url::Url;

pub use target::Target;

use crate::guard::Guard;
use crate::resolve::{Forbidden, Resolver};
use crate::sent::{Message, Sent};

/// The same for every attempt at a delivery: a receiver that has seen it already knows what it needs to do.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Who we are.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("tracardi/", env!("CARGO_PKG_VERSION")));
/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// What is read of an answer; then the connection is closed.
const ANSWER_BYTES: usize = 64 << 10;
/// How long that is waited for.
const REST: Duration = Duration::from_secs(5);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next delivery, and how many to one host.
const IDLE: Duration = Duration::from_mins(1);
const IDLE_CONNECTIONS: usize = 4;

/// Makes requests; cheap to clone. The connections are shared by all destinations.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    guard: Arc<Guard>,
    strict: Client,
    lenient: Client,
}

impl Sender {
    /// Dials only what the guard permits. The error is for people: no TLS.
    pub(crate) fn new(resolver: Resolver, guard: Arc<Guard>) -> Result<Self, String> {
        let resolver = Arc::new(resolver);
        let client = |ssl_check: bool| {
            let authorities = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().take_while(|_| ssl_check);
            let authorities = authorities.map(|der| Certificate::from_der(der));
            Client::builder()
                .tls_certs_only(authorities.collect::<Result<Vec<_>, _>>()?)
                .tls_danger_accept_invalid_certs(!ssl_check)
                .dns_resolver(resolver.clone())
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(CONNECT)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .build()
        };
        let made = |ssl_check| client(ssl_check).map_err(|error| format!("no TLS: {}", told(error)));
        Ok(Self { guard, strict: made(true)?, lenient: made(false)? })
    }

    /// One attempt, with all its redirects, within the target's time. What it ends in is for the one who asks; nothing of
    /// it holds a credential.
    pub(crate) async fn send(&self, target: &Target, message: Message<'_>) -> Sent {
        let attempt = self.attempt(target, message.id, message.body);
        let answer = match tokio::time::timeout(target.timeout, attempt).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(sent)) => return sent,
            Err(_) => return Sent::later(format!("no answer within {} s", target.timeout.as_secs_f64())),
        };
        let (status, headers) = (answer.status(), answer.headers().clone());
        // What was accepted is accepted, however long the rest of the answer takes.
        let mut beginning = Vec::new();
        let _ = tokio::time::timeout(target.timeout.min(REST), read(answer, &mut beginning)).await;
        answer::judge(status, &headers, &beginning, message.at)
    }

    async fn attempt(&self, target: &Target, id: &str, content: &RawValue) -> Result<Response, Sent> {
        let (mut url, body) = body::carried(target, content).map_err(Sent::Dead)?;
        let mut trusted = true;
        for _ in 0..=REDIRECTS {
            self.guard.check(&url).map_err(Sent::Dead)?;
            let request = self::request(target, id, url.clone(), body.clone(), trusted)?;
            let client = if target.ssl_check { &self.strict } else { &self.lenient };
            let answer = client.execute(request).await.map_err(failed)?;
            let Some(next) = redirected(&target.method, &url, &answer)? else { return Ok(answer) };
            trusted &= next.origin() == url.origin();
            url = next;
        }
        Err(Sent::Dead(format!("more than {REDIRECTS} redirects; name the last address in the resource")))
    }
}

/// The request; a host that we were only led to is not shown any credential, and a header may be one.
fn request(target: &Target, id: &str, url: Url, body: Option<Vec<u8>>, trusted: bool) -> Result<Request, Sent> {
    let mut request = Request::new(target.method.clone(), url);
    let key = HeaderValue::from_str(id).map_err(|_| Sent::Dead("the delivery's id is no header".to_owned()))?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, AGENT);
    if trusted {
        headers.extend(target.headers.clone());
        headers.extend(target.cookies.clone().map(|cookies| (COOKIE, cookies)));
        headers.extend(target.authorization.clone().map(|credentials| (AUTHORIZATION, credentials)));
    }
    headers.insert(CONTENT_TYPE, target.content_type.clone());
    headers.insert(IDEMPOTENCY_KEY, key);
    *request.body_mut() = body.map(Into::into);
    Ok(request)
}

/// Where an answer leads, if it does. A redirect that would lose the body, or the encryption, is none.
fn redirected(method: &Method, from: &Url, answer: &Response) -> Result<Option<Url>, Sent> {
    let status = answer.status();
    let keeps_body = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => *method == Method::GET,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    let next = next.ok_or_else(|| Sent::Dead(format!("answered {status} without saying where to")))?;
    let place = next.host_str().unwrap_or_default();
    if !keeps_body {
        let remedy = "what was sent would get lost on the way; name that address in the resource";
        return Err(Sent::Dead(format!("answered {status}, which leads to {place}: {remedy}")));
    }
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err(Sent::Dead(format!("answered {status}, which leads to {place} without encryption")));
    }
    Ok(Some(next))
}

/// The beginning of an answer's body.
async fn read(mut answer: Response, beginning: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = answer.chunk().await {
        let room = ANSWER_BYTES.saturating_sub(beginning.len());
        beginning.extend(chunk.iter().take(room));
        if room <= chunk.len() {
            break;
        }
    }
}

/// There was no answer.
fn failed(error: reqwest::Error) -> Sent {
    let forbidden = causes(&error).any(|cause| cause.downcast_ref::<Forbidden>().is_some());
    let is_ours = forbidden || error.is_builder();
    let error = told(error);
    if is_ours { Sent::Dead(error) } else { Sent::later(error) }
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| {
        let cause: &'a (dyn std::error::Error + 'static) = *cause;
        cause.source()
    })
}

/// What went wrong, down to the cause, without the URL: there may be a token in it.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let last = causes(&error).last().map(|cause| format!(": {cause}"));
    format!("{error}{}", last.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// This machine: one address of it is open, the others are inside.
    const OPEN: &str = "127.0.0.1";

    /// A server outside that answers so, and one inside that must not be dialled.
    struct Places {
        outside: TcpListener,
        inside: TcpListener,
    }

    impl Places {
        async fn new() -> Self {
            let outside = TcpListener::bind("127.0.0.1:0").await.unwrap();
            Self { outside, inside: TcpListener::bind("127.0.0.2:0").await.unwrap() }
        }

        /// What a delivery to a name ends in; the server outside answers it, once for each connection.
        async fn sent(&self, name: &str, resolver: Resolver, guard: Guard, answer: &str) -> Sent {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let port = self.outside.local_addr().unwrap().port();
            let target = Target::read(&json!({"url": format!("http://{name}:{port}")}), &json!({})).unwrap();
            let content = serde_json::value::to_raw_value(&json!({})).unwrap();
            let sender = Sender::new(resolver, Arc::new(guard)).unwrap();
            let message = Message { id: "d", profile: None, body: &content, at: Timestamp::UNIX_EPOCH };
            let serving = async {
                loop {
                    let (mut stream, _) = self.outside.accept().await.unwrap();
                    let _ = stream.read(&mut [0; 4096]).await.unwrap();
                    let closed = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                    stream.write_all(closed.as_bytes()).await.unwrap();
                }
            };
            tokio::select! {
                biased;
                _ = self.inside.accept() => panic!("it was dialled"),
                sent = sender.send(&target, message) => sent,
                () = serving => unreachable!(),
            }
        }

        /// An answer that leads to this name, at the port of the server inside.
        fn leading_to(&self, name: &str) -> String {
            format!("307 Go\r\nlocation: http://{name}:{}/", self.inside.local_addr().unwrap().port())
        }
    }

    fn refused(sent: &Sent, name: &str) -> bool {
        matches!(sent, Sent::Dead(reason) if reason.contains(&format!("{name} is not on the public internet")))
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_dialled() {
        let places = Places::new().await;
        let resolver = Resolver::knowing("127.0.0.1 inside.example", Arc::default());
        let sent = places.sent("inside.example", resolver, Guard::default(), "200 OK").await;
        assert!(refused(&sent, "inside.example"), "{sent:?}");
        // Nor by a redirect.
        let guard = || Guard::new(OPEN, "").unwrap();
        let hosts = "127.0.0.1 shop.example\n127.0.0.2 inside.example";
        let resolver = Resolver::knowing(hosts, Arc::new(guard()));
        assert_eq!(places.sent("shop.example", resolver.clone(), guard(), "200 OK").await, Sent::Delivered);
        let sent = places.sent("shop.example", resolver, guard(), &places.leading_to("inside.example")).await;
        assert!(refused(&sent, "inside.example"), "{sent:?}");
    }

    #[tokio::test]
    async fn a_name_that_changes_its_mind_gains_nothing() {
        let places = Places::new().await;
        let guard = || Guard::new(OPEN, "").unwrap();
        let changing = || Resolver::changing(&[[127, 0, 0, 1], [127, 0, 0, 2]], Arc::new(guard()));
        // From one attempt to the next.
        let resolver = changing().await;
        assert_eq!(places.sent("shop.example", resolver.clone(), guard(), "200 OK").await, Sent::Delivered);
        let sent = places.sent("shop.example", resolver, guard(), "200 OK").await;
        assert!(refused(&sent, "shop.example"), "{sent:?}");
        // In the midst of one, by a redirect to itself.
        let sent = places.sent("shop.example", changing().await, guard(), &places.leading_to("shop.example")).await;
        assert!(refused(&sent, "shop.example"), "{sent:?}");
    }
}
