//! Faults of Redis, which remembers whose a session is; in the mode `open` it is the queue as well.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tracardi_servers::{Fault, Kind, Proxy, Server};

use crate::between;
use crate::load::{Load, Visit, until};
use crate::queue::open;
use crate::shared::House;
use crate::support::{ADMIN, PASSWORD};

/// Longer than the lease of a worker.
const LONG: Duration = Duration::from_secs(14);

/// Tells a Redis something that it answers with OK.
fn tell(redis: &Server, words: &str) {
    let mut stream = TcpStream::connect(redis.address()).unwrap();
    stream.write_all(format!("{words}\r\n").as_bytes()).unwrap();
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+OK", "{words}");
}

/// A line of what a Redis says of replication.
fn replication(redis: &Server, name: &str) -> Option<String> {
    let mut stream = TcpStream::connect(redis.address()).unwrap();
    stream.write_all(b"INFO replication\r\nQUIT\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned))
}

/// What Redis has acknowledged is on its disk, now and after a restart.
pub(crate) fn keep_everything(redis: &Server) {
    tell(redis, "CONFIG SET appendfsync always");
    tell(redis, "CONFIG REWRITE");
}

fn empty(house: &mut House) {
    tell(&house.redis, "FLUSHALL");
    house.redis.kill();
    house.redis.restart().unwrap();
}

/// Nothing is counted anew. Where Redis is the queue, what waits in it would be gone, so nothing does (docs/modes.md).
pub(crate) async fn f08_redis_comes_back_empty(house: &mut House) {
    let load = Load::start(house);
    load.more(200).await;
    let visits = load.check(house).await;
    empty(house);
    let load = Load::of(house, visits);
    load.more(200).await;
    if house.pulsar.is_some() {
        empty(house);
        load.more(200).await;
    }
    load.check(house).await;
}

/// For a moment, and for longer than the workers' lease.
pub(crate) async fn f09_redis_is_paused(house: &mut House) {
    let load = Load::start(house);
    for pause in [Duration::from_secs(2), LONG] {
        load.more(80).await;
        house.redis.freeze();
        tokio::time::sleep(pause).await;
        house.redis.thaw();
    }
    load.check(house).await;
}

async fn signal_collectors(house: &House, name: &str) {
    for process in &house.collectors {
        process.signal(name).await;
    }
}

/// The primary dies, and a replica takes its place that lacks the last writes: requests that were accepted are not in it, and requests
/// that were carried out are. As a cache that costs nothing. As the queue Redis loses what was accepted and waited meanwhile; nothing is
/// counted twice, the order stays, and all goes on by itself.
pub(crate) async fn f09_redis_fails_over_to_an_older_replica(house: &mut House) {
    let replica = Kind::Redis.start().unwrap();
    keep_everything(&replica);
    let link = Proxy::to(house.redis.address()).unwrap();
    tell(&replica, &format!("REPLICAOF {} {}", link.address().ip(), link.address().port()));
    let load = Load::start(house);
    load.more(80).await;
    // These wait, here and there.
    signal_collectors(house, "STOP").await;
    load.more(40).await;
    let before = load.end().await;
    until("the replica has all of it", async || {
        let of = |redis| replication(redis, "master_repl_offset");
        replication(&replica, "master_link_status").is_some_and(|it| it == "up") && of(&replica) == of(&house.redis)
    })
    .await;
    link.set(Fault::Blackhole);
    // Those that waited are carried out, and more come, of which the last wait: of all that the replica hears nothing.
    let load = Load::of(house, before.clone());
    signal_collectors(house, "CONT").await;
    load.more(80).await;
    signal_collectors(house, "STOP").await;
    load.more(40).await;
    let after = load.end().await;
    house.redis.kill();
    tell(&replica, "REPLICAOF NO ONE");
    between(house).redis.lead_to(replica.address());
    house.redis = replica;
    signal_collectors(house, "CONT").await;
    let load = Load::of(house, after.clone());
    load.more(80).await;
    if house.pulsar.is_some() {
        load.check(house).await;
        return;
    }
    load.flows().await;
    let visits = load.end().await;
    let queue = open(house).await;
    until("nothing waits", async || queue.figures().await.unwrap().waiting == 0).await;
    let mut private = house.log_in(ADMIN, PASSWORD).await;
    let mut lost = 0;
    let sent = |visits: &[Visit], number: usize| visits[number].sent + 1;
    for (number, visit) in visits.iter().enumerate() {
        lost += visit.compare(&mut private, sent(&before, number)..sent(&after, number)).await;
    }
    println!("  {lost} events were lost, all of them accepted when the replica heard nothing any more");
    assert!(lost > 0, "the replica was no older");
}
