//! The lines of the outbox, whatever happens to their deliveries.

#![allow(clippy::unwrap_used, reason = "a failed check panics: that is its answer")]

use std::cell::Cell;

use proptest::prelude::*;
use tracardi_store::conformance::lines::{Act, live};
use tracardi_store::{Keys, Sqlite, State};

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
    let directory = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let keys = Keys { signing: [1; 32], encryption: [2; 32] };
    let store = runtime.block_on(Sqlite::open(directory.path(), keys)).unwrap();
    let cases = Cell::new(0_u32);
    proptest!(ProptestConfig::with_cases(24), |(acts in prop::collection::vec(act(), 1..40))| {
        cases.set(cases.get() + 1);
        runtime.block_on(live(&store, &format!("d{}", cases.get()), acts));
    });
}
