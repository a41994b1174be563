//! Removing single documents, and what is kept of them elsewhere.

use tracardi_model::Context;

use super::failure::failed;
use super::{Sqlite, history};
use crate::columns::number;
use crate::{Index, StoreError};

/// What is kept of a profile besides itself, under any id that leads to it: its deliveries may be from before a merge.
pub(super) const OF_PROFILE: [&str; 5] = [
    "DELETE FROM delivery WHERE context = ?1 AND profile_id IN \
     (SELECT alias FROM profile_identity WHERE context = ?1 AND profile_id = ?2)",
    "DELETE FROM delayed WHERE context = ?1 AND profile_id IN \
     (SELECT alias FROM profile_identity WHERE context = ?1 AND profile_id = ?2)",
    "DELETE FROM quarantine WHERE context = ?1 AND profile_id IN \
     (SELECT alias FROM profile_identity WHERE context = ?1 AND profile_id = ?2)",
    history::DELETE_TRAILS,
    history::DELETE_MERGES,
];
/// All ids that lead to a profile, whether its document lists them or not.
const IDENTITIES: &str = "DELETE FROM profile_identity WHERE context = ?1 AND profile_id = ?2";
const WAITING: &str = "DELETE FROM merge_waiting WHERE context = ?1 AND profile_id = ?2";

const ORIGINAL: &str = "DELETE FROM quarantine WHERE context = ?1 AND id = ?2";
const EVENT: &str =
    "DELETE FROM event WHERE context = ?1 AND id = ?2 RETURNING source_id, session_id, profile_id, inserted";
/// An event's id stays known, as long as that of an event that was never kept: it is not new when its request comes again.
const APPLIED: &str = "INSERT INTO applied_event (context, id, source_id, session_id, profile_id, applied) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

impl Sqlite {
    pub(super) async fn delete_document(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        // The document itself last: how many rows that was is the answer.
        let [deliveries, delayed, quarantine, trails, merges] = OF_PROFILE;
        let statements: &[&'static str] = match index {
            Index::Event => return self.delete_event(context, id).await,
            Index::Session => &["DELETE FROM session WHERE context = ?1 AND id = ?2"],
            Index::Profile => &[
                deliveries,
                delayed,
                quarantine,
                trails,
                merges,
                IDENTITIES,
                WAITING,
                "DELETE FROM profile WHERE context = ?1 AND id = ?2",
            ],
        };
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let mut deleted = 0;
        for statement in statements.iter().copied() {
            let done = sqlx::query(statement).bind(number(context)).bind(id).execute(&mut writer.connection).await;
            deleted = done.map_err(failed)?.rows_affected();
        }
        writer.commit().await.map_err(failed)?;
        Ok(deleted > 0)
    }

    async fn delete_event(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        type Known = (String, Option<String>, Option<String>, i64);
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        for statement in [ORIGINAL, history::DELETE_OF_EVENT] {
            let statement = sqlx::query(statement).bind(number(context)).bind(id);
            statement.execute(&mut writer.connection).await.map_err(failed)?;
        }
        let deleted = sqlx::query_as::<_, Known>(EVENT).bind(number(context)).bind(id);
        let known = deleted.fetch_optional(&mut writer.connection).await.map_err(failed)?;
        let deleted = known.is_some();
        if let Some((source, session, profile, inserted)) = known {
            let applied = sqlx::query(APPLIED).bind(number(context)).bind(id);
            let applied = applied.bind(source).bind(session).bind(profile).bind(inserted);
            applied.execute(&mut writer.connection).await.map_err(failed)?;
        }
        writer.commit().await.map_err(failed)?;
        Ok(deleted)
    }
}
