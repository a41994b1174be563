//! How long `/track` takes while OpenSearch is slow, against while it is not; at half of the greatest rate.

use std::time::Duration;

use tracardi_servers::{Fault, Proxy};

use crate::Effort;
use crate::figures::Spread;
use crate::installation::Installation;
use crate::load::{self, Load};

const CLIENTS: usize = 64;
/// Each piece that goes through waits so long: a query takes a tenth of a second more, a large bulk many seconds.
const DELAY: Duration = Duration::from_millis(50);

pub(crate) async fn measure(installation: &mut Installation, effort: &Effort) {
    let proxy = Proxy::to(installation.house.search.address()).unwrap();
    installation.reach_search_at(proxy.address()).await;
    let mut visitors = installation.visitors("slow", CLIENTS).await;
    let pid = installation.house.public_api.pid();
    let full = load::run(&mut visitors, pid, effort.seconds, Duration::ZERO).await;
    installation.drained().await;
    // Each client waits so long that all together come to half of the greatest rate.
    let pause = Duration::from_secs_f64(f64::from(u32::try_from(CLIENTS).unwrap()) / (full.per_second() * 0.5));
    let (mut usual, mut slow): (Vec<Load>, Vec<Load>) = (Vec::new(), Vec::new());
    for round in 0..effort.rounds * 2 {
        let is_slow = round % 4 == 1 || round % 4 == 2;
        proxy.set(if is_slow { Fault::Delay(DELAY) } else { Fault::None });
        let load = load::run(&mut visitors, pid, effort.seconds * 2, pause).await;
        if is_slow { &mut slow } else { &mut usual }.push(load);
        proxy.set(Fault::None);
        installation.drained().await;
    }
    println!("milliseconds until a request is acknowledged, {CLIENTS} clients at half of the greatest rate");
    println!("{:>20} {:>20} {:>22} {:>22}", "", "requests/s", "p50", "p99");
    let of = |loads: &[Load], figure: fn(&Load) -> f64| Spread::of(loads.iter().map(figure).collect());
    for (name, loads) in [("usual", &usual), ("OpenSearch is slow", &slow)] {
        let figures: [fn(&Load) -> f64; 3] = [Load::per_second, |load| load.within(50), |load| load.within(99)];
        let [rate, half, most] = figures.map(|figure| of(loads, figure).to_string());
        println!("{name:>20} {rate:>20} {half:>22} {most:>22}");
    }
    let ratio = slow.iter().zip(&usual).map(|(slow, usual)| slow.within(99) / usual.within(99)).collect();
    println!("p99 while it is slow ÷ p99 while it is not: {}", Spread::of(ratio));
    installation.reach_search_at(installation.house.search.address()).await;
}
