//! What is due at a destination, and what became of it.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;
use sqlx::{Connection, MySqlConnection, query, query_as, query_scalar};
use tracardi_model::{Context, Delivery};
use tracardi_store::columns::{code, context_of, fitting, instant, micros, number, state_of, unreadable, unsigned};
use tracardi_store::outbox::DELIVERED_LIFE;
use tracardi_store::{
    Chosen, Deliveries, DeliveryPage, Due, Outbox, Queue, Settled, State, StoreError, StoredDelivery,
};

use crate::Mysql;
use crate::connection::work;
use crate::deposit::remove;
use crate::lines::{Changes, Place, locked};
use crate::lists::{list, lists};

const WAITING: i64 = code(State::Waiting);
const DEAD: i64 = code(State::Dead);

/// A delivery as it stands in the table.
pub(crate) struct Row {
    seq: i64,
    id: String,
    destination: String,
    event_id: Option<String>,
    profile_id: Option<String>,
    debug: bool,
    state: i64,
    attempts: u32,
    due: i64,
    created: i64,
    settled: Option<i64>,
    error: Option<String>,
    body: Option<String>,
}

impl Row {
    pub(crate) fn stored(self) -> Result<StoredDelivery, StoreError> {
        let id = self.id;
        let body = self.body.map(RawValue::from_string).transpose();
        Ok(StoredDelivery {
            destination: self.destination,
            event: self.event_id,
            profile: self.profile_id,
            state: state_of(self.state),
            attempts: self.attempts,
            error: self.error,
            at: instant(self.created, &id)?,
            due: instant(self.due, &id)?,
            settled_at: self.settled.map(|settled| instant(settled, &id)).transpose()?,
            body: body.map_err(|error| unreadable("delivery", &id, error))?,
            id,
        })
    }

    /// None when it does not wait any more.
    fn into_due(self) -> Result<Option<Due>, StoreError> {
        let (seq, debug) = (self.seq, self.debug);
        let StoredDelivery {
            id,
            destination,
            event,
            profile,
            state: State::Waiting,
            attempts,
            at,
            body: Some(body),
            ..
        } = self.stored()?
        else {
            return Ok(None);
        };
        let delivery = Delivery { id, destination, event_id: event, profile_id: profile, debug, body, at };
        Ok(Some(Due { seq, delivery, attempts }))
    }
}

/// The deliveries with these numbers, in the order of the list.
pub(crate) async fn rows(
    connection: &mut MySqlConnection,
    tenant: &str,
    numbers: &[i64],
) -> Result<Vec<Row>, sqlx::Error> {
    query_as!(
        Row,
        "SELECT d.seq, d.id AS `id: String`, d.destination AS `destination: String`, d.event_id AS `event_id: String`, \
         d.profile_id AS `profile_id: String`, d.debug AS `debug: bool`, CAST(d.state AS SIGNED) AS `state!: i64`, \
         d.attempts AS `attempts: u32`, d.due, d.created, d.settled, d.error, d.body \
         FROM JSON_TABLE(?, '$[*]' COLUMNS (n FOR ORDINALITY, seq BIGINT PATH '$')) AS j \
         STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.seq = j.seq ORDER BY j.n",
        list(numbers)?,
        tenant
    )
    .fetch_all(connection)
    .await
}

async fn due(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    destination: &str,
    now: i64,
    limit: u32,
) -> Result<Vec<Row>, sqlx::Error> {
    let due = query!(
        "SELECT seq, bytes FROM delivery WHERE tenant = ? AND context = ? AND destination = ? AND state = 0 AND held = 0 \
         AND due <= ? ORDER BY due, seq LIMIT ?",
        tenant,
        context,
        destination,
        now,
        limit
    );
    let due = due.fetch_all(&mut *connection).await?;
    rows(connection, tenant, &fitting(due.into_iter().map(|row| (row.seq, row.bytes)).collect())).await
}

/// An outcome as an element of a list: number, state, when again, why not.
type Outcome<'a> = (i64, i64, Option<i64>, Option<&'a str>);

fn outcome((seq, outcome): &(i64, Settled)) -> Outcome<'_> {
    match outcome {
        Settled::Delivered => (*seq, code(State::Delivered), None, None),
        Settled::Later { due, error } => (*seq, WAITING, Some(micros(*due)), Some(error)),
        Settled::Dead { error } => (*seq, DEAD, None, Some(error)),
    }
}

async fn settle(
    connection: &mut MySqlConnection,
    tenant: &str,
    packet: usize,
    now: i64,
    outcomes: &[(i64, Settled)],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let numbers = list(outcomes.iter().map(|(seq, _)| seq))?;
    let places = locked(&mut transaction, tenant, &numbers, |state| state == WAITING).await?;
    // Of two outcomes of the same delivery the first counts: after it there is nothing to be settled.
    let mut open: HashMap<i64, Place> = places.into_iter().map(|place| (place.seq, place)).collect();
    let mut changes = Changes::default();
    let mut written = Vec::with_capacity(open.len());
    for outcome in outcomes.iter().map(outcome) {
        let Some(place) = open.remove(&outcome.0) else { continue };
        if outcome.1 != WAITING {
            changes.ended(&place);
        }
        written.push(outcome);
    }
    for rows in lists(packet, written)? {
        query!(
            "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$[0]', state TINYINT PATH '$[1]', due BIGINT PATH '$[2]', \
                 error LONGTEXT CHARACTER SET utf8mb4 PATH '$[3]')) AS j \
             STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.seq = j.seq \
             SET d.state = j.state, d.attempts = d.attempts + 1, d.due = COALESCE(j.due, d.due), d.error = j.error, \
             d.settled = IF(j.state = 0, NULL, ?), d.bytes = IF(j.state = 1, 0, d.bytes), \
             d.body = IF(j.state = 1, NULL, d.body)",
            rows,
            tenant,
            now
        )
        .execute(&mut *transaction)
        .await?;
    }
    changes.write(&mut transaction, tenant).await?;
    transaction.commit().await
}

/// Forgets what was delivered long ago: for each outcome at most two, the oldest first.
async fn forget(connection: &mut MySqlConnection, tenant: &str, now: i64, outcomes: usize) -> Result<(), sqlx::Error> {
    let life = i64::try_from(DELIVERED_LIFE.as_micros()).unwrap_or(i64::MAX);
    query!(
        "DELETE FROM delivery WHERE tenant = ? AND state = 1 AND settled < ? ORDER BY settled LIMIT ?",
        tenant,
        now.saturating_sub(life),
        i64::try_from(outcomes.saturating_mul(2)).unwrap_or(i64::MAX)
    )
    .execute(connection)
    .await
    .map(drop)
}

/// The dead that were chosen, the oldest first, with their destinations locked.
async fn dead(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    chosen: &Chosen,
    limit: u32,
) -> Result<Vec<Place>, sqlx::Error> {
    let numbers = match chosen {
        Chosen::Ids(ids) => query_scalar!(
            "SELECT d.seq FROM JSON_TABLE(?, '$[*]' COLUMNS (id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$')) AS j \
                 STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.context = ? AND d.id = j.id \
                 WHERE d.state = 2 ORDER BY d.seq LIMIT ?",
            list(ids)?,
            tenant,
            context,
            limit
        )
        .fetch_all(&mut *connection)
        .await?,
        Chosen::Destination(destination) => {
            query_scalar!(
                "SELECT seq FROM delivery WHERE tenant = ? AND context = ? AND destination = ? AND state = 2 \
                 ORDER BY seq LIMIT ?",
                tenant,
                context,
                destination,
                limit
            )
            .fetch_all(&mut *connection)
            .await?
        }
    };
    locked(connection, tenant, &list(&numbers)?, |state| state == DEAD).await
}

async fn replay(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    chosen: &Chosen,
    now: i64,
    limit: u32,
) -> Result<BTreeMap<String, u64>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let places = dead(&mut transaction, tenant, context, chosen, limit).await?;
    query!(
        "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) AS j \
         STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.seq = j.seq \
         SET d.state = 0, d.held = d.profile_id IS NOT NULL, d.attempts = 0, d.error = NULL, d.settled = NULL, d.due = ?",
        list(places.iter().map(|place| place.seq))?,
        tenant,
        now
    )
    .execute(&mut *transaction)
    .await?;
    Changes::of(&places, 1).write(&mut transaction, tenant).await?;
    transaction.commit().await?;
    let mut by_destination = BTreeMap::new();
    for place in places {
        *by_destination.entry(place.destination).or_default() += 1;
    }
    Ok(by_destination)
}

async fn discard(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    chosen: &Chosen,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let places = dead(&mut transaction, tenant, context, chosen, limit).await?;
    remove(&mut transaction, tenant, places.iter().map(|place| place.seq)).await?;
    transaction.commit().await?;
    Ok(places.len() as u64)
}

#[async_trait]
impl Outbox for Mysql {
    async fn waiting(&self) -> Result<Vec<Queue>, StoreError> {
        let queues = work!(self, connection => {
            query!(
                "SELECT CAST(q.context AS SIGNED) AS `context!: i64`, q.destination AS `destination: String`, q.waiting, \
                 (SELECT MIN(d.due) FROM delivery AS d WHERE d.tenant = q.tenant AND d.context = q.context \
                 AND d.destination = q.destination AND d.state = 0 AND d.held = 0) AS due \
                 FROM delivery_queue AS q WHERE q.tenant = ? AND q.waiting > 0 ORDER BY q.context, q.destination",
                self.tenant()
            )
            .fetch_all(connection)
            .await
        })?;
        let queues = queues.into_iter().filter_map(|row| {
            let due = instant(row.due?, &row.destination);
            let (context, waiting) = (context_of(row.context), unsigned(row.waiting));
            Some(due.map(|due| Queue { context, destination: row.destination, waiting, due }))
        });
        queues.collect()
    }

    async fn due(
        &self,
        context: Context,
        destination: &str,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let (context, now) = (number(context), micros(now));
        let rows = work!(self, connection => due(connection, self.tenant(), context, destination, now, limit).await)?;
        rows.into_iter().filter_map(|row| row.into_due().transpose()).collect()
    }

    async fn settle(&self, now: Timestamp, outcomes: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        if outcomes.is_empty() {
            return Ok(());
        }
        let now = micros(now);
        work!(self, connection => {
            settle(&mut *connection, self.tenant(), self.0.packet, now, &outcomes).await?;
            forget(connection, self.tenant(), now, outcomes.len()).await
        })
    }

    async fn deliveries(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        self.page(context, wanted).await
    }

    async fn replay(
        &self,
        context: Context,
        chosen: &Chosen,
        now: Timestamp,
        limit: u32,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let (context, now) = (number(context), micros(now));
        work!(self, connection => replay(connection, self.tenant(), context, chosen, now, limit).await)
    }

    async fn discard(&self, context: Context, chosen: &Chosen, limit: u32) -> Result<u64, StoreError> {
        work!(self, connection => discard(connection, self.tenant(), number(context), chosen, limit).await)
    }
}
