//! Passwords: argon2id, on threads of its own, a few at a time (each takes 19 MiB and some milliseconds).

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;
use tracardi_process::random;

/// Hashes at a time.
const AT_A_TIME: usize = 2;
/// Hashes that may wait.
const WAITING: usize = 64;
/// Salt of each hash.
const SALT_BYTES: usize = 16;
/// Longest password, in bytes.
pub const MAX_BYTES: usize = 1024;

/// Why a password could not be hashed or compared.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PasswordError {
    /// More logins at a time than can be worked off.
    #[error("too many logins at a time; try again in a few seconds")]
    Busy,
    /// The hash itself failed.
    #[error("the password cannot be hashed: {0}")]
    Failed(String),
}

/// Hashes and compares passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_A_TIME)), waiting: Arc::new(Semaphore::new(WAITING)) }
    }
}

impl Passwords {
    /// The hash to store, in the PHC string format.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.run(move || hash(&password)).await?
    }

    /// Whether a password belongs to a stored hash. Without a hash (no such account) it takes as long and is false.
    pub async fn matches(&self, password: &str, stored: Option<&str>) -> Result<bool, PasswordError> {
        let (password, stored) = (password.to_owned(), stored.map(str::to_owned));
        self.run(move || match stored {
            Some(stored) => PasswordHash::new(&stored)
                .map(|stored| Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
                .map_err(|error| PasswordError::Failed(error.to_string())),
            None => hash(&password).map(|_| false),
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        let result = tokio::task::spawn_blocking(move || {
            let _running = running;
            work()
        });
        result.await.map_err(|error| PasswordError::Failed(error.to_string()))
    }
}

/// The hash of a password, computed here and now; for programs without other work, such as `tracardi init`.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let salt = random::bytes::<SALT_BYTES>().map_err(|error| PasswordError::Failed(error.to_string()))?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| PasswordError::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_hash_and_no_other() {
        let passwords = Passwords::default();
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        assert!(passwords.matches("correct horse", Some(&stored)).await.unwrap());
        assert!(!passwords.matches("battery staple", Some(&stored)).await.unwrap());
        assert!(!passwords.matches("anything", None).await.unwrap());
        assert!(matches!(passwords.matches("x", Some("rubbish")).await, Err(PasswordError::Failed(_))));
    }
}
