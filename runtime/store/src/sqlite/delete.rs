//! Removing single documents, and what is kept of them elsewhere.

use tracardi_model::Context;

use super::failure::failed;
use super::{Sqlite, number};
use crate::{Index, StoreError};

/// What is kept of a profile besides itself, under any id that leads to it: its deliveries may be from before a merge.
pub(super) const OF_PROFILE: [&str; 3] = [
    "DELETE FROM delivery WHERE context = ?1 AND profile_id IN \
     (SELECT alias FROM profile_identity WHERE context = ?1 AND profile_id = ?2)",
    "DELETE FROM delayed WHERE context = ?1 AND profile_id IN \
     (SELECT alias FROM profile_identity WHERE context = ?1 AND profile_id = ?2)",
    "DELETE FROM quarantine WHERE context = ?1 AND profile_id IN \
     (SELECT alias FROM profile_identity WHERE context = ?1 AND profile_id = ?2)",
];
/// All ids that lead to a profile, whether its document lists them or not.
const IDENTITIES: &str = "DELETE FROM profile_identity WHERE context = ?1 AND profile_id = ?2";
const WAITING: &str = "DELETE FROM merge_waiting WHERE context = ?1 AND profile_id = ?2";

const ORIGINAL: &str = "DELETE FROM quarantine WHERE context = ?1 AND id = ?2";

impl Sqlite {
    pub(super) async fn delete_document(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        // The document itself last: how many rows that was is the answer.
        let [deliveries, delayed, quarantine] = OF_PROFILE;
        let statements: &[&'static str] = match index {
            Index::Event => &[ORIGINAL, "DELETE FROM event WHERE context = ?1 AND id = ?2"],
            Index::Session => &["DELETE FROM session WHERE context = ?1 AND id = ?2"],
            Index::Profile => &[
                deliveries,
                delayed,
                quarantine,
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
}
