//! `tracardi`: the services of a Tracardi installation in one binary. [`cli`] reads the command line, [`services`] has a
//! file for each service.

mod cli;
mod services;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

/// glibc keeps what a peak needed; this one gives it back (docs/development.md has figures).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let command_line = match cli::CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => return misunderstood(&error),
    };
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

/// Help and version are printed as they are; a mistake becomes one line, like every other failure.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return if error.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let text = error.to_string();
    // What follows the first blank line repeats the usage.
    let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let said = lines.join(" ");
    failed(&format!("{}; see `tracardi --help`", said.trim_start_matches("error: ").trim_end_matches('.')));
    ExitCode::from(2)
}

/// The one line that people see.
#[expect(clippy::print_stderr, reason = "this is the program's last word, also when logging never started")]
fn failed(reason: &str) -> ExitCode {
    eprintln!("tracardi: {}", reason.replace('\n', " "));
    ExitCode::FAILURE
}
