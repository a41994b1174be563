//! A cache that is away costs nobody's time: after a failure it is left alone for a while, then one caller tries again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long it is left alone.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Since a failure: when somebody may try again.
    again: Option<Instant>,
}

impl Circuit {
    /// Whether the caller may ask. After a failure one may every [`PAUSE`], whoever comes first.
    pub(crate) fn lets_through(&self) -> bool {
        let mut state = self.state();
        match &mut state.again {
            None => true,
            Some(again) => {
                let now = Instant::now();
                let due = *again <= now;
                if due {
                    *again = now + PAUSE;
                }
                due
            }
        }
    }

    /// It answered; whether that is news.
    pub(crate) fn works(&self) -> bool {
        self.state().again.take().is_some()
    }

    /// It did not; whether that is news.
    pub(crate) fn failed(&self) -> bool {
        self.state().again.replace(Instant::now() + PAUSE).is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_tries_again_after_a_pause() {
        let circuit = Circuit::default();
        assert!(circuit.lets_through() && circuit.lets_through());
        assert!(circuit.failed(), "news");
        assert!(!circuit.failed(), "known");
        assert!(!circuit.lets_through());
        tokio::time::advance(PAUSE).await;
        assert!(circuit.lets_through());
        assert!(!circuit.lets_through(), "one only");
        assert!(circuit.works(), "news");
        assert!(!circuit.works(), "known");
        assert!(circuit.lets_through());
    }
}
