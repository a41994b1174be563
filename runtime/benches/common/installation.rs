//! A larger installation on this machine, with what a benchmark wants to know of its servers.

#![allow(dead_code, reason = "each benchmark uses a part")]
#![expect(clippy::expect_used, reason = "a benchmark stops at the first surprise and prints")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tracardi_crds::contract::env;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Supervisor};
use tracardi_queue::{PulsarQueue, PulsarSettings, Queue, Redis};
use tracardi_servers::Server;
use tracardi_simulate::client::Client;

use crate::figures::count;
use crate::load::Visitor;
use crate::shared::{House, Mode};
use crate::support::{ADMIN, PASSWORD, Private, SOURCE, scratch};

/// The queue of requests, as the services name it.
const COLLECT: &str = "collect";
/// How long what waits may take until it is stored. Far longer than it does.
const SETTLED: Duration = Duration::from_mins(5);
/// Longer than a change of the configuration takes to be known in every process.
const KNOWN: Duration = Duration::from_millis(1_200);

/// The servers, the services, and a look into the queue.
pub(crate) struct Installation {
    pub(crate) house: House,
    queue: Arc<dyn Queue>,
    _directory: TempDir,
}

impl Installation {
    /// Starts everything with so many collectors. Redis keeps what it acknowledges on the disk, always.
    pub(crate) async fn start(mode: Mode, collectors: usize) -> Self {
        let directory = scratch();
        let house = House::start(mode, collectors, directory.path()).await;
        let mut settings = redis::cmd("CONFIG");
        settings.arg("SET").arg("appendfsync").arg("always");
        let () = settings.query_async(&mut redis_connection(&house.redis).await).await.unwrap();
        let queue = queue(&house).await;
        let source = json!({
            "id": SOURCE, "name": "Shop", "type": ["rest"], "channel": "Web", "enabled": true,
            "bridge": {"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"}
        });
        house.log_in(ADMIN, PASSWORD).await.post("/event-source", &source).await;
        tokio::time::sleep(KNOWN).await;
        Self { house, queue, _directory: directory }
    }

    /// Logs in at the private API.
    pub(crate) async fn private(&self) -> Private {
        self.house.log_in(ADMIN, PASSWORD).await
    }

    /// A connection to the public API.
    pub(crate) fn public(&self) -> Client {
        Client::new(self.house.public_url().parse().unwrap(), Duration::from_secs(20))
    }

    /// Visitors who have been here before.
    pub(crate) async fn visitors(&self, name: &str, count: usize) -> Vec<Visitor> {
        let mut visitors = Vec::new();
        for number in 0..count {
            let mut visitor = Visitor::new(self.public(), &format!("{name}-{number}"), 1);
            visitor.arrive().await;
            visitors.push(visitor);
        }
        visitors
    }

    /// Each service with the id of its process.
    pub(crate) fn services(&mut self) -> Vec<(&'static str, Option<u32>)> {
        const COLLECTORS: [&str; 4] = ["collector", "collector 2", "collector 3", "collector 4"];
        let House { public_api, private_api, storage, outbound, collectors, .. } = &mut self.house;
        let few =
            [("public-api", public_api), ("private-api", private_api), ("storage", storage), ("outbound", outbound)];
        let all = few.into_iter().chain(COLLECTORS.into_iter().zip(collectors));
        all.map(|(name, process)| (name, process.is_running().then(|| process.pid()))).collect()
    }

    /// Each server with the id of its process.
    pub(crate) fn servers(&self) -> Vec<(&'static str, Option<u32>)> {
        let House { search, database, redis, pulsar, .. } = &self.house;
        let few = [("OpenSearch", search), ("MariaDB", database), ("Redis", redis)];
        let all = few.into_iter().chain(pulsar.as_ref().map(|pulsar| ("Pulsar", pulsar)));
        all.map(|(name, server)| (name, server.pid())).collect()
    }

    /// Requests that wait in the queue; None when it cannot be asked.
    pub(crate) async fn waiting(&self) -> Option<u64> {
        self.queue.figures().await.ok().map(|figures| figures.waiting)
    }

    /// Requests that nobody could carry out.
    pub(crate) async fn buried(&self) -> u64 {
        self.queue.figures().await.unwrap().buried
    }

    /// Waits until nothing waits in the queue.
    pub(crate) async fn drained(&self) {
        let began = Instant::now();
        while self.waiting().await != Some(0) {
            assert!(began.elapsed() < SETTLED, "the queue is not empty after {SETTLED:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// From now on requests wait in the queue.
    pub(crate) async fn stop_collector(&mut self) {
        self.house.collectors[0].stop().await;
    }

    /// Starts the collector, and waits until all that waits is stored. Gives what it did a second, in what `figure` counts; the time
    /// until it began does not count.
    pub(crate) async fn drain(&mut self, figure: impl AsyncFn(&Self) -> u64) -> f64 {
        let before = figure(self).await;
        self.house.collectors[0].spawn();
        let (spawned, mut began) = (Instant::now(), None);
        loop {
            let done = figure(self).await;
            if began.is_none() && done != before {
                began = Some((Instant::now(), done));
            }
            if self.waiting().await == Some(0) {
                let (began, first) = began.expect("there was something to do");
                return count(figure(self).await.abs_diff(first)) / began.elapsed().as_secs_f64();
            }
            assert!(spawned.elapsed() < SETTLED, "the queue is not empty after {SETTLED:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The services that speak to OpenSearch find it there from now on; they start again for that.
    pub(crate) async fn reach_search_at(&mut self, address: SocketAddr) {
        for process in self.house.processes() {
            process.stop().await;
            process.set(env::ELASTIC_URL, &format!("http://{address}"));
            process.spawn();
            process.ready().await;
        }
    }

    /// Asks OpenSearch; the answer must be a success.
    pub(crate) async fn search(&self, method: &str, path: &str, body: &str) -> Value {
        search(&mut self.search_client(), method, path, body).await
    }

    /// A connection to OpenSearch.
    pub(crate) fn search_client(&self) -> Client {
        let url = format!("http://{}", self.house.search.address());
        Client::new(url.parse().unwrap(), Duration::from_mins(2))
    }

    /// A connection to Redis.
    pub(crate) async fn redis(&self) -> redis::aio::MultiplexedConnection {
        redis_connection(&self.house.redis).await
    }
}

/// Asks OpenSearch over a connection; the answer must be a success.
pub(crate) async fn search(client: &mut Client, method: &str, path: &str, body: &str) -> Value {
    let kind = if path.starts_with("/_bulk") { "application/x-ndjson" } else { "application/json" };
    let answer = client.request(method, path, &[("content-type", kind)], body.as_bytes()).await.unwrap();
    assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.detail());
    serde_json::from_slice(&answer.body).unwrap()
}

async fn redis_connection(server: &Server) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(format!("redis://{}", server.address())).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn queue(house: &House) -> Arc<dyn Queue> {
    let Some(pulsar) = &house.pulsar else {
        let endpoint = Endpoint::new(format!("redis://{}", house.redis.address()));
        let settings = tracardi_queue::redis::Settings { partitions: 4, ..Default::default() };
        return Arc::new(Redis::new(&endpoint, Tenant::only(), COLLECT, settings, Supervisor::new()).unwrap());
    };
    let broker = Endpoint::new(format!("pulsar://{}", pulsar.address()));
    let admin = Endpoint::new(format!("http://{}", pulsar.address_of("web").unwrap()));
    let settings = PulsarSettings { partitions: 4, ..PulsarSettings::new(broker, admin, Tenant::only()) };
    Arc::new(PulsarQueue::open(settings, COLLECT).await.unwrap())
}
