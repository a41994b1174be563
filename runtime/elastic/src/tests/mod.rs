//! Against real servers.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::error::ElasticError;

/// Burns through after so many requests: from then on nothing reaches the server, as if the process had been killed.
#[derive(Debug)]
pub(crate) struct Fuse {
    /// Requests that are still sent.
    sent: AtomicI64,
    /// Answers that still arrive.
    answered: AtomicI64,
}

impl Default for Fuse {
    fn default() -> Self {
        Self { sent: AtomicI64::new(i64::MAX), answered: AtomicI64::new(i64::MAX) }
    }
}

impl Fuse {
    /// So many requests are sent, so many answers arrive.
    pub(crate) fn set(&self, sent: i64, answered: i64) {
        self.sent.store(sent, Ordering::SeqCst);
        self.answered.store(answered, Ordering::SeqCst);
    }

    fn burn(left: &AtomicI64, url: &str) -> Result<(), ElasticError> {
        if left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(ElasticError::Unreachable { url: url.to_owned(), reason: "the fuse".to_owned() })
    }

    pub(crate) fn before(&self, url: &str) -> Result<(), ElasticError> {
        Self::burn(&self.sent, url)
    }

    pub(crate) fn after(&self, url: &str) -> Result<(), ElasticError> {
        Self::burn(&self.answered, url)
    }
}
