//! Removes a tenant: its rows in all tables. The tables stay, they are other tenants' too.

use sqlx::{Connection, MySqlConnection, query};
use tracardi_store::StoreError;

use crate::MysqlSettings;
use crate::failure::{failed, is_absent};
use crate::open::enter;
use crate::schema;

/// Deletes the tenant's rows of a table, some thousands at a time: no transaction grows with what there is. A database of an older
/// program may lack the table.
macro_rules! empty {
    ($connection:expr, $tenant:expr, $statement:literal) => {
        loop {
            match query!($statement, $tenant).execute(&mut *$connection).await {
                Ok(deleted) if deleted.rows_affected() > 0 => {}
                Err(error) if !is_absent(&error) => return Err(error),
                _ => break,
            }
        }
    };
}

/// Removes everything of the tenant whose settings these are. No process of the tenant may run. Repeating it does no harm.
///
/// Fails as [`Mysql::open`](crate::Mysql::open) does, but for the keys: they are not needed.
pub async fn remove(settings: &MysqlSettings) -> Result<(), StoreError> {
    let options = settings.options()?;
    let failed = |error: sqlx::Error| failed(settings, &error);
    let (mut connection, _) = enter(settings, &options).await?;
    match schema::version(&mut connection).await.map_err(failed)? {
        // None of ours: nothing was ever installed here.
        None => return Ok(()),
        Some(found) if found > schema::VERSION => {
            return Err(StoreError::NewerSchema { found, known: schema::VERSION });
        }
        Some(_) => {}
    }
    empty(&mut connection, settings.tenant.as_str()).await.map_err(failed)?;
    // The server notices by itself when that cannot be said.
    let _ = connection.close().await;
    Ok(())
}

/// The tenant itself goes last: while it is there, something may be left.
async fn empty(connection: &mut MySqlConnection, tenant: &str) -> Result<(), sqlx::Error> {
    empty!(connection, tenant, "DELETE FROM delivery WHERE tenant = ? LIMIT 5000");
    empty!(connection, tenant, "DELETE FROM delivery_queue WHERE tenant = ? LIMIT 5000");
    empty!(connection, tenant, "DELETE FROM profile_merge WHERE tenant = ? LIMIT 5000");
    empty!(connection, tenant, "DELETE FROM token WHERE tenant = ? LIMIT 5000");
    empty!(connection, tenant, "DELETE FROM user WHERE tenant = ? LIMIT 5000");
    empty!(connection, tenant, "DELETE FROM configuration WHERE tenant = ? LIMIT 5000");
    empty!(connection, tenant, "DELETE FROM tenant WHERE tenant = ? LIMIT 5000");
    Ok(())
}
