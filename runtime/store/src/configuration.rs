//! The configuration: event sources, records of other kinds, users, login tokens. Written rarely, read on every request from a snapshot.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::watch;
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource, PerContext, User};

use crate::StoreError;

/// The configuration that the hot path reads: immutable, replaced as a whole when something changes. It holds credentials in
/// clear, so it is not printed.
#[derive(Clone, Default)]
pub struct ConfigurationSnapshot {
    /// Grows with every change.
    pub version: u64,
    contexts: PerContext<Contents>,
}

impl fmt::Debug for ConfigurationSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigurationSnapshot").field("version", &self.version).finish_non_exhaustive()
    }
}

/// The configuration of one context.
#[derive(Clone, Default)]
struct Contents {
    /// By id.
    sources: BTreeMap<String, Arc<EventSource>>,
    /// By kind, then by id.
    records: BTreeMap<Kind, BTreeMap<String, Arc<Value>>>,
}

/// A configuration record as it is kept. Its document is not printed: it may hold credentials.
#[derive(Clone, PartialEq)]
pub struct StoredRecord {
    /// Production or staging.
    pub context: Context,
    /// What it is.
    pub kind: Kind,
    /// Key among the records of its kind.
    pub id: String,
    /// The record, in the shape of its kind in [`tracardi_model::configuration`].
    pub document: Arc<Value>,
}

impl fmt::Debug for StoredRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredRecord({} {} {:?})", self.context, self.kind, self.id)
    }
}

impl ConfigurationSnapshot {
    /// A snapshot of these event sources and records.
    #[must_use]
    pub fn new(
        version: u64,
        sources: impl IntoIterator<Item = (Context, Arc<EventSource>)>,
        records: impl IntoIterator<Item = StoredRecord>,
    ) -> Self {
        let mut snapshot = Self { version, ..Self::default() };
        for (context, source) in sources {
            snapshot.contexts[context].sources.insert(source.id.clone(), source);
        }
        for StoredRecord { context, kind, id, document } in records {
            snapshot.contexts[context].records.entry(kind).or_default().insert(id, document);
        }
        snapshot
    }

    /// Creates or replaces an event source.
    pub fn put_event_source(&mut self, context: Context, source: Arc<EventSource>) {
        self.version += 1;
        self.contexts[context].sources.insert(source.id.clone(), source);
    }

    /// Removes an event source.
    pub fn remove_event_source(&mut self, context: Context, id: &str) {
        self.version += 1;
        self.contexts[context].sources.remove(id);
    }

    /// Creates or replaces a record.
    pub fn put_record(&mut self, StoredRecord { context, kind, id, document }: StoredRecord) {
        self.version += 1;
        self.contexts[context].records.entry(kind).or_default().insert(id, document);
    }

    /// Removes a record.
    pub fn remove_record(&mut self, context: Context, kind: Kind, id: &str) {
        self.version += 1;
        if let Some(records) = self.contexts[context].records.get_mut(&kind) {
            records.remove(id);
        }
    }

    /// The event source with this id (ids are lower case).
    #[must_use]
    pub fn event_source(&self, context: Context, id: &str) -> Option<&Arc<EventSource>> {
        self.contexts[context].sources.get(id)
    }

    /// All event sources of a context, ordered by id.
    pub fn event_sources(&self, context: Context) -> impl Iterator<Item = &Arc<EventSource>> {
        self.contexts[context].sources.values()
    }

    /// The record of this kind with this id.
    #[must_use]
    pub fn record(&self, context: Context, kind: Kind, id: &str) -> Option<&Arc<Value>> {
        self.contexts[context].records.get(&kind)?.get(id)
    }

    /// How many records of a kind there are.
    #[must_use]
    pub fn count(&self, context: Context, kind: Kind) -> usize {
        self.contexts[context].records.get(&kind).map_or(0, BTreeMap::len)
    }

    /// All records of a kind with their ids, ordered by id.
    pub fn records(&self, context: Context, kind: Kind) -> impl Iterator<Item = (&str, &Arc<Value>)> {
        let records = self.contexts[context].records.get(&kind);
        records.into_iter().flatten().map(|(id, document)| (id.as_str(), document))
    }
}

/// A token's life is extended in the store only when this part of it has passed: not every request of a logged-in user costs a
/// write.
const EXTEND_AFTER: f64 = 0.1;

/// When a token expires that is used at `now`, if that is worth a write; both in microseconds since 1970.
#[must_use]
pub fn renewed(expires: i64, now: Timestamp, life: SignedDuration) -> Option<i64> {
    let renewed = now.saturating_add(life).unwrap_or(Timestamp::MAX).as_microsecond();
    let gained = SignedDuration::from_micros(renewed.saturating_sub(expires));
    (gained > life.mul_f64(EXTEND_AFTER)).then_some(renewed)
}

/// Where configuration is kept.
#[async_trait]
pub trait Configuration: Send + Sync + std::fmt::Debug {
    /// Creates or replaces an event source. Its `config` is encrypted at rest. The snapshot has it when this returns.
    async fn save_event_source(&self, context: Context, source: &EventSource) -> Result<(), StoreError>;

    /// Removes an event source; whether there was one. The snapshot lacks it when this returns.
    async fn delete_event_source(&self, context: Context, id: &str) -> Result<bool, StoreError>;

    /// Creates or replaces a record of the configuration. Its [secret](Kind::secret) is encrypted at rest. The snapshot has it when this returns.
    async fn save_record(&self, record: &StoredRecord) -> Result<(), StoreError>;

    /// Removes a record; whether there was one. The snapshot lacks it when this returns.
    async fn delete_record(&self, context: Context, kind: Kind, id: &str) -> Result<bool, StoreError>;

    /// Creates or replaces a user, found by `id`. Another user with the same e-mail address (in whatever case) is
    /// [`Saved::EmailTaken`].
    async fn save_user(&self, user: &User) -> Result<Saved, StoreError>;

    /// As [`Configuration::save_user`]; with it, or not at all, all login tokens of the user but `kept` are forgotten.
    async fn save_user_ending_logins(&self, user: &User, kept: Option<&str>) -> Result<Saved, StoreError>;

    /// Stores the first user and gives true, unless there is any user already: then nothing changes.
    async fn save_first_user(&self, user: &User) -> Result<bool, StoreError>;

    /// A user by id.
    async fn user(&self, id: &str) -> Result<Option<User>, StoreError>;

    /// A user by e-mail address, in whatever case.
    async fn user_by_email(&self, email: &str) -> Result<Option<User>, StoreError>;

    /// All users, ordered by e-mail address.
    async fn users(&self) -> Result<Vec<User>, StoreError>;

    /// Removes a user and the user's login tokens; whether there was one.
    async fn delete_user(&self, id: &str) -> Result<bool, StoreError>;

    /// Keeps a login token (only its keyed hash) for a user until `expires`.
    async fn create_token(&self, token: &str, user_id: &str, expires: Timestamp) -> Result<(), StoreError>;

    /// The user of a token that has not expired at `now`. Use extends the token's life to `now + life`.
    async fn find_token(&self, token: &str, now: Timestamp, life: SignedDuration) -> Result<Option<User>, StoreError>;

    /// Forgets a token.
    async fn remove_token(&self, token: &str) -> Result<(), StoreError>;

    /// Whether there is a user, so that somebody can log in.
    async fn installed(&self) -> Result<bool, StoreError>;

    /// The snapshot, now and after each change.
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>>;
}

/// What became of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Stored.
    Stored,
    /// Nothing was stored: another user has this e-mail address.
    EmailTaken,
}
