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
use tokio::sync::mpsc;
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_dispatch::{Bindings as _, Worker, WorkerSetup};
use tracardi_outbound::{Connector, OutboundLimits, OutboundSetup};
use tracardi_process::health::Kind;
use tracardi_process::{Bell, Phase, SystemClock};
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

/// Sessions whose profile is not remembered by the cache yet, in groups.
const BOUND: usize = 64;
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
    bound: Option<mpsc::Sender<Vec<tracardi_collector::Bound>>>,
) -> anyhow::Result<Collector> {
    let settings = begun.settings(&arguments.engine, servers.mysql.watch()).await?;
    let setup = CollectorSetup {
        documents: Arc::new(servers.documents.clone()),
        settings,
        signing_key: begun.keys.signing,
        clock: SystemClock::shared(),
        limits: CollectorLimits::default(),
        company,
        bound,
    };
    let collector = Collector::start(&begun.supervisor, setup, &begun.metrics);
    let writes = collector.clone();
    begun.health.check(Kind::Ready, "store", move || {
        if writes.healthy() { Ok(()) } else { Err("documents cannot be stored at the moment; see the log".to_owned()) }
    });
    Ok(collector)
}

async fn collector(arguments: CollectorArguments) -> anyhow::Result<()> {
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    let Some(servers) = begun.servers(&arguments.shared).await? else { return Ok(()) };
    let Some(queue) = begun.queue(&arguments.shared).await? else { return Ok(()) };
    let bindings = shared::bindings(&arguments.shared)?;
    let (sender, mut bound) = mpsc::channel(BOUND);
    let collector = writer(&begun, &arguments, &servers, Company::Worker, Some(sender)).await?;
    let leaving = begun.supervisor.token(Phase::Flush);
    begun.supervisor.spawn("cache of sessions", Phase::Flush, async move {
        while let Some(Some(sessions)) = leaving.run_until_cancelled(bound.recv()).await {
            bindings.remember(sessions).await;
        }
        leaving.cancelled().await;
    });
    let setup = WorkerSetup {
        queue,
        collector,
        name: begun.instance.clone(),
        take: WorkerSetup::TAKE,
        clock: SystemClock::shared(),
    };
    Worker::start(&begun.supervisor, setup, &begun.metrics);
    begun.complete();
    begun.run().await
}

async fn storage(arguments: CollectorArguments) -> anyhow::Result<()> {
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    let Some(servers) = begun.servers(&arguments.shared).await? else { return Ok(()) };
    writer(&begun, &arguments, &servers, Company::Housekeeper, None).await?;
    let (documents, leaving) = (servers.documents.clone(), begun.leaving());
    begun.supervisor.spawn("indices", Phase::Accept, async move {
        loop {
            if let Err(error) = documents.maintain(SystemClock::shared().now()).await {
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
    begun.supervisor.spawn("what is in the outbox", Phase::Accept, async move {
        while leaving.run_until_cancelled(tokio::time::sleep(OUTBOX_ASKED)).await.is_some() {
            let now = SystemClock::shared().now();
            match mysql.waiting().await {
                Ok(queues) => {
                    let due = queues.into_iter().filter(|queue| queue.due <= now);
                    bell.ring(due.map(|queue| ((queue.context, queue.destination), queue.waiting)));
                }
                Err(error) => tracing::warn!(%error, "the outbox cannot be asked; tried again in a second"),
            }
        }
    });
    begun.complete();
    begun.run().await
}
