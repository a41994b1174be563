//! Two tenants share the tables and have everything by the same names: neither ever sees the other's.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, User};
use tracardi_mysql::Mysql;
use tracardi_store::conformance::configuration::{source, user};
use tracardi_store::conformance::outbox::delivery;
use tracardi_store::conformance::samples::at;
use tracardi_store::{Chosen, Configuration as _, Deliveries, Deposit as _, Outbox as _, Settled, State, StoredRecord};

use crate::common::{fresh, of_tenant};

const CONTEXT: Context = Context::Production;
const DESTINATION: &str = "d";

/// What a tenant does. Numbers make names, of which there are few: both tenants use the same.
#[derive(Clone, Debug)]
enum Act {
    SaveSource(u8),
    DeleteSource(u8),
    SaveRecord(u8),
    DeleteRecord(u8),
    SaveUser(u8),
    DeleteUser(u8),
    Token(u8),
    Deposit(u8, u8),
    Lead(u8, u8),
    Forget(u8),
    Deliver,
    Kill,
    Replay,
    Discard,
}

fn act() -> impl Strategy<Value = Act> {
    let name = || 0_u8..3;
    prop_oneof![
        1 => name().prop_map(Act::SaveSource),
        1 => name().prop_map(Act::DeleteSource),
        1 => name().prop_map(Act::SaveRecord),
        1 => name().prop_map(Act::DeleteRecord),
        1 => name().prop_map(Act::SaveUser),
        1 => name().prop_map(Act::DeleteUser),
        1 => name().prop_map(Act::Token),
        3 => (0_u8..9, name()).prop_map(|(id, profile)| Act::Deposit(id, profile)),
        1 => (name(), name()).prop_map(|(gone, survivor)| Act::Lead(gone, survivor)),
        1 => name().prop_map(Act::Forget),
        2 => Just(Act::Deliver),
        1 => Just(Act::Kill),
        1 => Just(Act::Replay),
        1 => Just(Act::Discard),
    ]
}

/// Everything that a tenant can see, as text.
async fn view(store: &Mysql) -> String {
    let snapshot = store.watch().borrow().clone();
    let sources: Vec<_> = snapshot.event_sources(CONTEXT).map(|source| source.name.clone()).collect();
    let records: Vec<_> = snapshot.records(CONTEXT, Kind::Redirect).map(|(_, record)| record.to_string()).collect();
    let users: Vec<_> = store.users().await.unwrap().into_iter().map(|user| user.name).collect();
    let page = |profile: Option<String>| Deliveries { profile, limit: 100, ..Deliveries::default() };
    let mut deliveries = Vec::new();
    for profile in [None, Some("p0".to_owned()), Some("p1".to_owned()), Some("p2".to_owned())] {
        let found = store.deliveries(CONTEXT, &page(profile)).await.unwrap();
        deliveries.push(json!({"total": found.total, "result": found.result}).to_string());
    }
    let due = store.due(CONTEXT, DESTINATION, at(9), 100).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|due| (due.seq, due.delivery.id)).collect();
    let mut tokens = BTreeMap::new();
    for name in 0..3 {
        let token = format!("token {name}");
        let found = store.find_token(&token, at(0), jiff::SignedDuration::from_secs(100)).await.unwrap();
        tokens.insert(name, found.map(|user| user.name));
    }
    let installed = store.installed().await.unwrap();
    format!(
        "{sources:?} {records:?} {users:?} {installed} {tokens:?} {deliveries:?} {due:?} {:?}",
        store.waiting().await
    )
}

/// `who`: what this tenant's things have in them and the other's have not.
async fn carry_out(store: &Mysql, who: &str, act: Act) {
    let all = Chosen::Destination(DESTINATION.to_owned());
    match act {
        Act::SaveSource(name) => {
            let source = tracardi_model::EventSource { name: who.to_owned(), ..source(&format!("s{name}")) };
            store.save_event_source(CONTEXT, &source).await.unwrap();
        }
        Act::DeleteSource(name) => {
            store.delete_event_source(CONTEXT, &format!("s{name}")).await.unwrap();
        }
        Act::SaveRecord(name) => {
            let (id, document) = (format!("r{name}"), Arc::new(json!({"name": who})));
            store.save_record(&StoredRecord { context: CONTEXT, kind: Kind::Redirect, id, document }).await.unwrap();
        }
        Act::DeleteRecord(name) => {
            store.delete_record(CONTEXT, Kind::Redirect, &format!("r{name}")).await.unwrap();
        }
        Act::SaveUser(name) => {
            let user = User { name: who.to_owned(), ..user(&format!("u{name}"), &format!("{name}@example.com")) };
            store.save_user(&user).await.unwrap();
        }
        Act::DeleteUser(name) => {
            store.delete_user(&format!("u{name}")).await.unwrap();
        }
        Act::Token(name) => {
            // Fails when there is no such user.
            let _ = store.create_token(&format!("token {name}"), &format!("u{name}"), at(1000)).await;
        }
        Act::Deposit(id, profile) => {
            let mut delivery = delivery(&format!("{id}"), DESTINATION, Some(&format!("p{profile}")), 0);
            delivery.body = serde_json::value::to_raw_value(who).unwrap();
            store.deposit(vec![(CONTEXT, delivery)]).await.unwrap();
        }
        Act::Lead(gone, survivor) => {
            store.lead(CONTEXT, &[format!("p{gone}")], &format!("p{survivor}")).await.unwrap();
        }
        Act::Forget(profile) => store.forget(CONTEXT, &[format!("p{profile}")]).await.unwrap(),
        Act::Deliver | Act::Kill => {
            let due = store.due(CONTEXT, DESTINATION, at(9), 1).await.unwrap();
            let outcome =
                if matches!(act, Act::Kill) { Settled::Dead { error: who.to_owned() } } else { Settled::Delivered };
            store.settle(at(9), due.into_iter().map(|due| (due.seq, outcome.clone())).collect()).await.unwrap();
        }
        Act::Replay => {
            store.replay(CONTEXT, &all, at(9), 2).await.unwrap();
        }
        Act::Discard => {
            store.discard(CONTEXT, &all, 1).await.unwrap();
        }
    }
}

#[test]
fn no_tenant_sees_or_changes_anything_of_another() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = runtime.block_on(fresh());
    let case = Cell::new(0_u32);
    proptest!(ProptestConfig::with_cases(5), |(acts in prop::collection::vec((any::<bool>(), act()), 10..30))| {
        case.set(case.get() + 1);
        let names = [format!("a{}", case.get()), format!("b{}", case.get())];
        runtime.block_on(async {
            let stores = [of_tenant(&settings, &names[0]).await, of_tenant(&settings, &names[1]).await];
            let mut views = [view(&stores[0]).await, view(&stores[1]).await];
            for (second, act) in acts {
                let (own, other) = (usize::from(second), usize::from(!second));
                carry_out(&stores[own], &names[own], act.clone()).await;
                assert_eq!(view(&stores[other]).await, views[other], "{act:?}");
                views[own] = view(&stores[own]).await;
                assert!(!views[own].contains(&names[other]), "{act:?}");
            }
            // A number of the other's delivery is no number here.
            let waiting = Deliveries { state: Some(State::Waiting), ..Deliveries::default() };
            let before = stores[1].deliveries(CONTEXT, &waiting).await.unwrap().total;
            stores[0].settle(at(9), (0..5_000).map(|seq| (seq, Settled::Delivered)).collect()).await.unwrap();
            assert_eq!(stores[1].deliveries(CONTEXT, &waiting).await.unwrap().total, before);
            for store in stores {
                store.close().await;
            }
        });
    });
}
