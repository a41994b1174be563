//! Event sources, users, login tokens.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row, SqliteConnection};
use tokio::sync::watch;
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource, User};

use super::failure::{exists_already, failed};
use super::records::read_records;
use super::{Sqlite, Writer};
use crate::columns::{context_of, micros, number, unreadable};
use crate::configuration::renewed;
use crate::{Configuration, ConfigurationSnapshot, Kept, Keys, Saved, StoreError, StoredRecord};

/// All event sources of both contexts.
pub(super) async fn read_event_sources(
    connection: &mut SqliteConnection,
    keys: &Keys,
) -> Result<Vec<(Context, Arc<EventSource>)>, StoreError> {
    let rows = sqlx::query("SELECT context, id, document, config FROM event_source")
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let source = |row: &sqlx::sqlite::SqliteRow| {
        let context: i64 = row.try_get("context").map_err(failed)?;
        let id: String = row.try_get("id").map_err(failed)?;
        let document: String = row.try_get("document").map_err(failed)?;
        let secret: Option<Vec<u8>> = row.try_get("config").map_err(failed)?;
        let context = context_of(context);
        Ok((context, Kept { document, secret }.into_source(keys, context, &id)?))
    };
    rows.iter().map(source).collect()
}

fn user_of(document: &str) -> Result<User, StoreError> {
    serde_json::from_str(document).map_err(|error| unreadable("user", "", error))
}

async fn insert_user(connection: &mut SqliteConnection, user: &User) -> Result<Saved, StoreError> {
    let document = serde_json::to_string(user).map_err(|error| unreadable("user", &user.id, error))?;
    let result = sqlx::query(
        "INSERT INTO user (id, email, document) VALUES (?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET email = excluded.email, document = excluded.document",
    )
    .bind(user.id.clone())
    .bind(user.email.to_lowercase())
    .bind(document)
    .execute(connection)
    .await;
    match result {
        Ok(_) => Ok(Saved::Stored),
        Err(error) if exists_already(&error) => Ok(Saved::EmailTaken),
        Err(error) => Err(failed(error)),
    }
}

impl Sqlite {
    /// Carries out a statement that changes the configuration, then makes the same change to the snapshot; gives the number
    /// of rows. The work does not grow with what is configured besides.
    pub(super) async fn publish(
        &self,
        statement: Query<'_, sqlx::Sqlite, SqliteArguments>,
        change: impl FnOnce(&mut ConfigurationSnapshot) + Send,
    ) -> Result<u64, StoreError> {
        // Held to the end, so that snapshots follow one another in the order of the writes.
        let mut writer = self.writer().await;
        writer.unpublished = true;
        let done = statement.execute(&mut writer.connection).await.map_err(failed)?;
        self.0.snapshot.send_modify(|snapshot| change(Arc::make_mut(snapshot)));
        writer.unpublished = false;
        Ok(done.rows_affected())
    }

    /// Replaces the snapshot by what is stored now, after a change of which nobody knows what became. When that cannot be
    /// read, the snapshot stays, and the next who writes tries again.
    pub(super) async fn publish_all(&self, writer: &mut Writer) {
        let all = async {
            let sources = read_event_sources(&mut writer.connection, &self.0.keys).await?;
            Ok::<_, StoreError>((sources, read_records(&mut writer.connection, &self.0.keys).await?))
        };
        match all.await {
            Ok((sources, records)) => {
                self.0.snapshot.send_modify(|snapshot| {
                    *snapshot = Arc::new(ConfigurationSnapshot::new(snapshot.version + 1, sources, records));
                });
                writer.unpublished = false;
            }
            Err(error) => tracing::error!(%error, "a change of the configuration may not be in force"),
        }
    }

    async fn one_user(&self, text: &'static str, key: String) -> Result<Option<User>, StoreError> {
        let mut reader = self.reader().await?;
        let document: Option<String> =
            sqlx::query_scalar(text).bind(key).fetch_optional(&mut *reader).await.map_err(failed)?;
        document.as_deref().map(user_of).transpose()
    }
}

#[async_trait]
impl Configuration for Sqlite {
    async fn save_event_source(&self, context: Context, source: &EventSource) -> Result<(), StoreError> {
        let Kept { document, secret } = Kept::source(&self.0.keys, context, source)?;
        let statement = sqlx::query(
            "INSERT INTO event_source (context, id, document, config) VALUES (?, ?, ?, ?) \
             ON CONFLICT (context, id) DO UPDATE SET document = excluded.document, config = excluded.config",
        );
        let statement = statement.bind(number(context)).bind(source.id.clone()).bind(document).bind(secret);
        let source = Arc::new(source.clone());
        self.publish(statement, |snapshot| snapshot.put_event_source(context, source)).await.map(|_| ())
    }

    async fn delete_event_source(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM event_source WHERE context = ? AND id = ?");
        let statement = statement.bind(number(context)).bind(id.to_owned());
        Ok(self.publish(statement, |snapshot| snapshot.remove_event_source(context, id)).await? > 0)
    }

    async fn save_record(&self, record: &StoredRecord) -> Result<(), StoreError> {
        self.write_record(record).await
    }

    async fn delete_record(&self, context: Context, kind: Kind, id: &str) -> Result<bool, StoreError> {
        self.remove_record(context, kind, id).await
    }

    async fn save_user(&self, user: &User) -> Result<Saved, StoreError> {
        insert_user(&mut self.writer().await.connection, user).await
    }

    async fn save_user_ending_logins(&self, user: &User, kept: Option<&str>) -> Result<Saved, StoreError> {
        let kept = kept.map(|token| self.0.keys.token_hash(token).to_vec()).unwrap_or_default();
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let saved = insert_user(&mut writer.connection, user).await?;
        if saved == Saved::Stored {
            sqlx::query("DELETE FROM token WHERE user_id = ? AND hash <> ?")
                .bind(user.id.clone())
                .bind(kept)
                .execute(&mut writer.connection)
                .await
                .map_err(failed)?;
        }
        writer.commit().await.map_err(failed)?;
        Ok(saved)
    }

    async fn save_first_user(&self, user: &User) -> Result<bool, StoreError> {
        let mut writer = self.writer().await;
        writer.begin().await.map_err(failed)?;
        let there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM user)")
            .fetch_one(&mut writer.connection)
            .await
            .map_err(failed)?;
        if !there {
            insert_user(&mut writer.connection, user).await?;
        }
        writer.commit().await.map_err(failed)?;
        Ok(!there)
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        self.one_user("SELECT document FROM user WHERE id = ?", id.to_owned()).await
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        self.one_user("SELECT document FROM user WHERE email = ?", email.to_lowercase()).await
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        let mut reader = self.reader().await?;
        let documents: Vec<String> = sqlx::query_scalar("SELECT document FROM user ORDER BY email")
            .fetch_all(&mut *reader)
            .await
            .map_err(failed)?;
        documents.iter().map(|document| user_of(document)).collect()
    }

    async fn delete_user(&self, id: &str) -> Result<bool, StoreError> {
        let mut writer = self.writer().await;
        // The tokens go with the user, by the foreign key.
        let done = sqlx::query("DELETE FROM user WHERE id = ?")
            .bind(id)
            .execute(&mut writer.connection)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }

    async fn create_token(&self, token: &str, user_id: &str, expires: Timestamp) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        sqlx::query("INSERT INTO token (hash, user_id, expires) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING")
            .bind(self.0.keys.token_hash(token).to_vec())
            .bind(user_id)
            .bind(micros(expires))
            .execute(&mut writer.connection)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn find_token(&self, token: &str, now: Timestamp, life: SignedDuration) -> Result<Option<User>, StoreError> {
        let hash = self.0.keys.token_hash(token).to_vec();
        let row = {
            let mut reader = self.reader().await?;
            sqlx::query(
                "SELECT u.document, t.expires FROM token AS t JOIN user AS u ON u.id = t.user_id \
                 WHERE t.hash = ? AND t.expires > ?",
            )
            .bind(hash.clone())
            .bind(micros(now))
            .fetch_optional(&mut *reader)
            .await
            .map_err(failed)?
        };
        let Some(row) = row else { return Ok(None) };
        let user = user_of(row.try_get(0).map_err(failed)?)?;
        let expires: i64 = row.try_get(1).map_err(failed)?;
        if let Some(renewed) = renewed(expires, now, life) {
            let mut writer = self.writer().await;
            // What has expired is swept out on the way; there is no other moment at which anybody cares.
            sqlx::query("DELETE FROM token WHERE expires <= ?")
                .bind(micros(now))
                .execute(&mut writer.connection)
                .await
                .map_err(failed)?;
            sqlx::query("UPDATE token SET expires = ? WHERE hash = ?")
                .bind(renewed)
                .bind(hash)
                .execute(&mut writer.connection)
                .await
                .map_err(failed)?;
        }
        Ok(Some(user))
    }

    async fn remove_token(&self, token: &str) -> Result<(), StoreError> {
        let mut writer = self.writer().await;
        sqlx::query("DELETE FROM token WHERE hash = ?")
            .bind(self.0.keys.token_hash(token).to_vec())
            .execute(&mut writer.connection)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn installed(&self) -> Result<bool, StoreError> {
        let mut reader = self.reader().await?;
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM user)").fetch_one(&mut *reader).await.map_err(failed)
    }

    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.0.snapshot.subscribe()
    }
}
