//! OpenSearch is killed and comes back after a while: how fast what waits is stored then, while as much keeps coming as before.

use std::time::{Duration, Instant};

use crate::Effort;
use crate::figures::count;
use crate::installation::Installation;
use crate::load::{self, Steady};
use crate::plot::{Line, Picture};

const CLIENTS: usize = 32;
/// What keeps coming, as a share of what the collector can do: a shop's peak is several times its usual.
const SHARE: f64 = 0.2;
/// How long all is well at first.
const USUAL: Duration = Duration::from_secs(10);
/// So few requests wait when the work of one look at the queue is done.
const CAUGHT_UP: u64 = 50;
/// How long catching up may take, in times the outage.
const PATIENCE: u32 = 10;

/// A look at the installation.
struct Look {
    at: f64,
    accepted: u64,
    waiting: Option<u64>,
}

pub(crate) async fn measure(installation: &mut Installation, mode: &str, effort: &Effort) {
    let mut visitors = installation.visitors("outage", CLIENTS).await;
    installation.stop_collector().await;
    let pid = installation.house.public_api.pid();
    load::run(&mut visitors, pid, effort.seconds * 2, Duration::ZERO).await;
    let most = installation.drain(async |all| all.waiting().await.unwrap_or_default()).await;
    let pause = Duration::from_secs_f64(f64::from(u32::try_from(CLIENTS).unwrap()) / (most * SHARE));
    let steady = Steady::begin(visitors, pause);
    let (began, mut looks) = (Instant::now(), Vec::new());
    let mut watch = async |installation: &Installation| {
        let (accepted, waiting) = (steady.accepted(), installation.waiting().await);
        looks.push(Look { at: began.elapsed().as_secs_f64(), accepted, waiting });
        tokio::time::sleep(Duration::from_millis(250)).await;
        waiting
    };
    while began.elapsed() < USUAL {
        watch(installation).await;
    }
    installation.house.search.kill();
    while began.elapsed() < USUAL + effort.outage {
        watch(installation).await;
    }
    // The others go on meanwhile.
    tokio::task::block_in_place(|| installation.house.search.restart()).unwrap();
    let back = began.elapsed().as_secs_f64();
    while watch(installation).await.is_none_or(|waiting| waiting > CAUGHT_UP) {
        assert!(began.elapsed() < USUAL + effort.outage * PATIENCE + Duration::from_mins(2), "it does not catch up");
    }
    steady.end().await;
    tell(&looks, back, most);
    let waiting = looks.iter().filter_map(|look| Some((look.at, count(look.waiting?)))).collect();
    let accepted = looks.iter().map(|look| (look.at, count(look.accepted))).collect();
    let lines = vec![Line { name: "accepted so far", points: accepted }, Line { name: "waiting", points: waiting }];
    Picture { title: "OpenSearch is killed and comes back", x: "seconds", y: "requests", lines }
        .write_course(&effort.plots, &format!("modes-outage-{mode}"));
}

fn tell(looks: &[Look], back: f64, most: f64) {
    let waiting = |look: &&Look| look.waiting.unwrap_or_default();
    let (first, last) = (&looks[0], &looks[looks.len() - 1]);
    let peak = looks.iter().max_by_key(waiting).unwrap();
    let arriving = count(last.accepted - first.accepted) / (last.at - first.at);
    // From the moment at which the most waited: what waited and what came since is stored.
    let stored = count(waiting(&peak).saturating_sub(waiting(&last)) + last.accepted - peak.accepted);
    let rate = stored / (last.at - peak.at);
    println!("the collector can do {most:.0} requests a second; {arriving:.0} a second keep coming");
    println!("{} requests wait at most; OpenSearch serves again after {back:.1} s of the run", waiting(&peak));
    println!(
        "caught up {:.1} s after that, {:.1} s of them before the first is stored",
        last.at - back,
        (peak.at - back).max(0.0)
    );
    println!("stored a second meanwhile: {rate:.0}; ÷ what keeps coming: {:.2}", rate / arriving);
}
