//! A Redis that is killed, frozen, cut off or full, and consumers that are taken for dead.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tracardi_queue::conformance::{BRIEF, by_key, figures, ids, message, send, settle, take, texts};
use tracardi_queue::redis::Settings;
use tracardi_queue::{Consumer, Queue, QueueError, Received};
use tracardi_servers::{Fault, Kind, Proxy};

use super::{ask, queue, settings, url};

/// kill -9 again and again while many send: what was acknowledged is there, once or (where the answer was lost) more often, and
/// in order; nothing else is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_has_lost_nothing_that_was_acknowledged() {
    let mut server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let queue = queue(&url, "one", settings());
    let producer = queue.producer().await.unwrap();
    let (over, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let senders = futures::future::join_all((0..20).map(|key| {
        let (producer, over, acknowledged) = (&producer, &over, &acknowledged);
        async move {
            let mut sent = Vec::new();
            for number in 0.. {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                match producer.send(message(&key.to_string(), &number.to_string())).await {
                    Ok(()) => {
                        sent.push(number);
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(QueueError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                    Err(error) => panic!("{error}"),
                }
            }
            (key.to_string(), sent)
        }
    }));
    let killer = async {
        for _ in 0..3 {
            ask::<()>(&url, &["CONFIG", "SET", "appendfsync", "always"]).await;
            let enough = acknowledged.load(Ordering::SeqCst) + 500;
            while acknowledged.load(Ordering::SeqCst) < enough {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::task::block_in_place(|| {
                server.kill();
                server.restart().unwrap();
            });
        }
        over.store(true, Ordering::SeqCst);
    };
    let (sent, ()) = tokio::join!(senders, killer);
    // Another process looks: its connections did not live through it.
    let queue = super::queue(&url, "one", settings());
    let waiting = usize::try_from(figures(&queue).await.0).unwrap();
    let mut consumer = queue.consumer("auditor").await.unwrap();
    let keys = by_key(&settle(&mut *consumer, waiting).await);
    assert!(acknowledged.load(Ordering::SeqCst) >= 1500);
    for (key, sent) in sent {
        let there: Vec<usize> = keys.get(&key).into_iter().flatten().map(|text| text.parse().unwrap()).collect();
        assert!(there.is_sorted(), "{key}");
        let there: BTreeSet<usize> = there.into_iter().collect();
        assert!(sent.iter().all(|number| there.contains(number)), "{key}: an acknowledged message is lost");
    }
    consumer.leave().await;
}

/// A consumer that hears nothing for longer than its lease is replaced. What it reads then is nothing, until it is one of the
/// consumers again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zombie_reads_nothing() {
    let server = Kind::Redis.start().unwrap();
    let proxy = Proxy::to(server.address()).unwrap();
    // Only who is cut off on purpose is silent for so long.
    let settings = Settings { lease: Duration::from_secs(10), patience: Duration::from_secs(4), ..settings() };
    let direct = queue(&url(&server), "one", settings.clone());
    let far = queue(&format!("redis://{}", proxy.address()), "one", settings);
    send(&direct, (0..30).map(|number| message(&format!("key {}", number % 10), &number.to_string()))).await;
    let mut zombie = far.consumer("zombie").await.unwrap();
    let held = take(&mut *zombie, 30).await;
    proxy.set(Fault::Blackhole);
    proxy.cut();
    let mut heir = direct.consumer("heir").await.unwrap();
    let inherited = take(&mut *heir, 30).await;
    assert_eq!(by_key(&inherited), by_key(&held), "all again, in order");
    send(&direct, (0..10).map(|number| message(&format!("key {number}"), "new"))).await;
    let new = take(&mut *heir, 10).await;
    assert_eq!(texts(&new), vec!["new"; 10]);
    assert!(matches!(zombie.receive(BRIEF).await, Err(QueueError::Unavailable(_))));
    proxy.set(Fault::Delay(Duration::ZERO));
    proxy.cut();
    // It does not know yet that it was replaced.
    let early = until_it_answers(&mut *zombie).await;
    assert!(early.is_empty(), "{early:?}");
    // What it carried out before it was replaced is carried out.
    zombie.acknowledge(&ids(&held)).await.unwrap();
    heir.acknowledge(&ids(&inherited)).await.unwrap();
    heir.acknowledge(&ids(&new)).await.unwrap();
    assert_eq!(figures(&direct).await, (0, 0));
    heir.leave().await;
    send(&direct, [message("key", "after")]).await;
    assert_eq!(texts(&settle(&mut *zombie, 1).await), ["after"], "it takes part again");
    zombie.leave().await;
}

async fn until_it_answers(consumer: &mut dyn Consumer) -> Vec<Received> {
    for _ in 0..100 {
        if let Ok(received) = consumer.receive(BRIEF).await {
            return received;
        }
    }
    panic!("the connection is not rebuilt")
}

/// A frozen server takes nothing and answers nothing; thawed, it goes on without anybody starting anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_goes_on() {
    let server = Kind::Redis.start().unwrap();
    let queue = queue(&url(&server), "one", Settings { patience: Duration::from_secs(5), ..settings() });
    let producer = queue.producer().await.unwrap();
    let mut consumer = queue.consumer("one").await.unwrap();
    producer.send(message("key", "before")).await.unwrap();
    assert_eq!(texts(&settle(&mut *consumer, 1).await), ["before"]);
    server.freeze();
    let (sent, received) = tokio::join!(producer.send(message("key", "meanwhile")), consumer.receive(BRIEF));
    assert!(matches!(sent, Err(QueueError::Unavailable(_))), "{sent:?}");
    assert!(matches!(received, Err(QueueError::Unavailable(_))), "{received:?}");
    server.thaw();
    while producer.send(message("key", "after")).await.is_err() {}
    // What was under way may have arrived, and before what came later.
    let waiting = usize::try_from(figures(&queue).await.0).unwrap();
    until_it_answers_with(&mut *consumer, waiting).await;
    assert_eq!(figures(&queue).await, (0, 0));
    consumer.leave().await;
}

async fn until_it_answers_with(consumer: &mut dyn Consumer, number: usize) {
    let mut received = until_it_answers(consumer).await;
    if received.len() < number {
        received.extend(take(consumer, number - received.len()).await);
    }
    let texts = texts(&received);
    assert!(
        texts.is_sorted_by(|one, other| one >= other) && texts.last().is_some_and(|last| last == "after"),
        "{texts:?}"
    );
    consumer.acknowledge(&ids(&received)).await.unwrap();
}

/// Without memory nothing is taken, and what makes room goes on: reading, acknowledging, burying, even by a new consumer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_memory_is_full() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let queue = queue(&url, "one", settings());
    let producer = queue.producer().await.unwrap();
    send(&queue, (0..10).map(|number| message("key", &number.to_string()))).await;
    ask::<()>(&url, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    ask::<()>(&url, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let refusal = producer.send(message("key", "no room")).await.unwrap_err();
    assert!(matches!(&refusal, QueueError::Full(told) if told.contains("maxmemory")), "{refusal}");
    let mut consumer = queue.consumer("one").await.unwrap();
    let received = take(&mut *consumer, 10).await;
    let (first, rest) = received.split_first().unwrap();
    consumer.bury(first, "no use").await.unwrap();
    consumer.acknowledge(&ids(rest)).await.unwrap();
    assert_eq!(figures(&queue).await, (0, 1));
    ask::<()>(&url, &["CONFIG", "SET", "maxmemory", "0"]).await;
    producer.send(message("key", "room")).await.unwrap();
    assert_eq!(texts(&settle(&mut *consumer, 1).await), ["room"]);
    consumer.leave().await;
}

/// An administrator's `SCRIPT FLUSH` and a lost database cost an error, not the service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgotten_scripts_are_told_again() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let queue = queue(&url, "one", settings());
    let producer = queue.producer().await.unwrap();
    producer.send(message("key", "one")).await.unwrap();
    ask::<()>(&url, &["SCRIPT", "FLUSH"]).await;
    assert!(matches!(producer.send(message("key", "lost")).await, Err(QueueError::Unavailable(_))));
    producer.send(message("key", "two")).await.unwrap();
    let mut consumer = queue.consumer("one").await.unwrap();
    assert_eq!(texts(&settle(&mut *consumer, 2).await), ["one", "two"]);
    ask::<()>(&url, &["FLUSHALL"]).await;
    producer.send(message("key", "three")).await.unwrap();
    assert_eq!(texts(&settle(&mut *consumer, 1).await), ["three"], "it has its partitions again");
    consumer.leave().await;
}

/// Replicas that are demanded and not there: what is sent does not count as taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_demanded_must_have_it() {
    let (server, replica) = (Kind::Redis.start().unwrap(), Kind::Redis.start().unwrap());
    let url = url(&server);
    let settings = Settings { replicas: 1, patience: Duration::from_secs(1), ..settings() };
    let queue = queue(&url, "one", settings);
    let producer = queue.producer().await.unwrap();
    let refusal = producer.send(message("key", "one")).await.unwrap_err();
    assert!(matches!(&refusal, QueueError::Unavailable(told) if told.contains("0 of 1 replicas")), "{refusal}");
    assert!(queue.durability().await.unwrap().warnings.iter().any(|it| it.contains("0 replicas are connected")));
    let (host, port) = (server.address().ip().to_string(), server.address().port().to_string());
    ask::<()>(&super::url(&replica), &["REPLICAOF", &host, &port]).await;
    let mut tries = 0;
    while let Err(error) = producer.send(message("key", "two")).await {
        tries += 1;
        assert!(tries < 120, "{error}");
    }
    assert!(queue.durability().await.unwrap().words.contains("1 replicas have it"));
    let waiting = usize::try_from(figures(&queue).await.0).unwrap();
    let mut consumer = queue.consumer("one").await.unwrap();
    settle(&mut *consumer, waiting).await;
    consumer.leave().await;
}

/// A worker that drops its consumer after an error goes on at once with what it held, however long the lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_consumer_leaves_its_place_to_the_next_of_its_process() {
    let server = Kind::Redis.start().unwrap();
    let url = url(&server);
    let long = Settings { lease: Duration::from_hours(1), ..settings() };
    let (here, there) = (queue(&url, "one", long.clone()), queue(&url, "one", long));
    send(&here, (0..20).map(|number| message(&number.to_string(), "x"))).await;
    let mut first = here.consumer("first").await.unwrap();
    take(&mut *first, 20).await;
    drop(first);
    let mut stranger = there.consumer("stranger").await.unwrap();
    assert!(stranger.receive(BRIEF).await.unwrap().is_empty(), "another process waits for the lease");
    stranger.leave().await;
    let mut second = here.consumer("second").await.unwrap();
    settle(&mut *second, 20).await;
    second.leave().await;
    let mut stranger = there.consumer("stranger").await.unwrap();
    send(&here, [message("key", "after")]).await;
    assert_eq!(texts(&settle(&mut *stranger, 1).await), ["after"]);
    stranger.leave().await;
}
