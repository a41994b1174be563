//! The command line. Every setting is a flag with an environment equivalent (`tracardi_crds::contract::env`); a secret is
//! never a flag, it comes from a file.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracardi_crds::contract::env;
use tracardi_process::{SystemClock, logging};

use crate::services;

/// The services of a Tracardi installation.
#[derive(Debug, Parser)]
#[command(name = "tracardi", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything in one process, on an embedded store
    Standalone(Box<services::standalone::Arguments>),
    /// Takes events for a larger installation and puts them into its queue
    PublicApi(Box<services::public_api::Arguments>),
    /// Configuration and queries of a larger installation
    PrivateApi(Box<services::private_api::Arguments>),
    /// What happens behind the queue of a larger installation, by role
    Worker(services::worker::Arguments),
    /// Prepare a data directory: schema, keys, first administrator; repeating it changes nothing
    Init(services::init::Arguments),
    /// Prepare the databases of a larger installation: schemas, indices, queue, first administrator; repeating it changes nothing
    Install(Box<services::install::Arguments>),
    /// Remove everything that a tenant has in the databases of a larger installation; its processes must have ended
    RemoveTenant(Box<services::remove_tenant::Arguments>),
    /// The web application alone, in front of a private API elsewhere
    Gui(services::gui::Arguments),
    /// Send the traffic of a simulated shop to an installation
    Simulate(tracardi_simulate::cli::Arguments),
    /// One GET request: print the status, fail when there is no answer
    Probe(services::probe::Arguments),
    /// Print the versions of this program and of the HTTP contract that it keeps
    Version,
}

#[derive(Debug, Args)]
struct Logging {
    /// How log lines look: `text` or `json`
    #[arg(long, global = true, default_value = "text", value_name = "FORMAT", env = env::LOG_FORMAT)]
    log_format: logging::Format,
    /// What is logged: `info`, or directives such as `info,tracardi_collector=debug`
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL", env = env::LOG_LEVEL)]
    log_level: String,
}

/// A switch, as the original's environment variables write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// On.
    #[value(alias = "true", alias = "1", alias = "on")]
    Yes,
    /// Off.
    #[value(alias = "false", alias = "0", alias = "off")]
    No,
}

impl Switch {
    /// Whether it is on.
    pub(crate) fn is_on(self) -> bool {
        self == Self::Yes
    }
}

/// Where the store and its keys are, and who the first administrator is.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArguments {
    /// Directory of the embedded store; made when it is not there
    #[arg(long, value_name = "DIR", env = env::DATA)]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// File with the token that `POST /install` demands [default: made, DIR/keys/installation-token]
    #[arg(long, value_name = "FILE", env = env::INSTALLATION_TOKEN_FILE)]
    pub(crate) installation_token_file: Option<PathBuf>,
    /// File with the signing key, 64 hexadecimal digits [default: made, DIR/keys/signing]
    #[arg(long, value_name = "FILE", env = env::SIGNING_KEY_FILE)]
    pub(crate) signing_key_file: Option<PathBuf>,
    /// File with the encryption key, 64 hexadecimal digits [default: made, DIR/keys/encryption]
    #[arg(long, value_name = "FILE", env = env::ENCRYPTION_KEY_FILE)]
    pub(crate) encryption_key_file: Option<PathBuf>,
}

/// Who the first administrator is.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArguments {
    /// E-mail address of the first administrator [default: admin@localhost]
    #[arg(long, value_name = "ADDRESS", env = env::ADMIN_EMAIL)]
    pub(crate) admin_email: Option<String>,
    /// File with the password of the first administrator; without one (and without TRACARDI_ADMIN_PASSWORD) a password is
    /// made and written to DIR/admin-password, if there is such a directory
    #[arg(long, value_name = "FILE", env = env::ADMIN_PASSWORD_FILE)]
    pub(crate) admin_password_file: Option<PathBuf>,
}

/// Runs what the command line says.
pub(crate) async fn run(CommandLine { command, logging }: CommandLine) -> anyhow::Result<()> {
    logging::init(logging.log_format, &logging.log_level).map_err(anyhow::Error::msg)?;
    match command {
        Command::Standalone(arguments) => services::standalone::run(*arguments).await,
        Command::PublicApi(arguments) => services::public_api::run(*arguments).await,
        Command::PrivateApi(arguments) => services::private_api::run(*arguments).await,
        Command::Worker(arguments) => services::worker::run(arguments).await,
        Command::Init(arguments) => services::init::run(arguments).await,
        Command::Install(arguments) => services::install::run(*arguments).await,
        Command::RemoveTenant(arguments) => services::remove_tenant::run(*arguments).await,
        Command::Gui(arguments) => services::gui::run(arguments).await,
        Command::Simulate(arguments) => Ok(tracardi_simulate::cli::run(arguments, SystemClock::shared()).await?),
        Command::Probe(arguments) => services::probe::run(arguments).await,
        Command::Version => print_version(),
    }
}

fn print_version() -> anyhow::Result<()> {
    use std::io::Write as _;
    let (runtime, contract) = (tracardi_api::info::RUNTIME_VERSION, tracardi_api::info::CONTRACT_VERSION);
    writeln!(std::io::stdout(), "tracardi {runtime} (HTTP contract of Tracardi {contract})").context("cannot print")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_flag_has_its_environment_equivalent() {
        let command = CommandLine::command();
        for name in ["standalone", "init", "gui"] {
            let service = command.find_subcommand(name).unwrap();
            for flag in service.get_arguments().filter(|flag| flag.get_id() != "help" && flag.get_id() != "version") {
                assert!(flag.get_env().is_some(), "{name} --{}", flag.get_id());
            }
        }
    }
}
