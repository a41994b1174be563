//! What a tracked event costs, in ratios and slopes: `make bench`, or `cargo bench -p tracardi-runtime --bench track`.
//!
//! Arguments: `--only NAME` (a measure, as printed), `--seconds N` of each load [4], `--rounds N` of each comparison [5],
//! `--events N` that the measure `size` stores [700000; two kilobytes each], `--plots DIR` for the pictures [artifacts/benchmarks of the checkout].
//!
//! Everything is measured in one run on one machine, so that ratios hold where figures do not. What is compared is measured
//! in turns, forward and backward, and the median told with the lowest and the highest. The server has one core for itself, and
//! its clients another. Nothing is asserted about time; that every answer was a 200 and everything acknowledged is stored, is.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise and prints")]

#[path = "../common/cores.rs"]
mod cores;
#[path = "../common/figures.rs"]
mod figures;
#[path = "../common/load.rs"]
mod load;
#[path = "../common/plot.rs"]
mod plot;
#[path = "../../tests/support/mod.rs"]
mod support;

mod empty;
mod measures;
mod world;

use std::path::PathBuf;
use std::time::Duration;

/// How long and how often.
pub(crate) struct Effort {
    pub(crate) seconds: Duration,
    pub(crate) rounds: usize,
    pub(crate) events: u32,
    pub(crate) plots: PathBuf,
}

fn main() {
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let mut effort = Effort {
        seconds: Duration::from_secs(4),
        rounds: 5,
        events: 700_000,
        plots: checkout.join("artifacts/benchmarks"),
    };
    let mut only = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| stop(&format!("{argument} needs a value")));
        match argument.as_str() {
            empty::ARGUMENT => return runtime().block_on(empty::serve()),
            "--only" => only = Some(value()),
            "--seconds" => effort.seconds = Duration::from_secs_f64(value().parse().unwrap()),
            "--rounds" => effort.rounds = value().parse().unwrap(),
            "--events" => effort.events = value().parse().unwrap(),
            "--plots" => effort.plots = checkout.join(value()),
            // `cargo bench` says so to every benchmark.
            "--bench" => {}
            other => stop(&format!("`{other}` is no argument of this benchmark; see the top of benches/track/main.rs")),
        }
    }
    std::fs::create_dir_all(&effort.plots).unwrap();
    cores::keep(std::process::id(), cores::CLIENTS);
    runtime().block_on(measures::run(&effort, only.as_deref()));
    println!("\npictures: {}", effort.plots.display());
}

fn stop(reason: &str) -> ! {
    eprintln!("bench: {reason}");
    std::process::exit(2)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}
