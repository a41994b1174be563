//! Whether the process lives, whether it can do its work, and its figures: the management listener's router.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::time::Instant;

use crate::metrics::{CONTENT_TYPE, Metrics};

/// A question to a part of the process: `Ok`, or the reason why not, for people.
type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What a check's answer decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The process is beyond repair and should be restarted when this fails.
    Live,
    /// The process should get no work while this fails.
    Ready,
}

/// The checks of a process; a cheap handle. Without checks it is alive and ready.
#[derive(Clone, Default)]
pub struct Health(Arc<RwLock<Vec<Named>>>);

/// A check with its kind and its name.
type Named = (Kind, &'static str, Check);

impl std::fmt::Debug for Health {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Health").finish_non_exhaustive()
    }
}

impl Health {
    /// No checks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check. It is asked at each probe and must answer at once.
    pub fn check(
        &self,
        kind: Kind,
        name: &'static str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push((kind, name, Box::new(check)));
    }

    /// The failing checks of a kind, one line each; empty when all is well.
    #[must_use]
    pub fn failing(&self, kind: Kind) -> Vec<String> {
        let checks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        checks
            .iter()
            .filter(|(of, ..)| *of == kind)
            .filter_map(|(_, name, check)| check().err().map(|reason| format!("{name}: {reason}")))
            .collect()
    }

    fn answer(&self, kind: Kind) -> Response {
        let failing = self.failing(kind);
        if failing.is_empty() {
            (StatusCode::OK, "ok\n").into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, failing.join("\n") + "\n").into_response()
        }
    }
}

/// What is wrong with a part of the process at present; nothing to begin with. A cheap handle, made to be asked by a check.
#[derive(Clone, Debug, Default)]
pub struct Trouble(Arc<RwLock<Option<String>>>);

impl Trouble {
    /// Something is wrong; gives whether nothing was before, which is worth a line in the log.
    pub fn begin(&self, reason: impl Into<String>) -> bool {
        self.0.write().unwrap_or_else(PoisonError::into_inner).replace(reason.into()).is_none()
    }

    /// All is well; gives whether it was not before.
    pub fn end(&self) -> bool {
        // Mostly all was well, and nobody waits for the other.
        self.is_there() && self.0.write().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// Whether something is wrong.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What is wrong.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Watches whether a part of the process gets anywhere: requests go in, answers come out. A cheap handle.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Steps>);

#[derive(Debug)]
struct Steps {
    begin: Instant,
    waiting: AtomicU64,
    /// Milliseconds since `begin` at which something last ended, or began while nothing else waited.
    last: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Steps { begin: Instant::now(), waiting: AtomicU64::new(0), last: AtomicU64::new(0) }))
    }
}

impl Progress {
    /// Something begins; it ends when the guard is dropped.
    #[must_use]
    pub fn begin(&self) -> Underway {
        if self.0.waiting.fetch_add(1, Ordering::AcqRel) == 0 {
            self.step();
        }
        Underway(self.clone())
    }

    /// For how long something has been waiting while nothing ended; zero when nothing waits.
    #[must_use]
    pub fn stalled(&self) -> Duration {
        if self.0.waiting.load(Ordering::Acquire) == 0 {
            return Duration::ZERO;
        }
        let last = Duration::from_millis(self.0.last.load(Ordering::Acquire));
        self.0.begin.elapsed().saturating_sub(last)
    }

    fn step(&self) {
        let now = u64::try_from(self.0.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(now, Ordering::Release);
    }
}

/// Something that [`Progress`] watches.
#[derive(Debug)]
pub struct Underway(Progress);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.step();
        self.0.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

/// `/livez` and `/readyz` (200 `ok`, or 503 with one line per failing check), `/healthcheck` (the same as `/readyz`),
/// `/metrics`.
pub fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/livez", get(|State(health): State<Health>| async move { health.answer(Kind::Live) }))
        .route("/readyz", get(|State(health): State<Health>| async move { health.answer(Kind::Ready) }))
        .route("/healthcheck", get(|State(health): State<Health>| async move { health.answer(Kind::Ready) }))
        .with_state(health)
        .route("/metrics", get(figures).with_state(metrics))
}

async fn figures(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("figures cannot be written: {error}\n")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_check_is_named() {
        let health = Health::new();
        assert!(health.failing(Kind::Ready).is_empty());
        health.check(Kind::Ready, "store", || Err("disk full".into()));
        health.check(Kind::Live, "writer", || Ok(()));
        assert_eq!(health.failing(Kind::Ready), ["store: disk full"]);
        assert!(health.failing(Kind::Live).is_empty());
        assert_eq!(health.answer(Kind::Ready).status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(health.answer(Kind::Live).status(), StatusCode::OK);
    }

    #[test]
    fn trouble_is_news_once() {
        let trouble = Trouble::default();
        assert!(!trouble.end());
        assert!(trouble.begin("full"));
        assert!(!trouble.begin("still full"));
        assert_eq!(trouble.reason().as_deref(), Some("still full"));
        assert!(trouble.end() && !trouble.is_there());
    }

    #[tokio::test(start_paused = true)]
    async fn standing_still_is_noticed() {
        let progress = Progress::default();
        let pass = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        pass(10).await;
        assert_eq!(progress.stalled(), Duration::ZERO, "nothing to do is no standstill");
        let (first, second) = (progress.begin(), progress.begin());
        pass(10).await;
        assert_eq!(progress.stalled(), Duration::from_secs(10));
        drop(first);
        pass(5).await;
        assert_eq!(progress.stalled(), Duration::from_secs(5));
        drop(second);
        pass(5).await;
        assert_eq!(progress.stalled(), Duration::ZERO);
    }
}
