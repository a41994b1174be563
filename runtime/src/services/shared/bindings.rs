//! Whose a session is, and where ids of profiles lead, remembered in Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracardi_cache::redis::Settings;
use tracardi_cache::{Cache, Entry, Key, Kind, Redis};
use tracardi_collector::{Bound, Moved, News};
use tracardi_dispatch::{Bindings, Known, Named};
use tracardi_model::{Context, Tenant};
use tracardi_process::Endpoint;
use tracardi_store::Version;

/// How long it is remembered whose a session is, and that a profile is there. For whoever comes back later it is waited until the
/// store has told it.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a request waits for the cache at most.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long the cache may take to hear news: of what it does not hear it may say the opposite for long.
const IN_PEACE: Duration = Duration::from_secs(5);
/// Older than each version of a document: an entry that is in nobody's way, and that is replaced by none of its like.
const OLDEST: Version = Version { primary_term: 0, seq_no: 0 };

/// The cache, by two connections: one for what a request waits for, one for what must not get lost when the machine is busy.
#[derive(Debug)]
pub(crate) struct Cached {
    asked: Redis,
    told: Redis,
}

impl Cached {
    pub(crate) fn new(endpoint: &Endpoint, tenant: &Tenant) -> anyhow::Result<Arc<Self>> {
        let with = |patience| {
            let settings = Settings { keep: KEPT, patience, ..Settings::default() };
            Redis::new(endpoint, tenant.clone(), settings)
        };
        Ok(Arc::new(Self { asked: with(PATIENCE)?, told: with(IN_PEACE)? }))
    }
}

fn key(context: Context, kind: Kind, id: &str) -> Key {
    Key { context, kind, id: id.to_owned() }
}

fn entry(version: Version, profile: Option<String>) -> Entry {
    Entry { version, value: profile.map(|id| id.into_bytes().into()) }
}

/// Where it leads. What cannot be read is not for this version.
fn leads(entry: Option<Entry>) -> Named {
    match entry {
        None => Named::Unknown,
        Some(Entry { value: None, .. }) => Named::Gone,
        Some(Entry { value: Some(id), .. }) => String::from_utf8(id.to_vec()).map_or(Named::Unknown, Named::Profile),
    }
}

#[async_trait]
impl Bindings for Cached {
    async fn known(&self, context: Context, session: Option<&str>, named: Option<&str>) -> Known {
        let session = session.map(|id| key(context, Kind::ProfileOfSession, id));
        let named = named.map(|id| key(context, Kind::OwnerOfId, id));
        let keys: Vec<Key> = session.iter().chain(&named).cloned().collect();
        let mut found = self.asked.get(&keys).await.into_iter().map(leads);
        let of_session = session.and_then(|_| match found.next()? {
            Named::Profile(own) => Some(own),
            Named::Unknown | Named::Gone => None,
        });
        let named = named.and_then(|_| found.next()).unwrap_or_default();
        Known { of_session, named }
    }

    async fn remember(&self, News { bound, moved }: News) {
        let mut entries = Vec::with_capacity(2 * bound.len() + moved.len());
        let mut outdated = Vec::new();
        for Moved { context, id, profile } in moved {
            let key = key(context, Kind::OwnerOfId, &id);
            outdated.push(key.clone());
            entries.push((key, entry(OLDEST, profile)));
        }
        for Bound { context, session, profile, version } in bound {
            let of_session = key(context, Kind::ProfileOfSession, &session);
            if version.is_none() {
                outdated.push(of_session.clone());
            }
            entries.push((of_session, entry(version.unwrap_or(OLDEST), Some(profile.clone()))));
            entries.push((key(context, Kind::OwnerOfId, &profile), entry(OLDEST, Some(profile))));
        }
        self.told.forget(&outdated).await;
        self.told.put(entries).await;
    }

    async fn recognise(&self, context: Context, profile: &str) {
        let own = entry(OLDEST, Some(profile.to_owned()));
        self.asked.put(vec![(key(context, Kind::OwnerOfId, profile), own)]).await;
    }
}
