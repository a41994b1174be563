//! A look at servers as they are, and as they should not be; as a cache and as a queue.

use std::time::Duration;

use tracardi_process::{Endpoint, Secret};
use tracardi_queue::redis::look;
use tracardi_servers::{Fault, Kind, Login, Options, Proxy};

use super::{ask, url};

const PATIENCE: Duration = Duration::from_secs(20);

/// Why it cannot be used, as a queue and as a cache.
async fn refused(endpoint: &Endpoint, expected: &str) {
    let queue = look(endpoint, PATIENCE).await.unwrap_err().to_string();
    let cache = tracardi_redis::look(endpoint, PATIENCE).await.unwrap_err().to_string();
    for told in [queue, cache] {
        assert!(told.contains(expected) && !told.contains('\n') && !told.contains("geheim"), "{expected}: {told}");
    }
}

#[tokio::test]
async fn a_queue_is_warned_of_what_weakens_it_and_a_cache_is_not() {
    let server = Kind::Redis.start().unwrap();
    let endpoint = Endpoint::new(url(&server));
    ask::<()>(&endpoint.url, &["CONFIG", "SET", "maxmemory", "1073741824"]).await;
    ask::<()>(&endpoint.url, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    ask::<()>(&endpoint.url, &["CONFIG", "SET", "appendonly", "no"]).await;
    let cache = tracardi_redis::look(&endpoint, PATIENCE).await.unwrap();
    assert!(cache.to_string().starts_with("Redis 7.") && cache.warnings.is_empty(), "{cache:?}");
    let queue = look(&endpoint, PATIENCE).await.unwrap();
    let warned = |part: &str| queue.warnings.iter().any(|warning| warning.contains(part));
    assert!(queue.warnings.len() == 2 && warned("noeviction") && warned("appendonly yes"), "{queue:?}");
    assert_eq!(ask::<u64>(&endpoint.url, &["DBSIZE"]).await, 0, "nothing was made by looking");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let primary = Kind::Redis.start().unwrap();
    let server = Kind::Redis.start().unwrap();
    let (host, port) = (primary.address().ip().to_string(), primary.address().port().to_string());
    ask::<()>(&url(&server), &["REPLICAOF", &host, &port]).await;
    refused(&Endpoint::new(url(&server)), "the URL leads to the primary").await;
}

#[tokio::test]
async fn who_is_not_let_in_and_whom_we_do_not_believe() {
    let options = Options { login: Some(Login::new("shop", "geheim")), tls: true, ..Options::default() };
    let server = Kind::Redis.start_with(&options).unwrap();
    let other = Kind::Redis.start_with(&Options { tls: true, ..Options::default() }).unwrap();
    let right = Endpoint {
        username: Some("shop".to_owned()),
        password: Some(Secret::new("geheim")),
        authority: server.authority().map(str::to_owned),
        ..Endpoint::new(format!("rediss://{}", server.address()))
    };
    look(&right, PATIENCE).await.unwrap();
    refused(&Endpoint { password: Some(Secret::new("geheimer")), ..right.clone() }, "username and password").await;
    refused(&Endpoint { authority: other.authority().map(str::to_owned), ..right }, "authority").await;
}

#[tokio::test]
async fn nobody_somebody_else_and_silence() {
    let database = Kind::MariaDb.start().unwrap();
    let way = Proxy::to(database.address()).unwrap();
    let there = Endpoint::new(format!("redis://{}", way.address()));
    refused(&there, "correct the URL").await;
    way.close();
    refused(&there, "at the URL").await;
    way.open().unwrap();
    way.set(Fault::Blackhole);
    let silent = look(&there, Duration::from_millis(400)).await.unwrap_err().to_string();
    assert!(silent.contains("Redis at"), "{silent}");
}
