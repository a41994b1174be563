//! The outbox. The lines and the numbers of those that wait are kept by triggers (`schema/5.sql`), so no statement here can
//! forget them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, SqliteConnection};
use tracardi_model::{Context, Delivery};

use super::failure::failed;
use super::script::{Inserts, Script};
use super::{MAX_PAGE, Sqlite};
use crate::columns::{code, context_of, fitting, instant, micros, number, state_of, unreadable, unsigned};
use crate::outbox::DELIVERED_LIFE;
use crate::{Chosen, Deliveries, DeliveryPage, Due, Outbox, Queue, Settled, State, StoreError, StoredDelivery};

static DELIVERIES: LazyLock<Inserts> = LazyLock::new(|| {
    Inserts::new(
        "INSERT INTO delivery (context, id, destination, event_id, profile_id, debug, due, created, body)",
        9,
        "ON CONFLICT (context, id) DO NOTHING",
    )
});

pub(super) const WAITING: &str = "\
SELECT q.context, q.destination, q.waiting, (SELECT min(d.due) FROM delivery AS d \
WHERE d.state = 0 AND d.held = 0 AND d.context = q.context AND d.destination = q.destination) AS due \
FROM delivery_queue AS q ORDER BY 1, 2";
/// ?1 context, ?2 destination, ?3 instant, ?4 number.
pub(super) const DUE: &str = "\
SELECT seq, octet_length(body) FROM delivery \
WHERE state = 0 AND held = 0 AND context = ?1 AND destination = ?2 AND due <= ?3 ORDER BY due, seq LIMIT ?4";
/// Those of a JSON list of numbers.
const BY_NUMBER: &str = "SELECT * FROM delivery WHERE seq IN (SELECT value FROM json_each(?))";
/// ?1 number, ?2 state, ?3 due, ?4 error, ?5 instant.
const SETTLE: &str = "\
UPDATE delivery SET state = ?2, attempts = attempts + 1, due = coalesce(?3, due), error = ?4, settled = ?5, \
body = CASE ?2 WHEN 1 THEN NULL ELSE body END WHERE seq = ?1 AND state = 0";
/// ?1 instant, ?2 number.
pub(super) const FORGET: &str = "DELETE FROM delivery WHERE seq IN \
(SELECT seq FROM delivery WHERE state = 1 AND settled < ?1 ORDER BY settled LIMIT ?2)";

/// Adds to the outbox what is not there yet.
pub(super) async fn insert_deliveries(
    script: &mut Script<'_>,
    deliveries: Vec<(Context, Delivery)>,
) -> Result<(), sqlx::Error> {
    DELIVERIES
        .run(script, deliveries, |values, (context, delivery)| {
            values
                .bind(number(context))
                .bind(delivery.id)
                .bind(delivery.destination)
                .bind(delivery.event_id)
                .bind(delivery.profile_id)
                .bind(delivery.debug)
                .bind(micros(delivery.at))
                .bind(micros(delivery.at))
                .bind(Box::<str>::from(delivery.body).into_string());
        })
        .await
}

/// A row as a stored delivery.
fn stored(row: &SqliteRow) -> Result<StoredDelivery, StoreError> {
    let id: String = row.try_get("id").map_err(failed)?;
    let settled: Option<i64> = row.try_get("settled").map_err(failed)?;
    let body: Option<String> = row.try_get("body").map_err(failed)?;
    let body = body.map(RawValue::from_string).transpose().map_err(|error| unreadable("delivery", &id, error))?;
    Ok(StoredDelivery {
        destination: row.try_get("destination").map_err(failed)?,
        event: row.try_get("event_id").map_err(failed)?,
        profile: row.try_get("profile_id").map_err(failed)?,
        state: state_of(row.try_get("state").map_err(failed)?),
        attempts: row.try_get("attempts").map_err(failed)?,
        error: row.try_get("error").map_err(failed)?,
        at: instant(row.try_get("created").map_err(failed)?, &id)?,
        due: instant(row.try_get("due").map_err(failed)?, &id)?,
        settled_at: settled.map(|settled| instant(settled, &id)).transpose()?,
        body,
        id,
    })
}

/// A row as something to be sent; none when it has arrived meanwhile.
fn to_send(row: &SqliteRow) -> Result<Option<Due>, StoreError> {
    let StoredDelivery { id, destination, event, profile, attempts, at, body: Some(body), .. } = stored(row)? else {
        return Ok(None);
    };
    let debug = row.try_get("debug").map_err(failed)?;
    let delivery = Delivery { id, destination, event_id: event, profile_id: profile, debug, body, at };
    Ok(Some(Due { seq: row.try_get("seq").map_err(failed)?, delivery, attempts }))
}

/// Adds the conditions of a page.
fn restrict(query: &mut QueryBuilder<sqlx::Sqlite>, context: Context, wanted: &Deliveries) {
    query.push(" WHERE context = ").push_bind(number(context));
    let Deliveries { destination, event, profile, state, ids, .. } = wanted;
    for (column, value) in [("destination", destination), ("event_id", event)] {
        if let Some(value) = value {
            query.push(format!(" AND {column} = ")).push_bind(value.clone());
        }
    }
    if let Some(profile) = profile {
        // Those of before a merge are found by the survivor's ids, and the other way round.
        query.push(" AND profile_id IN (SELECT ").push_bind(profile.clone());
        query.push(" UNION SELECT b.alias FROM profile_identity AS a CROSS JOIN profile_identity AS b");
        query.push(" ON b.context = a.context AND b.profile_id = a.profile_id WHERE a.context = ");
        query.push_bind(number(context)).push(" AND a.alias = ").push_bind(profile.clone()).push(")");
    }
    if let Some(ids) = ids {
        let ids = serde_json::json!(ids).to_string();
        query.push(" AND id IN (SELECT value FROM json_each(").push_bind(ids).push("))");
    }
    if let Some(state) = state {
        query.push(format!(" AND state = {}", code(*state)));
        // What has not arrived has an index of its own.
        if *state != State::Delivered {
            query.push(" AND state <> 1");
        }
    }
}

/// The rows of a page with the lengths of their bodies, newest first; and the number of all.
pub(super) fn page_statements(
    context: Context,
    wanted: &Deliveries,
) -> (QueryBuilder<sqlx::Sqlite>, QueryBuilder<sqlx::Sqlite>) {
    let mut count = QueryBuilder::new("SELECT count(*) FROM delivery");
    restrict(&mut count, context, wanted);
    let mut page = QueryBuilder::new("SELECT seq, coalesce(octet_length(body), 0) FROM delivery");
    restrict(&mut page, context, wanted);
    page.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::try_from(wanted.limit.min(MAX_PAGE)).unwrap_or(i64::MAX));
    page.push(" OFFSET ").push_bind(i64::try_from(wanted.start).unwrap_or(i64::MAX));
    (page, count)
}

/// A statement about the dead that were chosen.
fn chosen(
    mut query: QueryBuilder<sqlx::Sqlite>,
    context: Context,
    chosen: &Chosen,
    limit: u32,
) -> QueryBuilder<sqlx::Sqlite> {
    query.push(" WHERE seq IN (SELECT seq FROM delivery WHERE state = 2 AND context = ").push_bind(number(context));
    match chosen {
        Chosen::Ids(ids) => {
            let ids = serde_json::json!(ids).to_string();
            query.push(" AND id IN (SELECT value FROM json_each(").push_bind(ids).push("))");
        }
        Chosen::Destination(destination) => {
            query.push(" AND destination = ").push_bind(destination.clone());
        }
    }
    query.push(" ORDER BY seq LIMIT ").push_bind(limit).push(")");
    query
}

async fn settle_all(
    writer: &mut SqliteConnection,
    now: Timestamp,
    outcomes: Vec<(i64, Settled)>,
) -> Result<(), sqlx::Error> {
    // For each that ends, at most two go whose time is over.
    let forget = i64::try_from(outcomes.len().saturating_mul(2)).unwrap_or(i64::MAX);
    for (seq, outcome) in outcomes {
        let (state, due, error) = match outcome {
            Settled::Delivered => (State::Delivered, None, None),
            Settled::Later { due, error } => (State::Waiting, Some(micros(due)), Some(error)),
            Settled::Dead { error } => (State::Dead, None, Some(error)),
        };
        let settled = (state != State::Waiting).then(|| micros(now));
        let statement = sqlx::query(SETTLE).bind(seq).bind(code(state)).bind(due).bind(error).bind(settled);
        statement.execute(&mut *writer).await?;
    }
    let life = i64::try_from(DELIVERED_LIFE.as_micros()).unwrap_or(i64::MAX);
    sqlx::query(FORGET).bind(micros(now).saturating_sub(life)).bind(forget).execute(writer).await.map(|_| ())
}

impl Sqlite {
    /// Carries out one statement about dead deliveries, durably; gives the destination of each.
    async fn change_dead(&self, mut statement: QueryBuilder<sqlx::Sqlite>) -> Result<Vec<String>, StoreError> {
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let statement = statement.push(" RETURNING destination").build_query_scalar();
        let done = statement.persistent(false).fetch_all(&mut writer.connection).await;
        self.end(&mut writer, done).await
    }
}

#[async_trait]
impl Outbox for Sqlite {
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError> {
        let mut reader = self.reader().await?;
        let rows = sqlx::query_as(WAITING).fetch_all(&mut *reader).await.map_err(failed)?;
        let queue = |(context, destination, waiting, due): (i64, String, i64, i64)| {
            let due = instant(due, &destination)?;
            Ok(Queue { context: context_of(context), destination, waiting: unsigned(waiting), due })
        };
        rows.into_iter().map(queue).collect()
    }

    async fn due(
        &self,
        context: Context,
        destination: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let mut reader = self.reader().await?;
        let rows: Vec<(i64, i64)> = sqlx::query_as(DUE)
            .bind(number(context))
            .bind(destination)
            .bind(micros(now))
            .bind(limit)
            .fetch_all(&mut *reader)
            .await
            .map_err(failed)?;
        let rows = serde_json::json!(fitting(rows)).to_string();
        // The text is made of constants only.
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{BY_NUMBER} AND state = 0 ORDER BY due, seq")))
            .bind(rows)
            .fetch_all(&mut *reader)
            .await
            .map_err(failed)?;
        rows.iter().filter_map(|row| to_send(row).transpose()).collect()
    }

    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let result = settle_all(&mut writer.connection, now, outcomes).await;
        self.end(&mut writer, result).await.map_err(|error| self.0.room.explain(error))
    }

    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        let (mut page, mut count) = page_statements(context, wanted);
        let mut reader = self.reader().await?;
        let total: i64 = count.build_query_scalar().persistent(false).fetch_one(&mut *reader).await.map_err(failed)?;
        let rows: Vec<(i64, i64)> =
            page.build_query_as().persistent(false).fetch_all(&mut *reader).await.map_err(failed)?;
        let rows = serde_json::json!(fitting(rows)).to_string();
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{BY_NUMBER} ORDER BY seq DESC")))
            .bind(rows)
            .fetch_all(&mut *reader)
            .await
            .map_err(failed)?;
        Ok(DeliveryPage { total: unsigned(total), result: rows.iter().map(stored).collect::<Result<_, _>>()? })
    }

    async fn replay(
        &self,
        context: Context,
        which: &Chosen,
        now: Timestamp,
        limit: u32,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut query =
            QueryBuilder::new("UPDATE delivery SET state = 0, attempts = 0, error = NULL, settled = NULL, due = ");
        query.push_bind(micros(now));
        let mut by_destination = BTreeMap::new();
        for destination in self.change_dead(chosen(query, context, which, limit)).await? {
            *by_destination.entry(destination).or_default() += 1;
        }
        Ok(by_destination)
    }

    async fn discard(&self, context: Context, which: &Chosen, limit: u32) -> Result<u64, StoreError> {
        let query = QueryBuilder::new("DELETE FROM delivery");
        Ok(self.change_dead(chosen(query, context, which, limit)).await?.len() as u64)
    }
}
