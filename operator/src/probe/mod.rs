//! A live look at the servers that an installation depends on, with the code that its services use.
//!
//! | part | what for |
//! |---|---|
//! | [`Prober`] | looks again and again, and knows what was found |
//! | [`Target`], [`Fact`] | what is looked at, what was found |
//! | [`targets`] | which servers an installation has |
//! | `look` | one look; what its error calls a setting becomes a field of the resource |
//!
//! Each server of each installation has a job of its own that begins with the first question for it ([`Prober::facts`]) and ends
//! when it is not asked for any more. A pass finds what the job found last; what is new starts a pass.

mod look;
mod targets;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::DropGuard;
use tracardi_process::{Endpoint, Phase, Sighting, Supervisor, random};

use crate::children::Trigger;
use crate::metrics::Metrics;

pub use targets::targets;

/// From one look to the next, as long as all is well; more or less [`JITTER`].
const EVERY: Duration = Duration::from_secs(30);
/// What keeps the looks of many installations from falling together.
const JITTER: Duration = Duration::from_secs(5);
/// From one look to the next while there is trouble: at first, then doubled up to [`EVERY`].
const AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// How soon a failed look is repeated before it counts,
const BLIP: Duration = Duration::from_secs(1);
/// and how many in a row must fail: a server that is slow for a moment can be used.
const FAILED: u32 = 3;
/// No look takes longer.
const LOOK: Duration = Duration::from_secs(5);
/// Looks at a time.
const AT_ONCE: usize = 8;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// Elasticsearch or OpenSearch.
    Elasticsearch,
    /// MySQL or MariaDB.
    Mysql,
    /// Redis.
    Redis,
    /// Pulsar.
    Pulsar,
}

impl Dependency {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Elasticsearch, Self::Mysql, Self::Redis, Self::Pulsar];

    /// As in the resource, in status and in figures.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Elasticsearch => "elasticsearch",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Pulsar => "pulsar",
        }
    }
}

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Where the documents are.
    Elasticsearch(Endpoint),
    /// Where configuration and outbox are.
    Mysql {
        /// The server.
        endpoint: Endpoint,
        /// The database there.
        database: String,
    },
    /// Where the cache is, and perhaps the queue.
    Redis {
        /// The server.
        endpoint: Endpoint,
        /// Whether it is the queue: then settings that weaken one are warned of.
        queue: bool,
    },
    /// Where the queue is, if not in Redis.
    Pulsar {
        /// The brokers.
        broker: Endpoint,
        /// The admin API.
        admin: Endpoint,
        /// `tenant/namespace`, both in Pulsar's sense.
        namespace: String,
    },
}

impl Target {
    /// Which server it is.
    #[must_use]
    pub fn dependency(&self) -> Dependency {
        match self {
            Self::Elasticsearch(_) => Dependency::Elasticsearch,
            Self::Mysql { .. } => Dependency::Mysql,
            Self::Redis { .. } => Dependency::Redis,
            Self::Pulsar { .. } => Dependency::Pulsar,
        }
    }
}

/// What the last look found: a server that can be used, or why it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// At which server.
    pub dependency: Dependency,
    /// The server; None when it cannot be used.
    pub seen: Option<Sighting>,
    /// Why it cannot be used: one line without secrets that begins with the fields of the resource that it concerns, such as
    /// `spec.mysql.external.passwordSecretRef`, and says what to do.
    pub trouble: Option<String>,
}

impl Fact {
    fn new(dependency: Dependency, found: Result<Sighting, String>) -> Self {
        match found {
            Ok(seen) => Self { dependency, seen: Some(seen), trouble: None },
            Err(trouble) => Self { dependency, seen: None, trouble: Some(trouble) },
        }
    }
}

/// One look; the error is a whole [`Fact::trouble`].
type Look = dyn Fn(Target) -> BoxFuture<'static, Result<Sighting, String>> + Send + Sync;

/// Looks at servers again and again, and knows what it found. Cheap to clone.
#[derive(Clone)]
pub struct Prober(Arc<Inner>);

struct Inner {
    look: Box<Look>,
    supervisor: Supervisor,
    news: UnboundedSender<Trigger>,
    metrics: Metrics,
    at_once: Semaphore,
    /// By the installation's uid.
    watched: Mutex<HashMap<String, BTreeMap<Dependency, Watched>>>,
}

/// A server with a job that looks at it. The job ends when this is dropped, and with it go the figures.
struct Watched {
    target: Target,
    fact: Option<Fact>,
    figures: Figures,
    _running: DropGuard,
}

/// Figures that exist as long as somebody looks.
struct Figures {
    metrics: Metrics,
    of: Trigger,
    dependency: Dependency,
}

impl Drop for Figures {
    fn drop(&mut self) {
        self.metrics.looks_no_more(&self.of, self.dependency);
    }
}

impl Prober {
    /// Knows nothing yet. Installations of which something new is known are told to `news`. Its jobs end in [`Phase::Accept`].
    #[must_use]
    pub fn new(supervisor: Supervisor, news: UnboundedSender<Trigger>, metrics: Metrics) -> Self {
        Self::with(Box::new(|target| Box::pin(look::look(target))), supervisor, news, metrics)
    }

    fn with(look: Box<Look>, supervisor: Supervisor, news: UnboundedSender<Trigger>, metrics: Metrics) -> Self {
        let at_once = Semaphore::new(AT_ONCE);
        Self(Arc::new(Inner { look, supervisor, news, metrics, at_once, watched: Mutex::default() }))
    }

    /// What is known of the servers of an installation, at most one of each [`Dependency`]; nothing of a target that was not looked
    /// at yet. Never waits: from now on these targets are looked at, and no others of this installation.
    #[must_use]
    pub fn facts(&self, of: &Trigger, uid: &str, targets: &[Target]) -> Vec<Fact> {
        let mut watched = self.0.watched();
        if targets.is_empty() {
            watched.remove(uid);
            return Vec::new();
        }
        let watched = watched.entry(uid.to_owned()).or_default();
        watched.retain(|_, watched| targets.contains(&watched.target));
        let fact = |target: &Target| {
            let begin = || self.begin(of, uid, target.clone());
            watched.entry(target.dependency()).or_insert_with(begin).fact.clone()
        };
        targets.iter().filter_map(fact).collect()
    }

    /// The installations (by uid) whose servers are looked at.
    #[must_use]
    pub fn installations(&self) -> Vec<String> {
        self.0.watched().keys().cloned().collect()
    }

    /// Looks no more at the servers of this installation.
    pub fn forget(&self, uid: &str) {
        self.0.watched().remove(uid);
    }

    /// Looks no more at any server.
    pub fn forget_all(&self) {
        self.0.watched().clear();
    }

    fn begin(&self, of: &Trigger, uid: &str, target: Target) -> Watched {
        let token = self.0.supervisor.token(Phase::Accept).child_token();
        let (inner, uid, begun, ended) = (self.0.clone(), uid.to_owned(), target.clone(), token.clone());
        self.0.supervisor.spawn_job("look at a server", Phase::Accept, async move {
            ended.run_until_cancelled(inner.keep_looking(&uid, begun)).await;
        });
        let figures = Figures { metrics: self.0.metrics.clone(), of: of.clone(), dependency: target.dependency() };
        Watched { target, fact: None, figures, _running: token.drop_guard() }
    }
}

impl Inner {
    fn watched(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<Dependency, Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks, tells, waits; until nobody wants to know.
    async fn keep_looking(&self, uid: &str, target: Target) {
        let (mut troubled, mut pause) = (false, AFTER_TROUBLE);
        loop {
            let (mut found, mut took) = self.look_once(&target).await;
            for _ in 1..FAILED {
                if found.is_ok() || troubled {
                    break;
                }
                sleep(BLIP).await;
                (found, took) = self.look_once(&target).await;
            }
            troubled = found.is_err();
            if !self.learn(uid, &target, found, took) {
                return;
            }
            if troubled {
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(EVERY);
            } else {
                sleep(about(EVERY)).await;
                pause = AFTER_TROUBLE;
            }
        }
    }

    async fn look_once(&self, target: &Target) -> (Result<Sighting, String>, Duration) {
        // It is never closed.
        let _turn = self.at_once.acquire().await;
        let began = Instant::now();
        let found = timeout(LOOK, (self.look)(target.clone())).await;
        (found.unwrap_or_else(|_| Err(look::silent(target))), began.elapsed())
    }

    /// Remembers what was found, and tells it if it is new. False when nobody wants to know.
    fn learn(&self, uid: &str, target: &Target, found: Result<Sighting, String>, took: Duration) -> bool {
        let mut watched = self.watched();
        let dependency = target.dependency();
        let watched = watched.get_mut(uid).and_then(|watched| watched.get_mut(&dependency));
        let Some(watched) = watched.filter(|watched| watched.target == *target) else { return false };
        let of = &watched.figures.of;
        self.metrics.looked(of, dependency, found.is_ok(), took.as_secs_f64());
        let fact = Fact::new(dependency, found);
        if watched.fact.as_ref() != Some(&fact) {
            let (namespace, name) = (of.namespace.as_deref().unwrap_or_default(), &of.name);
            match (&fact.seen, &fact.trouble) {
                (_, Some(trouble)) => tracing::warn!(namespace, name, "{trouble}"),
                (Some(seen), None) => {
                    tracing::info!(namespace, name, warnings = seen.warnings.len(), "{seen} can be used");
                }
                (None, None) => {}
            }
            watched.fact = Some(fact);
            // Nobody listens any more: the process leaves.
            let _ = self.news.send(of.clone());
        }
        true
    }
}

/// A time around this one.
fn about(time: Duration) -> Duration {
    // Without random bytes all come at the same time, which is no harm.
    let share = random::bytes().map_or(0.5, |bytes| f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX));
    time.saturating_sub(JITTER) + JITTER.mul_f64(2.0 * share)
}
