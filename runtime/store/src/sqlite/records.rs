//! Configuration records: one table for all kinds. What is secret in a record is taken out of its document and stands sealed
//! beside it.

use sqlx::{Row, SqliteConnection};
use tracardi_model::Context;
use tracardi_model::configuration::Kind;

use super::Sqlite;
use super::failure::failed;
use crate::columns::{context_of, number};
use crate::{Kept, Keys, StoreError, StoredRecord};

/// All records of both contexts. Those of kinds that this program does not know (a newer one made them) stay where they
/// are and are left out.
pub(super) async fn read_records(
    connection: &mut SqliteConnection,
    keys: &Keys,
) -> Result<Vec<StoredRecord>, StoreError> {
    let rows = sqlx::query("SELECT context, kind, id, document, secret FROM configuration")
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        let context: i64 = row.try_get("context").map_err(failed)?;
        let kind: String = row.try_get("kind").map_err(failed)?;
        let id: String = row.try_get("id").map_err(failed)?;
        let document: String = row.try_get("document").map_err(failed)?;
        let secret: Option<Vec<u8>> = row.try_get("secret").map_err(failed)?;
        let Ok(kind) = kind.parse::<Kind>() else { continue };
        records.push(Kept { document, secret }.into_record(keys, context_of(context), kind, id)?);
    }
    Ok(records)
}

impl Sqlite {
    pub(super) async fn write_record(&self, record: &StoredRecord) -> Result<(), StoreError> {
        let Kept { document, secret } = Kept::record(&self.0.keys, record)?;
        let statement = sqlx::query(
            "INSERT INTO configuration (context, kind, id, document, secret) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT (context, kind, id) DO UPDATE SET document = excluded.document, secret = excluded.secret",
        );
        let statement = statement
            .bind(number(record.context))
            .bind(record.kind.as_str())
            .bind(record.id.clone())
            .bind(document)
            .bind(secret);
        let record = record.clone();
        self.publish(statement, |snapshot| snapshot.put_record(record)).await.map(|_| ())
    }

    pub(super) async fn remove_record(&self, context: Context, kind: Kind, id: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM configuration WHERE context = ? AND kind = ? AND id = ?");
        let statement = statement.bind(number(context)).bind(kind.as_str()).bind(id.to_owned());
        Ok(self.publish(statement, |snapshot| snapshot.remove_record(context, kind, id)).await? > 0)
    }
}
