//! `tracardi install`: prepares the databases of a larger installation, so that every service finds what it needs. It waits for
//! servers that are not there yet. Repeating it, or running it twice at once, changes nothing.

use tracardi_process::Phase;

use super::arguments::ManagementArguments;
use super::init::first_administrator;
use super::shared::{Begun, Servers, SharedArguments};
use crate::cli::AdminArguments;

/// What `tracardi install` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,
    #[command(flatten)]
    management: ManagementArguments,
    #[command(flatten)]
    admin: AdminArguments,
}

/// Prepares everything and ends.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut begun = Begun::new(&arguments.shared, &arguments.management).await?;
    let Some(Servers { documents, mysql }) = begun.servers(&arguments.shared).await? else {
        anyhow::bail!("ended before everything was prepared; run it again");
    };
    if begun.queue(&arguments.shared).await?.is_none() {
        anyhow::bail!("ended before everything was prepared; run it again");
    }
    first_administrator(&arguments.admin, None, &mysql).await?;
    drop((documents, mysql));
    begun.supervisor.run_until(async {}).await?;
    tracing::info!(left = begun.supervisor.running(Phase::Flush), "everything is prepared for the services");
    Ok(())
}
