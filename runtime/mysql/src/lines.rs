//! The order of deliveries. What waits for one destination and profile stands in a line, of which exactly one is not held back.
//!
//! Whoever changes which deliveries wait does it in one way, inside of one transaction:
//!
//! 1. [`lock`] the destinations concerned, in their order: from here on nobody else changes anything there,
//! 2. look at the rows, which stay as they are now, and change them: what begins to wait in a line is held back,
//! 3. [`Changes::write`]: the numbers of those that wait, and of each line that has nobody in front any more the first steps forward.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::{MySqlConnection, query};

use crate::lists::list;

/// A destination of a context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Destination(pub(crate) i64, pub(crate) String);

/// A delivery, where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) seq: i64,
    pub(crate) context: i64,
    pub(crate) destination: String,
    pub(crate) profile: Option<String>,
    pub(crate) state: i64,
}

impl Place {
    fn destination(&self) -> Destination {
        Destination(self.context, self.destination.clone())
    }
}

/// What became different.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By how much the number of those that wait has changed.
    waiting: BTreeMap<Destination, i64>,
    /// The lines concerned.
    lines: BTreeSet<(i64, String, String)>,
}

impl Changes {
    /// A delivery waits that did not (1), or does not wait any more (-1).
    pub(crate) fn note(&mut self, destination: Destination, profile: Option<&str>, by: i64) {
        if let Some(profile) = profile {
            self.lines.insert((destination.0, destination.1.clone(), profile.to_owned()));
        }
        *self.waiting.entry(destination).or_default() += by;
    }

    /// A delivery does not wait any more.
    pub(crate) fn ended(&mut self, place: &Place) {
        self.note(place.destination(), place.profile.as_deref(), -1);
    }

    /// The same of deliveries that are there.
    pub(crate) fn of<'a>(places: impl IntoIterator<Item = &'a Place>, by: i64) -> Self {
        let mut changes = Self::default();
        for place in places {
            changes.note(place.destination(), place.profile.as_deref(), by);
        }
        changes
    }

    /// The third step.
    pub(crate) async fn write(self, connection: &mut MySqlConnection, tenant: &str) -> Result<(), sqlx::Error> {
        if !self.waiting.is_empty() {
            count(connection, tenant, &self.waiting).await?;
        }
        if self.lines.is_empty() {
            return Ok(());
        }
        query!(
            "UPDATE (SELECT w.tenant, MIN(w.seq) AS seq FROM JSON_TABLE(?, '$[*]' COLUMNS (\
                 context TINYINT PATH '$[0]', \
                 destination VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[1]', \
                 profile_id VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[2]')) AS j \
                 STRAIGHT_JOIN delivery AS w ON w.tenant = ? AND w.context = j.context \
                 AND w.profile_id = j.profile_id AND w.destination = j.destination AND w.state = 0 \
                 GROUP BY w.tenant, w.context, w.destination, w.profile_id HAVING MIN(w.held) = 1) AS f \
             STRAIGHT_JOIN delivery AS d ON d.tenant = f.tenant AND d.seq = f.seq SET d.held = 0",
            list(&self.lines)?,
            tenant
        )
        .execute(connection)
        .await
        .map(drop)
    }
}

/// The first step.
pub(crate) async fn lock(
    connection: &mut MySqlConnection,
    tenant: &str,
    destinations: impl IntoIterator<Item = Destination>,
) -> Result<(), sqlx::Error> {
    count(connection, tenant, &destinations.into_iter().map(|destination| (destination, 0)).collect()).await
}

/// The first step for deliveries that are there: of those with these numbers the ones that are still in the wanted states, whose
/// destinations are locked now. None are there: nothing is locked.
pub(crate) async fn locked(
    connection: &mut MySqlConnection,
    tenant: &str,
    numbers: &str,
    wanted: fn(i64) -> bool,
) -> Result<Vec<Place>, sqlx::Error> {
    let before = places(connection, tenant, numbers).await?;
    let concerned = before.iter().filter(|place| wanted(place.state)).map(Place::destination);
    let concerned: BTreeSet<Destination> = concerned.collect();
    if concerned.is_empty() {
        return Ok(Vec::new());
    }
    lock(connection, tenant, concerned.iter().cloned()).await?;
    let mut now = places(connection, tenant, numbers).await?;
    now.retain(|place| wanted(place.state) && concerned.contains(&place.destination()));
    Ok(now)
}

/// Adds to the numbers of those that wait; who has added, even nothing, has the lock.
async fn count(
    connection: &mut MySqlConnection,
    tenant: &str,
    by: &BTreeMap<Destination, i64>,
) -> Result<(), sqlx::Error> {
    query!(
        "INSERT INTO delivery_queue (tenant, context, destination, waiting) \
         SELECT ?, j.context, j.destination, j.number FROM JSON_TABLE(?, '$[*]' COLUMNS (\
             context TINYINT PATH '$[0][0]', \
             destination VARCHAR(1024) CHARACTER SET utf8mb4 PATH '$[0][1]', \
             number BIGINT PATH '$[1]')) AS j ORDER BY 2, 3 \
         ON DUPLICATE KEY UPDATE waiting = delivery_queue.waiting + VALUES(waiting)",
        tenant,
        list(by)?
    )
    .execute(connection)
    .await
    .map(drop)
}

/// Where the deliveries with these numbers stand.
async fn places(connection: &mut MySqlConnection, tenant: &str, numbers: &str) -> Result<Vec<Place>, sqlx::Error> {
    sqlx::query_as!(
        Place,
        "SELECT d.seq, CAST(d.context AS SIGNED) AS `context!: i64`, d.destination AS `destination: String`, \
         d.profile_id AS `profile: String`, CAST(d.state AS SIGNED) AS `state!: i64` \
         FROM JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) AS j \
         STRAIGHT_JOIN delivery AS d ON d.tenant = ? AND d.seq = j.seq",
        numbers,
        tenant
    )
    .fetch_all(connection)
    .await
}
