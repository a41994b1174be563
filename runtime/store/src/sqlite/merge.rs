//! Merges of profiles: one transaction that makes them true, then steps of bounded size. See [`crate::merges`].

use sqlx::SqliteConnection;

use super::commit::{IdentityRow, ProfileRow, replace_profiles};
use super::failure::failed;
use super::script::{Script, Values};
use super::{Sqlite, Writer};
use crate::columns::{context_of, micros, number};
use crate::{Gone, Merge, Repointed, StoreError, Waiting};

/// How many sessions a merge carries over at once: those that are likely to be in use.
const SESSIONS_AT_ONCE: u32 = 500;

/// The newest first. ?1 context, ?2 the profile that is gone, ?3 the survivor, ?4 how many.
pub(super) const SESSIONS: &str = "\
UPDATE session SET profile_id = ?3, document = json_set(document, '$.profile.id', ?3) WHERE rowid IN \
(SELECT rowid FROM session WHERE context = ?1 AND profile_id = ?2 ORDER BY inserted DESC LIMIT ?4) RETURNING id";
pub(super) const EVENTS: &str = "\
UPDATE event SET profile_id = ?3, document = json_set(document, '$.profile.id', ?3) WHERE rowid IN \
(SELECT rowid FROM event WHERE context = ?1 AND profile_id = ?2 LIMIT ?4)";

pub(super) const MOVE_IDS: &str = "UPDATE profile_identity SET profile_id = ?3 WHERE context = ?1 AND profile_id = ?2";
/// The oldest merge that is unfinished.
pub(super) const OPEN: &str = "SELECT number, context, merged_id FROM merge_log WHERE done = 0 ORDER BY number LIMIT 1";

/// The profile awaits a merge.
pub(super) async fn note_waiting(script: &mut Script<'_>, context: i64, profile_id: &str) -> Result<(), sqlx::Error> {
    let bind = |values: &mut Values| {
        values.bind(context).bind(profile_id);
    };
    script.run("INSERT INTO merge_waiting (context, profile_id) VALUES (?, ?) ON CONFLICT DO NOTHING", bind).await
}

async fn forget_waiting(writer: &mut SqliteConnection, context: i64, profile_id: &str) -> Result<(), sqlx::Error> {
    let statement = "DELETE FROM merge_waiting WHERE context = ?1 AND profile_id = ?2";
    sqlx::query(statement).bind(context).bind(profile_id).execute(writer).await.map(|_| ())
}

impl Sqlite {
    pub(super) async fn list_waiting(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        let mut writer = self.writer().await;
        let total: i64 = sqlx::query_scalar("SELECT count(*) FROM merge_waiting")
            .fetch_one(&mut writer.connection)
            .await
            .map_err(failed)?;
        let page: Vec<(i64, i64, String)> = sqlx::query_as(
            "SELECT number, context, profile_id FROM merge_waiting WHERE number > ?1 ORDER BY number LIMIT ?2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&mut writer.connection)
        .await
        .map_err(failed)?;
        let page = page.into_iter().map(|(number, context, id)| (number, context_of(context), id)).collect();
        Ok(Waiting { total: total.unsigned_abs(), page })
    }

    pub(super) async fn merge_profiles(&self, merge: Merge) -> Result<Repointed, StoreError> {
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let result = make_true(&mut writer.connection, merge).await;
        self.end(&mut writer, result).await
    }

    pub(super) async fn repoint_some(&self, limit: u32) -> Result<Repointed, StoreError> {
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let result = step(&mut writer.connection, limit).await;
        self.end(&mut writer, result).await
    }

    /// Commits, or undoes what failed.
    pub(super) async fn end<T>(&self, writer: &mut Writer, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let result = match result {
            Ok(value) => writer.commit().await.map(|()| value),
            Err(error) => Err(error),
        };
        match result {
            Ok(value) => {
                self.cut_log(writer).await;
                Ok(value)
            }
            Err(error) => {
                writer.roll_back().await;
                Err(failed(error))
            }
        }
    }
}

async fn make_true(writer: &mut SqliteConnection, merge: Merge) -> Result<Repointed, sqlx::Error> {
    let Merge { context, survivor, gone, ids, at } = merge;
    let (own, waits) = (survivor.value.id().to_owned(), survivor.value.awaits_merge());
    let code = number(context);
    for Gone { id, keys, .. } in &gone {
        sqlx::query(MOVE_IDS).bind(code).bind(id).bind(&own).execute(&mut *writer).await?;
        sqlx::query("DELETE FROM profile WHERE context = ?1 AND id = ?2")
            .bind(code)
            .bind(id)
            .execute(&mut *writer)
            .await?;
        sqlx::query("INSERT INTO merge_log (context, merged_id, profile_id, merged, keys) VALUES (?1, ?2, ?3, ?4, ?5)")
            .bind(code)
            .bind(id)
            .bind(&own)
            .bind(micros(at))
            .bind(serde_json::json!(keys).to_string())
            .execute(&mut *writer)
            .await?;
        forget_waiting(writer, code, id).await?;
    }
    let ids = std::iter::once(own.clone()).chain(ids);
    let identities = ids.map(|alias| IdentityRow { context: code, alias, profile_id: own.clone() }).collect();
    let mut script = Script::stepwise(writer);
    replace_profiles(&mut script, vec![ProfileRow::from((context, survivor))], identities).await?;
    if waits {
        note_waiting(&mut script, code, &own).await?;
    } else {
        forget_waiting(writer, code, &own).await?;
    }
    let mut done = Repointed { unfinished: !gone.is_empty(), ..Repointed::default() };
    let mut room = SESSIONS_AT_ONCE;
    for Gone { id, .. } in &gone {
        let sessions = move_sessions(writer, code, id, &own, room).await?;
        room = room.saturating_sub(u32::try_from(sessions.len()).unwrap_or(u32::MAX));
        done.sessions.extend(sessions.into_iter().map(|id| (context, id)));
    }
    Ok(done)
}

async fn move_sessions(
    writer: &mut SqliteConnection,
    context: i64,
    from: &str,
    to: &str,
    limit: u32,
) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(SESSIONS).bind(context).bind(from).bind(to).bind(limit).fetch_all(writer).await
}

/// The oldest unfinished merge goes on by so many documents.
async fn step(writer: &mut SqliteConnection, limit: u32) -> Result<Repointed, sqlx::Error> {
    let open: Option<(i64, i64, String)> = sqlx::query_as(OPEN).fetch_optional(&mut *writer).await?;
    let Some((log, context, from)) = open else { return Ok(Repointed::default()) };
    // Not the survivor of that time: it may have been merged since.
    let to: Option<String> =
        sqlx::query_scalar("SELECT profile_id FROM profile_identity WHERE context = ?1 AND alias = ?2")
            .bind(context)
            .bind(&from)
            .fetch_optional(&mut *writer)
            .await?;
    let mut done = Repointed { unfinished: true, ..Repointed::default() };
    let mut room = limit;
    // Without a profile that the id leads to there is nothing to be done.
    if let Some(to) = to.filter(|to| *to != from) {
        let sessions = move_sessions(writer, context, &from, &to, room).await?;
        room = room.saturating_sub(u32::try_from(sessions.len()).unwrap_or(u32::MAX));
        done.sessions = sessions.into_iter().map(|id| (context_of(context), id)).collect();
        let moved = sqlx::query(EVENTS).bind(context).bind(&from).bind(&to).bind(room).execute(&mut *writer).await?;
        done.events = moved.rows_affected();
        room = room.saturating_sub(u32::try_from(done.events).unwrap_or(u32::MAX));
    }
    sqlx::query("UPDATE merge_log SET events = events + ?2, done = ?3 WHERE number = ?1")
        .bind(log)
        .bind(i64::try_from(done.events).unwrap_or(i64::MAX))
        .bind(room > 0)
        .execute(&mut *writer)
        .await?;
    Ok(done)
}
