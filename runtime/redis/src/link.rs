//! A connection that is rebuilt when it breaks.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisResult};
use tokio::sync::Mutex;
use tracardi_process::Sighting;

use crate::look::judge;
use crate::{Failure, Script, Server};

/// A connection that many may use at once: their questions go out one after the other without waiting for answers. After a failure
/// the next question finds a new one; what was under way has failed, and nothing is asked twice.
pub struct Link {
    server: Server,
    scripts: &'static [Script],
    patience: Duration,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that a failure ends the one that it happened to.
    number: u64,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("place", &self.server.place()).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects when it is asked something. It knows these scripts; what takes longer than `patience` has failed.
    #[must_use]
    pub fn new(server: Server, scripts: &'static [Script], patience: Duration) -> Self {
        Self { server, scripts, patience, current: Mutex::default() }
    }

    /// Where it leads to.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Asks several things in one round trip.
    pub async fn ask_all<T: FromRedisValue>(&self, questions: &Pipeline) -> Result<T, Failure> {
        let (number, mut connection) = self.connection().await?;
        self.judge(number, questions.query_async(&mut connection).await).await
    }

    /// Asks one thing.
    pub async fn ask<T: FromRedisValue>(&self, question: &Cmd) -> Result<T, Failure> {
        let (number, mut connection) = self.connection().await?;
        self.judge(number, question.query_async(&mut connection).await).await
    }

    /// What there is at the other end.
    pub async fn look(&self) -> Result<Sighting, Failure> {
        let info: String = self.ask(&redis::cmd("INFO")).await?;
        judge(self.server.place(), &info)
    }

    async fn judge<T>(&self, number: u64, answer: RedisResult<T>) -> Result<T, Failure> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let failure = self.server.failure(&error);
                if !failure.leaves_the_connection() {
                    let mut current = self.current.lock().await;
                    if current.number == number {
                        current.connection = None;
                    }
                }
                Err(failure)
            }
        }
    }

    async fn connection(&self) -> Result<(u64, MultiplexedConnection), Failure> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((current.number, connection.clone()));
        }
        let mut connection = self.server.connect(Some(self.patience)).await?;
        self.check(&mut connection).await?;
        let mut load = redis::pipe();
        for script in self.scripts {
            load.add_command(script.load());
        }
        if !load.is_empty() {
            let loaded: RedisResult<Vec<String>> = load.query_async(&mut connection).await;
            loaded.map_err(|error| self.server.failure(&error))?;
        }
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }

    /// Whether what is at the other end is a Redis that we can use.
    async fn check(&self, connection: &mut MultiplexedConnection) -> Result<(), Failure> {
        let info: RedisResult<String> = redis::cmd("INFO").query_async(connection).await;
        judge(self.server.place(), &info.map_err(|error| self.server.failure(&error))?).map(drop)
    }
}

/// A figure of the answer to `INFO`.
#[must_use]
pub fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
