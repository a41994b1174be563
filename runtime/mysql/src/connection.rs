//! Connections, and how work is done on them. One way for all: a time limit, another attempt when somebody else was in the way, and a
//! connection goes back to the others only when its work ended well.

use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{MySql, MySqlConnection, MySqlPool, raw_sql};
use tracardi_store::StoreError;

use crate::failure::{failed, leaves_whole, silent};
use crate::{Mysql, MysqlSettings};

/// No work on the database takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
/// No connection takes longer to be had.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);
/// How often the same is tried when others are in the way.
pub(crate) const ATTEMPTS: u32 = 10;

/// What each connection is told first. Texts that are too long are errors; who waits for a lock sees what its holder did; nobody
/// waits for a lock longer than others wait for him.
const MANNERS: &str = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'; \
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION innodb_lock_wait_timeout = 5";

/// Connections that are made when they are needed.
pub(crate) fn pool(options: MySqlConnectOptions, settings: &MysqlSettings) -> MySqlPool {
    MySqlPoolOptions::new()
        .max_connections(settings.connections.get())
        .acquire_timeout(CONNECT)
        .after_connect(|connection, _| Box::pin(async move { mannered(connection).await }))
        .connect_lazy_with(options)
}

/// Tells a new connection how we want it.
pub(crate) async fn mannered(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    raw_sql(MANNERS).execute(connection).await.map(drop)
}

/// A connection at work. When the work did not end well (an error on the way, nobody waits for it any more) it is closed: then the
/// server undoes what was begun, and nobody meets half an answer.
pub(crate) struct AtWork {
    /// There until it is dropped.
    connection: Option<PoolConnection<MySql>>,
    whole: bool,
}

impl AtWork {
    pub(crate) fn connection(&mut self) -> Result<&mut MySqlConnection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// The work has come to an end.
    pub(crate) fn ended<T>(&mut self, result: &Result<T, sqlx::Error>) {
        self.whole = result.as_ref().err().is_none_or(leaves_whole);
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| !self.whole) {
            drop(connection.detach());
        }
    }
}

impl Mysql {
    /// A connection for a piece of work.
    pub(crate) async fn connect(&self) -> Result<AtWork, sqlx::Error> {
        Ok(AtWork { connection: Some(self.0.pool.acquire().await?), whole: false })
    }

    /// Work within the time that there is, its errors in our words.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, StoreError> {
        let settings = &self.0.settings;
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(done) => done.map_err(|error| failed(settings, &error)),
            Err(_) => Err(silent(settings, PATIENCE.as_secs())),
        }
    }
}

/// Does a piece of work, which is an expression of `Result<_, sqlx::Error>` over a `&mut MySqlConnection` of this name; again when
/// somebody else was in the way, so it must begin with the beginning of its transaction.
macro_rules! work {
    ($store:expr, $connection:ident => $work:expr) => {
        $store
            .within(async {
                let mut left = $crate::connection::ATTEMPTS;
                loop {
                    let mut at_work = $store.connect().await?;
                    let $connection = at_work.connection()?;
                    let done: Result<_, ::sqlx::Error> = async { $work }.await;
                    at_work.ended(&done);
                    match done {
                        Err(error) if left > 1 && $crate::failure::is_conflict(&error) => left -= 1,
                        done => break done,
                    }
                }
            })
            .await
    };
}

pub(crate) use work;
