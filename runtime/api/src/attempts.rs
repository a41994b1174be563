//! Slowing down who guesses passwords: a few attempts at once for each account, then one every few seconds. Other
//! accounts are not affected, nor is who is already logged in. The same holds for the installation token.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Attempts that an account grants at once.
const BURST: i64 = 8;
/// After so much time one more is granted.
const REFILL: SignedDuration = SignedDuration::from_secs(8);
/// Accounts remembered; beyond, the ones that are full again anyway are forgotten, then those that were tried once only.
/// Those under attack stay: forgetting them would grant new attempts.
const REMEMBERED: usize = 10_000;

/// Failed attempts by account.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<String, Timestamp>>);

impl Attempts {
    /// Takes one attempt for an account (also for one that does not exist, so that nobody can tell). When there is none
    /// left: the seconds until the next.
    pub fn take(&self, account: &str, now: Timestamp) -> Result<(), u64> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= REMEMBERED && !accounts.contains_key(account) {
            accounts.retain(|_, free| *free > now);
            if accounts.len() >= REMEMBERED {
                accounts.retain(|_, free| free.duration_since(now) > REFILL);
            }
            if accounts.len() >= REMEMBERED {
                return Err(REFILL.as_secs().unsigned_abs());
            }
        }
        // Each attempt pushes the instant at which the account is full again by one refill; more than a burst is refused.
        let free = accounts.get(account).copied().unwrap_or(now).max(now);
        let next = free.checked_add(REFILL).unwrap_or(free);
        let ahead = next.duration_since(now);
        let allowed = REFILL.saturating_mul(i32::try_from(BURST).unwrap_or(1));
        if ahead > allowed {
            return Err(u64::try_from((ahead - allowed).as_secs() + 1).unwrap_or(1));
        }
        accounts.insert(account.to_owned(), next);
        Ok(())
    }

    /// The right password was given: all attempts are granted again.
    pub fn succeeded(&self, account: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_slowed_down_and_no_other() {
        let attempts = Attempts::default();
        let start = Timestamp::UNIX_EPOCH;
        for _ in 0..BURST {
            assert_eq!(attempts.take("a", start), Ok(()));
        }
        assert_eq!(attempts.take("a", start), Err(9));
        assert_eq!(attempts.take("b", start), Ok(()));
        let later = start + REFILL;
        assert_eq!(attempts.take("a", later), Ok(()));
        assert!(attempts.take("a", later).is_err());
        attempts.succeeded("a");
        assert_eq!(attempts.take("a", later), Ok(()));
    }

    #[test]
    fn a_flood_of_names_grants_no_new_attempts() {
        let attempts = Attempts::default();
        let start = Timestamp::UNIX_EPOCH;
        while attempts.take("admin", start).is_ok() {}
        for number in 0..REMEMBERED * 2 {
            let _ = attempts.take(&number.to_string(), start);
        }
        assert!(attempts.take("admin", start).is_err());
        assert_eq!(attempts.take("somebody", start), Ok(()), "others still get in");
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for number in 0..REMEMBERED * 2 {
            let _ = attempts.take(&number.to_string(), Timestamp::UNIX_EPOCH);
        }
        assert!(attempts.0.lock().unwrap().len() <= REMEMBERED);
    }
}
