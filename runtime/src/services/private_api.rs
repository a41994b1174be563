//! `tracardi private-api`: configuration and queries of a larger installation, for trusted networks.

use std::sync::Arc;

use tracardi_api::private_router;
use tracardi_crds::contract::env;
use tracardi_process::listen;

use super::app::{self, TRUSTED_CONNECTIONS};
use super::arguments::{ClientArguments, EngineArguments, ManagementArguments, OutboundArguments};
use super::secrets;
use super::shared::{Begun, SharedArguments, intake};

/// What `tracardi private-api` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,
    /// Address of the private API: configuration and queries, for trusted networks
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8686", env = env::PRIVATE_LISTEN)]
    private_listen: String,
    /// File with the token that `POST /install` demands
    #[arg(long, value_name = "FILE", env = env::INSTALLATION_TOKEN_FILE)]
    installation_token_file: std::path::PathBuf,
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
    let installation_token = secrets::installation_token_in(&arguments.installation_token_file)?;
    let private = listen::bind("private API", &arguments.private_listen).await?;
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    let Some(parts) =
        intake::parts(&mut begun, &arguments.shared, &arguments.engine, guard, installation_token).await?
    else {
        return Ok(());
    };
    let taken = Arc::clone(&parts.intake);
    let app = app::app(&arguments.client, private.address(), &begun.supervisor, parts, &begun.metrics)?;
    app::checks(&begun.health, taken, app.progress.clone());
    let limits = listen::Limits { connections: TRUSTED_CONNECTIONS, ..listen::Limits::default() };
    listen::serve(&begun.supervisor, private, private_router(&app), limits);
    begun.complete();
    begun.run().await
}
