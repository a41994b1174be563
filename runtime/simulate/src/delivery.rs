//! A request is sent, with the very same bytes, until it is answered or patience ends.
//!
//! A connection that breaks says nothing about whether the server has stored the events. Sending the same body again is
//! right in both cases, because the collector derives the ids of events from it: what is stored already stays as it is.

use std::time::Duration;

use tokio::time::Instant;

use crate::client::{Answer, Client};
use crate::rng::Rng;

/// How long and how often to try.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the first attempt to the last, in total.
    pub total: Duration,
    /// After the first attempt; doubled after each further one.
    pub pause: Duration,
    /// No pause is longer than this, whatever the server asks for.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { total: Duration::from_secs(30), pause: Duration::from_millis(50), longest_pause: Duration::from_secs(5) }
    }
}

/// A request that was answered (well or not).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The answer.
    pub answer: Answer,
    /// How often the request was sent again.
    pub retries: u64,
}

/// A request whose fate is unknown: it may be stored or not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no acknowledgement after {attempts} attempts: {reason}")]
pub struct Undelivered {
    /// How often it was sent.
    pub attempts: u64,
    /// What went wrong with the last attempt.
    pub reason: String,
}

/// Sends requests over one connection, with retries.
#[derive(Debug)]
pub struct Delivery {
    client: Client,
    patience: Patience,
    jitter: Rng,
}

impl Delivery {
    /// `seed` decides about the jitter of pauses; different senders should have different ones.
    #[must_use]
    pub fn new(client: Client, patience: Patience, seed: u64) -> Self {
        Self { client, patience, jitter: Rng::new(seed, 0x6a69_7474) }
    }

    /// Posts a body until there is an answer that is not "not now" (429, 502, 503, 504).
    pub async fn post(&mut self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Delivered, Undelivered> {
        let started = Instant::now();
        let mut attempts = 0;
        loop {
            let result = self.client.request("POST", path, headers, body).await;
            attempts += 1;
            let (reason, asked) = match result {
                Ok(answer) if !matches!(answer.status, 429 | 502..=504) => {
                    return Ok(Delivered { answer, retries: attempts - 1 });
                }
                Ok(answer) => (format!("{} {}", answer.status, answer.detail()), answer.retry_after),
                Err(error) => (error.to_string(), None),
            };
            let pause = self.pause(attempts, asked);
            if started.elapsed() + pause > self.patience.total {
                return Err(Undelivered { attempts, reason });
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// What the server asked for, or else twice as long each time; with jitter, so that many clients do not come back at
    /// the same moment.
    fn pause(&mut self, attempts: u64, asked: Option<Duration>) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1).min(16)).unwrap_or(16);
        let own = self.patience.pause.saturating_mul(1 << doublings);
        let percent = u32::try_from(self.jitter.between(50, 100)).unwrap_or(100);
        let pause = match asked {
            Some(asked) => asked + self.patience.pause * percent / 100,
            None => own.min(self.patience.longest_pause) * percent / 100,
        };
        pause.min(self.patience.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_jittered_and_bounded() {
        let client = Client::new("http://localhost:1".parse().unwrap(), Duration::from_secs(1));
        let mut delivery = Delivery::new(client, Patience::default(), 1);
        let longest = Duration::from_secs(5);
        for attempt in 1..100 {
            let own = Duration::from_millis(50).saturating_mul(1 << (attempt - 1).min(16)).min(longest);
            let pause = delivery.pause(attempt, None);
            assert!(pause >= own / 2 && pause <= own, "{attempt}: {pause:?}");
        }
        let asked = delivery.pause(1, Some(Duration::from_secs(2)));
        assert!(asked > Duration::from_secs(2) && asked < Duration::from_millis(2_100));
        assert_eq!(delivery.pause(1, Some(Duration::from_hours(1))), longest);
    }
}
