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

/// A replica of the house's Redis, and the way on which it hears of what is written.
struct Replica {
    server: Server,
    link: Proxy,
}

impl Replica {
    fn of(house: &House) -> Self {
        let (server, link) = (Kind::Redis.start().unwrap(), Proxy::to(house.redis.address()).unwrap());
        keep_everything(&server);
        tell(&server, &format!("REPLICAOF {} {}", link.address().ip(), link.address().port()));
        Self { server, link }
    }

    /// Waits until it has all that was written.
    async fn catches_up(&self, house: &House) {
        until("the replica has all of it", async || {
            let of = |redis| replication(redis, "master_repl_offset");
            let up = replication(&self.server, "master_link_status");
            up.is_some_and(|it| it == "up") && of(&self.server) == of(&house.redis)
        })
        .await;
    }

    /// From now on it hears nothing.
    fn cut_off(&self) {
        self.link.set(Fault::Blackhole);
    }

    /// The primary dies, and this takes its place.
    fn takes_over(self, house: &mut House) {
        house.redis.kill();
        tell(&self.server, "REPLICAOF NO ONE");
        between(house).redis.lead_to(self.server.address());
        house.redis = self.server;
    }
}

/// Compares what is there when nothing waits any more, where what was sent after `before` and before `after` may have been lost; how much
/// was.
async fn compare(house: &House, visits: &[Visit], before: &[Visit], after: &[Visit]) -> u64 {
    let queue = open(house).await;
    until("nothing waits", async || queue.figures().await.unwrap().waiting == 0).await;
    let mut private = house.log_in(ADMIN, PASSWORD).await;
    let mut lost = 0;
    for ((visit, before), after) in visits.iter().zip(before).zip(after) {
        lost += visit.compare(&mut private, before.sent + 1..after.sent + 1).await;
    }
    println!("  {lost} events were lost, all of them accepted when the replica heard nothing any more");
    lost
}

/// The primary dies, and a replica takes its place that lacks the last writes: requests that were accepted are not in it, and requests
/// that were carried out are. As a cache that costs nothing. As the queue Redis loses what was accepted and waited meanwhile; nothing is
/// counted twice, the order stays, and all goes on by itself.
pub(crate) async fn f09_redis_fails_over_to_an_older_replica(house: &mut House) {
    let replica = Replica::of(house);
    let load = Load::start(house);
    load.more(80).await;
    // These wait, here and there.
    signal_collectors(house, "STOP").await;
    load.more(40).await;
    let before = load.end().await;
    replica.catches_up(house).await;
    replica.cut_off();
    // Those that waited are carried out, and more come, of which the last wait: of all that the replica hears nothing.
    let load = Load::of(house, before.clone());
    signal_collectors(house, "CONT").await;
    load.more(80).await;
    signal_collectors(house, "STOP").await;
    load.more(40).await;
    let after = load.end().await;
    replica.takes_over(house);
    signal_collectors(house, "CONT").await;
    let load = Load::of(house, after.clone());
    load.more(80).await;
    if house.pulsar.is_some() {
        load.check(house).await;
        return;
    }
    load.flows().await;
    let visits = load.end().await;
    assert!(compare(house, &visits, &before, &after).await > 0, "the replica was no older");
}

/// The same where Redis writes only while a replica keeps up: as the queue it refuses what it could lose, but for what came before it
/// noticed. As a cache it may refuse what it likes.
pub(crate) async fn f09_redis_without_the_replica_that_it_demands(house: &mut House) {
    let replica = Replica::of(house);
    let load = Load::start(house);
    load.more(80).await;
    let before = load.end().await;
    replica.catches_up(house).await;
    tell(&house.redis, "CONFIG SET min-replicas-max-lag 2");
    tell(&house.redis, "CONFIG SET min-replicas-to-write 1");
    let load = Load::of(house, before.clone());
    load.more(80).await;
    replica.cut_off();
    if house.pulsar.is_some() {
        load.more(80).await;
        replica.takes_over(house);
        load.check(house).await;
        return;
    }
    load.stands().await;
    let taken = load.acknowledged();
    replica.takes_over(house);
    load.more(80).await;
    load.flows().await;
    let visits = load.end().await;
    let lost = compare(house, &visits, &before, &visits).await;
    assert!(lost <= taken, "{lost} of {taken}");
}

/// Whether a request counts only when a replica of Redis has it.
async fn demand_replicas(house: &mut House, number: &str) {
    house.public_api.stop().await;
    house.public_api.set("TRACARDI_QUEUE_REPLICAS", number);
    house.public_api.spawn();
    house.public_api.ready().await;
}

/// The same where a request counts only when a replica has it: nothing that was acknowledged is lost.
pub(crate) async fn f09_redis_fails_over_to_a_replica_that_was_demanded(house: &mut House) {
    if house.pulsar.is_some() {
        return println!("  not here: Redis is not the queue");
    }
    let replica = Replica::of(house);
    replica.catches_up(house).await;
    demand_replicas(house, "1").await;
    let load = Load::start(house);
    load.more(80).await;
    signal_collectors(house, "STOP").await;
    load.more(40).await;
    replica.cut_off();
    load.stands().await;
    replica.takes_over(house);
    signal_collectors(house, "CONT").await;
    // There is none any more.
    demand_replicas(house, "0").await;
    load.more(80).await;
    load.check(house).await;
}
