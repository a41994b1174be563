//! The programs behind the Makefile. Each subcommand is one file; each says what it does and how long it took.

mod agents;
mod ahead;
mod check;
mod demo;
mod fuzz;
mod gui;
mod http;
mod images;
mod install;
mod measure;
mod queries;
mod shell;
mod test;
mod tools;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Work behind `make`; see `make help`.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    images: images::Given,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A cluster, the operator, an installation, an hour of traffic, the address to look at.
    Demo {
        /// How the installation is laid out: one process, or services on servers beside the cluster.
        #[arg(long, default_value = "standalone")]
        mode: demo::Mode,
    },
    /// A server of the demo, until it is told to end; `demo` runs it in the background.
    #[command(hide = true)]
    Keep {
        /// Which.
        kind: tracardi_servers::Kind,
    },
    /// Removes what `demo` made in the cluster.
    DemoDown,
    /// Every test.
    Test,
    /// What the tests against the cluster need; `test` runs it in the background.
    #[command(hide = true)]
    Ahead,
    /// Formatting, lints, licences, generated files.
    Check,
    /// Writes the generated files anew.
    Generate,
    /// Builds the web application, the tracker and the shop page if they changed.
    Gui,
    /// Builds the images and loads them into the cluster.
    Images,
    /// Installs or upgrades the operator by its chart.
    Install,
    /// The tests against the real cluster.
    E2e {
        /// Also the heaviest tier.
        #[arg(long)]
        full: bool,
    },
    /// Fuzzes what reads the texts of strangers, one target after another.
    Fuzz {
        /// How long altogether.
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
    /// The expressions that tell user agents apart, of another version of the crate ua-parser.
    UserAgents {
        /// As on crates.io.
        #[arg(long)]
        version: String,
    },
    /// What the compiler knows of the statements for MySQL, asked of a MariaDB.
    Queries,
    /// Sizes, start-up times, idle memory.
    Measure,
    /// Installs what the compiler needs besides the toolchains.
    Tools,
}

fn main() -> std::process::ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(Arguments { images, command }: &Arguments) -> Result<()> {
    // What compiles nothing of the services needs nothing for it.
    if !matches!(command, Command::DemoDown | Command::Keep { .. } | Command::Gui) {
        tools::ensure()?;
    }
    match command {
        Command::Tools => Ok(()),
        Command::Demo { mode } => demo::up(images, *mode),
        Command::Keep { kind } => demo::keep(*kind),
        Command::DemoDown => demo::down(),
        Command::Test => test::all(images),
        Command::Ahead => ahead::work(images),
        Command::Check => check::check(),
        Command::Generate => check::generate(),
        Command::Gui => gui::build(),
        Command::Images => images::provide(&install::ground()?, images).map(drop),
        Command::Install => install::install(&install::ground()?, images),
        Command::E2e { full } => test::e2e(*full, images),
        Command::Fuzz { minutes } => fuzz::for_minutes(*minutes),
        Command::UserAgents { version } => agents::renew(version),
        Command::Queries => queries::write(),
        Command::Measure => measure::measure(),
    }
}
