//! Servers that become as they should not be while services work with them.

use std::time::Duration;

use serde_json::json;
use tracardi_servers::{Kind, Options};
use tracardi_simulate::client::{Answer, Client};

use crate::row::{COLLECTOR, Ground, INSTALL, PRIVATE_API, PUBLIC_API, complaint};
use crate::search::ask;
use crate::support::{ADMIN, PASSWORD, Private, SOURCE, free_ports, payload};
use crate::{redis, start};

/// Sends an event.
pub(crate) async fn track(url: &str, session: &str) -> Answer {
    let body = payload(session, None, &[json!({"type": "page-view", "properties": {}})]);
    let mut client = Client::new(url.parse().unwrap(), Duration::from_mins(1));
    client.request("POST", "/track", &[("content-type", "application/json")], &body).await.unwrap()
}

/// Does it until it is so; a test that waits for ever is ended by whoever runs it.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) {
    while !so().await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_full_or_away() {
    let ground = Ground::new();
    let mut queue = start(Kind::Redis, &Options::default());
    let [public, private, ..] = free_ports().map(|port| format!("127.0.0.1:{port}"));
    let settings = [
        ("TRACARDI_ELASTIC_PREFIX", "busy".to_owned()),
        ("TRACARDI_REDIS_URL", format!("redis://{}", queue.address())),
        ("TRACARDI_PUBLIC_LISTEN", public.clone()),
        ("TRACARDI_PRIVATE_LISTEN", private.clone()),
    ];
    let (public, private) = (format!("http://{public}"), format!("http://{private}"));
    let mut install = ground.service("busy-install", INSTALL, &settings);
    install.spawn();
    assert!(install.ended().await.success(), "{}", install.log());
    let mut services = [PUBLIC_API, PRIVATE_API, COLLECTOR].map(|service| {
        let mut process = ground.service(&format!("busy-{}", service.join("-")), service, &settings);
        process.spawn();
        process
    });
    for process in &mut services {
        process.ready().await;
    }
    let [public_api, private_api, collector] = &mut services;
    let mut api = Private::log_in(&private, ADMIN, PASSWORD).await;
    let bridge = json!({"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"});
    api.post(
        "/event-source",
        &json!({"id": SOURCE, "name": "Shop", "type": ["rest"], "enabled": true, "bridge": bridge}),
    )
    .await;
    until(async || track(&public, "first").await.status == 200).await;

    // The search server's disk: what is accepted waits in the queue, and the worker says why.
    let block = |value| json!({"index.blocks.read_only_allow_delete": value});
    ask("PUT", "/busy-*/_settings", &block(json!(true))).await;
    assert_eq!(track(&public, "second").await.status, 200);
    let told = ["store: ", "takes no writes", "make space on its disks"];
    complaint(collector, "search: its disk is full", &told).await;
    assert_eq!(public_api.readiness().await, Some(200), "{}", public_api.log());
    ask("PUT", "/busy-*/_settings", &block(json!(null))).await;
    collector.ready().await;
    until(async || api.count("event").await >= 2).await;

    // The memory of Redis: the client is told when to come again, the log why.
    let at = format!("redis://{}", queue.address());
    redis::tell(&at, &["CONFIG", "SET", "maxmemory", "1"]).await;
    for _ in 0..3 {
        let refused = track(&public, "third").await;
        assert_eq!(refused.status, 503, "{}", refused.detail());
    }
    let log = public_api.log();
    let lines = log.lines().filter(|line| line.contains("raise its `maxmemory`")).count();
    assert_eq!(lines, 1, "{log}");
    redis::tell(&at, &["CONFIG", "SET", "maxmemory", "0"]).await;
    until(async || track(&public, "third").await.status == 200).await;

    // Redis itself.
    queue.kill();
    let told = ["queue: ", "cannot be reached", "look whether it runs"];
    complaint(collector, "redis: it is away", &told).await;
    queue.restart().unwrap();
    collector.ready().await;
    // Who sends learns only by sending that the connection has ended.
    until(async || track(&public, "fourth").await.status == 200).await;
    for process in [public_api, private_api, collector] {
        assert!(!process.log().contains("panicked"), "{}", process.log());
        process.stop().await;
    }
}
