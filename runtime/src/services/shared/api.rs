//! What the two APIs of a larger installation have in common: the servers they work with, the queue they put requests into, the
//! writer for what people ask for one by one.

use std::net::SocketAddr;
use std::sync::Arc;

use tracardi_api::App;
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_dispatch::{Dispatcher, DispatcherSetup};
use tracardi_process::SystemClock;
use tracardi_store::Configuration as _;

use super::letters::Letters;
use super::{Begun, Servers, SharedArguments, bindings};
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
        let Some(producer) = begun.patiently(|| queue.producer()).await else { return Ok(None) };
        let settings = begun.settings(&self.engine, mysql.watch()).await?;
        let setup = CollectorSetup {
            documents: Arc::new(documents.clone()),
            settings: settings.clone(),
            signing_key: begun.keys.signing,
            clock: SystemClock::shared(),
            limits: CollectorLimits { cache_bytes: CACHE_BYTES, ..CollectorLimits::default() },
            company: Company::Guest,
            bound: None,
        };
        let dispatcher = DispatcherSetup {
            producer,
            bindings: bindings(&self.shared)?,
            writer: Collector::start(&begun.supervisor, setup, &begun.metrics),
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
