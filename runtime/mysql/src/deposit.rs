//! Deliveries join the outbox, are led from one profile to another, go with their profile.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::Serialize;
use sqlx::{Connection, MySqlConnection, query, query_scalar};
use tracardi_model::{Context, Delivery};
use tracardi_store::columns::{micros, number};
use tracardi_store::{Deposit, StoreError};

use crate::Mysql;
use crate::connection::work;
use crate::lines::{Changes, Destination, lock, locked};
use crate::lists::{list, lists};

/// So many deliveries of a profile go in one transaction.
const AT_ONCE: u32 = 1_000;
/// So many ids are followed from one profile to those that were merged with it.
const MOST_IDS: usize = 10_000;

/// A new delivery as an element of a list.
#[derive(Serialize)]
struct Row<'a>(i64, &'a str, &'a str, Option<&'a str>, Option<&'a str>, bool, i64, usize, &'a str);

impl<'a> Row<'a> {
    fn new(context: Context, delivery: &'a Delivery) -> Self {
        let Delivery { id, destination, event_id, profile_id, debug, body, at } = delivery;
        let (event, profile, body) = (event_id.as_deref(), profile_id.as_deref(), body.get());
        Self(number(context), id, destination, event, profile, *debug, micros(*at), body.len(), body)
    }
}

async fn deposit(
    connection: &mut MySqlConnection,
    tenant: &str,
    packet: usize,
    deliveries: &[(Context, Delivery)],
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let of = |(context, delivery): &(Context, Delivery)| Destination(number(*context), delivery.destination.clone());
    lock(&mut transaction, tenant, deliveries.iter().map(of)).await?;
    // Nobody else can add one of these now. What comes twice is kept once.
    let mut known = known(&mut transaction, tenant, deliveries).await?;
    let new = deliveries.iter().filter(|(context, delivery)| known.insert((number(*context), delivery.id.clone())));
    let new: Vec<_> = new.collect();
    let mut changes = Changes::default();
    for one in &new {
        changes.note(of(one), one.1.profile_id.as_deref(), 1);
    }
    for rows in lists(packet, new.iter().map(|(context, delivery)| Row::new(*context, delivery)))? {
        query!(
            "INSERT INTO delivery (tenant, context, id, destination, event_id, profile_id, debug, state, held, attempts, \
             due, created, bytes, body) \
             SELECT ?, j.context, j.id, j.destination, j.event_id, j.profile_id, j.debug, 0, j.profile_id IS NOT NULL, 0, \
             j.at, j.at, j.bytes, j.body FROM JSON_TABLE(?, '$[*]' COLUMNS (n FOR ORDINALITY, \
                 context TINYINT PATH '$[0]', \
                 id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[1]', \
                 destination VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[2]', \
                 event_id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[3]', \
                 profile_id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[4]', \
                 debug BOOLEAN PATH '$[5]', at BIGINT PATH '$[6]', bytes BIGINT PATH '$[7]', \
                 body LONGTEXT CHARACTER SET utf8mb4 PATH '$[8]')) AS j ORDER BY j.n",
            tenant,
            rows
        )
        .execute(&mut *transaction)
        .await?;
    }
    changes.write(&mut transaction, tenant).await?;
    transaction.commit().await
}

/// Which of these are there already, in whatever state: contexts and ids.
async fn known(
    connection: &mut MySqlConnection,
    tenant: &str,
    deliveries: &[(Context, Delivery)],
) -> Result<BTreeSet<(i64, String)>, sqlx::Error> {
    let known = query!(
        "SELECT CAST(d.context AS SIGNED) AS `context!: i64`, d.id AS `id: String` \
         FROM JSON_TABLE(?, '$[*]' COLUMNS (context TINYINT PATH '$[0]', \
             id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[1]')) AS j \
         STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.context = j.context AND d.id = j.id",
        list(deliveries.iter().map(|(context, delivery)| (number(*context), &delivery.id)))?,
        tenant
    );
    Ok(known.fetch_all(connection).await?.into_iter().map(|row| (row.context, row.id)).collect())
}

/// These profiles and all that were merged with them, by whatever merges.
pub(crate) async fn family(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    profiles: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    let mut all: BTreeSet<String> = profiles.iter().cloned().collect();
    let mut new: Vec<String> = all.iter().cloned().collect();
    while !new.is_empty() && all.len() < MOST_IDS {
        let ids = list(&new)?;
        let next = query!(
            "SELECT m.survivor AS `id: String` FROM JSON_TABLE(?, '$[*]' COLUMNS (\
                 id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$')) AS j \
             STRAIGHT_JOIN profile_merge AS m ON m.tenant = ? AND m.context = ? AND m.gone = j.id \
             UNION SELECT m.gone FROM JSON_TABLE(?, '$[*]' COLUMNS (\
                 id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$')) AS j \
             STRAIGHT_JOIN profile_merge AS m ON m.tenant = ? AND m.context = ? AND m.survivor = j.id",
            ids,
            tenant,
            context,
            ids,
            tenant,
            context
        );
        let next = next.fetch_all(&mut *connection).await?.into_iter().map(|row| row.id);
        new = next.filter(|id| all.insert(id.clone())).collect();
    }
    Ok(all.into_iter().collect())
}

async fn lead(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    gone: &[String],
    survivor: &str,
) -> Result<(), sqlx::Error> {
    query!(
        "INSERT INTO profile_merge (tenant, context, gone, survivor) \
         SELECT ?, ?, j.id, ? FROM JSON_TABLE(?, '$[*]' COLUMNS (\
             id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$')) AS j ORDER BY 3 \
         ON DUPLICATE KEY UPDATE survivor = profile_merge.survivor",
        tenant,
        context,
        survivor,
        list(gone)?
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Removes some deliveries of these profiles; how many there were.
async fn forget_some(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    profiles: &str,
) -> Result<usize, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let some = query_scalar!(
        "SELECT d.seq FROM JSON_TABLE(?, '$[*]' COLUMNS (id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$')) AS j \
         STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.context = ? AND d.profile_id = j.id LIMIT ?",
        profiles,
        tenant,
        context,
        AT_ONCE
    );
    let some = some.fetch_all(&mut *transaction).await?;
    let places = locked(&mut transaction, tenant, &list(&some)?, |_| true).await?;
    remove(&mut transaction, tenant, places.iter().map(|place| place.seq)).await?;
    Changes::of(places.iter().filter(|place| place.state == 0), -1).write(&mut transaction, tenant).await?;
    transaction.commit().await?;
    Ok(some.len())
}

/// Removes deliveries, whose destinations are locked.
pub(crate) async fn remove(
    connection: &mut MySqlConnection,
    tenant: &str,
    numbers: impl IntoIterator<Item = i64>,
) -> Result<(), sqlx::Error> {
    query!(
        "DELETE d FROM JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) AS j \
         STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.seq = j.seq",
        list(numbers)?,
        tenant
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Forgets by which merges these profiles belong together.
async fn part(connection: &mut MySqlConnection, tenant: &str, context: i64, profiles: &str) -> Result<(), sqlx::Error> {
    query!(
        "DELETE m FROM JSON_TABLE(?, '$[*]' COLUMNS (id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$')) AS j \
         STRAIGHT_JOIN profile_merge AS m ON m.tenant = ? AND m.context = ? AND m.gone = j.id",
        profiles,
        tenant,
        context
    )
    .execute(connection)
    .await
    .map(drop)
}

#[async_trait]
impl Deposit for Mysql {
    async fn deposit(&self, deliveries: Vec<(Context, Delivery)>) -> Result<(), StoreError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        work!(self, connection => deposit(connection, self.tenant(), self.0.packet, &deliveries).await)
    }

    async fn lead(&self, context: Context, gone: &[String], survivor: &str) -> Result<(), StoreError> {
        work!(self, connection => lead(connection, self.tenant(), number(context), gone, survivor).await)
    }

    async fn forget(&self, context: Context, profiles: &[String]) -> Result<(), StoreError> {
        let context = number(context);
        let family = work!(self, connection => family(connection, self.tenant(), context, profiles).await)?;
        let family = serde_json::json!(family).to_string();
        while work!(self, connection => forget_some(connection, self.tenant(), context, &family).await)? > 0 {}
        work!(self, connection => part(connection, self.tenant(), context, &family).await)
    }
}
