//! What clients sent for events that could not be taken as they came.

use serde_json::Value;
use serde_json::value::RawValue;
use tracardi_model::{Context, Map, Original, Quarantine, SourceType, StoredEvent};

use super::samples::{at, batch, commit, document, event};
use crate::{Applied, Batch, Committed, Documents, Index, ORIGINAL_LIFE};

const PRODUCTION: Context = Context::Production;

/// What was sent for an event of this id, at [`at`]`(seconds)`.
#[must_use]
pub fn original(id: &str, profile: Option<&str>, seconds: i64) -> Original {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    Original {
        id: id.to_owned(),
        at: at(seconds),
        reason: Quarantine::Invalid,
        why: "no e-mail address".to_owned(),
        kind: "sign-up".to_owned(),
        source: "s".to_owned(),
        endpoint: SourceType::Rest,
        session: None,
        profile: profile.map(str::to_owned),
        profile_less: false,
        altered: false,
        client_ip: "192.0.2.1".to_owned(),
        headers: Map::new(),
        request: raw(r#"{"source": {"id":"s"}}"#),
        event: raw(r#"{"type" : "Sign Up"}"#),
    }
}

async fn put(store: &dyn Documents, context: Context, originals: Vec<Original>) {
    let quarantined = originals.into_iter().map(|original| (context, document(original))).collect();
    let batch = Batch { quarantined, ..Batch::default() };
    assert!(!batch.is_empty());
    assert!(commit(store, batch).await.unwrap().is_stored());
}

/// The ids on a page, and how many there are.
pub(super) async fn ids(store: &dyn Documents, context: Context, start: u64, limit: u64) -> (u64, String) {
    let page = store.quarantine(context, start, limit).await.unwrap();
    let read = |document: &RawValue| serde_json::from_str::<Original>(document.get()).unwrap().id;
    (page.total, page.result.iter().map(|document| read(document)).collect::<Vec<_>>().join(" "))
}

/// All checks of the quarantine, on an empty store.
pub async fn all(store: &dyn Documents) {
    what_comes_stays_as_it_came(store).await;
    an_event_is_released_once(store).await;
}

async fn what_comes_stays_as_it_came(store: &dyn Documents) {
    assert_eq!(ids(store, PRODUCTION, 0, 10).await, (0, String::new()));
    put(store, PRODUCTION, vec![original("a", None, 10), original("b", Some("p"), 30), original("c", None, 20)]).await;
    put(store, Context::Staging, vec![original("a", None, 1)]).await;
    assert_eq!(ids(store, PRODUCTION, 0, 10).await, (3, "b c a".to_owned()), "the newest first");
    assert_eq!(ids(store, PRODUCTION, 1, 1).await, (3, "c".to_owned()));
    // What comes again is there already.
    put(store, PRODUCTION, vec![Original { why: "another".to_owned(), ..original("a", None, 99) }]).await;
    let kept = store.original(PRODUCTION, "a").await.unwrap().unwrap();
    let kept: Original = serde_json::from_str(kept.get()).unwrap();
    assert_eq!(
        (kept.at, kept.why.as_str(), kept.event.get()),
        (at(10), "no e-mail address", r#"{"type" : "Sign Up"}"#)
    );
    assert!(store.original(PRODUCTION, "x").await.unwrap().is_none());
    assert_eq!(ids(store, Context::Staging, 0, 10).await, (1, "a".to_owned()));
}

async fn an_event_is_released_once(store: &dyn Documents) {
    let mut invalid = event("a", "sign-up", 10);
    invalid.metadata.valid = false;
    commit(store, batch(vec![invalid], vec![], vec![])).await.unwrap();
    let mark = StoredEvent { id: "b".to_owned(), source_id: "s".to_owned(), session_id: None, profile_id: None };
    let applied = vec![(PRODUCTION, Applied { event: mark, at: at(30) })];
    commit(store, Batch { applied, ..Batch::default() }).await.unwrap();
    for id in ["a", "b"] {
        assert!(store.original(PRODUCTION, id).await.unwrap().is_some(), "what stands in its place is not it");
        let again = Batch {
            released: vec![(PRODUCTION, id.to_owned())],
            ..batch(vec![event(id, "sign-up", 10)], vec![], vec![])
        };
        assert!(commit(store, again.clone()).await.unwrap().is_stored());
        let stored = store.get(PRODUCTION, Index::Event, id).await.unwrap().unwrap();
        let stored: Value = serde_json::from_str(stored.get()).unwrap();
        assert_eq!(stored["metadata"]["valid"], true);
        assert!(store.original(PRODUCTION, id).await.unwrap().is_none());
        assert_eq!(commit(store, again).await.unwrap(), Committed::EventExists, "an event that is valid stays");
    }
    assert_eq!(ids(store, PRODUCTION, 0, 10).await, (1, "c".to_owned()));
    // What is valid by another way is not to be replayed, whatever is kept of it.
    commit(store, batch(vec![event("c", "sign-up", 20)], vec![], vec![])).await.unwrap();
    assert!(store.original(PRODUCTION, "c").await.unwrap().is_none());
    // With an event goes what was sent for it.
    assert!(store.delete(PRODUCTION, Index::Event, "c").await.unwrap());
    store.refresh().await.unwrap();
    assert_eq!(ids(store, PRODUCTION, 0, 10).await, (0, String::new()));
}

/// Of stores that forget when something comes, on an empty one.
pub async fn what_is_old_goes(store: &dyn Documents) {
    let life = ORIGINAL_LIFE.as_secs();
    let many = (0..5).map(|number| original(&format!("old-{number}"), None, number)).collect();
    put(store, PRODUCTION, many).await;
    put(store, PRODUCTION, vec![original("young", None, life + 4)]).await;
    assert_eq!(ids(store, PRODUCTION, 0, 10).await, (4, "young old-4 old-3 old-2".to_owned()), "two at a time");
    put(store, PRODUCTION, vec![original("younger", None, life + 4)]).await;
    assert_eq!(ids(store, PRODUCTION, 0, 10).await, (3, "younger young old-4".to_owned()), "its time is not over");
}
