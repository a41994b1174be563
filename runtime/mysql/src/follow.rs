//! The snapshot of the configuration: what changed since the last look is read and entered, whoever changed it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::{MySqlConnection, query_scalar};
use tracardi_model::{Context, EventSource, Tenant};
use tracardi_process::random;
use tracardi_store::columns::context_of;
use tracardi_store::kept::EVENT_SOURCE;
use tracardi_store::{ConfigurationSnapshot, Kept, StoreError, StoredRecord};

use crate::Mysql;
use crate::connection::work;

/// What was deleted is remembered for so many changes: who has seen less than half of them reads everything anew.
pub(crate) const REMEMBERED: i64 = 10_000;
/// What a snapshot knows that has read nothing yet.
pub(crate) const NOTHING: i64 = -1;
/// One looks for changes after this time at least,
const LOOK: Duration = Duration::from_millis(300);
/// and after so much more at most; not all processes at the same moment.
const JITTER: Duration = Duration::from_millis(150);

/// How processes tell one another at once that the configuration has changed. Nothing depends on it but the time that it takes:
/// what is not heard is seen by looking.
#[async_trait]
pub trait Herald: Send + Sync + std::fmt::Debug {
    /// Tells the others. A failure is not ours to mend.
    async fn tell(&self, tenant: &Tenant);

    /// Returns when somebody has told since the last call.
    async fn told(&self, tenant: &Tenant);
}

/// A row of the configuration, as it has become.
struct Row {
    context: i64,
    kind: String,
    id: String,
    document: Option<String>,
    secret: Option<Vec<u8>>,
}

/// What a row means.
enum Change {
    Source(Context, Arc<EventSource>),
    Record(StoredRecord),
    /// The context, the kind and the id of what is not there any more.
    Gone(Context, String, String),
}

impl Mysql {
    /// Looks for others' changes, for ever: when the herald tells of one, and every half second at the latest. While the database
    /// is not to be had the last snapshot stays, and [`Mysql::trouble`] says why.
    pub async fn follow(&self) {
        loop {
            let wait = LOOK.saturating_add(jitter());
            if let Some(herald) = &self.0.herald {
                let told = herald.told(&self.0.settings.tenant);
                // Either is a reason to look.
                let _ = tokio::time::timeout(wait, told).await;
            } else {
                tokio::time::sleep(wait).await;
            }
            let looked = self.look().await;
            self.note(looked.err());
        }
    }

    /// Why others' changes are not seen at present; none as long as they are.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the log when it begins and when it ends.
    fn note(&self, error: Option<StoreError>) {
        let now = error.map(|error| error.to_string());
        let before =
            std::mem::replace(&mut *self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner), now.clone());
        match (before, now) {
            (None, Some(reason)) => tracing::warn!(reason, "changes of the configuration are not seen at present"),
            (Some(_), None) => tracing::info!("changes of the configuration are seen again"),
            _ => {}
        }
    }

    /// Enters what has changed since the last look.
    pub(crate) async fn look(&self) -> Result<(), StoreError> {
        let mut known = self.0.known.lock().await;
        let revision = work!(self, connection => revision(connection, self.tenant()).await)?;
        if revision == *known {
            return Ok(());
        }
        // A smaller one: the database comes from a backup.
        let (since, snapshot) = if revision < *known || revision - *known > REMEMBERED / 2 {
            (NOTHING, ConfigurationSnapshot::default())
        } else {
            (*known, ConfigurationSnapshot::clone(&self.0.snapshot.borrow()))
        };
        self.read_since(since, snapshot).await?;
        *known = revision;
        Ok(())
    }

    /// Makes `snapshot`, which is as things were at `since`, the present one.
    async fn read_since(&self, since: i64, mut snapshot: ConfigurationSnapshot) -> Result<(), StoreError> {
        let rows = work!(self, connection => rows(connection, self.tenant(), since).await)?;
        for row in rows {
            match self.read(row)? {
                Some(Change::Source(context, source)) => snapshot.put_event_source(context, source),
                Some(Change::Record(record)) => snapshot.put_record(record),
                Some(Change::Gone(context, kind, id)) if kind == EVENT_SOURCE => {
                    snapshot.remove_event_source(context, &id);
                }
                Some(Change::Gone(context, kind, id)) => {
                    if let Ok(kind) = kind.parse() {
                        snapshot.remove_record(context, kind, &id);
                    }
                }
                None => {}
            }
        }
        snapshot.version = self.0.snapshot.borrow().version + 1;
        self.0.snapshot.send_replace(Arc::new(snapshot));
        Ok(())
    }

    /// None for a record of a kind that this program does not know: a newer one made it.
    fn read(&self, Row { context, kind, id, document, secret }: Row) -> Result<Option<Change>, StoreError> {
        let (keys, context) = (&self.0.keys, context_of(context));
        let Some(document) = document else { return Ok(Some(Change::Gone(context, kind, id))) };
        let kept = Kept { document, secret };
        if kind == EVENT_SOURCE {
            return Ok(Some(Change::Source(context, kept.into_source(keys, context, &id)?)));
        }
        let Ok(kind) = kind.parse() else { return Ok(None) };
        Ok(Some(Change::Record(kept.into_record(keys, context, kind, id)?)))
    }
}

async fn revision(connection: &mut MySqlConnection, tenant: &str) -> Result<i64, sqlx::Error> {
    query_scalar!("SELECT revision FROM tenant WHERE tenant = ?", tenant).fetch_one(connection).await
}

/// What has become different since a revision: one row for each source and record, deleted ones included.
async fn rows(connection: &mut MySqlConnection, tenant: &str, since: i64) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_as!(
        Row,
        "SELECT CAST(context AS SIGNED) AS `context!: i64`, kind AS `kind: String`, id AS `id: String`, document, secret \
         FROM configuration WHERE tenant = ? AND revision > ?",
        tenant,
        since
    )
    .fetch_all(connection)
    .await
}

fn jitter() -> Duration {
    // Without random bytes all look at the same moment, and nothing else is different.
    let [byte] = random::bytes().unwrap_or([0]);
    JITTER.mul_f64(f64::from(byte) / 256.0)
}
