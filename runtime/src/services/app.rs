//! Where the parts of an API meet, whatever they are made of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tracardi_api::queue::DeadLetters;
use tracardi_api::{App, Options, Setup};
use tracardi_collector::Intake;
use tracardi_engine::Settings;
use tracardi_model::Limits;
use tracardi_outbound::Guard;
use tracardi_process::health::{Health, Kind, Progress};
use tracardi_process::{Metrics, Phase, Supervisor, SystemClock};
use tracardi_store::{Configuration, Documents, History, Outbox};

use super::arguments::ClientArguments;

/// Memory for request bodies that are being read and for the trees that are being made of them, both ports together.
const BODY_MEMORY: usize = 64 << 20;
/// Memory for pages of documents that are being read and sent.
const PAGE_MEMORY: usize = 48 << 20;
/// Clients of the live stream at a time.
const LIVE_CLIENTS: usize = 64;
/// When no request was answered for so long while some wait, the process is beyond repair.
const STALLED: Duration = Duration::from_mins(1);
/// Connections of visitors at a time.
pub(crate) const PUBLIC_CONNECTIONS: usize = 2048;
/// Connections of people and of our own services at a time.
pub(crate) const TRUSTED_CONNECTIONS: usize = 512;

/// What an API is made of.
pub(crate) struct Parts {
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) settings: watch::Receiver<Arc<Settings>>,
    pub(crate) documents: Arc<dyn Documents>,
    pub(crate) outbox: Arc<dyn Outbox>,
    /// What the queue gave up; none without a queue.
    pub(crate) dead_letters: Option<Arc<dyn DeadLetters>>,
    pub(crate) history: Arc<dyn History>,
    pub(crate) configuration: Arc<dyn Configuration>,
    /// Id of this process.
    pub(crate) instance: String,
    /// What `POST /install` demands.
    pub(crate) installation_token: String,
}

/// Puts them together. `public`: where the public API listens, or would.
pub(crate) fn app(
    client: &ClientArguments,
    public: SocketAddr,
    supervisor: &Supervisor,
    parts: Parts,
    metrics: &Metrics,
) -> anyhow::Result<App> {
    // A listener on every address does not say by which of them browsers reach it.
    let own = || (!public.ip().is_unspecified()).then(|| format!("http://{public}"));
    let options = Options {
        public_url: client.public_url()?.or_else(own),
        public_port: public.port(),
        forwarded_ip: client.forwarded_ip()?,
        limits: Limits::default(),
        installation_token: parts.installation_token,
        instance: parts.instance,
        body_memory: BODY_MEMORY,
        page_memory: PAGE_MEMORY,
        live_clients: LIVE_CLIENTS,
    };
    let setup = Setup {
        collector: parts.intake,
        guard: parts.guard,
        settings: parts.settings,
        documents: parts.documents,
        outbox: parts.outbox,
        dead_letters: parts.dead_letters,
        history: parts.history,
        configuration: parts.configuration,
        clock: SystemClock::shared(),
        options,
        leaving: supervisor.token(Phase::Accept),
    };
    App::new(setup, metrics).context("the thread that hashes passwords cannot be started")
}

/// Ready: requests can be taken. Alive: requests to collect are answered, be it with a refusal.
pub(crate) fn checks(health: &Health, intake: Arc<dyn Intake>, progress: Progress) {
    health.check(Kind::Ready, "store", move || intake.complaint().map_or(Ok(()), Err));
    health.check(Kind::Live, "collector", move || match progress.stalled() {
        stalled if stalled > STALLED => {
            Err(format!("requests wait, and none was answered for {} s", stalled.as_secs()))
        }
        _ => Ok(()),
    });
}
