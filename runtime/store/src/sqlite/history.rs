//! What became of events and profiles. See [`crate::history`].

use std::sync::LazyLock;

use async_trait::async_trait;
use jiff::Timestamp;
use tracardi_model::trail::Changed;
use tracardi_model::{Context, Trail};

use super::failure::failed;
use super::script::{Inserts, Script, Values};
use super::{MAX_PAGE, Sqlite};
use crate::columns::{micros, number, unreadable, unsigned};
use crate::history::TRAIL_LIFE;
use crate::{ChangePage, Changes, Document, History, MergePage, Merged, StoreError};

/// An event that is worked on again has a new trail.
static TRAILS: LazyLock<Inserts> =
    LazyLock::new(|| Inserts::new("INSERT OR REPLACE INTO trail (context, event_id, profile_id, at, document)", 5, ""));
/// Number, instant.
pub(super) const FORGET: &str = "\
DELETE FROM trail WHERE number IN (SELECT number FROM trail WHERE number > 0 ORDER BY number LIMIT ?) AND at < ?";

/// ?1 context, ?2 event.
pub(super) const TRAIL: &str = "SELECT document FROM trail WHERE context = ?1 AND event_id = ?2";
/// What names a profile by any id that leads to it, such as that of one which was merged into it. ?1 context, ?2 its own id.
macro_rules! of_profile {
    ($select:literal, $rest:literal) => {
        concat!(
            $select,
            " context = ?1 AND profile_id IN (SELECT alias FROM profile_identity WHERE context = ?1 AND profile_id = ?2)",
            $rest
        )
    };
}

/// ?3 field or null.
const COUNT_CHANGES: &str = of_profile!(
    "SELECT count(*) FROM trail CROSS JOIN json_each(trail.document, '$.notes') AS n WHERE",
    " AND n.value ->> 'did' = 'changed' AND (?3 IS NULL OR n.value ->> 'field' = ?3)"
);
/// ?3 field or null, ?4 number, ?5 how many to skip.
pub(super) const CHANGES: &str = of_profile!(
    "SELECT event_id, at, document ->> 'source', document ->> 'session', n.key, n.value \
     FROM trail CROSS JOIN json_each(trail.document, '$.notes') AS n WHERE",
    " AND n.value ->> 'did' = 'changed' AND (?3 IS NULL OR n.value ->> 'field' = ?3) \
     ORDER BY number DESC, n.key DESC LIMIT ?4 OFFSET ?5"
);
const COUNT_MERGES: &str = of_profile!("SELECT count(*) FROM merge_log WHERE", "");
/// ?3 number, ?4 how many to skip.
pub(super) const MERGES: &str = of_profile!(
    "SELECT merged_id, profile_id, merged, keys, events, done FROM merge_log WHERE",
    " ORDER BY number DESC LIMIT ?3 OFFSET ?4"
);
pub(super) const DELETE_TRAILS: &str = of_profile!("DELETE FROM trail WHERE", "");
pub(super) const DELETE_MERGES: &str = of_profile!("DELETE FROM merge_log WHERE", "");
/// ?1 context, ?2 event.
pub(super) const DELETE_OF_EVENT: &str = "DELETE FROM trail WHERE context = ?1 AND event_id = ?2";

/// A trail as a row; made before the writer is locked.
pub(super) struct TrailRow {
    context: i64,
    event_id: String,
    profile_id: Option<String>,
    at: i64,
    document: String,
}

impl From<(Context, Document<Trail>)> for TrailRow {
    fn from((context, Document { value: trail, text, .. }): (Context, Document<Trail>)) -> Self {
        let (event_id, profile_id) = (trail.event.clone(), trail.profile.clone());
        Self { context: number(context), event_id, profile_id, at: micros(trail.at), document: text }
    }
}

/// Writes trails; for each at most two go whose time is over.
pub(super) async fn insert_trails(script: &mut Script<'_>, trails: Vec<TrailRow>) -> Result<(), sqlx::Error> {
    let Some(newest) = trails.iter().map(|row| row.at).max() else { return Ok(()) };
    let life = i64::try_from(TRAIL_LIFE.as_micros()).unwrap_or(i64::MAX);
    let room = i64::try_from(trails.len().saturating_mul(2)).unwrap_or(i64::MAX);
    let bind = |values: &mut Values| {
        values.bind(room).bind(newest.saturating_sub(life));
    };
    script.run(FORGET, bind).await?;
    TRAILS
        .run(script, trails, |values, row| {
            values.bind(row.context).bind(row.event_id).bind(row.profile_id).bind(row.at).bind(row.document);
        })
        .await
}

/// event, when, source, session, place, note
type ChangedRow = (String, i64, String, Option<String>, i64, String);

fn changed(profile: &str, row: ChangedRow) -> Result<Changed, StoreError> {
    let (event, at, source, session, place, note) = row;
    let profile = Some(profile.to_owned());
    let unreadable = |reason: String| unreadable("trail", &event, reason);
    let at = Timestamp::from_microsecond(at).map_err(|error| unreadable(error.to_string()))?;
    let note = serde_json::from_str(&note).map_err(|error| unreadable(error.to_string()))?;
    Ok(Changed { at, note, number: unsigned(place), event, profile, source, session })
}

/// who, into whom, when, by which ids, events, whether that is all
type MergedRow = (String, String, i64, String, i64, bool);

fn merged(row: MergedRow) -> Result<Merged, StoreError> {
    let (merged, into, at, keys, events, done) = row;
    let unreadable = |reason: String| unreadable("merge_log", &merged, reason);
    let at = Timestamp::from_microsecond(at).map_err(|error| unreadable(error.to_string()))?;
    let keys = serde_json::from_str(&keys).map_err(|error| unreadable(error.to_string()))?;
    Ok(Merged { at, keys, events: unsigned(events), done, merged, into })
}

fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl History for Sqlite {
    async fn trail(&self, context: Context, event: &str) -> Result<Option<Trail>, StoreError> {
        let mut reader = self.reader().await?;
        let query = sqlx::query_scalar(TRAIL).bind(number(context)).bind(event);
        let document: Option<String> = query.fetch_optional(&mut *reader).await.map_err(failed)?;
        let read = |text: String| serde_json::from_str(&text).map_err(|error| unreadable("trail", event, error));
        document.map(read).transpose()
    }

    async fn changes(&self, context: Context, wanted: &Changes) -> Result<ChangePage, StoreError> {
        let Changes { profile, field, start, limit } = wanted;
        let mut reader = self.reader().await?;
        let total = sqlx::query_scalar(COUNT_CHANGES).bind(number(context)).bind(profile).bind(field);
        let total: i64 = total.fetch_one(&mut *reader).await.map_err(failed)?;
        let rows = sqlx::query_as(CHANGES).bind(number(context)).bind(profile).bind(field);
        let rows = rows.bind(bound((*limit).min(MAX_PAGE))).bind(bound(*start));
        let rows: Vec<ChangedRow> = rows.fetch_all(&mut *reader).await.map_err(failed)?;
        let result = rows.into_iter().map(|row| changed(profile, row)).collect::<Result<_, _>>()?;
        Ok(ChangePage { total: unsigned(total), result })
    }

    async fn merges(&self, context: Context, profile: &str, start: u64, limit: u64) -> Result<MergePage, StoreError> {
        let mut reader = self.reader().await?;
        let total = sqlx::query_scalar(COUNT_MERGES).bind(number(context)).bind(profile);
        let total: i64 = total.fetch_one(&mut *reader).await.map_err(failed)?;
        let rows = sqlx::query_as(MERGES).bind(number(context)).bind(profile);
        let rows = rows.bind(bound(limit.min(MAX_PAGE))).bind(bound(start));
        let rows: Vec<MergedRow> = rows.fetch_all(&mut *reader).await.map_err(failed)?;
        Ok(MergePage { total: unsigned(total), result: rows.into_iter().map(merged).collect::<Result<_, _>>()? })
    }
}
