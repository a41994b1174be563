//! Everything that can be asked over HTTP, with a real store behind it: whatever is sent is answered, with no failure of ours
//! but a 503 that says when to come again, and what is said to be JSON is.
//!
//! An input is a script of at most four requests, one after the other:
//!
//! ```text
//! POST /track?x=1
//! content-type: application/json
//!
//! {"source": {"id": "shop"}}
//! %%
//! GET /event/count
//! ```
//!
//! `PUBLIC` in front of the method sends it to the public port; to the private one an administrator's token goes along. What
//! is stored stays for some thousand requests. So an input that fails may need those before it: then the corpus is run again.
//!
//! `make fuzz MINUTES=10`; seeds are `corpus/http/seed-*`.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Uri, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;
use tracardi_api::{App, Options, Setup, private_router, public_router};
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_engine::Settings;
use tracardi_model::Limits;
use tracardi_outbound::Guard;
use tracardi_process::{Metrics, Phase, Supervisor, SystemClock};
use tracardi_store::{Configuration as _, Keys, Sqlite};

/// Requests of one input.
const REQUESTS: usize = 4;
/// Requests to one store.
const STORED: usize = 4_000;
const TOKEN: &str = "installation-token";
const BRIDGES: [(&str, &str); 3] = [
    ("rest", "778ded05-4ff3-4e08-9a86-72c0195fa95d"),
    ("webhook", "3d8bb87e-28d1-4a38-b19c-d0c1fbb71e22"),
    ("redirect", "a495159f-91fd-41f1-9ce2-9db4f6ef9c20"),
];

/// An installation.
struct House {
    public: Router,
    private: Router,
    authorization: String,
    served: usize,
    // Tasks end before their files go.
    runtime: Runtime,
    _supervisor: Supervisor,
    _directory: TempDir,
}

impl House {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let (supervisor, metrics) = (Supervisor::new(), Metrics::new());
        let app = runtime.block_on(app(&supervisor, &metrics, &directory));
        let (public, private) = (public_router(&app), private_router(&app));
        let mut house = Self {
            public,
            private,
            authorization: String::new(),
            served: 0,
            runtime,
            _supervisor: supervisor,
            _directory: directory,
        };
        house.install();
        house
    }

    /// An administrator, and an event source of each kind.
    fn install(&mut self) {
        let account = json!({"username": "a@example.com", "password": "secret", "token": TOKEN, "needs_admin": true});
        self.must("/install", "application/json", &account.to_string());
        let login = "username=a%40example.com&password=secret";
        let login = self.must("/user/token", "application/x-www-form-urlencoded", login);
        self.authorization = format!("Bearer {}", login["access_token"].as_str().expect("a token"));
        for (kind, bridge) in BRIDGES {
            let id = if kind == "rest" { "shop" } else { kind };
            let bridge = json!({"id": bridge, "name": kind});
            let source = json!({"id": id, "name": id, "type": [kind], "bridge": bridge, "enabled": true});
            self.must("/event-source", "application/json", &source.to_string());
        }
    }

    fn must(&mut self, path: &str, kind: &str, body: &str) -> Value {
        let script = format!("POST {path}\ncontent-type: {kind}\n\n{body}");
        let (status, answer) = self.serve(script.as_bytes()).expect("it is a request");
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// Sends one request of a script; its status and JSON answer. None when it is none.
    fn serve(&mut self, script: &[u8]) -> Option<(u16, Value)> {
        let (request, public) = request(script, &self.authorization)?;
        let router = if public { &self.public } else { &self.private };
        self.served += 1;
        self.runtime.block_on(async {
            let Ok(response) = router.clone().oneshot(request).await;
            Some(judged(response).await)
        })
    }
}

async fn app(supervisor: &Supervisor, metrics: &Metrics, directory: &TempDir) -> App {
    let keys = Keys { signing: [1; 32], encryption: [2; 32] };
    let store = Sqlite::open(directory.path(), keys.clone()).await.expect("a store");
    let settings = Settings::new("fuzz").expect("settings");
    let settings = tracardi_collector::follow(supervisor, &settings, store.watch(), metrics);
    let setup = CollectorSetup {
        documents: Arc::new(store.clone()),
        settings: settings.clone(),
        signing_key: keys.signing,
        clock: SystemClock::shared(),
        limits: CollectorLimits::default(),
        company: Company::Alone,
        news: None,
    };
    let collector = Collector::start(supervisor, setup, metrics);
    let options = Options {
        public_url: None,
        public_port: 8585,
        forwarded_ip: Some(HeaderName::from_static("x-forwarded-for")),
        limits: Limits::default(),
        installation_token: TOKEN.to_owned(),
        instance: "fuzz".to_owned(),
        body_memory: 64 << 20,
        page_memory: 48 << 20,
        live_clients: 4,
    };
    let setup = Setup {
        collector: Arc::new(collector),
        guard: Arc::new(Guard::new("", "").expect("no networks")),
        settings,
        documents: Arc::new(store.clone()),
        outbox: Arc::new(store.clone()),
        dead_letters: None,
        history: Arc::new(store.clone()),
        configuration: Arc::new(store),
        clock: SystemClock::shared(),
        options,
        leaving: supervisor.token(Phase::Accept),
    };
    App::new(setup, metrics).expect("a thread")
}

/// The request of a script, and whether it is for the public port.
fn request(script: &[u8], authorization: &str) -> Option<(Request<Body>, bool)> {
    let split = script.windows(2).position(|pair| pair == b"\n\n").unwrap_or(script.len());
    let (head, body) = script.split_at(split);
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (public, first) = first.strip_prefix("PUBLIC ").map_or((false, first), |rest| (true, rest));
    let (method, target) = first.split_once(' ')?;
    let uri: Uri = target.parse().ok()?;
    let mut request = Request::builder().method(method).uri(uri);
    for line in lines {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
        let name = HeaderName::from_bytes(name).ok()?;
        request = request.header(name, HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?);
    }
    if !public {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let body = body.get(2..).unwrap_or_default().to_vec();
    Some((request.body(Body::from(body)).ok()?, public))
}

async fn judged(response: Response) -> (u16, Value) {
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // The live stream has no end.
    if kind.starts_with("text/event-stream") {
        return (status, Value::Null);
    }
    let bytes = body.collect().await.expect("a body").to_bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(status < 500 || status == 503 && parts.headers.contains_key(header::RETRY_AFTER), "{status} {text}");
    if !kind.starts_with("application/json") || bytes.is_empty() {
        return (status, Value::Null);
    }
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {text}")))
}

thread_local! {
    static HOUSE: RefCell<House> = RefCell::new(House::new());
}

fuzz_target!(|scripts: &[u8]| {
    HOUSE.with_borrow_mut(|house| {
        if house.served > STORED {
            *house = House::new();
        }
        let mut rest = scripts;
        for _ in 0..REQUESTS {
            let end = rest.windows(4).position(|bytes| bytes == b"\n%%\n");
            let _ = house.serve(&rest[..end.unwrap_or(rest.len())]);
            match end {
                Some(end) => rest = &rest[end + 4..],
                None => break,
            }
        }
    });
});
