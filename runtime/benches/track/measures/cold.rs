//! What a visitor costs whom nobody knows: a new session and a new profile with each request.

use std::time::{Duration, Instant};

use super::Spread;
use crate::Effort;
use crate::load::{self, Visitor, cpu_time};
use crate::world::World;

pub(crate) async fn measure(effort: &Effort) {
    let world = World::start().await;
    let pid = world.server.pid();
    let mut known = world.visitors("known", 8, 1).await;
    let (mut hot, mut cold) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds {
        hot.push(load::run(&mut known, pid, effort.seconds, Duration::ZERO).await.cpu_micros());
        let (began, before) = (Instant::now(), cpu_time(pid));
        let strangers = (0..8).map(|client| {
            let server = &world.server;
            async move {
                let mut visitor = Visitor::new(server.public(), "", 1);
                let mut requests = 0_u32;
                while began.elapsed() < effort.seconds {
                    visitor.become_a_stranger(&format!("{round}-{client}-{requests}"));
                    visitor.send().await;
                    requests += 1;
                }
                requests
            }
        });
        let requests: u32 = futures::future::join_all(strangers).await.into_iter().sum();
        cold.push(cpu_time(pid).saturating_sub(before).as_secs_f64() * 1e6 / f64::from(requests));
    }
    world.stop().await;
    let (hot, cold) = (Spread::of(hot), Spread::of(cold));
    println!("CPU time per request, in µs, of 8 clients");
    println!("{:>28} {:>24}", "session and profile known", hot.to_string());
    println!("{:>28} {:>24}", "both new", cold.to_string());
}
