//! Brokers that are killed, consumers that come, go, freeze and die.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Builder;
use tracardi_queue::conformance::{BRIEF, by_key, ids, message, send, take, texts, until_figures};
use tracardi_queue::pulsar::PulsarSettings;
use tracardi_queue::{Consumer, Producer, Queue, QueueError, Take};
use tracardi_servers::Options;

use super::common::{Journal, broker, drain, numbered, queue, settings};

const KEYS: usize = 20;
/// Of a race.
const ROUNDS: usize = 60;

/// Sends numbers to each key, one after the other, until it is told to stop, and counts what is acknowledged; gives that, by key.
async fn load(producer: &dyn Producer, stop: &AtomicBool, count: &AtomicUsize) -> Vec<Vec<usize>> {
    let senders = (0..KEYS).map(|key| {
        async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // A message that may or may not have arrived is never sent again: then each number has one place only.
                match producer.send(numbered(key, number)).await {
                    Ok(()) => {
                        acknowledged.push(number);
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(QueueError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
                    Err(error) => panic!("{error}"),
                }
            }
            acknowledged
        }
    });
    futures::future::join_all(senders).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_loses_nothing_that_it_acknowledged() {
    let server = broker(&Options::default());
    let queue = queue(PulsarSettings { patience: Duration::from_secs(5), ..settings(&server) }).await;
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut journal = Journal::default();
    let mut consumer = queue.consumer("through it all").await.unwrap();
    let producer = queue.producer().await.unwrap();
    // It takes much before it is killed, and again after it was killed the last time.
    let taken = async || {
        let enough = count.load(Ordering::Relaxed) + KEYS * 10;
        while count.load(Ordering::Relaxed) < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let faults = async {
        let mut server = server;
        for _ in 0..3 {
            taken().await;
            // On a thread of its own: the others go on while nobody answers.
            let killed = tokio::task::spawn_blocking(move || {
                server.kill();
                server.restart().unwrap();
                server
            });
            server = killed.await.unwrap();
        }
        taken().await;
        stop.store(true, Ordering::Relaxed);
        server
    };
    let receiving = async {
        while !stop.load(Ordering::Relaxed) {
            drain(&queue, &mut *consumer, &mut journal).await;
        }
    };
    let (acknowledged, (), _server) = tokio::join!(load(&*producer, &stop, &count), receiving, faults);
    drain(&queue, &mut *consumer, &mut journal).await;
    consumer.leave().await;
    println!("{} acknowledged, {} received", count.into_inner(), journal.number());
    // What nobody got an answer for may be there as well, in its place.
    for (key, acknowledged) in acknowledged.iter().enumerate() {
        let came: BTreeSet<usize> = journal.0[&format!("key {key}")].iter().copied().collect();
        let missing: Vec<_> = acknowledged.iter().filter(|number| !came.contains(number)).collect();
        assert!(missing.is_empty(), "of key {key}: {missing:?}");
    }
    journal.is_complete(KEYS, |key| {
        let came: BTreeSet<usize> = journal.0[&format!("key {key}")].iter().copied().collect();
        came.into_iter().collect()
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_that_come_and_go_under_load_keep_the_order_of_each_key() {
    let server = broker(&Options::default());
    let queue = queue(PulsarSettings { ahead: 20, ..settings(&server) }).await;
    let stop = AtomicBool::new(false);
    let journal = tokio::sync::Mutex::new(Journal::default());
    // Each stays for a while, and every third one goes without a word.
    let generations = async {
        let lives = (0..4).map(|place| {
            let (queue, journal) = (&queue, &journal);
            async move {
                for life in 0..5 {
                    let mut consumer = queue.consumer(&format!("{place}")).await.unwrap();
                    for _ in 0..20 + 7 * place {
                        let received = consumer
                            .receive(Take { messages: 7, bytes: 1 << 20, wait: Duration::from_millis(50) })
                            .await
                            .unwrap();
                        if received.is_empty() {
                            continue;
                        }
                        let mut journal = journal.lock().await;
                        for it in &received {
                            let number = String::from_utf8_lossy(&it.message.payload).parse().unwrap();
                            journal.0.entry(it.message.key.clone()).or_default().push(number);
                        }
                        drop(journal);
                        consumer.acknowledge(&ids(&received)).await.unwrap();
                    }
                    if (life + place) % 3 != 0 {
                        consumer.leave().await;
                    }
                }
            }
        });
        futures::future::join_all(lives).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (producer, count) = (queue.producer().await.unwrap(), AtomicUsize::new(0));
    let (acknowledged, ()) = tokio::join!(load(&*producer, &stop, &count), generations);
    let mut last = queue.consumer("last").await.unwrap();
    let mut journal = journal.into_inner();
    drain(&queue, &mut *last, &mut journal).await;
    last.leave().await;
    println!("{} acknowledged, {} received", count.into_inner(), journal.number());
    journal.is_complete(KEYS, |key| acknowledged[key].clone());
}

/// A key moves to a consumer that joins as soon as the one before has acknowledged all that it has of it. What comes at that moment
/// may be forgotten by the broker until something else happens in the partition (`Subscription::nudge`), and here nothing does: of
/// twenty rounds in one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_its_key_moves_is_not_forgotten() {
    let server = broker(&Options::default());
    let queue = queue(settings(&server)).await;
    let mut one = queue.consumer("one").await.unwrap();
    let producer = queue.producer().await.unwrap();
    let mut random = tracardi_process::random::bytes::<8>().map(u64::from_le_bytes).unwrap();
    let mut moment = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_micros((random >> 33) % 30_000))
    };
    for round in 0..ROUNDS {
        for key in 0..4 {
            producer.send(numbered(key, round)).await.unwrap();
        }
        let first = take(&mut *one, 4).await;
        let done = ids(&first);
        let began = std::time::Instant::now();
        let (joins, goes, acknowledges, sends) = (moment(), moment(), moment(), moment());
        let moving = async {
            joins.await;
            let two = queue.consumer("two").await.unwrap();
            goes.await;
            drop(two);
            queue.consumer("three").await.unwrap()
        };
        let acknowledging = async {
            acknowledges.await;
            one.acknowledge(&done).await.unwrap();
        };
        let sending = async {
            sends.await;
            for key in 0..4 {
                producer.send(numbered(key, round)).await.unwrap();
            }
        };
        let (mut three, (), ()) = tokio::join!(moving, acknowledging, sending);
        let mut came = BTreeSet::new();
        while came.len() < 4 {
            for consumer in [&mut one, &mut three] {
                let received = consumer.receive(BRIEF).await.unwrap();
                consumer.acknowledge(&ids(&received)).await.unwrap();
                came.extend(received.into_iter().map(|it| it.message.key));
            }
            assert!(began.elapsed() < Duration::from_mins(1), "round {round}: of four keys only {came:?} came");
        }
        if began.elapsed() > Duration::from_secs(4) {
            println!("round {round}: forgotten, and thought of after {:?}", began.elapsed());
        }
        three.leave().await;
    }
    one.leave().await;
}

/// A process of its own as far as the broker can tell: while nobody is inside, it stands still, connections open.
struct Frozen {
    runtime: tokio::runtime::Runtime,
    consumer: Option<Box<dyn Consumer>>,
}

impl Frozen {
    /// Has received these, and acknowledged none.
    fn holding(queue: &dyn Queue, number: usize) -> (Self, Vec<tracardi_queue::Received>) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (consumer, received) = runtime.block_on(async {
            let mut consumer = queue.consumer("zombie").await.unwrap();
            let received = take(&mut *consumer, number).await;
            (consumer, received)
        });
        (Self { runtime, consumer: Some(consumer) }, received)
    }
}

#[test]
fn what_a_dead_or_a_frozen_consumer_held_comes_to_the_next_first_and_in_order() {
    let server = broker(&Options::default());
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for dies in [true, false] {
        let queue: Arc<dyn Queue> = Arc::new(runtime.block_on(queue(settings(&server))));
        let sent = (0..5).flat_map(|number| (0..KEYS).map(move |key| numbered(key, number)));
        runtime.block_on(send(&*queue, sent));
        let (mut zombie, held) = Frozen::holding(&*queue, KEYS * 5);
        runtime.block_on(send(&*queue, (0..KEYS).map(|key| message(&format!("key {key}"), "later"))));
        let mut next = runtime.block_on(queue.consumer("next")).unwrap();
        if dies {
            // As by kill -9: the sockets are closed, nothing is said.
            drop(zombie.consumer.take());
            zombie.runtime.shutdown_background();
            zombie.runtime = Builder::new_current_thread().enable_all().build().unwrap();
        }
        let received = runtime.block_on(take(&mut *next, KEYS * 6));
        for (key, texts) in by_key(&received) {
            assert_eq!(texts, ["0", "1", "2", "3", "4", "later"], "{key}");
        }
        if let Some(mut consumer) = zombie.consumer.take() {
            // It thaws, and says what it believes to have done. It takes nothing away from the other, and both work on.
            zombie.runtime.block_on(async {
                let _ = consumer.acknowledge(&ids(&held[..KEYS])).await;
                let _ = consumer.receive(BRIEF).await;
            });
            runtime.block_on(next.acknowledge(&ids(&received))).unwrap();
            runtime.block_on(send(&*queue, [message("key 0", "after")]));
            let mut came = Vec::new();
            while !came.contains(&"after".to_owned()) {
                for (inside, consumer) in [(&zombie.runtime, &mut consumer), (&runtime, &mut next)] {
                    inside.block_on(async {
                        // What it had been sent while it was frozen comes to light, too.
                        let received = consumer.receive(BRIEF).await.unwrap_or_default();
                        came.extend(texts(&received));
                        let _ = consumer.acknowledge(&ids(&received)).await;
                    });
                }
            }
            zombie.runtime.block_on(consumer.leave());
        } else {
            runtime.block_on(next.acknowledge(&ids(&received))).unwrap();
        }
        runtime.block_on(next.leave());
        runtime.block_on(until_figures(&*queue, (0, 0), "all was acknowledged"));
    }
}
