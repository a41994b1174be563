//! The tables, and how an older file gets them.

use sqlx::{Connection, Executor, SqliteConnection};

use super::failure::failed;
use crate::StoreError;

/// Step by step from an empty file to the present schema. A step is one transaction together with its number
/// (`PRAGMA user_version`), so a start that was killed in between is simply repeated. Steps are never changed, only added.
const STEPS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
    include_str!("schema/10.sql"),
];

/// The schema version of this program.
#[must_use]
pub(super) fn version() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Brings the file up to date; gives the version it had. A file from a newer program is refused.
pub(super) async fn migrate(writer: &mut SqliteConnection) -> Result<i64, StoreError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *writer).await.map_err(failed)?;
    if found > version() {
        return Err(StoreError::NewerSchema { found, known: version() });
    }
    for (number, step) in (1_i64..).zip(STEPS).filter(|(number, _)| *number > found) {
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        transaction.execute(sqlx::raw_sql(*step)).await.map_err(failed)?;
        // A pragma takes no parameters; the number comes from our own list.
        let mark = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {number}"));
        transaction.execute(sqlx::raw_sql(mark)).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
    }
    Ok(found)
}
