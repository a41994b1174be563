//! What the two APIs of a larger installation have in common: the servers they work with, the queue they put requests into, the
//! writer for what people ask for one by one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tracardi_api::App;
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_crds::contract::env;
use tracardi_dispatch::{Dispatcher, DispatcherSetup, Feed, Mailbox};
use tracardi_process::SystemClock;
use tracardi_store::Configuration as _;

use super::letters::Letters;
use super::{Begun, Servers, SharedArguments, answers, bindings, live};
use crate::services::app::{self, Parts};
use crate::services::arguments::{ClientArguments, EngineArguments, ManagementArguments, OutboundArguments};

/// What both are told.
#[derive(Debug, clap::Args)]
pub(crate) struct ApiArguments {
    #[command(flatten)]
    shared: SharedArguments,
    #[command(flatten)]
    management: ManagementArguments,
    #[command(flatten)]
    client: ClientArguments,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    outbound: OutboundArguments,
    /// Seconds that a request waits at most for what it leads to, if its answer depends on that; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=30), env = env::ANSWER_WAIT)]
    answer_wait: u64,
}

/// Memory of sessions and profiles in a process that changes few.
const CACHE_BYTES: usize = 4 << 20;

impl ApiArguments {
    /// Refuses what is wrong by itself, before anything is waited for.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.client.public_url()?;
        self.client.forwarded_ip()?;
        self.outbound.guard().map(drop)
    }

    /// The API, as soon as the servers are there; None when the process is told to leave before. `listens`: where it will listen.
    /// `installation_token`: what `POST /install` demands.
    pub(crate) async fn begin(
        &self,
        listens: SocketAddr,
        installation_token: String,
    ) -> anyhow::Result<Option<(Begun, App)>> {
        let mut begun = Begun::new(&self.shared, &self.management).await?;
        let Some(parts) = self.parts(&mut begun, installation_token).await? else { return Ok(None) };
        let intake = Arc::clone(&parts.intake);
        let app = app::app(&self.client, listens, &begun.supervisor, parts, &begun.metrics)?;
        app::checks(&begun.health, intake, app.progress.clone());
        Ok(Some((begun, app)))
    }

    async fn parts(&self, begun: &mut Begun, installation_token: String) -> anyhow::Result<Option<Parts>> {
        let Some(Servers { documents, mysql }) = begun.servers(&self.shared).await? else { return Ok(None) };
        let Some(queue) = begun.queue(&self.shared).await? else { return Ok(None) };
        let Some(producer) = begun.producer(&self.shared, &*queue).await else { return Ok(None) };
        let settings = begun.settings(&self.engine, mysql.watch()).await?;
        let mailbox = Mailbox::new(begun.instance.clone(), Duration::from_secs(self.answer_wait));
        answers::receive(&begun.supervisor, &self.shared.redis.endpoint()?, &self.shared.tenant, mailbox.clone())?;
        let bindings = bindings(&self.shared)?;
        let setup = CollectorSetup {
            documents: Arc::new(documents.clone()),
            settings: settings.clone(),
            signing_key: begun.keys.signing,
            clock: SystemClock::shared(),
            limits: CollectorLimits { cache_bytes: CACHE_BYTES, ..CollectorLimits::default() },
            company: Company::Guest,
            news: Some(begun.told(&self.shared)?),
        };
        let writer = Collector::start(&begun.supervisor, setup, &begun.metrics);
        let (redis, feed) = (self.shared.redis.endpoint()?, Arc::new(Feed::new(CollectorLimits::default().live)));
        live::tell(&begun.supervisor, &redis, &self.shared.tenant, writer.live())?;
        live::fill(&begun.supervisor, &redis, &self.shared.tenant, feed.clone())?;
        let dispatcher = DispatcherSetup {
            producer,
            bindings,
            mailbox,
            feed,
            writer,
            documents: Arc::new(documents.clone()),
            settings: settings.clone(),
            signing_key: begun.keys.signing,
            clock: SystemClock::shared(),
        };
        Ok(Some(Parts {
            intake: Arc::new(Dispatcher::new(dispatcher, &begun.metrics)),
            guard: self.outbound.guard()?,
            settings,
            documents: Arc::new(documents.clone()),
            outbox: Arc::new(mysql.clone()),
            dead_letters: Some(Arc::new(Letters(queue))),
            history: Arc::new(documents),
            configuration: Arc::new(mysql),
            instance: begun.instance.clone(),
            installation_token,
        }))
    }
}
