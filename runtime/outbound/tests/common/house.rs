//! A worker on a real store in a temporary directory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tracardi_model::configuration::{HTTP_CONNECTOR, Kind};
use tracardi_model::{Context, Delivery};
use tracardi_outbound::retry::Patience;
use tracardi_outbound::{Connector, Guard, OutboundLimits, OutboundSetup, start};
use tracardi_process::{Bell, Clock as _, Metrics, Phase, Supervisor, SystemClock};
use tracardi_store::conformance::faults::Faulty;
use tracardi_store::{
    Batch, Configuration as _, Deliveries, Documents as _, Keys, Outbox as _, Sqlite, State, StoredDelivery,
    StoredRecord,
};

pub const PRODUCTION: Context = Context::Production;

/// Quick to try again, slow to give up.
pub fn limits() -> OutboundLimits {
    let patience =
        Patience { first: Duration::from_millis(2), longest: Duration::from_millis(20), ..Patience::default() };
    let (peace, drain) = (Duration::from_millis(20), Duration::from_millis(100));
    OutboundLimits { patience, peace, drain, recover: Duration::from_millis(5), ..OutboundLimits::default() }
}

pub struct House {
    pub store: Sqlite,
    pub faulty: Arc<Faulty>,
    pub bell: Bell<(Context, String)>,
    pub metrics: Metrics,
    pub supervisor: Supervisor,
    made: AtomicUsize,
}

impl House {
    /// A store without a worker.
    pub async fn new(directory: &Path) -> Self {
        let store = Sqlite::open(directory, Keys { signing: [1; 32], encryption: [2; 32] }).await.unwrap();
        let faulty = Faulty::new(Arc::new(store.clone()));
        let (bell, metrics, supervisor) = (Bell::default(), Metrics::new(), Supervisor::new());
        Self { store, faulty, bell, metrics, supervisor, made: AtomicUsize::new(0) }
    }

    /// Starts the worker.
    pub fn work(&self, limits: OutboundLimits) {
        let setup = OutboundSetup {
            outbox: self.faulty.clone(),
            configuration: self.store.watch(),
            connector: Connector::new(Arc::new(Guard::new("127.0.0.0/8", "").unwrap())).unwrap(),
            bell: self.bell.clone(),
            clock: SystemClock::shared(),
            limits,
        };
        start(&self.supervisor, setup, &self.metrics).unwrap();
    }

    /// Creates or replaces a destination and its resource.
    pub async fn destination(&self, id: &str, url: &str, enabled: bool) {
        let init = json!({"method": "post", "timeout": 20});
        self.connected(id, HTTP_CONNECTOR, &json!({"url": url}), &init, enabled).await;
    }

    /// The same, with any connector.
    pub async fn connected(&self, id: &str, package: &str, credentials: &Value, init: &Value, enabled: bool) {
        let resource = json!({"id": id, "name": id, "type": "any", "enabled": true,
            "credentials": {"production": credentials, "test": {}}});
        let destination = json!({"id": id, "name": id, "enabled": enabled, "resource": {"id": id},
            "destination": {"package": package, "init": init}});
        for (kind, document) in [(Kind::Resource, resource), (Kind::Destination, destination)] {
            self.save(kind, id, document).await;
        }
    }

    async fn save(&self, kind: Kind, id: &str, document: Value) {
        let record = StoredRecord { context: PRODUCTION, kind, id: id.to_owned(), document: Arc::new(document) };
        self.store.save_record(&record).await.unwrap();
    }

    /// Puts deliveries for these profiles into the outbox, in this order, and rings; gives their ids.
    pub async fn put(&self, destination: &str, profiles: &[&str]) -> Vec<String> {
        let made = |profile: &&str| {
            let id = format!("{destination}-{}-{profile}", self.made.fetch_add(1, Ordering::SeqCst));
            let body = serde_json::value::to_raw_value(&json!({"data": {"id": id}, "changes": []})).unwrap();
            let profile_id = (!profile.is_empty()).then(|| (*profile).to_owned());
            let (destination, at) = (destination.to_owned(), SystemClock.now());
            Delivery { id, destination, event_id: None, profile_id, debug: false, body, at }
        };
        let deliveries: Vec<Delivery> = profiles.iter().map(made).collect();
        let ids = deliveries.iter().map(|delivery| delivery.id.clone()).collect();
        let deliveries = deliveries.into_iter().map(|delivery| (PRODUCTION, delivery)).collect();
        self.store.commit(Batch { deliveries, ..Batch::default() }).await.unwrap();
        self.bell.ring([((PRODUCTION, destination.to_owned()), profiles.len() as u64)]);
        ids
    }

    /// What became of the deliveries to a destination, oldest first.
    pub async fn told(&self, destination: &str) -> Vec<StoredDelivery> {
        let destination = Some(destination.to_owned());
        let wanted = Deliveries { destination, limit: 1_000, ..Deliveries::default() };
        let mut told = self.store.deliveries(PRODUCTION, &wanted).await.unwrap().result;
        told.reverse();
        told
    }

    /// Waits until nothing of a destination waits.
    pub async fn settled(&self, destination: &str) -> Vec<StoredDelivery> {
        loop {
            let told = self.told(destination).await;
            if told.iter().all(|delivery| delivery.state != State::Waiting) {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends everything as a shutdown does, so that the directory can be opened again.
    pub async fn leave(self) {
        let Self { store, faulty, supervisor, .. } = self;
        supervisor.run_until(async {}).await.unwrap();
        assert_eq!(supervisor.running(Phase::Drain), 0);
        drop(faulty);
        store.close().await.unwrap();
    }

    /// Waits until `/metrics` has this line.
    pub async fn until_figure(&self, line: &str) {
        while !self.metrics.encode().unwrap().lines().any(|found| found == line) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
