//! What is to happen later.

use std::sync::LazyLock;

use serde_json::value::RawValue;
use tracardi_model::{Context, Delayed};

use super::failure::{failed, unreadable};
use super::query::{fitting, unsigned};
use super::script::{Inserts, Script};
use super::{MAX_PAGE, Sqlite, micros, number};
use crate::{Document, Page, StoreError};

static DELAYED: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT INTO delayed (context, id, due, profile_id, document)",
        5,
        "ON CONFLICT (context, id) DO NOTHING",
    )
});

const COUNT: &str = "SELECT count(*) FROM delayed WHERE context = ?1";
/// ?1 context, ?2 number, ?3 how many to skip.
pub(super) const ROWS: &str = "\
SELECT rowid, octet_length(document) FROM delayed WHERE context = ?1 ORDER BY due, rowid LIMIT ?2 OFFSET ?3";
/// Those of a JSON list of rows.
const BY_ROW: &str = "\
SELECT document FROM delayed WHERE rowid IN (SELECT value FROM json_each(?)) ORDER BY due, rowid";

/// Adds what is not there yet.
pub(super) async fn insert_delayed(
    script: &mut Script<'_>,
    delayed: Vec<(Context, Document<Delayed>)>,
) -> Result<(), sqlx::Error> {
    DELAYED
        .run(script, delayed, |values, (context, Document { value: delayed, text })| {
            let Delayed { id, due, profile, .. } = &*delayed;
            values.bind(number(context)).bind(id.clone()).bind(micros(*due)).bind(profile.clone()).bind(text);
        })
        .await
}

impl Sqlite {
    pub(super) async fn delayed_page(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        let mut reader = self.reader().await?;
        let count = sqlx::query_scalar(COUNT).bind(number(context));
        let total: i64 = count.fetch_one(&mut *reader).await.map_err(failed)?;
        let rows = sqlx::query_as(ROWS)
            .bind(number(context))
            .bind(i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX))
            .bind(i64::try_from(start).unwrap_or(i64::MAX));
        let rows = fitting(rows.fetch_all(&mut *reader).await.map_err(failed)?);
        let documents = sqlx::query_scalar(BY_ROW).bind(serde_json::json!(rows).to_string());
        let documents: Vec<String> = documents.fetch_all(&mut *reader).await.map_err(failed)?;
        let raw = |document| RawValue::from_string(document).map_err(|error| unreadable("delayed", "event", error));
        Ok(Page { total: unsigned(total), result: documents.into_iter().map(raw).collect::<Result<_, _>>()? })
    }
}
