//! A simulation of the collector with everything that can go wrong around it: requests that come twice, late, in another
//! order, whose answers get lost; a store that is slow, fails, or does what it says it has not done; a process that dies
//! between any two things it does; a clock that jumps; people who decide about consents, delete documents and change the
//! configuration while all this goes on; destinations that refuse. Everything follows from a seed, so what a seed shows, it
//! shows again.
//!
//! | module | what for |
//! |---|---|
//! | `plan`, `request` | what is to happen, as data |
//! | `configured` | what users configure, and the workflows that it starts |
//! | `world`, `process` | carries out a plan, one process after another |
//! | `storage` | the store: slow, failing, the place where a process dies |
//! | `courier` | sends what the outbox holds; what has arrived |
//! | `journal` | what the clients sent and were told |
//! | `record` | what became durable, and what was deleted |
//! | `laws` | what holds, at every moment and in the end |
//! | `shrink` | the smallest plan that still breaks a law |
//! | `history` | what happened, for people |
//!
//! `SEED=17` replays one seed with its history; `SEEDS=1000000` runs as many, on all cores, and shows how far it is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed check panics: that is its answer; a long run says how far it is"
)]

mod configured;
mod courier;
mod history;
mod journal;
mod laws;
mod plan;
mod process;
mod record;
mod request;
mod shrink;
mod storage;
mod world;

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use history::History;
use plan::Plan;

/// Seeds of an ordinary run.
const SEEDS: u64 = 1_000;
/// How to see a seed again.
const REPLAY: &str = "cargo test -p tracardi-collector --test simulation seeds -- --nocapture";

/// A number from the environment.
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// Carries out a plan; a panic breaks a law as well.
fn outcome(plan: &Plan, history: &History) -> Result<(), String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| world::run(plan, history)))
        .unwrap_or_else(|panic| Err(tracardi_process::supervisor::panic_text(panic.as_ref())))
}

/// What a person wants to know of a seed that breaks a law.
fn report(seed: u64, broken: &str) -> String {
    let plan = Plan::new(seed);
    let small = shrink::shrink(&plan, |plan| outcome(plan, &History::default()).is_err());
    let history = History::written();
    let law = outcome(&small, &history).err().unwrap_or_default();
    format!(
        "seed {seed}: {broken}\n\nIts smallest history ({} of {} steps, {} of {} faults):\n{}\n\n{law}\n\nSEED={seed} {REPLAY}",
        small.steps.len(),
        plan.steps.len(),
        small.faults.len(),
        plan.faults.len(),
        history.text(),
    )
}

#[test]
fn seeds() {
    if let Some(seed) = asked("SEED") {
        let history = History::written();
        let outcome = outcome(&Plan::new(seed), &history);
        println!("{}", history.text());
        return outcome.unwrap_or_else(|broken| panic!("{}", report(seed, &broken)));
    }
    let (first, count) = (asked("FIRST").unwrap_or(0), asked("SEEDS").unwrap_or(SEEDS));
    let next = AtomicU64::new(first);
    let failed: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if let Err(broken) = outcome(&Plan::new(seed), &History::default()) {
                        failed.lock().unwrap().get_or_insert((seed, broken));
                    }
                }
            });
        }
        if count > SEEDS {
            scope.spawn(|| progress(&next, first, count, || failed.lock().unwrap().is_some()));
        }
    });
    if let Some((seed, broken)) = failed.into_inner().unwrap() {
        panic!("{}", report(seed, &broken));
    }
    println!("{count} seeds, from {first}: every law holds");
}

/// A line each second.
fn progress(next: &AtomicU64, first: u64, count: u64, failed: impl Fn() -> bool) {
    let began = Instant::now();
    loop {
        let done = next.load(Ordering::Relaxed).saturating_sub(first).min(count);
        println!("{done} of {count} seeds, {} s", began.elapsed().as_secs());
        if done >= count || failed() {
            return;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn a_seed_tells_the_same_history_for_ever() {
    for seed in 0..40 {
        let tell = || {
            let history = History::written();
            let outcome = outcome(&Plan::new(seed), &history);
            (history.text(), outcome)
        };
        let (one, other) = (tell(), tell());
        assert!(one.0.lines().count() > 10, "{}", one.0);
        let difference = one.0.lines().zip(other.0.lines()).find(|(one, other)| one != other);
        assert_eq!(difference, None, "seed {seed}");
        assert_eq!(one.1, other.1, "seed {seed}");
    }
}
