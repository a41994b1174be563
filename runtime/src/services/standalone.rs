//! `tracardi standalone`: public API, private API and web application in one process, on an embedded store.
//!
//! The way of an event: listener → router ([`tracardi_api`]) → [`Collector`] (one writer, group commit) → [`Sqlite`] on
//! disk → answer. The web application reaches the private API over its listener, as it does when it runs alone.
//!
//! [`Sqlite`]: tracardi_store::Sqlite

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::HeaderName;
use tokio::sync::watch;
use tracardi_api::{App, Options, Setup, private_router, public_router};
use tracardi_collector::{Collector, CollectorLimits, CollectorSetup};
use tracardi_crds::contract::env;
use tracardi_engine::{GeoIp, Settings};
use tracardi_model::Limits;
use tracardi_outbound::{Connector, Guard, OutboundLimits, OutboundSetup};
use tracardi_process::health::{self, Health, Kind, Progress};
use tracardi_process::shutdown::Signals;
use tracardi_process::{Metrics, Phase, Supervisor, SystemClock, listen, random};
use tracardi_store::{Configuration as _, Keys, Room};

use super::init::{Prepared, prepare};
use super::{given, gui, metrics, public_url, run_until_signalled};
use crate::cli::{DataArguments, Switch};

/// Memory for request bodies that are being read and for the trees that are being made of them, both ports together.
const BODY_MEMORY: usize = 64 << 20;
/// Memory for pages of documents that are being read and sent.
const PAGE_MEMORY: usize = 48 << 20;
/// How often the volume is asked for its room.
const ROOM_ASKED: Duration = Duration::from_secs(5);
/// Clients of the live stream at a time.
const LIVE_CLIENTS: usize = 64;
/// When no request was answered for so long while some wait, the process is beyond repair.
const STALLED: Duration = Duration::from_mins(1);
/// Connections of visitors at a time.
const PUBLIC_CONNECTIONS: usize = 2048;
/// Connections of people and of our own services at a time.
const TRUSTED_CONNECTIONS: usize = 512;

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
    /// Address of health and metrics; none when absent
    #[arg(long, value_name = "HOST:PORT", env = env::MANAGEMENT_LISTEN)]
    management_listen: Option<String>,
    /// URL under which visitors' browsers reach the public API, http or https [default: its address]
    #[arg(long, value_name = "URL", env = env::PUBLIC_URL)]
    public_url: Option<String>,
    /// Header with the client's address behind a proxy, for example X-Forwarded-For
    #[arg(long, value_name = "HEADER", env = env::USE_X_FORWARDED_IP)]
    forwarded_ip_header: Option<String>,
    /// Database of places by IP address, for example GeoLite2-City.mmdb; new sessions learn where they come from
    #[arg(long, value_name = "FILE", env = env::GEOIP)]
    geoip: Option<String>,
    /// Let payloads ask for the ids of stored events (`options.debugger`)
    #[arg(long, value_name = "YES|NO", default_value = "no", ignore_case = true, env = env::TRACK_DEBUG)]
    track_debug: Switch,
    /// Make the events `profile-created`, `visit-started` and `session-opened`
    #[arg(long, value_name = "YES|NO", default_value = "yes", ignore_case = true, env = env::SYSTEM_EVENTS)]
    system_events: Switch,
    /// Merge profiles that share an e-mail address, a phone number, an id or a pk
    #[arg(long, value_name = "YES|NO", default_value = "yes", ignore_case = true, env = env::APM)]
    auto_profile_merging: Switch,
    /// Key of the ids that profiles get for merging; give the one of an installation that you move from [default: derived
    /// from the signing key]
    #[arg(long, value_name = "TEXT", hide_env_values = true, env = env::AUTO_PROFILE_MERGING)]
    merging_key: Option<String>,
    /// Networks outside the public internet that destinations may be in, for example 10.1.0.0/16,fd00::/8 [default: none]
    #[arg(long, value_name = "NETWORKS", default_value = "", hide_default_value = true, env = env::OUTBOUND_ALLOW)]
    outbound_allow: String,
    /// Networks of the public internet that destinations may not be in [default: none]
    #[arg(long, value_name = "NETWORKS", default_value = "", hide_default_value = true, env = env::OUTBOUND_DENY)]
    outbound_deny: String,
    /// Refuse the traffic of robots
    #[arg(long, value_name = "YES|NO", default_value = "yes", ignore_case = true, env = env::DISALLOW_BOT_TRAFFIC)]
    disallow_bot_traffic: Switch,
}

fn header_name(text: &str) -> anyhow::Result<HeaderName> {
    text.parse().map_err(|_| anyhow::anyhow!("--forwarded-ip-header: `{text}` is no name of a header"))
}

/// Runs until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let public_url = given(arguments.public_url.as_ref()).map(|url| public_url::normalised(url)).transpose()?;
    let guard = Guard::new(&arguments.outbound_allow, &arguments.outbound_deny);
    let guard = Arc::new(guard.map_err(|error| anyhow::anyhow!("--outbound-allow, --outbound-deny: {error}"))?);
    let signals = Signals::new().context("signals cannot be caught")?;
    // Ports first: that they are taken shows at once.
    let public = listen::bind("public API", &arguments.public_listen).await?;
    let private = listen::bind("private API", &arguments.private_listen).await?;
    let web = listen::bind("web application", &arguments.gui_listen).await?;
    let management = match given(arguments.management_listen.as_ref()) {
        Some(address) => Some(listen::bind("health and metrics", address).await?),
        None => None,
    };
    let geoip = match given(arguments.geoip.as_ref()) {
        Some(file) => Some(geoip(file).await?),
        None => None,
    };
    let Prepared { store, keys, installation_token } = prepare(&arguments.data).await?;

    let supervisor = Supervisor::new();
    let metrics = metrics();
    let instance = random::uuid().context("no random id to be had")?;
    let settings = Settings { geoip, ..settings(&arguments, instance.clone(), &keys)? };
    let settings = tracardi_collector::follow(&supervisor, &settings, store.watch(), &metrics);
    let setup = CollectorSetup {
        documents: Arc::new(store.clone()),
        settings: settings.clone(),
        signing_key: keys.signing,
        clock: SystemClock::shared(),
        limits: CollectorLimits::default(),
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
    let app = app(
        &arguments,
        public_url,
        public.address(),
        &supervisor,
        collector.clone(),
        guard,
        settings,
        &store,
        instance,
        installation_token,
        &metrics,
    )?;

    let limits = |connections| listen::Limits { connections, ..listen::Limits::default() };
    if let Some(management) = management {
        let health = checks(collector, app.progress.clone(), watch_room(&supervisor, store.room()));
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

/// The database of places, in memory from now on: the file may be replaced while this process runs.
async fn geoip(file: &str) -> anyhow::Result<Arc<GeoIp>> {
    let content = tokio::fs::read(file).await.with_context(|| format!("--geoip: cannot read {file}"))?;
    let database = GeoIp::new(content).with_context(|| format!("--geoip: {file}"))?;
    tracing::info!(file, "places by address: {database:?}");
    Ok(Arc::new(database))
}

fn settings(arguments: &Arguments, instance: String, keys: &Keys) -> anyhow::Result<Settings> {
    let mut settings = Settings::new(instance)?;
    settings.system_events = arguments.system_events.is_on();
    settings.disallow_bot_traffic = arguments.disallow_bot_traffic.is_on();
    settings.track_debug = arguments.track_debug.is_on();
    let key = given(arguments.merging_key.as_ref()).cloned().unwrap_or_else(|| keys.merging_key());
    settings.merging_key = arguments.auto_profile_merging.is_on().then_some(key);
    Ok(settings)
}

#[expect(clippy::too_many_arguments, reason = "this is where the parts meet")]
fn app(
    arguments: &Arguments,
    public_url: Option<String>,
    public: SocketAddr,
    supervisor: &Supervisor,
    collector: Collector,
    guard: Arc<Guard>,
    settings: watch::Receiver<Arc<Settings>>,
    store: &tracardi_store::Sqlite,
    instance: String,
    installation_token: String,
    metrics: &Metrics,
) -> anyhow::Result<App> {
    // A listener on every address does not say by which of them browsers reach it.
    let own = || (!public.ip().is_unspecified()).then(|| format!("http://{public}"));
    let forwarded_ip = given(arguments.forwarded_ip_header.as_ref()).map(|name| header_name(name)).transpose()?;
    let options = Options {
        public_url: public_url.or_else(own),
        public_port: public.port(),
        forwarded_ip,
        limits: Limits::default(),
        installation_token,
        instance,
        body_memory: BODY_MEMORY,
        page_memory: PAGE_MEMORY,
        live_clients: LIVE_CLIENTS,
    };
    let setup = Setup {
        collector,
        guard,
        settings,
        documents: Arc::new(store.clone()),
        outbox: Arc::new(store.clone()),
        history: Arc::new(store.clone()),
        configuration: Arc::new(store.clone()),
        clock: SystemClock::shared(),
        options,
        leaving: supervisor.token(Phase::Accept),
    };
    App::new(setup, metrics).context("the thread that hashes passwords cannot be started")
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

/// Ready: the collector can store, and there is room for more. Alive: requests to collect are answered, be it with a
/// refusal.
fn checks(collector: Collector, progress: Progress, room: watch::Receiver<Option<String>>) -> Health {
    let health = Health::new();
    health.check(Kind::Ready, "store", move || {
        if collector.healthy() { Ok(()) } else { Err("events cannot be stored at the moment; see the log".to_owned()) }
    });
    health.check(Kind::Ready, "room", move || room.borrow().clone().map_or(Ok(()), Err));
    health.check(Kind::Live, "collector", move || match progress.stalled() {
        stalled if stalled > STALLED => {
            Err(format!("requests wait, and none was answered for {} s", stalled.as_secs()))
        }
        _ => Ok(()),
    });
    health
}
