//! The configuration: event sources, users, login tokens. Written rarely, read on every request from a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tracardi_model::{Context, EventSource, User};

use crate::StoreError;

/// The configuration that the hot path reads: immutable, replaced as a whole when something changes.
#[derive(Clone, Debug, Default)]
pub struct ConfigurationSnapshot {
    /// Grows with every change.
    pub version: u64,
    /// Event sources of production and staging, by id.
    sources: [BTreeMap<String, Arc<EventSource>>; 2],
}

impl ConfigurationSnapshot {
    /// A snapshot of these event sources.
    #[must_use]
    pub fn new(version: u64, sources: impl IntoIterator<Item = (Context, Arc<EventSource>)>) -> Self {
        let mut snapshot = Self { version, ..Self::default() };
        for (context, source) in sources {
            snapshot.sources[slot(context)].insert(source.id.clone(), source);
        }
        snapshot
    }

    /// The event source with this id (ids are lower case).
    #[must_use]
    pub fn event_source(&self, context: Context, id: &str) -> Option<&Arc<EventSource>> {
        self.sources[slot(context)].get(id)
    }

    /// All event sources of a context, ordered by id.
    pub fn event_sources(&self, context: Context) -> impl Iterator<Item = &Arc<EventSource>> {
        self.sources[slot(context)].values()
    }
}

fn slot(context: Context) -> usize {
    match context {
        Context::Production => 0,
        Context::Staging => 1,
    }
}

/// Where configuration is kept.
#[async_trait]
pub trait Configuration: Send + Sync + std::fmt::Debug {
    /// Creates or replaces an event source. Its `config` is encrypted at rest. The snapshot has it when this returns.
    async fn save_event_source(&self, context: Context, source: &EventSource) -> Result<(), StoreError>;

    /// Removes an event source; whether there was one. The snapshot lacks it when this returns.
    async fn delete_event_source(&self, context: Context, id: &str) -> Result<bool, StoreError>;

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
