//! What the larger modes cost against the bare servers they stand on: `make bench-modes`, or
//! `cargo bench -p tracardi-runtime --bench modes`.
//!
//! Arguments: `--mode standalone|open|distributed` [all three, one after another], `--only NAME` (a measure, as printed), `--seconds N`
//! of each load [2], `--rounds N` of each comparison [3], `--outage N` seconds that OpenSearch is away [60], `--plots DIR` for the pictures
//! [artifacts/benchmarks of the checkout].
//!
//! As in benches/track: all is measured in one run, what is compared in turns; figures are of this machine, ratios hold elsewhere. Clients,
//! services and servers share its cores, so a ratio of rates is mostly one of processor time.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise and prints")]

#[path = "../common/cores.rs"]
mod cores;
#[path = "../common/figures.rs"]
mod figures;
#[path = "../common/installation.rs"]
mod installation;
#[path = "../common/load.rs"]
mod load;
#[path = "../common/plot.rs"]
mod plot;
#[path = "../../tests/shared/mod.rs"]
mod shared;
#[path = "../../tests/support/mod.rs"]
mod support;

mod measures;

use std::path::PathBuf;
use std::time::Duration;

/// How long, how often, and of what.
pub(crate) struct Effort {
    pub(crate) seconds: Duration,
    pub(crate) rounds: usize,
    pub(crate) outage: Duration,
    pub(crate) plots: PathBuf,
    /// A mode by its name; None: all.
    pub(crate) mode: Option<String>,
    /// A measure by its name; None: all.
    pub(crate) only: Option<String>,
}

fn main() {
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let mut effort = Effort {
        seconds: Duration::from_secs(2),
        rounds: 3,
        outage: Duration::from_mins(1),
        plots: checkout.join("artifacts/benchmarks"),
        mode: None,
        only: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| stop(&format!("{argument} needs a value")));
        match argument.as_str() {
            "--mode" => effort.mode = Some(value()),
            "--only" => effort.only = Some(value()),
            "--seconds" => effort.seconds = Duration::from_secs_f64(value().parse().unwrap()),
            "--rounds" => effort.rounds = value().parse().unwrap(),
            "--outage" => effort.outage = Duration::from_secs_f64(value().parse().unwrap()),
            "--plots" => effort.plots = checkout.join(value()),
            // `cargo bench` says so to every benchmark.
            "--bench" => {}
            other => stop(&format!("`{other}` is no argument of this benchmark; see the top of benches/modes/main.rs")),
        }
    }
    std::fs::create_dir_all(&effort.plots).unwrap();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(measures::run(&effort));
    println!("\npictures: {}", effort.plots.display());
}

fn stop(reason: &str) -> ! {
    eprintln!("bench: {reason}");
    std::process::exit(2)
}
