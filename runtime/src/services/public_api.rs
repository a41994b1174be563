//! `tracardi public-api`: takes events for a larger installation and puts them into its queue.
//!
//! The way of an event: listener → router ([`tracardi_api`]) → [`Dispatcher`] → queue → answer. What becomes of it is decided by
//! a worker ([`super::worker`]).

use std::sync::Arc;

use tracardi_api::public_router;
use tracardi_crds::contract::env;
use tracardi_process::listen;

use super::app::{self, PUBLIC_CONNECTIONS};
use super::arguments::{ClientArguments, EngineArguments, ManagementArguments, OutboundArguments};
use super::shared::{Begun, SharedArguments, intake};

/// What `tracardi public-api` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,
    /// Address of the public API: takes events, for the internet
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8585", env = env::PUBLIC_LISTEN)]
    public_listen: String,
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
    let public = listen::bind("public API", &arguments.public_listen).await?;
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    // What is asked of the installation itself is for the private API.
    let Some(parts) = intake::parts(&mut begun, &arguments.shared, &arguments.engine, guard, String::new()).await?
    else {
        return Ok(());
    };
    let taken = Arc::clone(&parts.intake);
    let app = app::app(&arguments.client, public.address(), &begun.supervisor, parts, &begun.metrics)?;
    app::checks(&begun.health, taken, app.progress.clone());
    let limits = listen::Limits { connections: PUBLIC_CONNECTIONS, ..listen::Limits::default() };
    listen::serve(&begun.supervisor, public, public_router(&app), limits);
    begun.complete();
    begun.run().await
}
