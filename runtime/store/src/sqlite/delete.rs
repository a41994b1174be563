//! Removing single documents.

use tracardi_model::Context;

use super::failure::failed;
use super::{Sqlite, number};
use crate::{Index, StoreError};

/// All ids that lead to a profile, whether its document lists them or not.
const IDENTITIES: &str = "DELETE FROM profile_identity WHERE context = ?1 AND profile_id = ?2";
const WAITING: &str = "DELETE FROM merge_waiting WHERE context = ?1 AND profile_id = ?2";

impl Sqlite {
    pub(super) async fn delete_document(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        let statements: &[&str] = match index {
            Index::Event => &["DELETE FROM event WHERE context = ?1 AND id = ?2"],
            Index::Session => &["DELETE FROM session WHERE context = ?1 AND id = ?2"],
            Index::Profile => &[IDENTITIES, WAITING, "DELETE FROM profile WHERE context = ?1 AND id = ?2"],
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
