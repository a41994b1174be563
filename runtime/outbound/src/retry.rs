//! When a delivery that failed is tried again, and when no more. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long a destination is given.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The longest pause after the first failure; it doubles with every further one.
    pub first: Duration,
    /// Pauses do not grow beyond this, nor beyond it do we wait because a destination asks for it.
    pub longest: Duration,
    /// Attempts after which a delivery is dead.
    pub attempts: u32,
    /// Age at which a delivery that fails is dead.
    pub age: Duration,
}

impl Default for Patience {
    /// From a second to an hour, for three days: whoever is down over a weekend misses nothing.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_hours(1),
            attempts: 100,
            age: Duration::from_hours(72),
        }
    }
}

impl Patience {
    /// When to try again after the attempt number `attempts` (from 1) has failed at `now`; `None` when it was the last one.
    ///
    /// The pause is a random part of one that doubles (`random` is any number): clients that failed together do not come
    /// back together. A destination that asks for a pause (`Retry-After`) gets it, within bounds.
    #[must_use]
    pub fn again(
        &self,
        attempts: u32,
        made: Timestamp,
        now: Timestamp,
        asked: Option<Duration>,
        random: u64,
    ) -> Option<Timestamp> {
        let age = now.duration_since(made);
        if attempts >= self.attempts || age >= SignedDuration::try_from(self.age).unwrap_or(SignedDuration::MAX) {
            return None;
        }
        let pause = self.pause(attempts, random).max(asked.unwrap_or_default().min(self.longest));
        Some(after(now, pause))
    }

    /// A random part of `first * 2^(attempts - 1)`, at most `longest`, at least a millisecond.
    #[must_use]
    pub fn pause(&self, attempts: u32, random: u64) -> Duration {
        let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
        let most = self.first.saturating_mul(doubled).min(self.longest);
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(random % nanos.saturating_add(1).max(1)).max(Duration::from_millis(1))
    }
}

/// A point in time so much later; the end of time when there is none.
#[must_use]
pub fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// How long it is until then; nothing when it has passed.
#[must_use]
pub fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn the_last_attempt_and_the_last_day() {
        let patience = Patience::default();
        assert!(patience.again(99, NOW, NOW, None, 0).is_some());
        assert_eq!(patience.again(100, NOW, NOW, None, 0), None);
        let old = after(NOW, patience.age);
        assert_eq!(patience.again(1, NOW, old, None, 0), None);
        assert!(patience.again(1, old, NOW, None, 0).is_some(), "a clock that was set back does no harm");
    }

    #[test]
    fn a_destination_may_ask_for_a_pause_but_not_for_any() {
        let patience = Patience::default();
        let due = |asked| until(NOW, patience.again(1, NOW, NOW, Some(asked), 0).unwrap());
        assert_eq!(due(Duration::from_secs(90)), Duration::from_secs(90));
        assert_eq!(due(Duration::MAX), patience.longest);
    }

    proptest! {
        #[test]
        fn pauses_double_and_have_an_end(attempts: u32, random: u64) {
            let patience = Patience::default();
            let pause = patience.pause(attempts, random);
            prop_assert!(pause <= patience.longest && pause >= Duration::from_millis(1));
            prop_assert!(attempts > 10 || pause <= patience.first * (1 << attempts.saturating_sub(1)));
        }
    }
}
