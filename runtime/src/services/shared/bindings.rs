//! Whose a session is, remembered in Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracardi_cache::redis::Settings;
use tracardi_cache::{Cache, Entry, Key, Kind, Redis};
use tracardi_collector::Bound;
use tracardi_dispatch::{Bindings, Known};
use tracardi_model::{Context, Tenant};
use tracardi_process::Endpoint;

/// How long it is remembered whose a session is. Whoever comes back later is found by the session's or the profile's id all the
/// same; only the first answer may tell an id that the profile had before a merge.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// How long a request waits for the cache at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// The cache.
#[derive(Debug)]
pub(crate) struct Cached(Redis);

impl Cached {
    pub(crate) fn new(endpoint: &Endpoint, tenant: &Tenant) -> anyhow::Result<Arc<Self>> {
        let settings = Settings { keep: KEPT, patience: PATIENCE, ..Settings::default() };
        Ok(Arc::new(Self(Redis::new(endpoint, tenant.clone(), settings)?)))
    }
}

fn key(context: Context, session: &str) -> Key {
    Key { context, kind: Kind::ProfileOfSession, id: session.to_owned() }
}

#[async_trait]
impl Bindings for Cached {
    async fn known(&self, context: Context, session: Option<&str>) -> Known {
        let Some(session) = session else { return Known::default() };
        let found = self.0.get(&[key(context, session)]).await.pop().flatten();
        let profile = found.and_then(|entry| String::from_utf8(entry.value?.to_vec()).ok());
        Known { of_session: profile }
    }

    async fn remember(&self, bound: Vec<Bound>) {
        let entry = |one: Bound| {
            let value = Some(one.profile.into_bytes().into());
            Some((key(one.context, &one.session), Entry { version: one.version?, value }))
        };
        let entries: Vec<_> = bound.into_iter().filter_map(entry).collect();
        if !entries.is_empty() {
            self.0.put(entries).await;
        }
    }
}
