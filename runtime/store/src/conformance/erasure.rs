//! A profile that is deleted is gone from everywhere but from its events and sessions.

use std::sync::Arc;

use serde_json::Value;
use tracardi_model::{Context, Delayed, Map, Profile};

use super::faults::Whole;
use super::outbox::delivery;
use super::quarantine::{ids, original};
use super::samples::{at, batch, commit, document, merge_current, profile};
use crate::{Batch, Deliveries, Document, Gone, Index, Merge, Settled, State};

const PRODUCTION: Context = Context::Production;

/// What follows from a profile under this id: two deliveries for each of two destinations, something later, something in
/// quarantine.
fn traces(id: &str, seconds: i64) -> Batch {
    let of = |number: i64, destination: &str| {
        (PRODUCTION, delivery(&format!("{id}-{destination}-{number}"), destination, Some(id), seconds + number))
    };
    let delayed = Delayed {
        id: format!("{id}-later"),
        due: at(seconds),
        flow: "f".to_owned(),
        node: "n".to_owned(),
        event: "e".to_owned(),
        event_type: None,
        properties: Map::new(),
        source: "s".to_owned(),
        session: None,
        profile: Some(id.to_owned()),
        at: at(0),
    };
    Batch {
        deliveries: vec![of(0, "crm"), of(1, "crm"), of(0, "mail"), of(1, "mail")],
        delayed: vec![(PRODUCTION, document(delayed))],
        quarantined: vec![(PRODUCTION, document(original(&format!("{id}-event"), Some(id), seconds)))],
        ..Batch::default()
    }
}

async fn waiting(store: &dyn Whole) -> Vec<(String, u64)> {
    let queues = store.waiting().await.unwrap();
    queues.into_iter().map(|queue| (queue.destination, queue.waiting)).collect()
}

async fn deliveries_of(store: &dyn Whole, id: &str) -> u64 {
    let wanted = Deliveries { profile: Some(id.to_owned()), limit: 10, ..Deliveries::default() };
    store.deliveries(PRODUCTION, &wanted).await.unwrap().total
}

async fn later(store: &dyn Whole) -> Vec<String> {
    let page = store.delayed(PRODUCTION, 0, 10).await.unwrap();
    let id = |document: &str| serde_json::from_str::<Value>(document).unwrap()["id"].as_str().unwrap().to_owned();
    page.result.iter().map(|document| id(document.get())).collect()
}

/// All checks on an empty store.
pub async fn all(store: &dyn Whole) {
    let profiles = vec![profile(&["old", "old-alias"]), profile(&["new"]), profile(&["other"])];
    commit(store, batch(vec![], vec![], profiles)).await.unwrap();
    for (id, seconds) in [("old", 0), ("new", 10), ("other", 20)] {
        commit(store, traces(id, seconds)).await.unwrap();
    }
    // One has arrived, one is dead.
    for (destination, outcome) in
        [("crm", Settled::Delivered), ("mail", Settled::Dead { error: "no such address".to_owned() })]
    {
        let due = store.due(PRODUCTION, destination, at(100), 10).await.unwrap();
        let first = due.iter().find(|due| due.delivery.profile_id.as_deref() == Some("old")).unwrap();
        store.settle(at(100), vec![(first.seq, outcome)]).await.unwrap();
    }
    assert_eq!((deliveries_of(store, "old").await, deliveries_of(store, "new").await), (4, 4));
    let survivor: Profile = profile(&["new", "old", "old-alias"]);
    let merge = Merge {
        context: PRODUCTION,
        survivor: Document::new(Arc::new(survivor)).unwrap(),
        gone: vec![Gone { id: "old".to_owned(), version: None, keys: vec!["old-alias".to_owned()] }],
        ids: vec!["old".to_owned(), "old-alias".to_owned()],
        at: at(100),
    };
    merge_current(store, merge).await.unwrap();
    for id in ["new", "old", "old-alias"] {
        assert_eq!(deliveries_of(store, id).await, 8, "those of before the merge are found by {id}");
    }
    assert_eq!(waiting(store).await, [("crm".to_owned(), 5), ("mail".to_owned(), 5)]);
    // Another id of it is not the profile.
    for id in ["old", "old-alias", "nobody"] {
        assert!(!store.delete(PRODUCTION, Index::Profile, id).await.unwrap());
    }
    assert!(!store.delete(Context::Staging, Index::Profile, "new").await.unwrap());
    assert_eq!(deliveries_of(store, "new").await, 8);

    assert!(store.delete(PRODUCTION, Index::Profile, "new").await.unwrap());
    store.refresh().await.unwrap();
    for id in ["new", "old", "old-alias"] {
        assert_eq!(deliveries_of(store, id).await, 0, "{id}");
    }
    assert_eq!(later(store).await, ["other-later"]);
    assert_eq!(ids(store, PRODUCTION, 0, 10).await, (1, "other-event".to_owned()));
    // The others go on as before, and nobody waits behind who is gone.
    assert_eq!(waiting(store).await, [("crm".to_owned(), 2), ("mail".to_owned(), 2)]);
    for destination in ["crm", "mail"] {
        let mut seen = Vec::new();
        while let Some(due) = store.due(PRODUCTION, destination, at(200), 10).await.unwrap().first() {
            seen.push(due.delivery.id.clone());
            store.settle(at(200), vec![(due.seq, Settled::Delivered)]).await.unwrap();
        }
        assert_eq!(seen, [format!("other-{destination}-0"), format!("other-{destination}-1")]);
    }
    assert_eq!(waiting(store).await, []);
    // What was under way when the profile went is nobody's any more.
    let left = Deliveries { state: Some(State::Dead), limit: 10, ..Deliveries::default() };
    assert_eq!(store.deliveries(PRODUCTION, &left).await.unwrap().total, 0);
    // Whoever comes with its ids afterwards finds nothing of it.
    commit(store, batch(vec![], vec![], vec![profile(&["new", "old"])])).await.unwrap();
    assert_eq!(deliveries_of(store, "old").await, 0);
}
