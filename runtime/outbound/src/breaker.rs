//! Leaves a destination in peace that does not answer. Pure.
//!
//! Closed: everything is sent. After a number of failures in a row it opens: nothing is sent for a while that grows with
//! each further failure. When the while is over, one delivery is sent to see (half open): a success closes it.

use jiff::Timestamp;

use crate::retry::{Patience, after};

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Everything.
    Free,
    /// One, to see whether it works again.
    One,
    /// Nothing before then.
    Shut(Timestamp),
}

/// The breaker of one destination.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// Failures in a row at which it opens.
    opens_after: u32,
    patience: Patience,
    failures: u32,
    shut_until: Option<Timestamp>,
}

impl Breaker {
    /// Closed; opens after so many failures in a row, at first for about `patience.first`.
    #[must_use]
    pub fn new(opens_after: u32, patience: Patience) -> Self {
        Self { opens_after: opens_after.max(1), patience, failures: 0, shut_until: None }
    }

    /// What may be sent now.
    #[must_use]
    pub fn way(&self, now: Timestamp) -> Way {
        match self.shut_until {
            Some(then) if then > now => Way::Shut(then),
            _ if self.is_closed() => Way::Free,
            _ => Way::One,
        }
    }

    /// Whether it is closed, that is, whether the destination counts as well.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.failures < self.opens_after
    }

    /// The destination answered, be it with a refusal of what was sent.
    pub fn answered(&mut self) {
        self.failures = 0;
        self.shut_until = None;
    }

    /// It did not, or not with what was meant. `random` is any number.
    pub fn failed(&mut self, now: Timestamp, random: u64) {
        self.failures = self.failures.saturating_add(1);
        if !self.is_closed() {
            let pause = self.patience.pause(self.failures - self.opens_after + 1, random);
            self.rest(after(now, pause));
        }
    }

    /// Nothing is sent before then, whatever else is known.
    pub fn rest(&mut self, then: Timestamp) {
        self.shut_until = self.shut_until.max(Some(then));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn breaker() -> Breaker {
        Breaker::new(3, Patience { longest: Duration::from_mins(1), ..Patience::default() })
    }

    #[test]
    fn opens_after_failures_in_a_row_and_closes_with_a_success() {
        let mut breaker = breaker();
        for _ in 0..10 {
            breaker.failed(NOW, u64::MAX);
            breaker.failed(NOW, u64::MAX);
            assert_eq!(breaker.way(NOW), Way::Free);
            breaker.answered();
        }
        for _ in 0..3 {
            breaker.failed(NOW, 999_999_999);
        }
        let Way::Shut(then) = breaker.way(NOW) else { panic!("{breaker:?}") };
        assert_eq!(breaker.way(then), Way::One);
        assert!(!breaker.is_closed());
        breaker.failed(then, 1_999_999_999);
        let Way::Shut(later) = breaker.way(then) else { panic!("{breaker:?}") };
        assert!(later.duration_since(then) > then.duration_since(NOW), "it is left in peace longer and longer");
        breaker.answered();
        assert_eq!(breaker.way(NOW), Way::Free);
    }

    #[test]
    fn rests_when_the_destination_asks_for_it() {
        let mut breaker = breaker();
        let then = after(NOW, Duration::from_secs(30));
        breaker.rest(then);
        assert_eq!(breaker.way(NOW), Way::Shut(then));
        assert_eq!(breaker.way(then), Way::Free);
    }
}
