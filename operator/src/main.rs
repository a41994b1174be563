//! The command line of the operator.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use tracardi_operator::run::Settings;
use tracardi_operator::{check, rbac, run};
use tracardi_process::logging;

/// Reconciles TracardiInstallation resources.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    /// How log lines look.
    #[arg(long, global = true, env = "TRACARDI_OPERATOR_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Filter of log lines, such as `info` or `info,tracardi_operator=debug`.
    #[arg(long, global = true, env = "TRACARDI_OPERATOR_LOG_LEVEL", default_value = "info")]
    log_level: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the operator.
    Run(Settings),
    /// Print the manifest of the custom resource, for `kubectl apply --server-side -f -`.
    Crds,
    /// Print the rights that the operator needs: rules for the namespaces of installations, or for its own.
    Rbac {
        /// Whose.
        #[arg(value_enum, default_value = "installations")]
        place: Place,
    },
    /// Ask a URL until it answers 200; used by `helm test`.
    Check {
        /// For example http://tracardi-operator-metrics:9090/readyz.
        url: String,
        /// Seconds to try.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Place {
    Installations,
    OwnNamespace,
}

fn main() -> ExitCode {
    match execute(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // A closed stderr leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "tracardi-operator: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> Result<(), String> {
    let print = |text: String| std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string());
    match command.verb {
        Verb::Crds => print(tracardi_crds::installation::crd_yaml().map_err(|error| error.to_string())?),
        Verb::Rbac { place: Place::Installations } => print(rbac::rules_yaml(rbac::INSTALLATIONS)),
        Verb::Rbac { place: Place::OwnNamespace } => print(rbac::rules_yaml(rbac::OWN_NAMESPACE)),
        Verb::Check { url, seconds } => {
            let answer = runtime()?.block_on(check::check(&url, Duration::from_secs(seconds)))?;
            print(format!("{url}: {answer}\n"))
        }
        Verb::Run(settings) => {
            let format = match command.log_format {
                LogFormat::Text => logging::Format::Text,
                LogFormat::Json => logging::Format::Json,
            };
            logging::init(format, &command.log_level)?;
            runtime()?.block_on(run::run(settings))
        }
    }
}

/// One thread: the operator waits for others nearly all of its time, and threads cost memory.
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no event loop can be made: {error}"))
}
