//! Faults of an installation with a queue, each by its number in docs/faults.md, on one house of real servers and processes: under
//! load something goes wrong, and what was acknowledged is stored exactly once, counted exactly once, in order for each visitor.
//!
//! `MODE=distributed` has Pulsar as the queue instead of Redis. `FAULT_ROUNDS` says how often the faults come that come at random
//! instants, `FAULT_SEED` repeats them. The quick ones are part of every test run; `--include-ignored` runs all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise and says what it does"
)]

mod cache;
mod database;
#[path = "../http/mod.rs"]
mod http;
mod load;
mod processes;
mod queue;
mod search;
#[path = "../shared/mod.rs"]
mod shared;
#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use libtest_mimic::{Arguments, Trial};
use serde_json::json;
use shared::{Between, House, Mode};
use support::{ADMIN, PASSWORD, SOURCE, scratch};
use tempfile::TempDir;
use tokio::runtime::Runtime;

type Fault = fn(&mut House) -> LocalBoxFuture<'_, ()>;

/// Functions with their names.
macro_rules! faults {
    ($($module:ident::$name:ident)*) => {
        [$({
            fn happens(house: &mut House) -> LocalBoxFuture<'_, ()> {
                Box::pin($module::$name(house))
            }
            (stringify!($name), happens as Fault)
        }),*]
    };
}

/// A few seconds each.
const QUICK: [(&str, Fault); 3] = faults![
    search::f03_one_item_of_a_bulk_is_refused
    search::f04_answers_of_the_search_server_get_lost
    queue::f13_the_queue_delivers_twice
];

/// Up to minutes.
const LONG: [(&str, Fault); 20] = faults![
    search::f01_search_answers_503
    search::f02_search_answers_429
    search::f05_search_is_slow
    search::f06_indices_are_read_only
    search::f07_search_is_down_at_the_start
    cache::f08_redis_comes_back_empty
    cache::f09_redis_is_paused
    cache::f09_redis_fails_over_to_an_older_replica
    cache::f09_redis_without_the_replica_that_it_demands
    cache::f09_redis_fails_over_to_a_replica_that_was_demanded
    database::f10_the_database_is_down
    database::f11_the_database_is_cut_off_amid_a_change
    queue::f12_the_queue_is_killed
    queue::f12_topics_are_unloaded
    processes::f14_workers_are_killed_at_many_instants
    processes::f16_every_role_leaves_in_its_turn
    processes::f17_a_zombie_comes_back
    processes::f21_many_clients_of_one_profile
    queue::f29_a_profile_is_erased_while_events_wait
    processes::kills_one_at_a_time_and_in_pairs
];

/// A house, and the folder of its logs.
struct Home {
    house: House,
    _folder: TempDir,
}

impl Home {
    async fn start() -> Self {
        let mode = match env::var("MODE").unwrap_or_default().as_str() {
            "" | "open" => Mode::Open,
            "distributed" => Mode::Distributed,
            other => panic!("MODE={other}: give open or distributed"),
        };
        let folder = scratch();
        let house = House::behind_proxies(mode, 2, folder.path()).await;
        cache::keep_everything(&house.redis);
        let mut private = house.log_in(ADMIN, PASSWORD).await;
        let bridge = json!({"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"});
        let source = json!({"id": SOURCE, "name": "Shop", "type": ["rest"], "enabled": true, "bridge": bridge});
        private.post("/event-source", &source).await;
        // Every process has seen it then.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        Self { house, _folder: folder }
    }
}

/// What stands between the house and its servers.
fn between(house: &House) -> &Between {
    house.between.as_ref().expect("the house is behind proxies")
}

/// A number from the environment.
fn asked(name: &str, otherwise: u64) -> u64 {
    match env::var(name).ok().filter(|text| !text.is_empty()) {
        Some(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}: give a number")),
        None => otherwise,
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // There is one house.
    arguments.test_threads = Some(1);
    let runtime = Arc::new(Runtime::new().expect("a runtime"));
    let home = Arc::new(Mutex::new(None::<Home>));
    let trial = |(name, fault): (&'static str, Fault)| {
        let (runtime, home) = (Arc::clone(&runtime), Arc::clone(&home));
        Trial::test(name, move || {
            // The fault before may have failed half-way; all is mended before the next.
            let mut home = home.lock().unwrap_or_else(PoisonError::into_inner);
            runtime.block_on(async {
                if home.is_none() {
                    *home = Some(Home::start().await);
                }
                let house = &mut home.as_mut().expect("it is there").house;
                house.mend().await;
                println!("{name}");
                fault(house).await;
            });
            Ok(())
        })
    };
    let quick = QUICK.into_iter().map(trial);
    let long = LONG.into_iter().map(|fault| trial(fault).with_ignored_flag(true));
    let conclusion = libtest_mimic::run(&arguments, quick.chain(long).collect());
    let home = home.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(mut home) = home {
        runtime.block_on(async {
            home.house.mend().await;
            home.house.stop().await;
        });
    }
    conclusion.exit_code()
}
