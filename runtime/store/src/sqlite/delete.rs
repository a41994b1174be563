//! Removing single documents.

use tracardi_model::Context;

use super::failure::failed;
use super::{Sqlite, number};
use crate::{Index, StoreError};

/// The ids of a profile stand in its document; those of others that lead to it are found by them, not by reading all.
const IDENTITIES: &str = "\
DELETE FROM profile_identity WHERE context = ?1 AND profile_id = ?2 AND alias IN ( \
    SELECT ?2 UNION SELECT told.value FROM profile AS p, json_each(p.document, '$.ids') AS told \
    WHERE p.context = ?1 AND p.id = ?2)";

impl Sqlite {
    pub(super) async fn delete_document(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        let (text, identities) = match index {
            Index::Event => ("DELETE FROM event WHERE context = ?1 AND id = ?2", None),
            Index::Session => ("DELETE FROM session WHERE context = ?1 AND id = ?2", None),
            Index::Profile => ("DELETE FROM profile WHERE context = ?1 AND id = ?2", Some(IDENTITIES)),
        };
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let mut deleted = 0;
        for statement in identities.into_iter().chain([text]) {
            let done = sqlx::query(statement).bind(number(context)).bind(id).execute(&mut writer.connection).await;
            deleted = done.map_err(failed)?.rows_affected();
        }
        writer.commit().await.map_err(failed)?;
        Ok(deleted > 0)
    }
}
