//! How long an acknowledged `/track` takes at half of the greatest rate.

use std::time::Duration;

use crate::Effort;
use crate::load;
use crate::plot::{Line, Picture};
use crate::world::World;

const CLIENTS: usize = 64;

pub(crate) async fn measure(effort: &Effort) {
    let world = World::start().await;
    let mut visitors = world.visitors("latency", CLIENTS, 1).await;
    let pid = world.server.pid();
    let full = load::run(&mut visitors, pid, effort.seconds * 2, Duration::ZERO).await;
    println!("milliseconds until a request is acknowledged, {CLIENTS} clients");
    println!("{:>10} {:>10} {:>8} {:>8} {:>8} {:>8}", "load", "events/s", "p50", "p90", "p99", "most");
    let mut lines = Vec::new();
    for (name, share) in [("a quarter", 0.25), ("half", 0.5), ("full", 1.0)] {
        // Each client waits so long that all together come to this share of the greatest rate.
        let every = f64::from(u32::try_from(CLIENTS).unwrap()) / (full.per_second() * share);
        let pause = (every - full.within(50) / 1e3 * 0.5).max(0.0) * if share < 1.0 { 1.0 } else { 0.0 };
        let load = load::run(&mut visitors, pid, effort.seconds * 4, Duration::from_secs_f64(pause)).await;
        println!(
            "{name:>10} {:>10.0} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
            load.per_second(),
            load.within(50),
            load.within(90),
            load.within(99),
            load.within(100)
        );
        let points =
            [1_u8, 10, 25, 50, 75, 90, 95, 99].map(|percent| (f64::from(percent), load.within(percent.into())));
        lines.push(Line { name, points: points.to_vec() });
    }
    world.stop().await;
    Picture { title: "Time until a request is acknowledged", x: "percent of the requests", y: "ms", lines }
        .write(&effort.plots, "latency");
}
