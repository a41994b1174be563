//! What is to happen later.

use serde_json::Value;
use tracardi_model::{Context, Delayed, Map};

use super::samples::{at, commit, document};
use crate::{Batch, Documents};

/// All checks of what is to happen later, on an empty store.
pub async fn all(store: &dyn Documents) {
    let soon = |context, id: &str, due| {
        let wanted = Delayed {
            id: id.to_owned(),
            due: at(due),
            flow: "f".to_owned(),
            node: "n".to_owned(),
            event: "e".to_owned(),
            event_type: Some("back".to_owned()),
            properties: Map::new(),
            source: "s".to_owned(),
            session: None,
            profile: Some("p".to_owned()),
            at: at(0),
        };
        (context, document(wanted))
    };
    let (production, staging) = (Context::Production, Context::Staging);
    assert_eq!(store.delayed(production, 0, 10).await.unwrap().total, 0);
    let delayed = vec![soon(production, "late", 50), soon(production, "early", 20), soon(staging, "late", 1)];
    let batch = Batch { delayed, ..Batch::default() };
    assert!(!batch.is_empty());
    assert!(commit(store, batch).await.unwrap().is_stored());
    // What comes again is there already.
    let again = Batch { delayed: vec![soon(production, "late", 70), soon(production, "now", 20)], ..Batch::default() };
    assert!(commit(store, again).await.unwrap().is_stored());
    let ids = async |context, start, limit| {
        let page = store.delayed(context, start, limit).await.unwrap();
        let read = |document: &serde_json::value::RawValue| serde_json::from_str::<Value>(document.get()).unwrap();
        let ids = page.result.iter().map(|document| read(document)["id"].as_str().unwrap().to_owned());
        (page.total, ids.collect::<Vec<_>>().join(" "))
    };
    assert_eq!(ids(production, 0, 10).await, (3, "early now late".to_owned()), "the soonest first");
    assert_eq!(ids(production, 1, 1).await, (3, "now".to_owned()));
    assert_eq!(ids(production, 7, 10).await, (3, String::new()));
    assert_eq!(ids(staging, 0, 10).await, (1, "late".to_owned()));
}
