//! Opening: the server, the tables, the keys.

use std::sync::{Arc, Mutex as Lock};
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, Connection, MySqlConnection, query, query_scalar};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;
use tracardi_model::Tenant;
use tracardi_store::{ConfigurationSnapshot, Keys, StoreError};

use crate::connection::{CONNECT, mannered, pool};
use crate::failure::{failed, foreign, silent};
use crate::follow::NOTHING;
use crate::schema::{self, Schema};
use crate::{Herald, Inner, Mysql, MysqlSettings, version};

/// No start takes longer. Tables that are to be changed may be large, and another process may be at it already.
const START: Duration = Duration::from_mins(5);

impl Mysql {
    /// Opens a tenant's part of a database: makes the tables if they are not there, brings older ones up to date, reads the
    /// configuration. Others' changes are seen as soon as `herald` tells of them, or else by looking ([`Mysql::follow`]).
    ///
    /// Fails with [`StoreError::Setting`] when a setting cannot be meant, [`StoreError::Unavailable`] when the server is not to be
    /// had (it says which setting may be wrong, or what is to be done there), [`StoreError::WrongKey`] when the tenant's data were
    /// made with other keys, [`StoreError::NewerSchema`] when the tables are a newer program's.
    pub async fn open(
        settings: MysqlSettings,
        keys: Keys,
        herald: Option<Arc<dyn Herald>>,
    ) -> Result<Self, StoreError> {
        let options = settings.options()?;
        let packet = timeout(START, prepare(&settings, &options, &keys))
            .await
            .unwrap_or_else(|_| Err(silent(&settings, START.as_secs())))?;
        let (snapshot, _) = watch::channel(Arc::new(ConfigurationSnapshot::default()));
        let pool = pool(options, &settings);
        let (known, trouble) = (Mutex::new(NOTHING), Lock::new(None));
        let store = Self(Arc::new(Inner { settings, pool, keys, packet, snapshot, known, trouble, herald }));
        store.look().await?;
        Ok(store)
    }

    /// Ends all connections. The handle and its clones are of no use afterwards.
    pub async fn close(&self) {
        self.0.pool.close().await;
    }
}

/// Makes everything ready on a connection of its own, whose errors are told as they are (a pool would say that it takes too long);
/// gives the length of the longest statement.
async fn prepare(settings: &MysqlSettings, options: &MySqlConnectOptions, keys: &Keys) -> Result<usize, StoreError> {
    let failed = |error: sqlx::Error| failed(settings, &error);
    let (mut connection, Greeting { packet, .. }) = enter(settings, options).await?;
    match schema::migrate(&mut connection).await.map_err(failed)? {
        Schema::Ready(schema::VERSION) => {}
        Schema::Ready(from) => {
            tracing::info!(from, to = schema::VERSION, database = settings.database, "tables brought up to date");
        }
        Schema::Foreign(table) => return Err(foreign(settings, &format!("{table:?} for one"))),
        Schema::Newer(found) => return Err(StoreError::NewerSchema { found, known: schema::VERSION }),
        Schema::Busy => {
            let problem = "another process is bringing the tables up to date";
            return Err(StoreError::Unavailable(format!("{problem} of MySQL at {}", settings.endpoint.url)));
        }
    }
    let known = marks(&mut connection, &settings.tenant, keys).await.map_err(failed)?;
    for ((name, mark), known) in keys.marks().into_iter().zip(known) {
        if known != mark {
            return Err(StoreError::WrongKey { name });
        }
    }
    // The server notices by itself when that cannot be said.
    let _ = connection.close().await;
    Ok(packet)
}

/// What a server says of itself.
pub(crate) struct Greeting {
    /// Such as `10.11.6-MariaDB-0+deb12u1`.
    pub(crate) version: String,
    /// Bytes of the longest statement that it takes.
    pub(crate) packet: usize,
}

/// A connection of its own to a server that will do.
pub(crate) async fn enter(
    settings: &MysqlSettings,
    options: &MySqlConnectOptions,
) -> Result<(MySqlConnection, Greeting), StoreError> {
    let failed = |error: sqlx::Error| failed(settings, &error);
    let connection = timeout(CONNECT, options.connect()).await;
    let mut connection = connection.map_err(|_| silent(settings, CONNECT.as_secs()))?.map_err(failed)?;
    let greeting = greet(&mut connection).await.map_err(failed)?;
    version::check(&settings.endpoint.url, &greeting.version)?;
    Ok((connection, greeting))
}

async fn greet(connection: &mut MySqlConnection) -> Result<Greeting, sqlx::Error> {
    mannered(connection).await?;
    let version = query_scalar!("SELECT VERSION() AS `version!: String`").fetch_one(&mut *connection).await?;
    let packet = query_scalar!("SELECT CAST(@@max_allowed_packet AS SIGNED) AS `packet!: i64`");
    let packet = usize::try_from(packet.fetch_one(connection).await?).unwrap_or(0);
    Ok(Greeting { version, packet })
}

/// What the tenant's keys are recognised by; on the first start these.
async fn marks(connection: &mut MySqlConnection, tenant: &Tenant, keys: &Keys) -> Result<[Vec<u8>; 2], sqlx::Error> {
    let [(_, encryption), (_, signing)] = keys.marks();
    query!(
        "INSERT INTO tenant (tenant, revision, encryption_check, signing_check) VALUES (?, 0, ?, ?) \
         ON DUPLICATE KEY UPDATE revision = tenant.revision",
        tenant.as_str(),
        encryption.as_slice(),
        signing.as_slice()
    )
    .execute(&mut *connection)
    .await?;
    let known = query!("SELECT encryption_check, signing_check FROM tenant WHERE tenant = ?", tenant.as_str());
    let known = known.fetch_one(connection).await?;
    Ok([known.encryption_check, known.signing_check])
}
