//! `tracardi private-api`: configuration and queries of a larger installation, for trusted networks.

use std::path::PathBuf;

use tracardi_api::private_router;
use tracardi_crds::contract::env;
use tracardi_process::listen;

use super::app::TRUSTED_CONNECTIONS;
use super::secrets;
use super::shared::ApiArguments;

/// What `tracardi private-api` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Address of the private API: configuration and queries, for trusted networks
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8686", env = env::PRIVATE_LISTEN)]
    private_listen: String,
    /// File with the token that `POST /install` demands
    #[arg(long, value_name = "FILE", env = env::INSTALLATION_TOKEN_FILE)]
    installation_token_file: PathBuf,
    #[command(flatten)]
    api: ApiArguments,
}

/// Runs until it is told to stop.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    arguments.api.check()?;
    let installation_token = secrets::installation_token_in(&arguments.installation_token_file)?;
    let private = listen::bind("private API", &arguments.private_listen).await?;
    let begun = arguments.api.begin(private.address(), installation_token).await?;
    let Some((begun, app)) = begun else { return Ok(()) };
    let limits = listen::Limits { connections: TRUSTED_CONNECTIONS, ..listen::Limits::default() };
    listen::serve(&begun.supervisor, private, private_router(&app), limits);
    begun.complete();
    begun.run().await
}
