//! An HTTP proxy that spoils requests on purpose. Where [`crate::Proxy`] sees bytes, this one sees requests and answers, so it can say
//! what a server in trouble would say.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracardi_machine::{Error, Result};

use crate::address::Claim;

/// What the proxy does to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HttpFault {
    /// Nothing: it goes to the server, the answer to the client.
    #[default]
    None,
    /// It is answered with this status, and `Retry-After` in seconds; the server hears nothing.
    Status {
        /// Such as 503.
        status: u16,
        /// What the client is asked to wait.
        retry_after: Option<u64>,
    },
    /// It goes to the server after this time.
    Delay(Duration),
    /// It waits until something else is to be done to it.
    Hold,
    /// The server carries it out; instead of the answer the connection ends.
    CutAnswer,
    /// The server gets it twice, one after the other; the client sees the second answer.
    Twice,
    /// Of a `_bulk`, the operations with this text in one of their lines do not reach the server and are answered with 400.
    RefuseItems {
        /// As it stands in the JSON.
        containing: String,
    },
}

/// Passes requests on to a server over plain HTTP/1.1 and does to them what the test says. A server that is away looks to the client
/// like a connection that ends. Dropping it cuts everything.
#[derive(Debug)]
pub struct HttpProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// There until it is dropped.
    runtime: Option<Runtime>,
    _claim: Claim,
}

/// A fault, and the requests that it is for.
#[derive(Debug)]
struct Rule {
    /// A part of path and query.
    path: String,
    fault: HttpFault,
    /// For one request only; such rules come before the others.
    once: bool,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    rules: watch::Sender<Vec<Rule>>,
    requests: AtomicU64,
    spoiled: AtomicU64,
}

type Answer = Response<Full<Bytes>>;
type Failure = Box<dyn StdError + Send + Sync>;

impl HttpProxy {
    /// A proxy before `target`, on the target's port at an address of its own.
    pub fn to(target: SocketAddr) -> Result<Self> {
        let claim = Claim::new(None)?;
        let address = SocketAddr::from((claim.address, target.port()));
        let unmet = |error| Error::unmet(format!("no HTTP proxy at {address}: {error}"), "run the test again");
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(unmet)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let shared = Arc::new(Shared {
            target,
            client: Client::builder(TokioExecutor::new()).build(connector),
            rules: watch::Sender::default(),
            requests: AtomicU64::default(),
            spoiled: AtomicU64::default(),
        });
        let listener = listen(address).map_err(unmet)?;
        runtime.spawn(accept(Arc::clone(&shared), listener));
        Ok(Self { shared, address, runtime: Some(runtime), _claim: claim })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is done to every request with `path` in its path and query, also to those that are held.
    pub fn set(&self, path: &str, fault: HttpFault) {
        self.shared.rules.send_modify(|rules| {
            rules.retain(|rule| rule.once || rule.path != path);
            rules.push(Rule { path: path.to_owned(), fault, once: false });
        });
    }

    /// The next requests with `path` in their path and query get one of these each, in order.
    pub fn script(&self, path: &str, faults: impl IntoIterator<Item = HttpFault>) {
        let once = faults.into_iter().map(|fault| Rule { path: path.to_owned(), fault, once: true });
        self.shared.rules.send_modify(|rules| rules.extend(once));
    }

    /// From now on everything goes through.
    pub fn clear(&self) {
        self.shared.rules.send_modify(Vec::clear);
    }

    /// Faults of the script that no request has met yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.rules.borrow().iter().filter(|rule| rule.once).count()
    }

    /// Requests so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Requests so far that have met a fault.
    #[must_use]
    pub fn spoiled(&self) -> u64 {
        self.shared.spoiled.load(Ordering::Relaxed)
    }
}

impl Drop for HttpProxy {
    fn drop(&mut self) {
        // Where a test is asynchronous nobody may wait for the threads.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// From now on connections are taken; what is done with them is for the runtime.
fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn accept(shared: Arc<Shared>, listener: std::net::TcpListener) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(Arc::clone(&shared), stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    // A connection that fails is what some of the faults are.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(Arc::clone(&shared), request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error ends the connection without an answer.
async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> std::result::Result<Answer, Failure> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    shared.requests.fetch_add(1, Ordering::Relaxed);
    match shared.fault(&head.uri.to_string()).await {
        HttpFault::None | HttpFault::Hold => shared.pass(&head, body).await,
        HttpFault::Delay(time) => {
            tokio::time::sleep(time).await;
            shared.pass(&head, body).await
        }
        HttpFault::Status { status, retry_after } => {
            let reason = format!("{status} as the test wants it");
            let body = json!({"error": {"type": "test_exception", "reason": reason}, "status": status});
            let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
            let answer = match retry_after {
                Some(seconds) => answer.header(RETRY_AFTER, seconds),
                None => answer,
            };
            Ok(answer.body(Full::from(body.to_string()))?)
        }
        HttpFault::CutAnswer => {
            shared.pass(&head, body).await?;
            Err("the answer is cut".into())
        }
        HttpFault::Twice => {
            shared.pass(&head, body.clone()).await?;
            shared.pass(&head, body).await
        }
        HttpFault::RefuseItems { containing } => shared.refuse_items(&head, &body, &containing).await,
    }
}

impl Shared {
    /// What is done to a request; waits while it is held.
    async fn fault(&self, path: &str) -> HttpFault {
        // Before the first look, so that no change is missed.
        let mut changes = self.rules.subscribe();
        let mut counted = false;
        loop {
            let fault = self.next(path);
            if fault != HttpFault::None && !counted {
                counted = true;
                self.spoiled.fetch_add(1, Ordering::Relaxed);
            }
            if fault != HttpFault::Hold || changes.changed().await.is_err() {
                return fault;
            }
        }
    }

    /// The fault of the moment; one of the script is used up by it.
    fn next(&self, path: &str) -> HttpFault {
        let mut fault = HttpFault::None;
        self.rules.send_if_modified(|rules| {
            let of = |once: bool| rules.iter().position(|rule| rule.once == once && path.contains(&rule.path));
            if let Some(number) = of(true) {
                fault = rules.remove(number).fault;
            } else if let Some(rule) = of(false).and_then(|number| rules.get(number)) {
                fault = rule.fault.clone();
            }
            // Nobody who is held has a reason to look again.
            false
        });
        fault
    }

    async fn pass(&self, head: &Parts, body: Bytes) -> std::result::Result<Answer, Failure> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(&head.method).uri(format!("http://{}{path}", self.target));
        for (name, value) in head.headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
            request = request.header(name, value);
        }
        let answer = self.client.request(request.body(Full::from(body))?).await?;
        let (mut head, body) = answer.into_parts();
        head.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(head, Full::from(body.collect().await?.to_bytes())))
    }

    async fn refuse_items(&self, head: &Parts, bulk: &[u8], containing: &str) -> std::result::Result<Answer, Failure> {
        let (passed, refused) = divide(bulk, containing);
        if passed.is_empty() {
            return Ok(Response::new(Full::from(joined(&Value::Null, refused).to_string())));
        }
        let answer = self.pass(head, passed.into()).await?;
        if !answer.status().is_success() {
            return Ok(answer);
        }
        let (mut head, body) = answer.into_parts();
        let told: Value = serde_json::from_slice(&body.collect().await?.to_bytes())?;
        head.headers.remove(CONTENT_LENGTH);
        Ok(Response::from_parts(head, Full::from(joined(&told, refused).to_string())))
    }
}

/// The lines of a bulk that go to the server; and for each operation its verb if it is refused.
fn divide(bulk: &[u8], containing: &str) -> (String, Vec<Option<String>>) {
    let text = String::from_utf8_lossy(bulk);
    let (mut passed, mut refused, mut lines) = (String::new(), Vec::new(), text.lines());
    while let Some(action) = lines.next() {
        let verb = serde_json::from_str::<Value>(action).ok();
        let verb = verb.and_then(|action| action.as_object()?.keys().next().cloned()).unwrap_or_default();
        let source = if verb == "delete" { None } else { lines.next() };
        if [Some(action), source].into_iter().flatten().any(|line| line.contains(containing)) {
            refused.push(Some(verb));
            continue;
        }
        refused.push(None);
        for line in [Some(action), source].into_iter().flatten() {
            passed.push_str(line);
            passed.push('\n');
        }
    }
    (passed, refused)
}

/// The answer to all operations, of what the server told of those that it got.
fn joined(told: &Value, refused: Vec<Option<String>>) -> Value {
    let error = json!({"type": "mapper_parsing_exception", "reason": "refused as the test wants it"});
    let mut theirs = told["items"].as_array().into_iter().flatten().cloned();
    let items = refused.into_iter().filter_map(|refused| match refused {
        Some(verb) => Some(json!({ verb: {"status": 400, "error": error} })),
        None => theirs.next(),
    });
    json!({"errors": true, "items": items.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A server that tells what it gets and says it back.
    fn server() -> (SocketAddr, mpsc::Receiver<String>, Runtime) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (address, (tell, told)) = (listener.local_addr().unwrap(), mpsc::channel());
        runtime.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let tell = tell.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let tell = tell.clone();
                    async move {
                        let body = request.into_body().collect().await?.to_bytes();
                        tell.send(String::from_utf8_lossy(&body).into_owned())?;
                        Ok::<_, Failure>(Response::new(Full::<Bytes>::from(body)))
                    }
                });
                connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        (address, told, runtime)
    }

    /// Status and body; none without an answer.
    fn post(proxy: &HttpProxy, path: &str, body: &str) -> Option<(u16, String)> {
        let request = ureq::post(format!("http://{}{path}", proxy.address()));
        let request = request.config().http_status_as_error(false).build();
        let mut answer = request.send(body).ok()?;
        Some((answer.status().as_u16(), answer.body_mut().read_to_string().unwrap()))
    }

    #[test]
    fn requests_get_the_faults_of_the_script_one_each_and_then_what_stands() {
        let (address, told, _runtime) = server();
        let proxy = HttpProxy::to(address).unwrap();
        proxy.set("/a", HttpFault::Status { status: 429, retry_after: Some(1) });
        proxy.script("/a", [HttpFault::Twice, HttpFault::CutAnswer, HttpFault::Delay(Duration::from_millis(1))]);
        assert_eq!(post(&proxy, "/b?x", "other"), Some((200, "other".to_owned())));
        assert_eq!(post(&proxy, "/a", "twice"), Some((200, "twice".to_owned())));
        assert_eq!((proxy.waiting(), post(&proxy, "/a", "cut")), (2, None));
        assert_eq!(post(&proxy, "/a", "late"), Some((200, "late".to_owned())));
        assert!(post(&proxy, "/a", "never").is_some_and(|(status, body)| status == 429 && body.contains("429")));
        proxy.clear();
        assert_eq!(post(&proxy, "/a", "again"), Some((200, "again".to_owned())));
        assert_eq!(told.try_iter().collect::<Vec<_>>(), ["other", "twice", "twice", "cut", "late", "again"]);
        assert_eq!((proxy.requests(), proxy.spoiled()), (6, 4));
    }

    #[test]
    fn what_is_held_goes_on_when_the_fault_ends() {
        let (address, told, _runtime) = server();
        let proxy = HttpProxy::to(address).unwrap();
        proxy.set("", HttpFault::Hold);
        std::thread::scope(|scope| {
            let held = scope.spawn(|| post(&proxy, "/", "held"));
            while proxy.spoiled() == 0 {
                std::thread::yield_now();
            }
            assert!(told.try_recv().is_err() && !held.is_finished());
            proxy.clear();
            assert_eq!(held.join().unwrap(), Some((200, "held".to_owned())));
        });
    }

    #[test]
    fn a_bulk_without_some_of_its_operations() {
        let bulk = "{\"create\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"delete\":{\"_id\":\"2\"}}\n\
                    {\"index\":{\"_id\":\"3\"}}\n{\"a\":\"bad\"}\n{\"delete\":{\"_id\":\"bad\"}}\n";
        let (passed, refused) = divide(bulk.as_bytes(), "bad");
        assert_eq!(passed, "{\"create\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"delete\":{\"_id\":\"2\"}}\n");
        assert_eq!(refused, [None, None, Some("index".to_owned()), Some("delete".to_owned())]);
        let told = json!({"items": [{"create": {"status": 201}}, {"delete": {"status": 404}}]});
        let items = joined(&told, refused)["items"].take();
        assert_eq!((&items[0]["create"]["status"], &items[1]["delete"]["status"]), (&json!(201), &json!(404)));
        assert_eq!((&items[2]["index"]["status"], &items[3]["delete"]["status"]), (&json!(400), &json!(400)));
    }

    #[test]
    fn a_server_that_is_away_is_a_connection_that_ends() {
        let (address, _told, runtime) = server();
        let proxy = HttpProxy::to(address).unwrap();
        drop(runtime);
        assert_eq!(post(&proxy, "/", "nobody"), None);
    }
}
