//! Against real servers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

mod claims;
mod crashes;
mod erasures;
mod house;
mod look;
mod promises;
mod surroundings;

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::watch;

use crate::error::ElasticError;

/// Stands before each request. It burns through after so many: from then on nothing reaches the server, as if the process had
/// been killed. Or it holds one back, as if the process had been stopped.
#[derive(Debug)]
pub(crate) struct Fuse {
    /// Requests that are still sent.
    sent: AtomicI64,
    /// Answers that still arrive.
    answered: AtomicI64,
    /// Requests before the one that is held back.
    free: AtomicI64,
    hold: watch::Sender<Hold>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    No,
    Will,
    Does,
}

impl Default for Fuse {
    fn default() -> Self {
        let never = || AtomicI64::new(i64::MAX);
        Self { sent: never(), answered: never(), free: never(), hold: watch::Sender::new(Hold::No) }
    }
}

impl Fuse {
    /// After so many requests the next one is not sent, or (`sent`) is sent and not answered.
    pub(crate) fn burn_at(&self, number: i64, sent: bool) {
        let left = if sent { &self.answered } else { &self.sent };
        left.store(number, Ordering::SeqCst);
    }

    /// After so many requests one is held back.
    pub(crate) fn hold_before(&self, number: i64) {
        self.free.store(number, Ordering::SeqCst);
        self.hold.send_replace(Hold::Will);
    }

    /// Waits until one is held back.
    pub(crate) async fn is_held(&self) {
        self.is_held_back().await;
    }

    /// The same; whether one was, or there were too few.
    pub(crate) async fn is_held_back(&self) -> bool {
        self.hold.subscribe().wait_for(|hold| *hold != Hold::Will).await.is_ok_and(|hold| *hold == Hold::Does)
    }

    /// From now on none is.
    pub(crate) fn let_go(&self) {
        self.hold.send_replace(Hold::No);
    }

    fn burn(left: &AtomicI64, url: &str) -> Result<(), ElasticError> {
        if left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(ElasticError::Unreachable { url: url.to_owned(), reason: "the fuse".to_owned(), connected: false })
    }

    pub(crate) async fn before(&self, url: &str) -> Result<(), ElasticError> {
        let held = *self.hold.borrow() == Hold::Will;
        if held && self.free.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.hold.send_replace(Hold::Does);
            let _ = self.hold.subscribe().wait_for(|hold| *hold == Hold::No).await;
        }
        Self::burn(&self.sent, url)
    }

    pub(crate) fn after(&self, url: &str) -> Result<(), ElasticError> {
        Self::burn(&self.answered, url)
    }
}
