//! A collector on a real store in a temporary directory, and requests for it.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a failed check panics: that is its answer"
)]

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tracardi_collector::{CollectError, Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_engine::{Command, Origin, Settings};
use tracardi_model::{Context, EventSource, Limits, SourceType, TrackAnswer, TrackerPayload};
use tracardi_process::{ManualClock, Metrics, Supervisor};
use tracardi_store::conformance::faults::Faulty;
use tracardi_store::{Documents, Index, Keys, Select, Sqlite};

pub(crate) const PRODUCTION: Context = Context::Production;

pub(crate) struct House {
    pub(crate) collector: Collector,
    pub(crate) store: Sqlite,
    pub(crate) faulty: Arc<Faulty>,
    pub(crate) supervisor: Supervisor,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) async fn house(directory: &Path) -> House {
    house_with(directory, CollectorLimits::default()).await
}

pub(crate) async fn house_with(directory: &Path, limits: CollectorLimits) -> House {
    house_of(directory, limits, Settings::new("test").unwrap()).await
}

pub(crate) async fn house_of(directory: &Path, limits: CollectorLimits, settings: Settings) -> House {
    let keys = Keys { signing: [1; 32], encryption: [2; 32] };
    let store = Sqlite::open(directory, keys.clone()).await.unwrap();
    let faulty = Faulty::new(Arc::new(store.clone()));
    let supervisor = Supervisor::new();
    let metrics = Metrics::new();
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_790_000_000).unwrap()));
    let settings = watch::Sender::new(Arc::new(settings)).subscribe();
    let setup = CollectorSetup {
        documents: faulty.clone(),
        settings,
        signing_key: keys.signing,
        clock: clock.clone(),
        limits,
        company: Company::Alone,
        news: None,
    };
    let collector = Collector::start(&supervisor, setup, &metrics);
    House { collector, store, faulty, supervisor, metrics, clock }
}

impl House {
    /// Ends everything as a shutdown does, so that the directory can be opened again.
    pub(crate) async fn leave(self) {
        let Self { collector, store, faulty, supervisor, .. } = self;
        supervisor.run_until(async {}).await.unwrap();
        assert_eq!(supervisor.running(tracardi_process::Phase::Flush), 0);
        drop((collector, faulty));
        store.close().await.unwrap();
    }

    pub(crate) async fn send(&self, body: &Value) -> Result<TrackAnswer, CollectError> {
        send(&self.collector, body).await
    }

    pub(crate) async fn document(&self, index: Index, id: &str) -> Option<Value> {
        let text = self.store.get(PRODUCTION, index, id).await.unwrap()?;
        Some(serde_json::from_str(text.get()).unwrap())
    }

    pub(crate) async fn count(&self, index: Index) -> u64 {
        self.store.count(PRODUCTION, index).await.unwrap()
    }

    /// All documents of an index, by id.
    pub(crate) async fn all(&self, index: Index) -> std::collections::BTreeMap<String, Value> {
        let select = Select { limit: 10_000, ..Select::default() };
        let page = self.store.select(PRODUCTION, index, &select).await.unwrap();
        let pair = |text: &str| {
            let value: Value = serde_json::from_str(text).unwrap();
            (value["id"].as_str().unwrap().to_owned(), value)
        };
        page.result.iter().map(|document| pair(document.get())).collect()
    }

    /// Waits until so many requests are under way (queued or being stored) and so many commits have begun since the start.
    pub(crate) async fn until_under_way(&self, requests: usize, commits: usize) {
        let requests = requests as f64;
        let there =
            || self.figure("tracardi_collector_waiting_requests") >= requests && self.faulty.sizes().len() >= commits;
        while !there() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// A figure of `/metrics`.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        let text = self.metrics.encode().unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

pub(crate) fn command(body: &Value) -> Command {
    static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings::new("test").unwrap());
    let since = Timestamp::from_second(1_700_000_000).unwrap();
    let mut source = EventSource::new("shop", "Shop", vec![SourceType::Rest], since);
    if body["source"]["id"] == "devices" {
        source.config = json!({"device_fingerprint_ttl": 900}).as_object().cloned();
    }
    let source = Arc::new(source);
    let payload = TrackerPayload::parse(body.to_string().as_bytes(), &Limits::default()).unwrap();
    Command::new(PRODUCTION, source, payload, Origin::new([("user-agent", BROWSER)], "192.0.2.1"), false, &SETTINGS)
}

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

pub(crate) async fn send(collector: &Collector, body: &Value) -> Result<TrackAnswer, CollectError> {
    collector.collect(command(body), body.to_string().len()).await
}

/// A request with one checkout, distinguished by `n`.
pub(crate) fn checkout(session: &str, profile: Option<&str>, n: usize) -> Value {
    json!({
        "source": {"id": "shop"}, "session": {"id": session}, "profile": profile.map(|id| json!({"id": id})),
        "context": {"page": {"url": "https://shop.example/checkout"}},
        "events": [{"type": "checkout-started", "properties": {"id": n.to_string(), "value": 2}}],
    })
}

pub(crate) fn profile_of(answer: &TrackAnswer) -> String {
    answer.profile.id.clone().unwrap()
}
