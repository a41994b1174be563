//! Faults of Redis, which remembers whose a session is; in the mode `open` it is the queue as well.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::load::Load;
use crate::shared::House;

/// Longer than the lease of a worker.
const LONG: Duration = Duration::from_secs(14);

/// Tells Redis something that it answers with OK.
fn tell(house: &House, words: &str) {
    let mut stream = TcpStream::connect(house.redis.address()).unwrap();
    stream.write_all(format!("{words}\r\n").as_bytes()).unwrap();
    let mut answer = [0; 3];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+OK", "{words}");
}

/// What Redis has acknowledged is on its disk, now and after a restart.
pub(crate) fn keep_everything(house: &House) {
    tell(house, "CONFIG SET appendfsync always");
    tell(house, "CONFIG REWRITE");
}

fn empty(house: &mut House) {
    tell(house, "FLUSHALL");
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
