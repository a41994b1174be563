//! The queue on a real Pulsar: what every queue promises, also when the broker is killed and consumers come, go, freeze and die;
//! and what is said when something does not fit.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(unreachable_pub, reason = "modules of a test are reached by the test alone")]

mod common;
mod faults;
mod look;
mod refusals;

use std::time::Duration;

use common::{administer, broker, queue, settings};
use reqwest::Method;
use tracardi_queue::conformance;
use tracardi_queue::pulsar::{PulsarQueue, PulsarSettings};
use tracardi_queue::{Queue as _, QueueError};
use tracardi_servers::Options;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_what_a_queue_has_to_be() {
    let server = broker(&Options::default());
    conformance::all(&queue(settings(&server)).await).await;
    let of = |tenant: &str| PulsarSettings { tenant: tenant.parse().unwrap(), ..settings(&server) };
    let (one, other) = (PulsarQueue::open(of("one"), "same").await, PulsarQueue::open(of("other"), "same").await);
    conformance::tenants(&one.unwrap(), &other.unwrap()).await;
    conformance::bounded(&queue(PulsarSettings { most_waiting: 20, ..settings(&server) }).await, 20).await;
    // Two who start at the same time make the same ground.
    let starts = (0..8).map(|_| PulsarQueue::open(settings(&server), "together"));
    for started in futures::future::join_all(starts).await {
        started.unwrap();
    }
    // Another number of partitions in the settings changes nothing: keys would move.
    let more = PulsarSettings { partitions: 9, ..settings(&server) };
    let again = PulsarQueue::open(more, "together").await.unwrap();
    conformance::send(&again, (0..30).map(|key| common::numbered(key, 0))).await;
    let told = administer(&server, Method::GET, "persistent/public/default/default-together/partitions", "").await;
    assert!(told.1.contains("\"partitions\":4"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_pulsars_own_bound_it_is_full_and_passes() {
    let server = broker(&Options::default());
    let quota = r#"{"limitSize": 200000, "policy": "producer_request_hold"}"#;
    let set = administer(&server, Method::POST, "namespaces/public/default/backlogQuota", quota).await;
    assert_eq!(set.0, 204, "{set:?}");
    let queue = queue(PulsarSettings { partitions: 1, ..settings(&server) }).await;
    let producer = queue.producer().await.unwrap();
    let large = "x".repeat(10_000);
    let mut taken = 0;
    let error = loop {
        match producer.send(conformance::message("key", &large)).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        // The quota is looked at now and then only.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    assert!(matches!(&error, QueueError::Full(why) if why.contains("quota")), "{error}");
    let mut consumer = queue.consumer("late").await.unwrap();
    conformance::settle(&mut *consumer, taken).await;
    while let Err(error) = producer.send(conformance::message("key", "again")).await {
        assert!(matches!(error, QueueError::Full(_)), "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    conformance::settle(&mut *consumer, 1).await;
    consumer.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_a_receipt_is_worth() {
    let server = broker(&Options::default());
    let queue = queue(settings(&server)).await;
    let told = queue.durability().await.unwrap();
    assert!(told.words.contains("1 of 1 bookies"), "{told:?}");
    assert_eq!(told.warnings.len(), 1, "{told:?}");
    let set = administer(&server, Method::POST, "namespaces/public/default/messageTTL", "60").await;
    assert_eq!(set.0, 204, "{set:?}");
    let told = queue.durability().await.unwrap();
    assert!(told.warnings.iter().any(|warning| warning.contains("remove-message-ttl public/default")), "{told:?}");
}
