//! What the services of a larger installation share: the servers they work with, and how they begin.
//!
//! A process listens for the kubelet first, says what it waits for, and goes on when the servers are there: what is wrong with one
//! of them stands in `/readyz` and once in the log, and when it is mended nothing has to be restarted.

mod answers;
mod api;
mod arguments;
mod bindings;
mod herald;
mod letters;
pub(crate) mod live;
mod queue;
pub(crate) mod removal;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{mpsc, watch};
use tracardi_collector::News;
use tracardi_dispatch::Bindings as _;
use tracardi_elastic::{Elastic, ElasticSettings};
use tracardi_engine::{NewProfiles, Settings};
use tracardi_mysql::{Mysql, MysqlSettings};
use tracardi_process::health::{self, Health, Kind};
use tracardi_process::shutdown::Signals;
use tracardi_process::{Metrics, Phase, Supervisor, SystemClock, listen, random};
use tracardi_queue::{Producer, Queue};
use tracardi_store::Keys;
use tracardi_store::seal::keyed_hash;

pub(crate) use self::answers::Sender;
pub(crate) use self::api::ApiArguments;
pub(crate) use self::arguments::SharedArguments;
use self::arguments::{ElasticArguments, MysqlArguments, complaint};
use super::app::TRUSTED_CONNECTIONS;
use super::arguments::{EngineArguments, ManagementArguments};
use super::metrics;

/// Groups of which the news are not in the cache yet.
const NEWS: usize = 64;
/// How long a server that cannot be used is left in peace, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// What is told while nothing is wrong that is known.
const STARTING: &str = "the process is starting";

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
        shared.check()?;
        let keys = shared.keys.keys()?;
        let instance = random::uuid().context("no random id to be had")?;
        let (supervisor, metrics, health) = (Supervisor::new(), metrics(), Health::new());
        let (missing, waits) = watch::channel(Some(STARTING.to_owned()));
        health.check(Kind::Ready, "servers", move || waits.borrow().clone().map_or(Ok(()), Err));
        if let Some(bound) = management.bind().await? {
            let limits = listen::Limits { connections: TRUSTED_CONNECTIONS, ..listen::Limits::default() };
            listen::serve(&supervisor, bound, health::router(health.clone(), metrics.clone()), limits);
        }
        Ok(Self { supervisor, metrics, health, signals, keys, instance, missing })
    }

    /// Works with the servers as soon as they can be used; None when the process is told to leave before.
    pub(crate) async fn servers(&mut self, shared: &SharedArguments) -> anyhow::Result<Option<Servers>> {
        let keys = self.keys.clone();
        let redis = shared.redis.clone();
        let herald = herald::Redis::new(&self.supervisor, move || redis.endpoint(), &shared.tenant);
        let mysql = self.patiently(async || {
            let endpoint = shared.mysql.endpoint()?;
            let settings = MysqlSettings::new(endpoint.clone(), &shared.mysql.mysql_database, shared.tenant.clone());
            let opened = Mysql::open(settings, keys.clone(), Some(herald.clone())).await;
            opened.map_err(|error| complaint(&error, &[&endpoint], MysqlArguments::variable))
        });
        let Some(mysql) = mysql.await else { return Ok(None) };
        let (follower, leaving) = (mysql.clone(), self.supervisor.token(Phase::Flush));
        self.supervisor.spawn("configuration", Phase::Flush, async move {
            leaving.run_until_cancelled(Box::pin(follower.follow())).await;
        });
        let documents = self.patiently(async || {
            let endpoint = shared.elastic.endpoint()?;
            let settings = ElasticSettings {
                prefix: shared.elastic.elastic_prefix.clone(),
                shards: shared.elastic.elastic_shards,
                replicas: shared.elastic.elastic_replicas,
                ..ElasticSettings::new(endpoint.clone(), shared.tenant.clone())
            };
            let opened = Elastic::open(settings, Arc::new(mysql.clone()), SystemClock::shared()).await;
            opened.map_err(|error| complaint(&error, &[&endpoint], ElasticArguments::variable))
        });
        Ok(documents.await.map(|documents| Servers { documents, mysql }))
    }

    /// The queue, as soon as it can be used.
    pub(crate) async fn queue(&mut self, shared: &SharedArguments) -> anyhow::Result<Option<Arc<dyn Queue>>> {
        let supervisor = self.supervisor.clone();
        let opened = self.patiently(async || queue::open(shared, &supervisor).await).await;
        let Some((queue, durability)) = opened else { return Ok(None) };
        tracing::info!("a receipt of the queue: {}", durability.words);
        for warning in durability.warnings {
            tracing::warn!("{warning}");
        }
        Ok(Some(queue))
    }

    /// Someone who sends to it, as soon as that is possible.
    pub(crate) async fn producer(&mut self, shared: &SharedArguments, queue: &dyn Queue) -> Option<Box<dyn Producer>> {
        let produced = async || queue.producer().await.map_err(|error| queue::complaint(shared, &error));
        self.patiently(produced).await
    }

    /// Tries until it succeeds; what is wrong is told once, and in `/readyz`. None when a signal ends the waiting.
    async fn patiently<T>(&mut self, mut attempt: impl AsyncFnMut() -> anyhow::Result<T>) -> Option<T> {
        let missing = &self.missing;
        let succeeded = async {
            let mut pause = FIRST_PAUSE;
            loop {
                match attempt().await {
                    Ok(value) => break value,
                    Err(error) => complain(missing, &format!("{error:#}")),
                }
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        };
        tokio::select! {
            value = succeeded => {
                self.missing.send_replace(Some(STARTING.to_owned()));
                Some(value)
            }
            signal = self.signals.next() => {
                tracing::info!("{signal}: left while waiting for a server");
                None
            }
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

    /// Puts into the cache what it is told, as the task `news` of phase Flush.
    pub(crate) fn told(&self, shared: &SharedArguments) -> anyhow::Result<mpsc::Sender<News>> {
        let bindings = bindings(shared)?;
        let (sender, mut news) = mpsc::channel(NEWS);
        let leaving = self.supervisor.token(Phase::Flush);
        self.supervisor.spawn("news", Phase::Flush, async move {
            while let Some(Some(news)) = leaving.run_until_cancelled(news.recv()).await {
                bindings.remember(news).await;
            }
            leaving.cancelled().await;
        });
        Ok(sender)
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

/// Tells what is missing, unless that is known.
fn complain(missing: &watch::Sender<Option<String>>, complaint: &str) {
    missing.send_if_modified(|last| {
        let news = last.as_deref() != Some(complaint);
        if news {
            tracing::error!("{complaint}; tried again until it is mended");
            *last = Some(complaint.to_owned());
        }
        news
    });
}

/// Whose sessions are, as far as Redis remembers.
pub(crate) fn bindings(shared: &SharedArguments) -> anyhow::Result<Arc<bindings::Cached>> {
    bindings::Cached::new(&shared.redis.endpoint()?, &shared.tenant)
}
