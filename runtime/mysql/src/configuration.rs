//! Event sources and records: one table for all of them. Each change gets a revision of its own, in the order of the changes: its
//! number comes out of the tenant's row, whose lock is held until the change is there.

use sqlx::{Connection, MySqlConnection, query};
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource};
use tracardi_store::columns::number;
use tracardi_store::kept::EVENT_SOURCE;
use tracardi_store::{Kept, StoreError, StoredRecord};

use crate::Mysql;
use crate::connection::work;
use crate::follow::REMEMBERED;

/// Where a source or a record stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    tenant: &'a str,
    context: i64,
    kind: &'a str,
    id: &'a str,
}

impl Mysql {
    pub(crate) async fn put_source(&self, context: Context, source: &EventSource) -> Result<(), StoreError> {
        let kept = Kept::source(&self.0.keys, context, source)?;
        self.put(self.place(context, EVENT_SOURCE, &source.id), &kept).await
    }

    pub(crate) async fn put_record(&self, record: &StoredRecord) -> Result<(), StoreError> {
        let kept = Kept::record(&self.0.keys, record)?;
        self.put(self.place(record.context, record.kind.as_str(), &record.id), &kept).await
    }

    pub(crate) async fn remove_source(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        self.remove(self.place(context, EVENT_SOURCE, id)).await
    }

    pub(crate) async fn remove_record(&self, context: Context, kind: Kind, id: &str) -> Result<bool, StoreError> {
        self.remove(self.place(context, kind.as_str(), id)).await
    }

    fn place<'a>(&'a self, context: Context, kind: &'a str, id: &'a str) -> Place<'a> {
        Place { tenant: self.tenant(), context: number(context), kind, id }
    }

    async fn put(&self, place: Place<'_>, kept: &Kept) -> Result<(), StoreError> {
        work!(self, connection => put(connection, place, kept).await)?;
        self.publish().await
    }

    async fn remove(&self, place: Place<'_>) -> Result<bool, StoreError> {
        let there = work!(self, connection => remove(connection, place).await)?;
        if there {
            self.publish().await?;
        }
        Ok(there)
    }

    /// After a change of our own: it is in the snapshot, and the others hear of it.
    async fn publish(&self) -> Result<(), StoreError> {
        self.look().await?;
        if let Some(herald) = &self.0.herald {
            herald.tell(&self.0.settings.tenant).await;
        }
        Ok(())
    }
}

/// The number of the change that is made in this transaction.
async fn next_revision(connection: &mut MySqlConnection, tenant: &str) -> Result<i64, sqlx::Error> {
    let next = query!("UPDATE tenant SET revision = LAST_INSERT_ID(revision + 1) WHERE tenant = ?", tenant);
    Ok(i64::try_from(next.execute(connection).await?.last_insert_id()).unwrap_or(i64::MAX))
}

async fn put(connection: &mut MySqlConnection, place: Place<'_>, kept: &Kept) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let revision = next_revision(&mut transaction, place.tenant).await?;
    query!(
        "INSERT INTO configuration (tenant, context, kind, id, revision, document, secret) VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE revision = VALUES(revision), document = VALUES(document), secret = VALUES(secret)",
        place.tenant,
        place.context,
        place.kind,
        place.id,
        revision,
        kept.document,
        kept.secret
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// What is deleted leaves its place behind for a while, so that others hear of it.
async fn remove(connection: &mut MySqlConnection, place: Place<'_>) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let revision = next_revision(&mut transaction, place.tenant).await?;
    let done = query!(
        "UPDATE configuration SET revision = ?, document = NULL, secret = NULL \
         WHERE tenant = ? AND context = ? AND kind = ? AND id = ? AND document IS NOT NULL",
        revision,
        place.tenant,
        place.context,
        place.kind,
        place.id
    )
    .execute(&mut *transaction)
    .await?;
    if done.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    query!(
        "DELETE FROM configuration WHERE tenant = ? AND revision < ? AND document IS NULL",
        place.tenant,
        revision - REMEMBERED
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(true)
}
