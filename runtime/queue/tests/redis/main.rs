//! The queue of Redis streams against a real Redis.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

mod faults;
mod look;
mod refusals;
mod speed;

use std::time::Duration;

use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Supervisor};
use tracardi_queue::redis::Settings;
use tracardi_queue::{Queue, Redis, conformance};
use tracardi_servers::{Kind, Server};

fn settings() -> Settings {
    Settings { lease: Duration::from_secs(5), ..Settings::default() }
}

fn queue(url: &str, tenant: &str, settings: Settings) -> Redis {
    let tenant: Tenant = tenant.parse().unwrap();
    Redis::new(&Endpoint::new(url), tenant, "commands", settings, Supervisor::new()).unwrap()
}

fn url(server: &Server) -> String {
    format!("redis://{}", server.address())
}

/// Asks Redis beside the queue.
async fn ask<T: redis::FromRedisValue>(url: &str, words: &[&str]) -> T {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut question = redis::Cmd::new();
    for word in words {
        question.arg(*word);
    }
    question.query_async(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    conformance::all(&queue(&url, "one", settings())).await;
    conformance::tenants(&queue(&url, "one", settings()), &queue(&url, "two", settings())).await;
    conformance::bounded(&queue(&url, "three", Settings { longest: 20, ..settings() }), 20).await;
    let streams: Vec<String> = ask(&url, &["KEYS", "*:q:*"]).await;
    for key in streams.iter().filter(|key| key.ends_with(|last: char| last.is_ascii_digit())) {
        assert_eq!(ask::<u64>(&url, &["XLEN", key]).await, 0, "{key}: what is acknowledged is deleted");
    }
}

/// How many partitions a queue has is decided once: two processes with different settings find the same stream for a key.
#[tokio::test]
async fn the_number_of_partitions_stays() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let (few, many) = (Settings { partitions: 2, ..settings() }, Settings { partitions: 64, ..settings() });
    let (first, second) = (queue(&url, "one", few), queue(&url, "one", many));
    conformance::send(&first, (0..20).map(|number| conformance::message(&number.to_string(), "a"))).await;
    conformance::send(&second, (0..20).map(|number| conformance::message(&number.to_string(), "b"))).await;
    let mut consumer = second.consumer("one").await.unwrap();
    let received = conformance::settle(&mut *consumer, 40).await;
    let expected = ["a", "b"].map(str::to_owned).to_vec();
    assert!(conformance::by_key(&received).values().all(|texts| *texts == expected));
    let keys: Vec<String> = ask(&url, &["KEYS", "*"]).await;
    assert_eq!(keys.iter().filter(|key| key.starts_with("tracardi:{one:q:commands}:")).count(), keys.len());
}

/// A hot queue costs one round trip a group of sends, one a receive and one an acknowledgement.
#[tokio::test]
async fn round_trips_are_few() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let queue = queue(&url, "one", Settings { lease: Duration::from_mins(10), partitions: 4, ..settings() });
    let mut consumer = queue.consumer("one").await.unwrap();
    conformance::send(&queue, [conformance::message("first", "")]).await;
    conformance::settle(&mut *consumer, 1).await;
    let producer = queue.producer().await.unwrap();
    producer.send(conformance::message("second", "")).await.unwrap();
    conformance::settle(&mut *consumer, 1).await;
    let calls = async |name: &str| -> u64 {
        let info: String = ask(&url, &["INFO", "commandstats"]).await;
        let line = info.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:calls="))).unwrap_or_default();
        line.split(['=', ',']).nth(1).map_or(0, |number| number.parse().unwrap())
    };
    let before = (calls("evalsha").await, calls("xdel").await);
    futures::future::join_all((0..100).map(|number| producer.send(conformance::message(&number.to_string(), "x"))))
        .await;
    // All of them are in line before the first group goes.
    let groups = calls("evalsha").await - before.0;
    assert_eq!(groups, 1, "a hundred sends at once are one script");
    let received = consumer.receive(conformance::PATIENT).await.unwrap();
    assert_eq!(received.len(), 100);
    consumer.acknowledge(&conformance::ids(&received)).await.unwrap();
    assert!(calls("evalsha").await - before.0 - groups <= 2, "one to read, and one may say that the consumer lives");
    assert_eq!(calls("xdel").await - before.1, 4, "one a partition, sent together");
    consumer.leave().await;
}
