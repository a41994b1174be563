//! A cache in one process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lru::LruCache;

use crate::cached::{Cache, Entry, Key, age};

/// Bytes that an entry takes besides its key and value, roughly.
const OVERHEAD: usize = 200;

/// Keeps what was used last, up to a number of bytes.
#[derive(Debug)]
pub struct Memory {
    most: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    entries: LruCache<Key, Entry>,
    bytes: usize,
}

impl Memory {
    /// Takes about `most` bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(Kept { entries: LruCache::unbounded(), bytes: 0 }) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(key: &Key, entry: &Entry) -> usize {
    OVERHEAD + key.id.len() + entry.value.as_ref().map_or(0, bytes::Bytes::len)
}

#[async_trait]
impl Cache for Memory {
    async fn get(&self, keys: &[Key]) -> Vec<Option<Entry>> {
        let mut kept = self.kept();
        keys.iter().map(|key| kept.entries.get(key).cloned()).collect()
    }

    async fn put(&self, entries: Vec<(Key, Entry)>) {
        let mut kept = self.kept();
        for (key, entry) in entries {
            if kept.entries.peek(&key).is_some_and(|old| age(old.version) >= age(entry.version)) {
                continue;
            }
            kept.bytes += weight(&key, &entry);
            if let Some((key, old)) = kept.entries.push(key, entry) {
                kept.bytes -= weight(&key, &old);
            }
        }
        while kept.bytes > self.most {
            let Some((key, old)) = kept.entries.pop_lru() else { break };
            kept.bytes -= weight(&key, &old);
        }
    }

    async fn forget(&self, keys: &[Key]) {
        let mut kept = self.kept();
        for key in keys {
            if let Some((key, old)) = kept.entries.pop_entry(key) {
                kept.bytes -= weight(&key, &old);
            }
        }
    }
}
