//! The lines of the outbox: whatever happens to their deliveries, and whoever does it at the same time.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;
use tracardi_model::{Context, Delivery};
use tracardi_mysql::Mysql;
use tracardi_store::conformance::lines::{Act, live};
use tracardi_store::conformance::outbox::delivery;
use tracardi_store::conformance::samples::at;
use tracardi_store::{Deposit as _, Outbox as _, Settled, State};

use crate::common::{fresh, open};
use crate::composite::Composite;

const CONTEXT: Context = Context::Production;
const DESTINATION: &str = "d";

fn act() -> impl Strategy<Value = Act> {
    let state = prop_oneof![3 => Just(State::Delivered), 1 => Just(State::Waiting), 2 => Just(State::Dead)];
    prop_oneof![
        3 => prop::collection::vec(prop::option::weighted(0.8, 0_u8..3), 1..6).prop_map(Act::Join),
        8 => (0_usize..4, state).prop_map(|(place, state)| Act::Settle(place, state)),
        1 => (1_usize..4).prop_map(Act::Replay),
        1 => (1_usize..3).prop_map(Act::Discard),
    ]
}

#[test]
fn of_each_line_one_is_due() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(async { Composite::over(open(&fresh().await).await) });
    let cases = Cell::new(0_u32);
    proptest!(ProptestConfig::with_cases(24), |(acts in prop::collection::vec(act(), 1..40))| {
        cases.set(cases.get() + 1);
        runtime.block_on(live(&store, &format!("d{}", cases.get()), acts));
    });
}

/// The deliveries of a profile, in their order.
fn of(profile: &str) -> Vec<Delivery> {
    (0..30).map(|number| delivery(&format!("{profile}-{number:02}"), DESTINATION, Some(profile), 0)).collect()
}

/// Deposits in threes; two do the same at the same time, as a worker does that was thought dead.
async fn fill(store: &Mysql, profile: &str) {
    for three in of(profile).chunks(3) {
        store.deposit(three.iter().map(|one| (CONTEXT, one.clone())).collect()).await.unwrap();
    }
}

/// Sends what is due until everything was sent. `begun`: what some sender has begun to settle.
async fn send(store: &Mysql, begun: &Mutex<BTreeSet<String>>, all: usize) {
    while begun.lock().unwrap().len() < all {
        let due = store.due(CONTEXT, DESTINATION, at(1), 10).await.unwrap();
        let mut outcomes = Vec::new();
        for due in due {
            let (profile, number) = due.delivery.id.rsplit_once('-').unwrap();
            let mut begun = begun.lock().unwrap();
            for before in 0..number.parse::<u32>().unwrap() {
                assert!(begun.contains(&format!("{profile}-{before:02}")), "{} came before {before}", due.delivery.id);
            }
            begun.insert(due.delivery.id.clone());
            outcomes.push((due.seq, Settled::Delivered));
        }
        store.settle(at(1), outcomes).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_senders_and_many_depositors_keep_the_order() {
    let own = fresh().await;
    let (one, other) = (open(&own).await, open(&own).await);
    let profiles = ["p", "q", "r", "s"];
    let all = profiles.len() * 30;
    let begun = Mutex::new(BTreeSet::new());
    let fills = profiles.iter().flat_map(|profile| [fill(&one, profile), fill(&other, profile)]);
    tokio::join!(futures::future::join_all(fills), send(&one, &begun, all), send(&other, &begun, all));
    let left: BTreeMap<_, _> = one.waiting().await.unwrap().into_iter().map(|q| (q.destination, q.waiting)).collect();
    assert_eq!(left, BTreeMap::new());
    let page = one.deliveries(CONTEXT, &tracardi_store::Deliveries::default()).await.unwrap();
    assert_eq!(page.total, all as u64, "each is there once");
}
