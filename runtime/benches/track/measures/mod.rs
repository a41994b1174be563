//! The measures, each with its table and its picture.

mod cold;
mod configuration;
mod durability;
mod handler;
mod latency;
mod neighbours;
mod size;
mod slopes;

use crate::Effort;
use crate::figures::{DRIFT, UNSTEADY, machine};
pub(crate) use crate::figures::{Spread, fit, turn};

/// Runs all measures, or the one of this name.
pub(crate) async fn run(effort: &Effort, only: Option<&str>) {
    println!("{}; the server has one of them", machine());
    println!("{UNSTEADY} behind a figure: the earlier and the later rounds differ by more than {} %", DRIFT * 100.0);
    let wanted = |name: &str| {
        let yes = only.is_none_or(|only| only == name);
        if yes {
            println!("\n[{name}]");
        }
        yes
    };
    if wanted("handler") {
        handler::measure(effort).await;
    }
    if wanted("durability") {
        durability::measure(effort).await;
    }
    if wanted("events") {
        slopes::events(effort).await;
    }
    if wanted("profile") {
        slopes::profile(effort).await;
    }
    if wanted("segments") {
        slopes::segments(effort).await;
    }
    if wanted("rules") {
        slopes::rules(effort).await;
    }
    if wanted("cold") {
        cold::measure(effort).await;
    }
    if wanted("latency") {
        latency::measure(effort).await;
    }
    if wanted("neighbours") {
        neighbours::measure(effort).await;
    }
    if wanted("configuration") {
        configuration::measure();
    }
    if wanted("size") {
        size::measure(effort).await;
    }
}
