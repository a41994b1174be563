//! Servers and databases for tests.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection, raw_sql};
use tracardi_model::Tenant;
use tracardi_mysql::{Mysql, MysqlSettings};
use tracardi_process::Endpoint;
use tracardi_servers::{Kind, Server};
use tracardi_store::Keys;

pub(crate) const KEYS: Keys = Keys { signing: [1; 32], encryption: [2; 32] };

/// The server of all tests that leave it alone. It ends with the process.
pub(crate) static SERVER: LazyLock<Server> = LazyLock::new(|| Kind::MariaDb.start().unwrap());

/// A connection of the administrator.
pub(crate) async fn root(server: &Server, database: &str) -> MySqlConnection {
    let options = MySqlConnectOptions::new().host(&server.address().ip().to_string()).username("root");
    options.port(server.address().port()).database(database).connect().await.unwrap()
}

pub(crate) async fn run(connection: &mut MySqlConnection, statements: &str) {
    raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await.unwrap();
}

/// The name of a new database on this server.
pub(crate) async fn database(server: &Server) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    // Not the character set that we need: it must not matter.
    run(&mut root(server, "tracardi").await, &format!("CREATE DATABASE {name} CHARACTER SET latin1")).await;
    name
}

/// A new database on the common server.
pub(crate) async fn fresh() -> MysqlSettings {
    settings(&SERVER.address().to_string(), &database(&SERVER).await)
}

pub(crate) fn settings(address: &str, database: &str) -> MysqlSettings {
    let endpoint = Endpoint { username: Some("root".to_owned()), ..Endpoint::new(format!("mysql://{address}")) };
    MysqlSettings::new(endpoint, database, Tenant::only())
}

pub(crate) async fn open(settings: &MysqlSettings) -> Mysql {
    Mysql::open(settings.clone(), KEYS, None).await.unwrap()
}

pub(crate) async fn of_tenant(settings: &MysqlSettings, tenant: &str) -> Mysql {
    open(&MysqlSettings { tenant: tenant.parse().unwrap(), ..settings.clone() }).await
}

/// Does it until it works; a test that waits for ever is ended by whoever runs it.
pub(crate) async fn until<T, E: std::fmt::Display>(mut work: impl AsyncFnMut() -> Result<T, E>) -> T {
    loop {
        match work().await {
            Ok(done) => return done,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
