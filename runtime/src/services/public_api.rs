//! `tracardi public-api`: takes events for a larger installation and puts them into its queue.
//!
//! The way of an event: listener → router ([`tracardi_api`]) → [`Dispatcher`](tracardi_dispatch::Dispatcher) → queue → answer. What
//! becomes of it is decided by a worker ([`super::worker`]).

use tracardi_api::public_router;
use tracardi_crds::contract::env;
use tracardi_process::listen;

use super::app::PUBLIC_CONNECTIONS;
use super::shared::ApiArguments;

/// What `tracardi public-api` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address of the public API: takes events, for the internet
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8585", env = env::PUBLIC_LISTEN)]
    public_listen: String,
    #[command(flatten)]
    api: ApiArguments,
}

/// Runs until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    arguments.api.check()?;
    let public = listen::bind("public API", &arguments.public_listen).await?;
    // What is asked of the installation itself is for the private API.
    let Some((begun, app)) = arguments.api.begin(public.address(), String::new()).await? else { return Ok(()) };
    let limits = listen::Limits { connections: PUBLIC_CONNECTIONS, ..listen::Limits::default() };
    listen::serve(&begun.supervisor, public, public_router(&app), limits);
    begun.complete();
    begun.run().await
}
