//! A bell with many buttons: tells a task for whom there is something to do, without a queue that could fill up. Who rings
//! twice before the task looks is told once, with the sum.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A cheap handle; all clones are the same bell.
#[derive(Clone, Debug)]
pub struct Bell<K>(Arc<Inner<K>>);

#[derive(Debug)]
struct Inner<K> {
    rung: Mutex<HashMap<K, u64>>,
    notify: Notify,
}

impl<K> Default for Bell<K> {
    fn default() -> Self {
        Self(Arc::new(Inner { rung: Mutex::default(), notify: Notify::new() }))
    }
}

impl<K: Eq + Hash> Bell<K> {
    /// There are so many more things to do for each of `keys`; a key may come several times.
    pub fn ring(&self, keys: impl IntoIterator<Item = (K, u64)>) {
        let mut keys = keys.into_iter().peekable();
        if keys.peek().is_none() {
            return;
        }
        let mut rung = self.0.rung.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, number) in keys {
            *rung.entry(key).or_default() += number;
        }
        drop(rung);
        self.0.notify.notify_one();
    }

    /// Waits until somebody has rung since the last time; for whom, and how much there is to do. For one listener.
    pub async fn rung(&self) -> HashMap<K, u64> {
        loop {
            let rung = std::mem::take(&mut *self.0.rung.lock().unwrap_or_else(PoisonError::into_inner));
            if !rung.is_empty() {
                return rung;
            }
            self.0.notify.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rings_add_up_and_none_is_missed() {
        let bell = Bell::default();
        bell.ring([]);
        bell.ring([("a", 1), ("b", 1), ("a", 1)]);
        bell.ring([("a", 5)]);
        assert_eq!(bell.rung().await, HashMap::from([("a", 7), ("b", 1)]));
        let silent = tokio::time::timeout(Duration::from_secs(1), bell.rung());
        assert!(silent.await.is_err(), "who has looked is not told again");
        let (rung, ()) = tokio::join!(bell.rung(), async { bell.ring([("c", 1)]) });
        assert_eq!(rung, HashMap::from([("c", 1)]));
    }
}
