//! Users and their login tokens, and with them the whole of [`Configuration`].

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection, MySqlConnection, query, query_scalar};
use tokio::sync::watch;
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource, User};
use tracardi_store::columns::{micros, unreadable};
use tracardi_store::configuration::renewed;
use tracardi_store::{Configuration, ConfigurationSnapshot, Saved, StoreError, StoredRecord};

use crate::Mysql;
use crate::connection::work;
use crate::failure::exists_already;

/// The unique key of e-mail addresses.
const EMAIL_KEY: &str = "user_email";

/// A user as a row.
struct Row<'a> {
    tenant: &'a str,
    id: &'a str,
    email: String,
    document: String,
}

fn user_of(document: &str) -> Result<User, StoreError> {
    serde_json::from_str(document).map_err(|error| unreadable("user", "", error))
}

impl Mysql {
    fn row<'a>(&'a self, user: &'a User) -> Result<Row<'a>, StoreError> {
        let document = serde_json::to_string(user).map_err(|error| unreadable("user", &user.id, error))?;
        Ok(Row { tenant: self.tenant(), id: &user.id, email: user.email.to_lowercase(), document })
    }

    /// Saves a user. `end_logins`: with it, or not at all, all tokens go but the one of this hash.
    async fn save(&self, user: &User, end_logins: Option<&[u8]>) -> Result<Saved, StoreError> {
        let row = self.row(user)?;
        work!(self, connection => match save(connection, &row, end_logins).await {
            Err(error) if exists_already(&error, EMAIL_KEY) => Ok(Saved::EmailTaken),
            done => done.map(|()| Saved::Stored),
        })
    }
}

/// Never by `ON DUPLICATE KEY`: that would replace whoever has the address.
async fn put(connection: &mut MySqlConnection, row: &Row<'_>) -> Result<(), sqlx::Error> {
    let known = query!(
        "UPDATE user SET email = ?, document = ? WHERE tenant = ? AND id = ?",
        row.email,
        row.document,
        row.tenant,
        row.id
    );
    // Rows found, whether they changed or not.
    if known.execute(&mut *connection).await?.rows_affected() == 0 {
        query!(
            "INSERT INTO user (tenant, id, email, document) VALUES (?, ?, ?, ?)",
            row.tenant,
            row.id,
            row.email,
            row.document
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

async fn save(connection: &mut MySqlConnection, row: &Row<'_>, end_logins: Option<&[u8]>) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    put(&mut transaction, row).await?;
    if let Some(kept) = end_logins {
        query!("DELETE FROM token WHERE tenant = ? AND user_id = ? AND hash <> ?", row.tenant, row.id, kept)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// The tenant's row is locked: of two who want to be the first one waits.
async fn save_first(connection: &mut MySqlConnection, row: &Row<'_>) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    query_scalar!("SELECT revision FROM tenant WHERE tenant = ? FOR UPDATE", row.tenant)
        .fetch_one(&mut *transaction)
        .await?;
    let first = !is_any(&mut transaction, row.tenant).await?;
    if first {
        put(&mut transaction, row).await?;
    }
    transaction.commit().await?;
    Ok(first)
}

async fn is_any(connection: &mut MySqlConnection, tenant: &str) -> Result<bool, sqlx::Error> {
    let any = query_scalar!("SELECT id FROM user WHERE tenant = ? LIMIT 1", tenant);
    Ok(any.fetch_optional(connection).await?.is_some())
}

/// The document of the token's user, and when the token expires.
async fn find(
    connection: &mut MySqlConnection,
    tenant: &str,
    hash: &[u8],
    now: i64,
) -> Result<Option<(String, i64)>, sqlx::Error> {
    let found = query!(
        "SELECT u.document, t.expires FROM token AS t JOIN user AS u ON u.tenant = t.tenant AND u.id = t.user_id \
         WHERE t.tenant = ? AND t.hash = ? AND t.expires > ?",
        tenant,
        hash,
        now
    );
    Ok(found.fetch_optional(connection).await?.map(|row| (row.document, row.expires)))
}

/// Extends a token's life. What has expired is swept out on the way; there is no other moment at which anybody cares.
async fn extend(
    connection: &mut MySqlConnection,
    tenant: &str,
    hash: &[u8],
    now: i64,
    expires: i64,
) -> Result<(), sqlx::Error> {
    query!("DELETE FROM token WHERE tenant = ? AND expires <= ? LIMIT 1000", tenant, now)
        .execute(&mut *connection)
        .await?;
    query!("UPDATE token SET expires = ? WHERE tenant = ? AND hash = ?", expires, tenant, hash)
        .execute(connection)
        .await?;
    Ok(())
}

#[async_trait]
impl Configuration for Mysql {
    async fn save_event_source(&self, context: Context, source: &EventSource) -> Result<(), StoreError> {
        self.put_source(context, source).await
    }

    async fn delete_event_source(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        self.remove_source(context, id).await
    }

    async fn save_record(&self, record: &StoredRecord) -> Result<(), StoreError> {
        self.put_record(record).await
    }

    async fn delete_record(&self, context: Context, kind: Kind, id: &str) -> Result<bool, StoreError> {
        self.remove_record(context, kind, id).await
    }

    async fn save_user(&self, user: &User) -> Result<Saved, StoreError> {
        self.save(user, None).await
    }

    async fn save_user_ending_logins(&self, user: &User, kept: Option<&str>) -> Result<Saved, StoreError> {
        let kept = kept.map(|token| self.0.keys.token_hash(token));
        self.save(user, Some(kept.as_ref().map_or(&[], |hash| hash.as_slice()))).await
    }

    async fn save_first_user(&self, user: &User) -> Result<bool, StoreError> {
        let row = self.row(user)?;
        work!(self, connection => save_first(connection, &row).await)
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let found = work!(self, connection => {
            let one = query_scalar!("SELECT document FROM user WHERE tenant = ? AND id = ?", self.tenant(), id);
            one.fetch_optional(connection).await
        })?;
        found.as_deref().map(user_of).transpose()
    }

    async fn user_by_email(&self, email: &str) -> Result<Option<User>, StoreError> {
        let email = email.to_lowercase();
        let found = work!(self, connection => {
            let one = query_scalar!("SELECT document FROM user WHERE tenant = ? AND email = ?", self.tenant(), email);
            one.fetch_optional(connection).await
        })?;
        found.as_deref().map(user_of).transpose()
    }

    async fn users(&self) -> Result<Vec<User>, StoreError> {
        let all = work!(self, connection => {
            let all = query_scalar!("SELECT document FROM user WHERE tenant = ? ORDER BY email", self.tenant());
            all.fetch_all(connection).await
        })?;
        all.iter().map(|document| user_of(document)).collect()
    }

    async fn delete_user(&self, id: &str) -> Result<bool, StoreError> {
        // The tokens go with the user, by the foreign key.
        let done = work!(self, connection => {
            query!("DELETE FROM user WHERE tenant = ? AND id = ?", self.tenant(), id).execute(connection).await
        })?;
        Ok(done.rows_affected() > 0)
    }

    async fn create_token(&self, token: &str, user_id: &str, expires: Timestamp) -> Result<(), StoreError> {
        let hash = self.0.keys.token_hash(token);
        work!(self, connection => {
            query!(
                "INSERT INTO token (tenant, hash, user_id, expires) VALUES (?, ?, ?, ?) \
                 ON DUPLICATE KEY UPDATE expires = token.expires",
                self.tenant(),
                hash.as_slice(),
                user_id,
                micros(expires)
            )
            .execute(connection)
            .await
        })?;
        Ok(())
    }

    async fn find_token(&self, token: &str, now: Timestamp, life: SignedDuration) -> Result<Option<User>, StoreError> {
        let hash = self.0.keys.token_hash(token);
        let found = work!(self, connection => find(connection, self.tenant(), &hash, micros(now)).await)?;
        let Some((document, expires)) = found else { return Ok(None) };
        if let Some(expires) = renewed(expires, now, life) {
            work!(self, connection => extend(connection, self.tenant(), &hash, micros(now), expires).await)?;
        }
        user_of(&document).map(Some)
    }

    async fn remove_token(&self, token: &str) -> Result<(), StoreError> {
        let hash = self.0.keys.token_hash(token);
        work!(self, connection => {
            query!("DELETE FROM token WHERE tenant = ? AND hash = ?", self.tenant(), hash.as_slice())
                .execute(connection)
                .await
        })?;
        Ok(())
    }

    async fn installed(&self) -> Result<bool, StoreError> {
        work!(self, connection => is_any(connection, self.tenant()).await)
    }

    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.0.snapshot.subscribe()
    }
}
