//! `tracardi init`: prepares a data directory, so that a standalone process finds everything: schema, keys, first
//! administrator. Repeating it changes nothing; [`prepare`] is also what the standalone service does at its start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tracardi_api::install::administrator;
use tracardi_api::password;
use tracardi_api::user::is_email;
use tracardi_crds::contract::env;
use tracardi_process::random;
use tracardi_store::{Configuration, Keys, Sqlite};

use super::{given, secrets};
use crate::cli::{AdminArguments, DataArguments};

/// Address of the administrator when none is given.
const ADMIN_EMAIL: &str = "admin@localhost";
/// File with the made password, below the data directory.
const PASSWORD_FILE: &str = "admin-password";

/// What `tracardi init` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}

/// A data directory that is ready for use.
pub(crate) struct Prepared {
    /// The open store.
    pub(crate) store: Sqlite,
    /// Its keys.
    pub(crate) keys: Keys,
    /// What `POST /install` demands.
    pub(crate) installation_token: String,
}

/// Prepares the directory and closes it again.
pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let prepared = prepare(&arguments.data).await?;
    prepared.store.close().await?;
    tracing::info!(data = %arguments.data.data.display(), "ready for `tracardi standalone`");
    Ok(())
}

/// Makes what is missing and opens the store.
pub(crate) async fn prepare(arguments: &DataArguments) -> anyhow::Result<Prepared> {
    secrets::private_folder(&arguments.data)?;
    let keys = secrets::keys(arguments)?;
    let installation_token = secrets::installation_token(arguments)?;
    let store = Sqlite::open(&arguments.data, keys.clone()).await?;
    secrets::remove_drafts(&arguments.data);
    let configuration: Arc<dyn Configuration> = Arc::new(store.clone());
    first_administrator(&arguments.admin, Some(&arguments.data), configuration.as_ref()).await?;
    Ok(Prepared { store, keys, installation_token })
}

/// Makes the first administrator, unless there is a user already. A password that nobody gives is made and kept in `folder`.
pub(crate) async fn first_administrator(
    arguments: &AdminArguments,
    folder: Option<&Path>,
    configuration: &dyn Configuration,
) -> anyhow::Result<()> {
    if configuration.installed().await? {
        return Ok(());
    }
    let email = given(arguments.admin_email.as_ref()).map_or(ADMIN_EMAIL, String::as_str).trim().to_lowercase();
    if !is_email(&email) {
        bail!("`{email}` is no e-mail address; give another one with --admin-email or {}", env::ADMIN_EMAIL);
    }
    let (password, made) = password(arguments, folder)?;
    if password.is_empty() || password.len() > password::MAX_BYTES {
        bail!("the administrator's password must have 1 to {} bytes", password::MAX_BYTES);
    }
    // Hashing takes a while on purpose; nothing else runs yet, and the thread must still not be held up.
    let hash =
        tokio::task::spawn_blocking(move || password::hash(&password)).await.context("hashing was interrupted")??;
    let id = random::uuid().context("no random id to be had")?;
    configuration.save_first_user(&administrator(id, email.clone(), hash)).await?;
    if let Some(file) = made {
        tracing::info!(%email, "first administrator; the password is in {}", file.display());
    } else {
        tracing::info!(%email, "first administrator, with the password that was given");
    }
    Ok(())
}

/// The password of the first administrator; the file it was written to, if it was made here.
fn password(arguments: &AdminArguments, folder: Option<&Path>) -> anyhow::Result<(String, Option<PathBuf>)> {
    if let Some(file) = &arguments.admin_password_file {
        return Ok((secrets::read(file)?, None));
    }
    // A flag would show the password in the list of processes.
    if let Ok(password) = std::env::var(env::ADMIN_PASSWORD)
        && !password.trim().is_empty()
    {
        return Ok((password.trim().to_owned(), None));
    }
    let Some(folder) = folder else {
        bail!(
            "there is no user yet: give the first administrator's password with --admin-password-file or {}",
            env::ADMIN_PASSWORD
        );
    };
    let file = folder.join(PASSWORD_FILE);
    if !file.exists() {
        secrets::write_new(&file, &random::password().context("no random password to be had")?)?;
    }
    Ok((secrets::read(&file)?, Some(file)))
}
