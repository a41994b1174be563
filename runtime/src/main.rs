//! `tracardi`: the services of a Tracardi installation in one binary. [`cli`] reads the command line, [`services`] has a
//! file for each service.

mod cli;
mod services;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

fn main() -> ExitCode {
    let command_line = cli::CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .max_blocking_threads(32)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("the process cannot start: {error}")),
    };
    let ended = runtime.block_on(cli::run(command_line));
    // What still runs on other threads is of no use to anybody now.
    runtime.shutdown_timeout(Duration::from_millis(200));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("{error:#}")),
    }
}

/// Threads that serve requests: one for each core; more than four are of no use to one writer, fewer than two would let
/// one busy task hold up the others.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4)
}

/// The one line that people see.
#[expect(clippy::print_stderr, reason = "this is the program's last word, also when logging never started")]
fn failed(reason: &str) -> ExitCode {
    eprintln!("tracardi: {}", reason.replace('\n', " "));
    ExitCode::FAILURE
}
