//! `tracardi worker ROLE`: what happens behind the queue of a larger installation. Any number of each may run, and none needs to know
//! of another one; but of `outbound` there should be one, because two would send a delivery twice.
//!
//! | role | what it does |
//! |---|---|
//! | `collector` | takes requests out of the queue, runs the engine, writes what follows |
//! | `storage` | keeps the indices: new generations, retention; merges profiles that wait for it and leads their history to the survivors |
//! | `outbound` | sends to destinations what the outbox holds |

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_dispatch::{Worker, WorkerSetup};
use tracardi_outbound::{Connector, OutboundLimits, OutboundSetup};
use tracardi_process::health::Kind;
use tracardi_process::{Bell, Phase, SystemClock, Trouble};
use tracardi_store::{Configuration as _, Outbox as _};

use super::arguments::{EngineArguments, ManagementArguments, OutboundArguments};
use super::shared::{self, Begun, Servers, SharedArguments};

/// What `tracardi worker` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    role: Role,
}

/// What a worker does.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Role {
    /// Takes requests out of the queue, runs the engine, writes what follows
    Collector(Box<CollectorArguments>),
    /// Keeps the indices and merges profiles that wait for it
    Storage(Box<CollectorArguments>),
    /// Sends to destinations what the outbox holds
    Outbound(Box<SenderArguments>),
}

/// What a worker that runs the engine is told.
#[derive(Debug, clap::Args)]
pub(crate) struct CollectorArguments {
    #[command(flatten)]
    shared: SharedArguments,
    #[command(flatten)]
    management: ManagementArguments,
    #[command(flatten)]
    engine: EngineArguments,
}

/// What a worker that sends is told.
#[derive(Debug, clap::Args)]
pub(crate) struct SenderArguments {
    #[command(flatten)]
    shared: SharedArguments,
    #[command(flatten)]
    management: ManagementArguments,
    #[command(flatten)]
    outbound: OutboundArguments,
}

/// How often the outbox is asked for whom there is something new.
const OUTBOX_ASKED: Duration = Duration::from_secs(1);
/// How often the indices are looked after.
const MAINTAINED: Duration = Duration::from_mins(1);

/// Runs until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.role {
        Role::Collector(arguments) => collector(*arguments).await,
        Role::Storage(arguments) => storage(*arguments).await,
        Role::Outbound(arguments) => outbound(*arguments).await,
    }
}

async fn writer(
    begun: &Begun,
    arguments: &CollectorArguments,
    servers: &Servers,
    company: Company,
) -> anyhow::Result<Collector> {
    let settings = begun.settings(&arguments.engine, servers.mysql.watch()).await?;
    let setup = CollectorSetup {
        documents: Arc::new(servers.documents.clone()),
        settings,
        signing_key: begun.keys.signing,
        clock: SystemClock::shared(),
        limits: CollectorLimits::default(),
        company,
        news: Some(begun.told(&arguments.shared)?),
    };
    let collector = Collector::start(&begun.supervisor, setup, &begun.metrics);
    let shared = &arguments.shared;
    shared::live::tell(&begun.supervisor, &shared.redis.endpoint()?, &shared.tenant, collector.live())?;
    let writes = collector.clone();
    begun.health.check(Kind::Ready, "store", move || {
        writes.trouble().map_or(Ok(()), |reason| Err(format!("documents cannot be stored at the moment: {reason}")))
    });
    Ok(collector)
}

async fn collector(arguments: CollectorArguments) -> anyhow::Result<()> {
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    let Some(servers) = begun.servers(&arguments.shared).await? else { return Ok(()) };
    let Some(queue) = begun.queue(&arguments.shared).await? else { return Ok(()) };
    let collector = writer(&begun, &arguments, &servers, Company::Worker).await?;
    let setup = WorkerSetup {
        queue,
        collector,
        post: shared::Sender::new(&arguments.shared.redis.endpoint()?, &arguments.shared.tenant)?,
        name: begun.instance.clone(),
        take: WorkerSetup::TAKE,
        clock: SystemClock::shared(),
    };
    let trouble = Worker::start(&begun.supervisor, setup, &begun.metrics);
    begun.health.check(Kind::Ready, "queue", move || trouble.reason().map_or(Ok(()), Err));
    begun.complete();
    begun.run().await
}

async fn storage(arguments: CollectorArguments) -> anyhow::Result<()> {
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    let Some(servers) = begun.servers(&arguments.shared).await? else { return Ok(()) };
    writer(&begun, &arguments, &servers, Company::Housekeeper).await?;
    let (documents, leaving) = (servers.documents.clone(), begun.leaving());
    begun.supervisor.spawn("indices", Phase::Accept, async move {
        // Half of it does no harm: the next one does the rest.
        let maintain = || leaving.run_until_cancelled(documents.maintain(SystemClock::shared().now()));
        while let Some(maintained) = maintain().await {
            if let Err(error) = maintained {
                tracing::error!(%error, "the indices could not be looked after; tried again in a minute");
            }
            if leaving.run_until_cancelled(tokio::time::sleep(MAINTAINED)).await.is_none() {
                return;
            }
        }
    });
    begun.complete();
    begun.run().await
}

async fn outbound(arguments: SenderArguments) -> anyhow::Result<()> {
    let guard = arguments.outbound.guard()?;
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    let Some(Servers { mysql, .. }) = begun.servers(&arguments.shared).await? else { return Ok(()) };
    let bell = Bell::default();
    let setup = OutboundSetup {
        outbox: Arc::new(mysql.clone()),
        configuration: mysql.watch(),
        connector: Connector::new(guard).map_err(anyhow::Error::msg)?,
        bell: bell.clone(),
        clock: SystemClock::shared(),
        limits: OutboundLimits::default(),
    };
    tracardi_outbound::start(&begun.supervisor, setup, &begun.metrics).context("no random numbers to be had")?;
    // Deliveries are made by other processes: nobody rings here but this one.
    let leaving = begun.leaving();
    let trouble = Trouble::default();
    let noted = trouble.clone();
    begun.health.check(Kind::Ready, "outbox", move || noted.reason().map_or(Ok(()), Err));
    begun.supervisor.spawn("what is in the outbox", Phase::Accept, async move {
        while leaving.run_until_cancelled(tokio::time::sleep(OUTBOX_ASKED)).await.is_some() {
            let now = SystemClock::shared().now();
            let Some(waiting) = leaving.run_until_cancelled(mysql.waiting()).await else { return };
            match waiting {
                Ok(queues) => {
                    if trouble.end() {
                        tracing::info!("the outbox can be asked again");
                    }
                    let due = queues.into_iter().filter(|queue| queue.due <= now);
                    bell.ring(due.map(|queue| ((queue.context, queue.destination), queue.waiting)));
                }
                Err(error) => {
                    if trouble.begin(error.to_string()) {
                        tracing::warn!(%error, "the outbox cannot be asked; tried again every second");
                    }
                }
            }
        }
    });
    begun.complete();
    begun.run().await
}
