//! Acknowledged requests a second, against messages of the same size that the bare server acknowledges over the same crate.
//!
//! Nobody takes anything out of the queue meanwhile: it is about what a receipt costs. Each client waits for the answer before
//! it sends the next one, here and there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pulsar::routing_policy::RoutingPolicy;
use pulsar::{ProducerOptions, Pulsar, TokioExecutor};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracardi_servers::Server;
use tracardi_simulate::client::Client;

use crate::Effort;
use crate::figures::{Spread, count, turn};
use crate::installation::Installation;
use crate::load;

const CLIENTS: [usize; 3] = [1, 16, 128];
/// Streams or topics, as the queue has them.
const PARTITIONS: usize = 4;

pub(crate) async fn measure(installation: &mut Installation, effort: &Effort) {
    installation.stop_collector().await;
    // Whose requests tell how large they are in the queue.
    let mut all = Vec::new();
    for clients in CLIENTS {
        all.push(installation.visitors(&format!("queue-{clients}"), clients).await);
    }
    let bare = Bare::beside(installation).await;
    println!("acknowledged a second, {} bytes each: median (lowest-highest) of {} rounds", bare.bytes, effort.rounds);
    println!("{:>8} {:>24} {:>24} {:>20} {:>22}", "clients", bare.name(), "/track", "ratio", "CPU of /track in µs");
    let pid = installation.house.public_api.pid();
    for (clients, visitors) in CLIENTS.into_iter().zip(&mut all) {
        let (mut raw, mut ours, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..effort.rounds {
            for (which, ()) in turn(&[(), ()], round) {
                if which == 0 {
                    raw.push(bare.run(clients, effort.seconds).await);
                } else {
                    let load = load::run(visitors, pid, effort.seconds, Duration::ZERO).await;
                    ours.push(load.per_second());
                    cpu.push(load.cpu_micros());
                }
            }
        }
        let ratio = Spread::of(ours.iter().zip(&raw).map(|(ours, raw)| ours / raw).collect());
        let [raw, ours, cpu] = [raw, ours, cpu].map(Spread::of);
        println!(
            "{clients:>8} {:>24} {:>24} {:>20} {:>22}",
            raw.to_string(),
            ours.to_string(),
            ratio.to_string(),
            cpu.to_string()
        );
    }
    bare.clear().await;
    let rate = installation.drain(async |all| all.waiting().await.unwrap_or_default()).await;
    println!("the collector carried out {rate:.0} requests a second of those that waited");
}

/// The server without us.
struct Bare {
    way: Way,
    bytes: usize,
}

enum Way {
    /// Its address.
    Redis(Box<redis::Client>),
    /// One producer for each topic.
    Pulsar(Arc<Vec<Mutex<pulsar::Producer<TokioExecutor>>>>),
}

impl Bare {
    async fn beside(installation: &Installation) -> Self {
        let Some(pulsar) = &installation.house.pulsar else {
            let client = redis::Client::open(format!("redis://{}", installation.house.redis.address())).unwrap();
            let bytes = message_in_redis(&mut installation.redis().await).await;
            return Self { way: Way::Redis(Box::new(client)), bytes };
        };
        let stats = pulsar_stats(pulsar).await;
        let bytes = stats["bytesInCounter"].as_u64().unwrap() / stats["msgInCounter"].as_u64().unwrap();
        let broker = format!("pulsar://{}", pulsar.address());
        let client: Pulsar<_> = Box::pin(Pulsar::builder(broker, TokioExecutor).build()).await.unwrap();
        let options = ProducerOptions {
            block_queue_if_full: true,
            routing_policy: Some(RoutingPolicy::RoundRobin),
            ..ProducerOptions::default()
        };
        let mut producers = Vec::new();
        for number in 0..PARTITIONS {
            let topic = format!("persistent://public/default/bare-{number}");
            let producer = client.producer().with_topic(topic).with_options(options.clone()).build();
            producers.push(Mutex::new(Box::pin(producer).await.unwrap()));
        }
        Self { way: Way::Pulsar(Arc::new(producers)), bytes: usize::try_from(bytes).unwrap() }
    }

    fn name(&self) -> &'static str {
        match self.way {
            Way::Redis(_) => "XADD, appendfsync always",
            Way::Pulsar(_) => "Pulsar's receipts",
        }
    }

    /// So many clients send, each the next message when it has the receipt of the last one; receipts a second.
    async fn run(&self, clients: usize, time: Duration) -> f64 {
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for number in 0..clients {
            let payload = vec![b'x'; self.bytes];
            match &self.way {
                Way::Redis(client) => {
                    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
                    let stream = format!("bare-{}", number % PARTITIONS);
                    tasks.spawn(async move {
                        let mut sent = 0_u64;
                        while began.elapsed() < time {
                            let mut add = redis::cmd("XADD");
                            add.arg(&stream).arg("*").arg("k").arg(number).arg("p").arg(&payload[..]);
                            let _: String = add.query_async(&mut connection).await.unwrap();
                            sent += 1;
                        }
                        sent
                    });
                }
                Way::Pulsar(producers) => {
                    let producers = producers.clone();
                    tasks.spawn(async move {
                        let mut sent = 0_u64;
                        while began.elapsed() < time {
                            let message = pulsar::producer::Message {
                                payload: payload.clone(),
                                partition_key: Some(format!("visitor-{number}")),
                                ..Default::default()
                            };
                            let mut producer = producers[number % PARTITIONS].lock().await;
                            let receipt = Box::pin(producer.send_non_blocking(message)).await.unwrap();
                            drop(producer);
                            receipt.await.unwrap();
                            sent += 1;
                        }
                        sent
                    });
                }
            }
        }
        let sent: u64 = tasks.join_all().await.into_iter().sum();
        count(sent) / began.elapsed().as_secs_f64()
    }

    /// Gives the memory back.
    async fn clear(&self) {
        if let Way::Redis(client) = &self.way {
            let mut connection = client.get_multiplexed_async_connection().await.unwrap();
            let mut delete = redis::cmd("UNLINK");
            delete.arg((0..PARTITIONS).map(|number| format!("bare-{number}")).collect::<Vec<_>>());
            let () = delete.query_async(&mut connection).await.unwrap();
        }
    }
}

/// An entry as Redis gives it: id, and fields by turns with their names.
type Entry = (String, (String, String, String, Vec<u8>));

/// Bytes of the payload that waits in Redis as the first of some stream.
async fn message_in_redis(connection: &mut redis::aio::MultiplexedConnection) -> usize {
    for partition in 0..PARTITIONS {
        let mut first = redis::cmd("XRANGE");
        first.arg(stream(partition)).arg("-").arg("+").arg("COUNT").arg(1);
        let found: Vec<Entry> = first.query_async(connection).await.unwrap();
        if let Some((_, (_, _, _, payload))) = found.first() {
            return payload.len();
        }
    }
    crate::stop("nothing waits in Redis")
}

/// A partition of the queue in Redis.
pub(super) fn stream(partition: usize) -> String {
    format!("tracardi:{{default:q:collect}}:{partition}")
}

/// What Pulsar tells of the queue, all partitions together.
pub(super) async fn pulsar_stats(pulsar: &Server) -> Value {
    let url = format!("http://{}", pulsar.address_of("web").unwrap());
    let mut admin = Client::new(url.parse().unwrap(), Duration::from_mins(1));
    let path = "/admin/v2/persistent/public/default/default-collect/partitioned-stats?perPartition=false";
    let answer = admin.request("GET", path, &[], b"").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.detail());
    serde_json::from_slice(&answer.body).unwrap()
}
