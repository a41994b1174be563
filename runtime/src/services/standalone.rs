//! `tracardi standalone`: public API, private API and web application in one process, on an embedded store.
//!
//! The way of an event: listener → router ([`tracardi_api`]) → [`Collector`] (one writer, group commit) → [`Sqlite`] on
//! disk → answer. The web application reaches the private API over its listener, as it does when it runs alone.
//!
//! [`Sqlite`]: tracardi_store::Sqlite

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;
use tracardi_api::{private_router, public_router};
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup, Company};
use tracardi_crds::contract::env;
use tracardi_outbound::{Connector, OutboundLimits, OutboundSetup};
use tracardi_process::health::{self, Health, Kind};
use tracardi_process::shutdown::Signals;
use tracardi_process::{Phase, Supervisor, SystemClock, listen, random};
use tracardi_store::{Configuration as _, Room};

use super::app::{self, PUBLIC_CONNECTIONS, Parts, TRUSTED_CONNECTIONS};
use super::arguments::{ClientArguments, EngineArguments, ManagementArguments, OutboundArguments};
use super::init::{Prepared, prepare};
use super::{gui, metrics, run_until_signalled};
use crate::cli::DataArguments;

/// How often the volume is asked for its room.
const ROOM_ASKED: Duration = Duration::from_secs(5);
/// What `tracardi standalone` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// Address of the public API: takes events, for the internet
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8585", env = env::PUBLIC_LISTEN)]
    public_listen: String,
    /// Address of the private API: configuration and queries, for trusted networks
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8686", env = env::PRIVATE_LISTEN)]
    private_listen: String,
    /// Address of the web application, for trusted networks
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8787", env = env::GUI_LISTEN)]
    gui_listen: String,
    #[command(flatten)]
    management: ManagementArguments,
    #[command(flatten)]
    client: ClientArguments,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    outbound: OutboundArguments,
}

/// Runs until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    arguments.client.public_url()?;
    let guard = arguments.outbound.guard()?;
    let signals = Signals::new().context("signals cannot be caught")?;
    // Ports first: that they are taken shows at once.
    let public = listen::bind("public API", &arguments.public_listen).await?;
    let private = listen::bind("private API", &arguments.private_listen).await?;
    let web = listen::bind("web application", &arguments.gui_listen).await?;
    let management = arguments.management.bind().await?;
    let geoip = arguments.engine.geoip().await?;
    let Prepared { store, keys, installation_token } = prepare(&arguments.data).await?;

    let supervisor = Supervisor::new();
    let metrics = metrics();
    let instance = random::uuid().context("no random id to be had")?;
    let settings = arguments.engine.settings(instance.clone(), &keys, geoip)?;
    let settings = tracardi_collector::follow(&supervisor, &settings, store.watch(), &metrics);
    let setup = CollectorSetup {
        documents: Arc::new(store.clone()),
        settings: settings.clone(),
        signing_key: keys.signing,
        clock: SystemClock::shared(),
        limits: CollectorLimits::default(),
        company: Company::Alone,
        news: None,
    };
    let collector = Collector::start(&supervisor, setup, &metrics);
    let outbound = OutboundSetup {
        outbox: Arc::new(store.clone()),
        configuration: store.watch(),
        connector: Connector::new(guard.clone()).map_err(anyhow::Error::msg)?,
        bell: collector.outgoing(),
        clock: SystemClock::shared(),
        limits: OutboundLimits::default(),
    };
    tracardi_outbound::start(&supervisor, outbound, &metrics).context("no random numbers to be had")?;
    let parts = Parts {
        intake: Arc::new(collector.clone()),
        guard,
        settings,
        documents: Arc::new(store.clone()),
        outbox: Arc::new(store.clone()),
        dead_letters: None,
        history: Arc::new(store.clone()),
        configuration: Arc::new(store.clone()),
        instance,
        installation_token,
    };
    let app = app::app(&arguments.client, public.address(), &supervisor, parts, &metrics)?;

    let limits = |connections| listen::Limits { connections, ..listen::Limits::default() };
    if let Some(management) = management {
        let health = Health::new();
        app::checks(&health, Arc::new(collector), app.progress.clone());
        let room = watch_room(&supervisor, store.room());
        health.check(Kind::Ready, "room", move || room.borrow().clone().map_or(Ok(()), Err));
        listen::serve(&supervisor, management, health::router(health, metrics), limits(TRUSTED_CONNECTIONS));
    }
    let api = gui::ApiUrl::from(private.address());
    listen::serve(&supervisor, private, private_router(&app), limits(TRUSTED_CONNECTIONS));
    listen::serve(&supervisor, web, gui::router(api), limits(TRUSTED_CONNECTIONS));
    listen::serve(&supervisor, public, public_router(&app), limits(PUBLIC_CONNECTIONS));

    let ended = run_until_signalled(&supervisor, signals).await;
    // Everything acknowledged is on disk already; closing only makes the next start quicker.
    let closed = store.close().await;
    ended?;
    match closed {
        // A full disk, say: the log stays beside the database, and the next start carries it over.
        Err(error) if error.passes() => tracing::warn!(%error, "the store could not be tidied up; nothing is lost"),
        closed => closed?,
    }
    tracing::info!("all done");
    Ok(())
}

/// The room on the volume as it was lately; what is wrong with it, if anything. A network file system may take its time
/// to answer, a probe may not.
fn watch_room(supervisor: &Supervisor, room: Room) -> watch::Receiver<Option<String>> {
    let (told, lately) = watch::channel(room.check().err().map(|error| error.to_string()));
    let leaving = supervisor.token(Phase::Accept);
    supervisor.spawn("room on the volume", Phase::Accept, async move {
        while leaving.run_until_cancelled(tokio::time::sleep(ROOM_ASKED)).await.is_some() {
            let room = room.clone();
            let asked = tokio::task::spawn_blocking(move || room.check());
            // Whoever hangs on the answer does not hold up the end.
            let Some(Ok(answer)) = leaving.run_until_cancelled(asked).await else { continue };
            let complaint = answer.err().map(|error| error.to_string());
            told.send_if_modified(|last| {
                let changed = last.is_some() != complaint.is_some();
                match &complaint {
                    Some(complaint) if changed => tracing::error!(%complaint, "not ready until there is room again"),
                    None if changed => tracing::info!("there is room on the volume again"),
                    _ => {}
                }
                *last = complaint;
                changed
            });
        }
    });
    lately
}
