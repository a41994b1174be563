//! What stays: bytes on disk per event, and memory while events keep coming.

use std::time::Duration;

use crate::Effort;
use crate::load;
use crate::plot::{Line, Picture};
use crate::world::{World, size};

pub(crate) async fn measure(effort: &Effort) {
    let mut world = World::start().await;
    let mut visitors = world.visitors("size", 32, 10).await;
    let empty = size(&world.server.data());
    let mut events = 0.0;
    let mut points = Vec::new();
    println!("{:>12} {:>16}", "events", "memory in MiB");
    for step in 1..=6_u32 {
        let load = load::run(&mut visitors, world.server.pid(), effort.seconds * step, Duration::ZERO).await;
        events += f64::from(u32::try_from(load.requests).unwrap()) * 10.0;
        let memory = load::memory(world.server.pid(), "VmRSS");
        println!("{events:>12.0} {memory:>16.1}");
        points.push((events, memory));
    }
    world.server.stop().await;
    #[expect(clippy::cast_precision_loss, reason = "files are small")]
    let bytes = (size(&world.server.data()) - empty) as f64 / events;
    println!("{bytes:.0} bytes on disk per event, all indices and the growing sessions and profiles included");
    let lines = vec![Line { name: "resident memory", points }];
    Picture { title: "Memory while events keep coming", x: "events so far", y: "MiB", lines }
        .write(&effort.plots, "memory");
}
