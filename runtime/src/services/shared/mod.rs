//! What the services of a larger installation share: the servers they work with, and how they begin.
//!
//! A process listens for the kubelet first, says what it waits for, and goes on when the servers are there: what is wrong with one
//! of them stands in `/readyz` and once in the log, and when it is mended nothing has to be restarted.

mod api;
mod arguments;
mod bindings;
mod letters;
mod queue;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tracardi_elastic::{Elastic, ElasticSettings};
use tracardi_engine::{NewProfiles, Settings};
use tracardi_mysql::{Mysql, MysqlSettings};
use tracardi_process::health::{self, Health, Kind};
use tracardi_process::shutdown::Signals;
use tracardi_process::{Metrics, Phase, Supervisor, SystemClock, listen, random};
use tracardi_queue::Queue;
use tracardi_store::Keys;
use tracardi_store::seal::keyed_hash;

pub(crate) use self::api::ApiArguments;
pub(crate) use self::arguments::SharedArguments;
use super::app::TRUSTED_CONNECTIONS;
use super::arguments::{EngineArguments, ManagementArguments};
use super::metrics;

/// How long a server that cannot be used is left in peace, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A process that has begun: it can be looked at and ended, and works with nobody yet.
pub(crate) struct Begun {
    pub(crate) supervisor: Supervisor,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) signals: Signals,
    pub(crate) keys: Keys,
    /// Id of this process.
    pub(crate) instance: String,
    /// What it waits for.
    missing: watch::Sender<Option<String>>,
}

/// The servers, as far as every service needs them.
pub(crate) struct Servers {
    pub(crate) documents: Elastic,
    pub(crate) mysql: Mysql,
}

impl Begun {
    /// Listens for the kubelet.
    pub(crate) async fn new(shared: &SharedArguments, management: &ManagementArguments) -> anyhow::Result<Self> {
        let signals = Signals::new().context("signals cannot be caught")?;
        let keys = shared.keys.keys()?;
        let instance = random::uuid().context("no random id to be had")?;
        let (supervisor, metrics, health) = (Supervisor::new(), metrics(), Health::new());
        let (missing, waits) = watch::channel(Some("the process is starting".to_owned()));
        health.check(Kind::Ready, "servers", move || waits.borrow().clone().map_or(Ok(()), Err));
        if let Some(bound) = management.bind().await? {
            let limits = listen::Limits { connections: TRUSTED_CONNECTIONS, ..listen::Limits::default() };
            listen::serve(&supervisor, bound, health::router(health.clone(), metrics.clone()), limits);
        }
        Ok(Self { supervisor, metrics, health, signals, keys, instance, missing })
    }

    /// Works with the servers as soon as they can be used; None when the process is told to leave before.
    pub(crate) async fn servers(&mut self, shared: &SharedArguments) -> anyhow::Result<Option<Servers>> {
        let tenant = || shared.tenant.clone();
        let mysql = MysqlSettings::new(shared.mysql.endpoint()?, &shared.mysql.mysql_database, tenant());
        let keys = self.keys.clone();
        let Some(mysql) = self.patiently(|| Mysql::open(mysql.clone(), keys.clone(), None)).await else {
            return Ok(None);
        };
        let (follower, leaving) = (mysql.clone(), self.supervisor.token(Phase::Flush));
        self.supervisor.spawn("configuration", Phase::Flush, async move {
            leaving.run_until_cancelled(Box::pin(follower.follow())).await;
        });
        let elastic = ElasticSettings {
            prefix: shared.elastic.elastic_prefix.clone(),
            shards: shared.elastic.elastic_shards,
            replicas: shared.elastic.elastic_replicas,
            ..ElasticSettings::new(shared.elastic.endpoint()?, tenant())
        };
        let documents =
            self.patiently(|| Elastic::open(elastic.clone(), Arc::new(mysql.clone()), SystemClock::shared())).await;
        Ok(documents.map(|documents| Servers { documents, mysql }))
    }

    /// The queue, as soon as it can be used.
    pub(crate) async fn queue(&mut self, shared: &SharedArguments) -> anyhow::Result<Option<Arc<dyn Queue>>> {
        let opener = queue::Opener::of(shared, &self.supervisor)?;
        let Some((queue, durability)) = self.patiently(|| opener.open()).await else { return Ok(None) };
        tracing::info!("a receipt of the queue: {}", durability.words);
        for warning in durability.warnings {
            tracing::warn!("{warning}");
        }
        Ok(Some(queue))
    }

    /// Tries until it succeeds; what is wrong is told once, and in `/readyz`. None when a signal ends the waiting.
    async fn patiently<T, E, F>(&mut self, mut attempt: impl FnMut() -> F) -> Option<T>
    where
        E: std::fmt::Display,
        F: Future<Output = Result<T, E>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let complaint = match attempt().await {
                Ok(value) => return Some(value),
                Err(error) => error.to_string(),
            };
            self.missing.send_if_modified(|last| {
                let news = last.as_ref() != Some(&complaint);
                if news {
                    tracing::error!("{complaint}; tried again until it is mended");
                    *last = Some(complaint);
                }
                news
            });
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                signal = self.signals.next() => {
                    tracing::info!("{signal}: left while waiting for a server");
                    return None;
                }
            }
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Nothing is missing any more.
    pub(crate) fn complete(&self) {
        self.missing.send_replace(None);
    }

    /// The engine's settings, which follow the configuration.
    pub(crate) async fn settings(
        &self,
        engine: &EngineArguments,
        configuration: watch::Receiver<Arc<tracardi_store::ConfigurationSnapshot>>,
    ) -> anyhow::Result<watch::Receiver<Arc<Settings>>> {
        let geoip = engine.geoip().await?;
        let mut settings = engine.settings(self.instance.clone(), &self.keys, geoip)?;
        settings.new_profiles = NewProfiles::BySession(keyed_hash(&self.keys.signing, &[b"profiles of sessions"]));
        Ok(tracardi_collector::follow(&self.supervisor, &settings, configuration, &self.metrics))
    }

    /// Runs until told to leave, or until a task fails.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        super::run_until_signalled(&self.supervisor, self.signals).await?;
        tracing::info!("all done");
        Ok(())
    }

    /// When the process begins to leave.
    pub(crate) fn leaving(&self) -> tokio_util::sync::CancellationToken {
        self.supervisor.token(Phase::Accept)
    }
}

/// Whose sessions are, as far as Redis remembers.
pub(crate) fn bindings(shared: &SharedArguments) -> anyhow::Result<Arc<bindings::Cached>> {
    bindings::Cached::new(&shared.redis.endpoint()?, &shared.tenant)
}
