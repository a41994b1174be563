//! What stays: bytes on disk per event, and memory while events keep coming.

use std::time::Duration;

use crate::Effort;
use crate::load;
use crate::plot::{Line, Picture};
use crate::world::World;

/// Events of a request: what is stored is to be measured, not requests.
const BATCH: u32 = 20;
/// Rows of the table; the picture has a point for each load.
const ROWS: f64 = 10.0;

pub(crate) async fn measure(effort: &Effort) {
    let mut world = World::start().await;
    let mut visitors = world.visitors("size", 32, BATCH as usize).await;
    let empty = load::disk(&world.server.data());
    let mut events = 0.0;
    let mut points = Vec::new();
    let wanted = f64::from(effort.events);
    println!("{:>12} {:>16} {:>12}", "events", "memory in MiB", "events/s");
    while events < wanted {
        let load = load::run(&mut visitors, world.server.pid(), effort.seconds, Duration::ZERO).await;
        let stored = f64::from(u32::try_from(load.requests).unwrap()) * f64::from(BATCH);
        let memory = load::memory(world.server.pid(), "VmRSS");
        let (before, after) = (events, events + stored);
        events = after;
        points.push((events, memory));
        if (before / wanted * ROWS).floor() < (after / wanted * ROWS).floor() {
            println!("{events:>12.0} {memory:>16.1} {:>12.0}", stored / effort.seconds.as_secs_f64());
        }
    }
    world.server.stop().await;
    let bytes = (load::disk(&world.server.data()) - empty) / events;
    println!("{bytes:.0} bytes on disk per event, all indices and the growing sessions and profiles included");
    let lines = vec![Line { name: "resident memory", points }];
    Picture { title: "Memory while events keep coming", x: "events so far", y: "MiB", lines }
        .write(&effort.plots, "memory");
}
