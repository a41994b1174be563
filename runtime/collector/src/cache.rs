//! Sessions and profiles as they were last committed, bounded by the memory they take.

use lru::LruCache;
use tracardi_engine::Seen;
use tracardi_model::{Context, PerContext, Profile, Session};
use tracardi_store::Loaded;

/// Documents, the least recently used dropped first.
#[derive(Debug)]
struct Shelf<T> {
    documents: LruCache<String, Loaded<T>>,
    bytes: usize,
    limit: usize,
}

/// What an entry weighs besides its document: the key twice and the nodes around it.
const ENTRY_BYTES: usize = 256;

impl<T> Shelf<T> {
    fn new(limit: usize) -> Self {
        Self { documents: LruCache::unbounded(), bytes: 0, limit }
    }

    fn take(&mut self, id: &str) -> Option<Loaded<T>> {
        let document = self.documents.pop(id)?;
        self.bytes -= document.bytes + ENTRY_BYTES;
        Some(document)
    }

    fn put(&mut self, id: String, document: Loaded<T>) {
        self.bytes += document.bytes + ENTRY_BYTES;
        if let Some((_, former)) = self.documents.push(id, document) {
            self.bytes -= former.bytes + ENTRY_BYTES;
        }
        while self.bytes > self.limit {
            let Some((_, oldest)) = self.documents.pop_lru() else { break };
            self.bytes -= oldest.bytes + ENTRY_BYTES;
        }
    }
}

/// The cache. A document is taken out while a group works on it and put back when the group is on disk; if the group fails
/// it is simply not there any more.
#[derive(Debug)]
pub(crate) struct Cache {
    sessions: PerContext<Shelf<Session>>,
    profiles: PerContext<Shelf<Profile>>,
    /// Other ids of cached profiles, as far as somebody asked by them.
    aliases: PerContext<LruCache<String, String>>,
    /// Whose devices were seen, by the keys of their fingerprints. Here only: after a restart nobody is recognised by them.
    devices: PerContext<LruCache<[u8; 16], Seen>>,
}

/// How many other ids of profiles are remembered, per context.
const ALIASES: usize = 10_000;
/// How many devices are remembered, per context; some 250 bytes each.
const DEVICES: usize = 20_000;

impl Cache {
    /// A cache of so many bytes; half of it for sessions, half for profiles, staging gets an eighth of that.
    pub(crate) fn new(bytes: usize) -> Self {
        let aliases = || LruCache::new(std::num::NonZeroUsize::new(ALIASES).unwrap_or(std::num::NonZeroUsize::MIN));
        Self {
            sessions: PerContext::new(Shelf::new(bytes / 2), Shelf::new(bytes / 16)),
            profiles: PerContext::new(Shelf::new(bytes / 2), Shelf::new(bytes / 16)),
            aliases: PerContext::new(aliases(), aliases()),
            // Takes no memory before the first device is seen.
            devices: PerContext::new(LruCache::unbounded(), LruCache::unbounded()),
        }
    }

    pub(crate) fn take_session(&mut self, context: Context, id: &str) -> Option<Loaded<Session>> {
        self.sessions[context].take(id)
    }

    pub(crate) fn put_session(&mut self, context: Context, id: String, session: Loaded<Session>) {
        self.sessions[context].put(id, session);
    }

    pub(crate) fn take_profile(&mut self, context: Context, id: &str) -> Option<Loaded<Profile>> {
        self.profiles[context].take(id)
    }

    /// A profile's own id by another id of it.
    pub(crate) fn canonical(&mut self, context: Context, alias: &str) -> Option<String> {
        self.aliases[context].get(alias).cloned()
    }

    /// Puts a profile back, with ids by which it was found.
    pub(crate) fn put_profile(&mut self, context: Context, id: String, profile: Loaded<Profile>) {
        self.profiles[context].put(id, profile);
    }

    pub(crate) fn put_alias(&mut self, context: Context, alias: String, id: String) {
        self.aliases[context].put(alias, id);
    }

    /// What is remembered of a fingerprint.
    pub(crate) fn device(&self, context: Context, key: &[u8; 16]) -> Option<Seen> {
        self.devices[context].peek(key).cloned()
    }

    pub(crate) fn put_device(&mut self, context: Context, key: [u8; 16], seen: Seen) {
        let devices = &mut self.devices[context];
        devices.put(key, seen);
        if devices.len() > DEVICES {
            devices.pop_lru();
        }
    }

    /// Memory that the documents take.
    pub(crate) fn bytes(&self) -> usize {
        [Context::Production, Context::Staging]
            .into_iter()
            .map(|context| self.sessions[context].bytes + self.profiles[context].bytes)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;

    use super::*;

    fn session(id: &str, bytes: usize) -> Loaded<Session> {
        Loaded { value: Arc::new(Session::starting(id, Timestamp::UNIX_EPOCH)), bytes, version: None }
    }

    #[test]
    fn is_bounded_by_bytes_and_forgets_the_oldest() {
        let mut cache = Cache::new(2 * 3 * (1000 + ENTRY_BYTES));
        for id in ["a", "b", "c"] {
            cache.put_session(Context::Production, id.to_owned(), session(id, 1000));
        }
        assert_eq!(cache.bytes(), 3 * (1000 + ENTRY_BYTES));
        let a = cache.take_session(Context::Production, "a").unwrap();
        cache.put_session(Context::Production, "a".to_owned(), a);
        cache.put_session(Context::Production, "d".to_owned(), session("d", 1000));
        assert!(cache.take_session(Context::Production, "b").is_none(), "the least recently used one");
        for id in ["a", "c", "d"] {
            assert!(cache.take_session(Context::Production, id).is_some(), "{id}");
        }
        assert_eq!(cache.bytes(), 0);
        cache.put_session(Context::Production, "big".to_owned(), session("big", 1 << 30));
        assert_eq!(cache.bytes(), 0, "what is too big is not kept");
        cache.put_session(Context::Production, "e".to_owned(), session("e", 10));
        cache.put_session(Context::Production, "e".to_owned(), session("e", 20));
        assert_eq!(cache.bytes(), 20 + ENTRY_BYTES);
        assert!(cache.take_session(Context::Staging, "e").is_none());
    }
}
