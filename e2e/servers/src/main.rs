//! `servers`: the servers that tests use, installed, tried or started by hand.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use tracardi_machine::{Plain, Result};
use tracardi_servers::{Kind, Login, Options, install};

/// Real servers for tests.
#[derive(Parser)]
#[command(name = "servers", version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Install what is missing.
    Install {
        /// Which; all that `make test` uses when none is named.
        kinds: Vec<Kind>,
    },
    /// Install what is missing, then start each, kill it, start it again and stop it; print a table.
    Check {
        /// Which; all that `make test` uses when none is named.
        kinds: Vec<Kind>,
    },
    /// Start one and leave it running until Enter is pressed (or standard input ends).
    Run {
        /// Which.
        kind: Kind,
        /// Who may connect, as in `shop:secret`.
        #[arg(long, value_name = "NAME:PASSWORD")]
        login: Option<String>,
        /// With encryption; the authority's certificate is printed.
        #[arg(long)]
        tls: bool,
    },
}

fn main() -> ExitCode {
    match work(Arguments::parse().action) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            if let Some(remedy) = error.remedy() {
                let _ = writeln!(std::io::stderr(), "try: {remedy}");
            }
            ExitCode::FAILURE
        }
    }
}

fn work(action: Action) -> Result<()> {
    let all_or = |kinds: Vec<Kind>| if kinds.is_empty() { Kind::usual() } else { kinds };
    match action {
        Action::Install { kinds } => install(&all_or(kinds), &mut Plain),
        Action::Check { kinds } => check(&all_or(kinds)),
        Action::Run { kind, login, tls } => run(kind, login.as_deref(), tls),
    }
}

/// A line of the table for each kind, as soon as it is known.
fn check(kinds: &[Kind]) -> Result<()> {
    install(kinds, &mut Plain)?;
    say(&format!("{:<20}{:<28}{:>9}{:>11}{:>10}{:>8}", "server", "version", "start s", "restart s", "stop s", "MB"));
    for kind in kinds {
        let begin = Instant::now();
        let mut server = kind.start()?;
        let (start, memory) = (begin.elapsed(), server.resident_bytes() / 1_000_000);
        server.kill();
        let restart = timed(|| server.restart())?;
        let stop = timed(|| server.stop())?;
        let second = |time: Duration| format!("{:.1}", time.as_secs_f64());
        say(&format!(
            "{:<20}{:<28}{:>9}{:>11}{:>10}{memory:>8}",
            kind.name(),
            kind.version()?,
            second(start),
            second(restart),
            second(stop)
        ));
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begin = Instant::now();
    work().map(|()| begin.elapsed())
}

fn run(kind: Kind, login: Option<&str>, tls: bool) -> Result<()> {
    let login = login.map(|text| {
        let (name, password) = text.split_once(':').unwrap_or((text, ""));
        Login::new(name, password)
    });
    install(&[kind], &mut Plain)?;
    let mut server = kind.start_with(&Options { login, tls, ..Options::default() })?;
    for (name, _) in kind.ports() {
        if let Some(address) = server.address_of(name) {
            say(&format!("{name:<12} {address}"));
        }
    }
    say(&format!("log          {}", server.log().display()));
    if let Some(authority) = server.authority() {
        say(authority.trim_end());
    }
    say("Enter ends it");
    let _ = std::io::stdin().read_line(&mut String::new());
    server.stop()
}

/// A closed pipe is not worth an error.
fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
