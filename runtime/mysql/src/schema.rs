//! The tables, and how an older database gets them.

use std::time::Duration;

use sqlx::{MySqlConnection, query, query_scalar, raw_sql};

use crate::failure::is_absent;

/// Step by step from an empty database to the present schema. The server ends the transaction at each statement that changes a
/// table, so a step is one such statement, and each can be repeated: who was killed between a step and its number begins with that
/// step. A step to come that adds a column or an index asks `information_schema` first. Steps are never changed, only added.
const STEPS: [&str; 8] = [
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
];

/// How long one waits for another process that does the same.
const TURN: Duration = Duration::from_mins(1);

/// Where a database stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// As this program needs it; it had this version before.
    Ready(i64),
    /// Made by a newer program.
    Newer(i64),
    /// Another process is still at it.
    Busy,
    /// It holds this table and none of ours.
    Foreign(String),
}

/// The schema version of this program.
#[expect(clippy::cast_possible_wrap, reason = "there is a handful of steps")]
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Brings the database up to date. Who starts at the same time waits for the one who came first.
pub(crate) async fn migrate(connection: &mut MySqlConnection) -> Result<Schema, sqlx::Error> {
    let found = version(connection).await?.unwrap_or(0);
    if found >= VERSION {
        return Ok(if found > VERSION { Schema::Newer(found) } else { Schema::Ready(found) });
    }
    // The name counts for the whole server, the database's own part of it for one database. The lock ends with the connection.
    let turn = query_scalar!("SELECT GET_LOCK(CONCAT('tracardi.', SHA1(DATABASE())), ?)", TURN.as_secs());
    if turn.fetch_one(&mut *connection).await? != Some(1) {
        return Ok(Schema::Busy);
    }
    let known = version(connection).await?;
    // The first step makes the table of versions, so whoever was killed before its end has left nothing.
    if known.is_none()
        && let Some(table) = any_table(connection).await?
    {
        return Ok(Schema::Foreign(table));
    }
    let found = known.unwrap_or(0);
    for (number, step) in (1_i64..).zip(STEPS).filter(|(number, _)| *number > found) {
        raw_sql(step).execute(&mut *connection).await?;
        query!(
            "INSERT INTO schema_version (only_row, version) VALUES (1, ?) ON DUPLICATE KEY UPDATE version = VALUES(version)",
            number
        )
        .execute(&mut *connection)
        .await?;
    }
    query_scalar!("SELECT RELEASE_LOCK(CONCAT('tracardi.', SHA1(DATABASE())))").fetch_one(connection).await?;
    Ok(if found > VERSION { Schema::Newer(found) } else { Schema::Ready(found) })
}

/// The version that a database has; 0 when the first step is not complete, None when it was not begun.
pub(crate) async fn version(connection: &mut MySqlConnection) -> Result<Option<i64>, sqlx::Error> {
    let found = query_scalar!("SELECT CAST(version AS SIGNED) AS `version!: i64` FROM schema_version");
    match found.fetch_optional(connection).await {
        Err(error) if is_absent(&error) => Ok(None),
        found => Ok(Some(found?.unwrap_or(0))),
    }
}

/// A table of a database, if it has one.
async fn any_table(connection: &mut MySqlConnection) -> Result<Option<String>, sqlx::Error> {
    let table = query_scalar!(
        "SELECT CAST(table_name AS CHAR) AS `name!: String` FROM information_schema.tables WHERE table_schema = DATABASE() LIMIT 1"
    );
    table.fetch_optional(connection).await
}
