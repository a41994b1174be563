//! Both caches do the same; the one in Redis against a real one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check panics: that is its answer")]

use std::time::Duration;

use bytes::Bytes;
use tracardi_cache::redis::Settings;
use tracardi_cache::{Cache, Entry, Key, Kind, Memory, Redis};
use tracardi_model::Context;
use tracardi_process::Endpoint;
use tracardi_servers::{Fault, Kind as ServerKind, Proxy};
use tracardi_store::Version;

fn key(id: &str) -> Key {
    Key { context: Context::Production, kind: Kind::Profile, id: id.to_owned() }
}

fn entry(primary_term: u64, seq_no: u64, value: Option<&str>) -> Entry {
    let value = value.map(|text| Bytes::copy_from_slice(text.as_bytes()));
    Entry { version: Version { seq_no, primary_term }, value }
}

fn cache(url: &str, tenant: &str, patience: Duration) -> Redis {
    Redis::new(&Endpoint::new(url), tenant.parse().unwrap(), Settings { patience, ..Settings::default() }).unwrap()
}

const LONG: Duration = Duration::from_secs(30);

async fn conforms(cache: &dyn Cache) {
    assert_eq!(cache.get(&[]).await, []);
    assert_eq!(cache.get(&[key("a"), key("b")]).await, [None, None]);
    cache.put(Vec::new()).await;
    let (old, new, newest) = (entry(1, 9, Some("old")), entry(1, 10, Some("new")), entry(2, 3, Some("newest")));
    cache.put(vec![(key("a"), new.clone()), (key("b"), old.clone())]).await;
    assert_eq!(
        cache.get(&[key("b"), key("c"), key("a"), key("a")]).await,
        [Some(old.clone()), None, Some(new.clone()), Some(new.clone())]
    );
    cache.put(vec![(key("a"), old.clone())]).await;
    assert_eq!(cache.get(&[key("a")]).await, [Some(new)], "the newer one stays");
    cache.put(vec![(key("a"), newest.clone()), (key("a"), old.clone())]).await;
    assert_eq!(cache.get(&[key("a")]).await, [Some(newest)], "a new primary's are newer");
    let gone = entry(2, 4, None);
    cache.put(vec![(key("a"), gone.clone())]).await;
    cache.put(vec![(key("a"), old.clone())]).await;
    assert_eq!(cache.get(&[key("a")]).await, [Some(gone)], "what was deleted stays so");
    let staging = Key { context: Context::Staging, ..key("b") };
    let session = Key { kind: Kind::Session, ..key("b") };
    assert_eq!(cache.get(&[staging, session]).await, [None, None]);
    cache.forget(&[key("a"), key("nothing")]).await;
    assert_eq!(cache.get(&[key("a")]).await, [None]);
    cache.put(vec![(key("a"), old.clone())]).await;
    assert_eq!(cache.get(&[key("a")]).await, [Some(old)], "what was forgotten is not held against older ones");
}

#[tokio::test]
async fn in_the_process() {
    conforms(&Memory::new(1 << 20)).await;
    let small = Memory::new(1000);
    for number in 0..100 {
        small.put(vec![(key(&number.to_string()), entry(1, number, Some(&"x".repeat(100))))]).await;
    }
    let keys: Vec<Key> = (0..100).map(|number| key(&number.to_string())).collect();
    let found = small.get(&keys).await;
    assert!((1..=4).contains(&found.iter().flatten().count()) && found.last().is_some_and(Option::is_some));
}

#[tokio::test]
async fn in_redis() {
    let server = ServerKind::Redis.start().unwrap();
    let url = format!("redis://{}", server.address());
    let (one, other) = (cache(&url, "one", LONG), cache(&url, "two", LONG));
    conforms(&one).await;
    assert_eq!(other.get(&[key("a")]).await, [None], "another tenant's");
    let client = redis::Client::open(&*url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
        assert!(left > 0, "{key} stays for ever");
    }
}

/// However many documents: one command to get them, one to put them.
#[tokio::test]
async fn one_round_trip_each() {
    let server = ServerKind::Redis.start().unwrap();
    let url = format!("redis://{}", server.address());
    let cache = cache(&url, "one", LONG);
    cache.check().await.unwrap();
    let client = redis::Client::open(&*url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut connection).await.unwrap();
    let keys: Vec<Key> = (0..50).map(|number| key(&number.to_string())).collect();
    cache.get(&keys).await;
    cache.put(keys.iter().map(|key| (key.clone(), entry(1, 1, Some("x")))).collect()).await;
    assert!(cache.get(&keys).await.iter().all(Option::is_some));
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
    let calls = |name: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")));
        line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
    };
    assert_eq!((calls("mget"), calls("evalsha"), calls("script|load"), calls("info")), (2, 1, 0, 0));
}

/// A Redis that does not answer costs one caller its patience, and the others nothing; when it is back it is used again.
#[tokio::test]
async fn a_cache_that_is_away_is_left_alone() {
    let server = ServerKind::Redis.start().unwrap();
    let proxy = Proxy::to(server.address()).unwrap();
    let cache = cache(&format!("redis://{}", proxy.address()), "one", Duration::from_secs(5));
    let value = entry(1, 1, Some("value"));
    let mut tries = 0;
    while cache.get(&[key("a")]).await != [Some(value.clone())] {
        tries += 1;
        assert!(tries < 600, "it keeps nothing");
        // What fails on a busy machine is left alone for a while.
        if tries > 1 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        cache.put(vec![(key("a"), value.clone())]).await;
    }
    proxy.set(Fault::Refuse);
    proxy.cut();
    assert_eq!(cache.get(&[key("a")]).await, [None]);
    let before = proxy.accepted();
    for _ in 0..100 {
        assert_eq!(cache.get(&[key("a"), key("b")]).await, [None, None]);
        cache.put(vec![(key("a"), entry(1, 2, None))]).await;
    }
    assert!(proxy.accepted() - before < 50, "two hundred looks, and hardly a connection");
    proxy.set(Fault::Delay(Duration::ZERO));
    let mut tries = 0;
    let found = loop {
        match cache.get(&[key("a")]).await.pop().flatten() {
            Some(found) => break found,
            None => tries += 1,
        }
        assert!(tries < 6_000, "it is not used again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(found, value);
}
