//! A look at a server that changes nothing on it.

use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Connection, query_scalar};
use tokio::time::timeout;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Sighting};
use tracardi_store::StoreError;

use crate::failure::{failed, silent};
use crate::open::enter;
use crate::{MysqlSettings, version};

/// Logs in to a database as [`Mysql::open`](crate::Mysql::open) does and looks whether the server will do; asks nothing about
/// tables, makes nothing. Takes no longer than `patience`. The error names the setting that is wrong and the remedy.
pub async fn look(endpoint: &Endpoint, database: &str, patience: Duration) -> Result<Sighting, StoreError> {
    // Whose rows they are matters to nobody who looks at none.
    let settings = MysqlSettings::new(endpoint.clone(), database, Tenant::only());
    let options = settings.options()?;
    let seen = timeout(patience, see(&settings, &options)).await;
    seen.unwrap_or_else(|_| Err(silent(&settings, patience.as_secs())))
}

async fn see(settings: &MysqlSettings, options: &MySqlConnectOptions) -> Result<Sighting, StoreError> {
    let (mut connection, greeting) = enter(settings, options).await?;
    let read_only = query_scalar!("SELECT CAST(@@GLOBAL.read_only AS CHAR) AS `read_only!: String`");
    let read_only = read_only.fetch_one(&mut connection).await.map_err(|error| failed(settings, &error))?;
    // The server notices by itself when that cannot be said.
    let _ = connection.close().await;
    let (product, version) = version::product(&greeting.version);
    // Newer MariaDBs have words for it.
    let warning = (!["0", "OFF"].contains(&read_only.as_str())).then(|| {
        format!(
            "{product} at {} is read-only for most users (read_only={read_only}); point mysql.url to the server that is written to",
            settings.endpoint.url
        )
    });
    Ok(Sighting { product: product.to_owned(), version: version.to_owned(), warnings: warning.into_iter().collect() })
}
