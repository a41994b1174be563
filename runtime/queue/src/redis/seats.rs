//! What a consumer is called among the others.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracardi_process::random;

use crate::QueueError;

/// The names of consumers that were dropped and did not leave: to the others they live on for a while, with their partitions.
#[derive(Debug, Default)]
pub(super) struct Seats(Arc<Mutex<Vec<String>>>);

impl Seats {
    /// A free name, or a new one: `name` and something random.
    pub(super) fn take(&self, name: &str) -> Result<Seat, QueueError> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let token = free.map_or_else(|| Ok(format!("{name}-{}", random::hex::<8>()?)), Ok);
        let token = token.map_err(|error: io::Error| QueueError::Unavailable(format!("no randomness: {error}")))?;
        Ok(Seat { token, left: false, free: self.0.clone() })
    }
}

/// The name of one consumer; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) token: String,
    left: bool,
    free: Arc<Mutex<Vec<String>>>,
}

impl Seat {
    /// The others know that it is gone.
    pub(super) fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.left {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.token));
        }
    }
}
