//! `tracardi remove-tenant`: removes everything that a tenant has in the servers of a larger installation: indices, rows, keys, topics.
//! Other tenants in the same servers notice nothing.

use super::shared::{SharedArguments, removal};

/// What `tracardi remove-tenant` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    shared: SharedArguments,
    /// The tenant once more: what is removed does not come back
    #[arg(long, value_name = "NAME")]
    confirm: String,
}

/// Removes it and ends.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let tenant = &arguments.shared.tenant;
    if arguments.confirm != tenant.as_str() {
        let given = &arguments.confirm;
        anyhow::bail!("--confirm: `{given}` is not the tenant, which is `{tenant}`; nothing was removed");
    }
    removal::remove(&arguments.shared).await?;
    tracing::info!(%tenant, "nothing of the tenant is left in the servers that were named");
    Ok(())
}
