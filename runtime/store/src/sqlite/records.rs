//! Configuration records: one table for all kinds. What is secret in a record is taken out of its document and stands sealed
//! beside it.

use std::sync::Arc;

use serde_json::Value;
use sqlx::{Row, SqliteConnection};
use tracardi_model::Context;
use tracardi_model::configuration::Kind;

use super::config::context_of;
use super::failure::{failed, unreadable};
use super::{Sqlite, number};
use crate::{Keys, StoreError, StoredRecord};

/// Where a record's secret is sealed to: it opens nowhere else.
fn place(context: i64, kind: Kind, id: &str) -> String {
    format!("{kind}/{context}/{id}")
}

/// A record as it is kept: without its secret, and the secret sealed.
fn taken_apart(keys: &Keys, record: &StoredRecord) -> Result<(String, Option<Vec<u8>>), StoreError> {
    let StoredRecord { context, kind, id, document } = record;
    let Some(name) = kind.secret() else { return Ok((document.to_string(), None)) };
    let mut document = Value::clone(document);
    let secret = document.as_object_mut().and_then(|object| object.shift_remove(name));
    let seal = |secret: Value| keys.seal(&place(number(*context), *kind, id), secret.to_string().as_bytes());
    let sealed = secret.map(seal).transpose();
    let sealed = sealed.map_err(|error| StoreError::Unavailable(format!("{kind} {id}: {error}")))?;
    Ok((document.to_string(), sealed))
}

fn put_together(
    keys: &Keys,
    place: &str,
    kind: Kind,
    document: &str,
    sealed: Option<Vec<u8>>,
) -> Result<Value, String> {
    let mut document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    if let (Some(name), Some(sealed), Some(object)) = (kind.secret(), sealed, document.as_object_mut()) {
        let secret = keys.open(place, &sealed).map_err(|error| error.to_string())?;
        object.insert(name.to_owned(), serde_json::from_slice(&secret).map_err(|error| error.to_string())?);
    }
    Ok(document)
}

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
        let document = put_together(keys, &place(context, kind, &id), kind, &document, secret)
            .map_err(|error| unreadable(kind.as_str(), &id, error))?;
        records.push(StoredRecord { context: context_of(context), kind, id, document: Arc::new(document) });
    }
    Ok(records)
}

impl Sqlite {
    pub(super) async fn write_record(&self, record: &StoredRecord) -> Result<(), StoreError> {
        let (document, secret) = taken_apart(&self.0.keys, record)?;
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
