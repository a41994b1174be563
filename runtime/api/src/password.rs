//! Passwords: argon2id, on one thread of its own.
//!
//! One thread, because each hash takes megabytes that the allocator keeps for the thread which asked for them: hashing on
//! whatever thread is free would in the end hold that memory once for each of them.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::oneshot;
use tracardi_process::random;
use tracardi_process::supervisor::panic_text;

/// Hashes that may wait; one takes some tens of milliseconds.
const WAITING: usize = 64;
/// Salt of each hash.
const SALT_BYTES: usize = 16;
/// Memory, passes and lanes of a new hash: as strong as 19 MiB in two passes, by the table of OWASP's password storage
/// cheat sheet, in less memory. A stored hash names its own.
const MEMORY_KIB: u32 = 9_216;
const PASSES: u32 = 4;
const LANES: u32 = 1;
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

/// Something to do on the thread.
type Job = Box<dyn FnOnce() + Send>;

/// Hashes and compares passwords; a cheap handle. The thread ends with the last of them.
#[derive(Clone, Debug)]
pub struct Passwords(SyncSender<Job>);

impl Passwords {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING);
        std::thread::Builder::new().name("passwords".to_owned()).spawn(move || work_off(&waiting))?;
        Ok(Self(jobs))
    }

    /// The hash to store, in the PHC string format.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.run(move || hash(&password)).await
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
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            // Nobody waits any more when the client has hung up.
            let _ = answer.send(result.unwrap_or_else(|panic| Err(PasswordError::Failed(panic_text(panic.as_ref())))));
        });
        self.0.try_send(job).map_err(|_| PasswordError::Busy)?;
        answered.await.map_err(|_| PasswordError::Busy)?
    }
}

fn work_off(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        job();
    }
}

/// The hash of a password, computed here and now; for programs without other work, such as `tracardi init`.
pub fn hash(password: &str) -> Result<String, PasswordError> {
    let salt = random::bytes::<SALT_BYTES>().map_err(|error| PasswordError::Failed(error.to_string()))?;
    let failed = |error: &dyn std::fmt::Display| PasswordError::Failed(error.to_string());
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| failed(&error))?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_hash_and_no_other() {
        let passwords = Passwords::start().unwrap();
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=9216,t=4,p=1$"), "{stored}");
        assert!(passwords.matches("correct horse", Some(&stored)).await.unwrap());
        assert!(!passwords.matches("battery staple", Some(&stored)).await.unwrap());
        assert!(!passwords.matches("anything", None).await.unwrap());
        assert!(matches!(passwords.matches("x", Some("rubbish")).await, Err(PasswordError::Failed(_))));
    }
}
