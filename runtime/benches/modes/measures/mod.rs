//! The measures, each with its table and its picture.

mod latency;
mod outage;
mod queue;
mod sizing;
mod slow;
mod storage;

use crate::figures::machine;
use crate::installation::Installation;
use crate::plot::Line;
use crate::shared::Mode;
use crate::{Effort, stop};

/// The modes and their names.
const MODES: [(&str, Option<Mode>); 3] =
    [("standalone", None), ("open", Some(Mode::Open)), ("distributed", Some(Mode::Distributed))];

/// Measures of standalone, and of an installation with a queue.
const ALONE: [&str; 2] = ["latency", "sizing"];
const LARGER: [&str; 6] = ["queue", "storage", "latency", "slow", "outage", "sizing"];

/// Runs all measures in all modes, or those that are wanted.
pub(crate) async fn run(effort: &Effort) {
    let Effort { mode, only, .. } = effort;
    if mode.as_ref().is_some_and(|mode| MODES.iter().all(|(name, _)| name != mode)) {
        stop("--mode is standalone, open or distributed");
    }
    if only.as_ref().is_some_and(|only| !LARGER.contains(&only.as_str())) {
        stop(&format!("--only is one of {}", LARGER.join(", ")));
    }
    println!("{}", machine());
    let mut latencies = Vec::new();
    for (name, of) in MODES.into_iter().filter(|(name, _)| mode.as_ref().is_none_or(|mode| mode == name)) {
        let of_mode = if of.is_none() { &ALONE[..] } else { &LARGER[..] };
        if of_mode.iter().any(|measure| wanted(effort, measure)) {
            latencies.extend(match of {
                None => alone(effort).await,
                Some(mode) => larger(effort, mode, name).await,
            });
        }
    }
    latency::draw(effort, latencies);
}

fn wanted(effort: &Effort, measure: &str) -> bool {
    effort.only.as_ref().is_none_or(|only| only == measure)
}

/// Whether it is wanted; then its head is printed.
fn begins(effort: &Effort, mode: &str, measure: &str) -> bool {
    let yes = wanted(effort, measure);
    if yes {
        println!("\n[{mode}: {measure}]");
    }
    yes
}

async fn alone(effort: &Effort) -> Option<Line> {
    let directory = crate::support::scratch();
    let mut server = crate::support::Server::new(env!("CARGO_BIN_EXE_tracardi"), directory.path());
    server.start().await;
    server.create_source().await;
    let mut line = None;
    if begins(effort, "standalone", "latency") {
        line = Some(latency::measure("standalone", server.public(), server.log_in().await, effort).await);
    }
    if begins(effort, "standalone", "sizing") {
        sizing::standalone(&mut server).await;
    }
    server.stop().await;
    line
}

async fn larger(effort: &Effort, mode: Mode, name: &'static str) -> Option<Line> {
    let mut installation = Installation::start(mode, 1).await;
    let mut line = None;
    // The first one makes all warm: the Java machines compile while it runs.
    if begins(effort, name, "sizing") {
        sizing::measure(&mut installation).await;
    }
    if begins(effort, name, "queue") {
        queue::measure(&mut installation, effort).await;
    }
    if begins(effort, name, "storage") {
        storage::measure(&mut installation, effort).await;
    }
    if begins(effort, name, "latency") {
        let (public, private) = (installation.public(), installation.private().await);
        line = Some(latency::measure(name, public, private, effort).await);
    }
    if begins(effort, name, "slow") {
        slow::measure(&mut installation, effort).await;
    }
    if begins(effort, name, "outage") {
        outage::measure(&mut installation, name, effort).await;
    }
    installation.house.stop().await;
    line
}
