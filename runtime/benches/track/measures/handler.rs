//! CPU time of a hot `/track` against that of an empty handler, same payloads, connections and listener.

use std::time::Duration;

use super::{Spread, turn};
use crate::Effort;
use crate::empty::Empty;
use crate::load::{self, Visitor};
use crate::plot::{Line, Picture};
use crate::world::World;

const CLIENTS: [usize; 3] = [1, 16, 128];

pub(crate) async fn measure(effort: &Effort) {
    let world = World::start().await;
    let empty = Empty::start().await;
    println!("CPU time of the server per request, in µs: median (lowest-highest) of {} rounds", effort.rounds);
    println!("{:>8} {:>22} {:>22} {:>22}", "clients", "empty handler", "/track", "ratio");
    let (mut nothing_line, mut track_line, mut ratio_line) = (Vec::new(), Vec::new(), Vec::new());
    for clients in CLIENTS {
        let mut known = world.visitors(&format!("cpu-{clients}"), clients, 1).await;
        let mut unknown: Vec<Visitor> =
            (0..clients).map(|n| Visitor::new(empty.client(), &format!("empty-{n}"), 1)).collect();
        let (mut nothing, mut track) = (Vec::new(), Vec::new());
        for round in 0..effort.rounds {
            for (which, ()) in turn(&[(), ()], round) {
                if which == 0 {
                    let load = load::run(&mut unknown, empty.pid(), effort.seconds, Duration::ZERO).await;
                    nothing.push(load.cpu_micros());
                } else {
                    let load = load::run(&mut known, world.server.pid(), effort.seconds, Duration::ZERO).await;
                    track.push(load.cpu_micros());
                }
            }
        }
        let ratio = Spread::of(track.iter().zip(&nothing).map(|(track, nothing)| track / nothing).collect());
        let (nothing, track) = (Spread::of(nothing), Spread::of(track));
        println!("{clients:>8} {:>22} {:>22} {:>22}", nothing.to_string(), track.to_string(), ratio.to_string());
        let x = f64::from(u32::try_from(clients).unwrap());
        nothing_line.push((x, nothing.median));
        track_line.push((x, track.median));
        ratio_line.push((x, ratio.median));
    }
    world.stop().await;
    let lines = vec![Line { name: "/track", points: track_line }, Line { name: "empty handler", points: nothing_line }];
    let picture = Picture { title: "CPU time of a request", x: "clients at once", y: "µs per request", lines };
    picture.write(&effort.plots, "handler-cpu");
    let lines = vec![Line { name: "/track ÷ empty handler", points: ratio_line }];
    Picture { title: "A hot /track against an empty handler", x: "clients at once", y: "ratio", lines }
        .write(&effort.plots, "handler-ratio");
}
