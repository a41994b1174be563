//! An installation with a queue under half of the load that it can take, for as long as one likes, while its processes and servers are
//! killed, frozen and asked to leave at random: `make soak MINUTES=10`, or `cargo bench -p tracardi-runtime --bench soak`.
//!
//! Arguments: `--mode open|distributed` [open], `--minutes N` [10], `--every N` seconds a fault [60], `--seed N` of the faults [the clock's],
//! `--memory N` MiB that a service may take [512], `--files N` that it may have open [1024], `--plots DIR` for the pictures
//! [artifacts/soak of the checkout].
//!
//! Each visitor's journal says what was acknowledged. All of it must be there once, in order, and counted exactly; no service may end by
//! itself, and none may take more memory or files than it is allowed. What is broken is told, and the program ends with 1.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "whatever goes wrong in the soak itself ends it at once")]

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

mod check;
mod faults;
mod visits;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tracardi_process::SystemClock;
use tracardi_simulate::rng::Rng;

use crate::check::Checker;
use crate::faults::Fault;
use crate::figures::machine;
use crate::installation::Installation;
use crate::shared::Mode;
use crate::visits::Visitors;
use crate::watch::Watch;

/// What is wanted.
pub(crate) struct Wanted {
    mode: Mode,
    time: Duration,
    every: Duration,
    seed: u64,
    /// MiB and open files that a service may have.
    pub(crate) memory: f64,
    pub(crate) files: f64,
    plots: PathBuf,
}

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How often progress is told.
const TOLD: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let wanted = arguments();
    std::fs::create_dir_all(&wanted.plots).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let broken = runtime.block_on(soak(&wanted));
    for one in &broken {
        println!("BROKEN: {one}");
    }
    println!("pictures: {}; seed {}", wanted.plots.display(), wanted.seed);
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn arguments() -> Wanted {
    let checkout = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned();
    let mut wanted = Wanted {
        mode: Mode::Open,
        time: Duration::from_mins(10),
        every: Duration::from_mins(1),
        seed: SystemClock::shared().now().as_second().cast_unsigned(),
        memory: 512.0,
        files: 1024.0,
        plots: checkout.join("artifacts/soak"),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| stop(&format!("{argument} needs a value")));
        match argument.as_str() {
            "--mode" => {
                wanted.mode = match value().as_str() {
                    "open" => Mode::Open,
                    "distributed" => Mode::Distributed,
                    other => stop(&format!("--mode is open or distributed, not {other}")),
                }
            }
            "--minutes" => wanted.time = Duration::from_secs_f64(number(&value()) * 60.0),
            "--every" => wanted.every = Duration::from_secs_f64(number(&value())),
            "--seed" => wanted.seed = value().parse().unwrap_or_else(|_| stop("--seed is a whole number")),
            "--memory" => wanted.memory = number(&value()),
            "--files" => wanted.files = number(&value()),
            "--plots" => wanted.plots = checkout.join(value()),
            // `cargo bench` says so to every benchmark.
            "--bench" => {}
            other => stop(&format!("`{other}` is no argument of this; see the top of benches/soak/main.rs")),
        }
    }
    wanted
}

fn number(text: &str) -> f64 {
    match text.parse() {
        Ok(number) if (0.0..1e9).contains(&number) => number,
        _ => stop(&format!("`{text}` is no number of 0 or more")),
    }
}

fn stop(reason: &str) -> ! {
    eprintln!("soak: {reason}");
    std::process::exit(2)
}

/// Gives what is broken.
async fn soak(wanted: &Wanted) -> Vec<String> {
    println!("{}; {:?}, {:.1} minutes, seed {}", machine(), wanted.mode, wanted.time.as_secs_f64() / 60.0, wanted.seed);
    let mut installation = Installation::start(wanted.mode, 2).await;
    let most = visits::most(&installation).await;
    println!("it can take {most:.0} requests a second; half of that comes from now on");
    let (visitors, finished) = Visitors::arrive(&installation, most / 2.0);
    let checker = Checker::start(&installation, finished);
    let mut watch = Watch::new(&mut installation);
    let mut rng = Rng::new(wanted.seed, 0);
    let began = Instant::now();
    let (mut next_fault, mut next_line) = (wanted.every, TOLD);
    while began.elapsed() < wanted.time {
        tokio::time::sleep(LOOK).await;
        watch.look(&mut installation, &visitors, wanted).await;
        if began.elapsed() > next_line {
            println!("{}", watch.line(&visitors, &checker));
            next_line = began.elapsed() + TOLD;
        }
        if began.elapsed() > next_fault {
            let fault = Fault::draw(&mut rng, wanted.mode);
            println!("{:>7.0} s  {fault}", began.elapsed().as_secs_f64());
            fault.happen(&mut installation.house).await;
            // It starts servers again, which waits for them; the others go on.
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(installation.house.mend()));
            watch.forgive();
            next_fault = began.elapsed() + wanted.every;
        }
    }
    visitors.leave();
    installation.drained().await;
    watch.look(&mut installation, &visitors, wanted).await;
    let mut broken = checker.end().await;
    println!("{}", watch.line(&visitors, &checker));
    broken.extend(watch.broken(&mut installation).await);
    watch.draw(&wanted.plots);
    watch.growth();
    installation.house.stop().await;
    broken
}
