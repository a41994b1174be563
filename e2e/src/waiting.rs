//! Waiting for the world to be as wanted.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// What a look at the world showed.
#[derive(Debug)]
pub enum Wanted<T> {
    /// It is as wanted.
    Yes(T),
    /// Not yet; the text says what is missing and ends up in the error when the time is over.
    NotYet(String),
}

impl<T> Wanted<T> {
    /// `Yes` when `holds`, else `NotYet` with the text that `missing` makes.
    pub fn when(holds: bool, value: T, missing: impl FnOnce() -> String) -> Self {
        if holds { Self::Yes(value) } else { Self::NotYet(missing()) }
    }
}

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(150);

/// That many seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Looks again and again until it is as wanted. An error of `look` counts as "not yet": connections break and objects
/// are missing while a cluster works; when the time is over, the last reason is told.
pub async fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<Wanted<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let missing = match look().await {
            Ok(Wanted::Yes(value)) => return Ok(value),
            Ok(Wanted::NotYet(missing)) => missing,
            Err(error) => format!("{error:#}"),
        };
        if start.elapsed() >= within {
            bail!("{what}: not within {} s; last seen: {missing}", within.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_waits_through_errors_and_tells_the_last_reason() {
        let mut looks = 0;
        let value = eventually("three looks", secs(5), async || {
            looks += 1;
            match looks {
                1 => bail!("broken"),
                2 => Ok(Wanted::NotYet("almost".into())),
                _ => Ok(Wanted::Yes(looks)),
            }
        })
        .await
        .unwrap();
        assert_eq!(value, 3);
        let error = eventually("never", Duration::ZERO, async || Ok(Wanted::<()>::NotYet("asleep".into()))).await;
        assert_eq!(error.unwrap_err().to_string(), "never: not within 0 s; last seen: asleep");
    }
}
