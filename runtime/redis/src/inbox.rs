//! What processes send to one process: a list in Redis that many fill and one empties. It outlives a broken connection, and vanishes
//! when nobody empties it any more.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::timeout;

use crate::{Failure, Link, Server};

/// How long the server keeps a question open to which it has no answer yet.
const HELD: Duration = Duration::from_secs(5);
/// How much longer it may take until it says that there is none.
const GRACE: Duration = Duration::from_secs(5);
/// Entries that are taken at once.
const AT_ONCE: usize = 256;
/// Entries that are kept.
const NEWEST: i64 = 4096;
/// How long what nobody takes is kept.
const KEPT: Duration = Duration::from_secs(30);

/// The end at which entries are taken out.
#[derive(Debug)]
pub struct Inbox {
    server: Server,
    key: String,
    connection: MultiplexedConnection,
}

impl Inbox {
    /// The list under this key. Only one process takes from it.
    pub async fn open(server: Server, key: String) -> Result<Self, Failure> {
        let connection = server.connect(None).await?;
        Ok(Self { server, key, connection })
    }

    /// The oldest entries; waits some seconds for the first one, then there may be none. After a failure the inbox is opened anew.
    pub async fn take(&mut self) -> Result<Vec<Vec<u8>>, Failure> {
        let mut question = redis::cmd("BLMPOP");
        question.arg(HELD.as_secs()).arg(1).arg(&self.key).arg("LEFT").arg("COUNT").arg(AT_ONCE);
        let patience = HELD + GRACE;
        let answer = timeout(patience, question.query_async(&mut self.connection)).await;
        let answer: Option<(String, Vec<Vec<u8>>)> =
            answer.map_err(|_| self.server.silent(patience))?.map_err(|error| self.server.failure(&error))?;
        Ok(answer.map(|(_, entries)| entries).unwrap_or_default())
    }
}

/// Puts entries into the inboxes under these keys, in one round trip.
pub async fn put(link: &Link, entries: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    let mut commands = redis::pipe();
    for (key, entry) in entries {
        commands.cmd("RPUSH").arg(key).arg(entry).ignore();
        // Nobody waits for what is that old, if the process is there at all.
        commands.cmd("LTRIM").arg(key).arg(-NEWEST).arg(-1).ignore();
        commands.cmd("EXPIRE").arg(key).arg(KEPT.as_secs()).ignore();
    }
    link.ask_all(&commands).await
}

#[cfg(test)]
mod tests {
    use tracardi_process::Endpoint;
    use tracardi_servers::Kind;

    use super::*;

    #[tokio::test]
    async fn what_is_put_in_is_taken_out_in_order() {
        let mut redis = Kind::Redis.start().unwrap();
        let server = Server::at(&Endpoint::new(format!("redis://{}", redis.address()))).unwrap();
        let link = Link::new(server.clone(), &[], Duration::from_secs(5));
        let entry = |key: &str, n: usize| (key.to_owned(), n.to_string().into_bytes());
        let mut inbox = Inbox::open(server.clone(), "one".to_owned()).await.unwrap();
        let all: Vec<_> = (0..AT_ONCE + 2).map(|n| entry("one", n)).chain([entry("other", 7)]).collect();
        let (first, ()) = tokio::join!(inbox.take(), async { put(&link, &all).await.unwrap() });
        let mut taken = first.unwrap();
        while taken.len() < AT_ONCE + 2 {
            taken.extend(inbox.take().await.unwrap());
        }
        assert_eq!(taken, all[..AT_ONCE + 2].iter().map(|(_, entry)| entry.clone()).collect::<Vec<_>>());
        let left: i64 = link.ask(redis::cmd("TTL").arg("other")).await.unwrap();
        assert!((1..=30).contains(&left), "what nobody takes vanishes: {left} s");
        // What was put while nobody listened is there when somebody does again.
        put(&link, &[entry("one", 1)]).await.unwrap();
        let mut again = Inbox::open(server, "one".to_owned()).await.unwrap();
        assert_eq!(again.take().await.unwrap(), [b"1".to_vec()]);
        redis.kill();
        assert!(again.take().await.is_err());
    }
}
