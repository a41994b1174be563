//! Loading, committing, reading by id.

use serde_json::Value;
use tracardi_model::{Context, StoredEvent};

use super::samples::{at, batch, batch_in, commit, event, event_with, profile, session, version};
use crate::{APPLIED_LIFE, Applied, Batch, Committed, Documents, Index, StoreError, Version, Wanted, Written};

const PRODUCTION: Context = Context::Production;
const STAGING: Context = Context::Staging;

/// All checks of documents on an empty store, queries included.
pub async fn all(store: &dyn Documents) {
    by_id(store).await;
    super::queries::all(store).await;
}

/// All checks of documents by id, on an empty store.
pub async fn by_id(store: &dyn Documents) {
    an_empty_store_has_nothing(store).await;
    what_is_committed_is_found(store).await;
    contexts_do_not_see_each_other(store).await;
    an_event_is_stored_once(store).await;
    sessions_and_profiles_are_replaced(store).await;
    what_somebody_else_has_changed_is_not_overwritten(store).await;
    an_id_belongs_to_the_profile_that_had_it_first(store).await;
    any_text_can_be_an_id(store).await;
    what_is_deleted_is_gone(store).await;
    large_batches(store).await;
    store.probe().await.unwrap();
    store.refresh().await.unwrap();
}

fn applied_at(id: &str, at: jiff::Timestamp) -> Batch {
    let event = StoredEvent { session_id: None, ..event(id, "x", 1).stored() };
    Batch { applied: vec![(PRODUCTION, Applied { event, at })], ..Batch::default() }
}

/// Of stores that forget when something comes, on an empty one: an id of an event that was not kept is remembered for a while,
/// then it goes when others come.
pub async fn applied_events_are_forgotten(store: &dyn Documents) {
    assert!(commit(store, applied_at("e-applied", at(0))).await.unwrap().is_stored());
    let old = at(0) + APPLIED_LIFE;
    assert!(commit(store, applied_at("e-later", old)).await.unwrap().is_stored());
    assert_eq!(commit(store, applied_at("e-applied", at(0))).await.unwrap(), Committed::EventExists);
    let older = old + jiff::SignedDuration::from_secs(1);
    assert!(commit(store, applied_at("e-latest", older)).await.unwrap().is_stored());
    let found = store.load(&wanted(&[], &[], &["e-applied", "e-later", "e-latest"])).await.unwrap();
    let mut known: Vec<&str> = found.events.keys().map(|(_, id)| id.as_str()).collect();
    known.sort_unstable();
    assert_eq!(known, ["e-later", "e-latest"]);
}

fn wanted<'a>(sessions: &[&'a str], profiles: &[&'a str], events: &[&'a str]) -> Wanted<'a> {
    let tagged = |ids: &[&'a str]| ids.iter().map(|id| (PRODUCTION, *id)).collect();
    Wanted { sessions: tagged(sessions), profiles: tagged(profiles), events: tagged(events) }
}

fn key(id: &str) -> (Context, String) {
    (PRODUCTION, id.to_owned())
}

async fn get(store: &dyn Documents, index: Index, id: &str) -> Option<Value> {
    let text = store.get(PRODUCTION, index, id).await.unwrap()?;
    Some(serde_json::from_str(text.get()).unwrap())
}

async fn what_is_deleted_is_gone(store: &dyn Documents) {
    let (e, s, p) = (event("d-e", "a", 1), session("d-s", Some("d-p")), profile(&["d-p", "d-old"]));
    commit(store, batch(vec![e.clone()], vec![s.clone()], vec![p.clone()])).await.unwrap();
    for (index, id) in [(Index::Profile, "d-p"), (Index::Event, "d-e"), (Index::Session, "d-s")] {
        assert!(!store.delete(STAGING, index, id).await.unwrap(), "{id} is in the other context");
        assert!(get(store, index, id).await.is_some());
        assert!(store.delete(PRODUCTION, index, id).await.unwrap(), "{id}");
        assert!(get(store, index, id).await.is_none(), "{id}");
        assert!(!store.delete(PRODUCTION, index, id).await.unwrap(), "{id} is gone already");
    }
    assert!(get(store, Index::Profile, "d-old").await.is_none());
    // What the event did was done: its id stays known.
    let known = store.load(&wanted(&[], &[], &["d-e"])).await.unwrap();
    assert_eq!(known.events[&key("d-e")], e.stored());
    assert_eq!(commit(store, batch(vec![e], vec![], vec![])).await.unwrap(), Committed::EventExists);
    // The profile's ids are free for another one, and the session can come again.
    commit(store, batch(vec![], vec![s], vec![profile(&["d-new", "d-old"])])).await.unwrap();
    assert_eq!(get(store, Index::Profile, "d-old").await.unwrap()["id"], "d-new");
    for (index, id) in [(Index::Profile, "d-new"), (Index::Session, "d-s")] {
        assert!(store.delete(PRODUCTION, index, id).await.unwrap(), "{id}");
    }
}

async fn an_empty_store_has_nothing(store: &dyn Documents) {
    for index in [Index::Event, Index::Session, Index::Profile] {
        assert_eq!(store.count(PRODUCTION, index).await.unwrap(), 0, "{index:?}");
        assert!(store.get(PRODUCTION, index, "x").await.unwrap().is_none());
    }
    let found = store.load(&wanted(&["s"], &["p"], &["e"])).await.unwrap();
    assert!(found.sessions.is_empty() && found.profiles.is_empty() && found.events.is_empty());
    assert!(commit(store, Batch::default()).await.unwrap().is_stored());
}

async fn what_is_committed_is_found(store: &dyn Documents) {
    let (e, s, p) = (event("e1", "page-view", 1), session("s1", Some("p1-old")), profile(&["p1", "p1-old", "p1-hash"]));
    assert!(commit(store, batch(vec![e.clone()], vec![s.clone()], vec![p.clone()])).await.unwrap().is_stored());
    assert_eq!(get(store, Index::Event, "e1").await.unwrap(), serde_json::to_value(&e).unwrap());
    assert_eq!(get(store, Index::Session, "s1").await.unwrap(), serde_json::to_value(&s).unwrap());
    for id in ["p1", "p1-old", "p1-hash"] {
        assert_eq!(get(store, Index::Profile, id).await.unwrap(), serde_json::to_value(&p).unwrap(), "{id}");
    }
    // The session brings its profile along, under the id that the session has.
    let found = store.load(&wanted(&["s1", "s1", "none"], &["p1-hash", "none"], &["e1", "none"])).await.unwrap();
    assert_eq!(found.sessions.len(), 1);
    assert_eq!(*found.sessions[&key("s1")].value, s);
    assert_eq!(found.sessions[&key("s1")].bytes, s.memory(serde_json::to_string(&s).unwrap().len()));
    let mut aliases: Vec<&str> = found.profiles.keys().map(|(_, id)| id.as_str()).collect();
    aliases.sort_unstable();
    assert_eq!(aliases, ["p1-hash", "p1-old"]);
    assert!(found.profiles.values().all(|found| *found.value == p));
    let stored = StoredEvent {
        id: "e1".to_owned(),
        source_id: "source".to_owned(),
        session_id: Some("session".to_owned()),
        profile_id: Some("profile".to_owned()),
    };
    assert_eq!(found.events.into_iter().collect::<Vec<_>>(), [(key("e1"), stored)]);
}

async fn contexts_do_not_see_each_other(store: &dyn Documents) {
    let other = batch_in(
        STAGING,
        vec![event("e1", "staged", 1)],
        vec![session("s1", Some("p-staging"))],
        vec![profile(&["p-staging", "p1-hash"])],
    );
    assert!(commit(store, other).await.unwrap().is_stored());
    assert_eq!(get(store, Index::Event, "e1").await.unwrap()["type"], "page-view");
    assert_eq!(get(store, Index::Profile, "p1-hash").await.unwrap()["id"], "p1");
    assert!(get(store, Index::Profile, "p-staging").await.is_none());
    let both = Wanted { sessions: vec![(PRODUCTION, "s1"), (STAGING, "s1")], ..Wanted::default() };
    let found = store.load(&both).await.unwrap();
    assert_eq!(found.sessions.len(), 2);
    assert_eq!(found.sessions[&(STAGING, "s1".to_owned())].value.profile_id(), Some("p-staging"));
    assert_eq!(found.profiles[&(STAGING, "p-staging".to_owned())].value.id(), "p-staging");
    assert_eq!(store.count(STAGING, Index::Event).await.unwrap(), 1);
}

async fn an_event_is_stored_once(store: &dyn Documents) {
    let before = store.count(PRODUCTION, Index::Event).await.unwrap();
    let second = batch(
        vec![event("e-new", "purchase", 2), event("e1", "changed", 2)],
        vec![session("s-not", None)],
        vec![profile(&["p-not"])],
    );
    assert_eq!(commit(store, second).await.unwrap(), Committed::EventExists);
    assert_eq!(store.count(PRODUCTION, Index::Event).await.unwrap(), before);
    assert!(get(store, Index::Session, "s-not").await.is_none(), "nothing of the batch may be stored");
    assert!(get(store, Index::Profile, "p-not").await.is_none(), "nothing of the batch may be stored");
    // The store goes on.
    let third = batch(vec![event("e-new", "purchase", 2)], vec![], vec![]);
    assert!(commit(store, third).await.unwrap().is_stored());

    // An event that was applied but not kept uses its id up as well, in both directions.
    let applied = |id: &str| applied_at(id, at(0));
    assert!(commit(store, applied("e-applied")).await.unwrap().is_stored());
    assert_eq!(commit(store, applied("e-applied")).await.unwrap(), Committed::EventExists);
    assert_eq!(commit(store, applied("e1")).await.unwrap(), Committed::EventExists);
    let kept = batch(vec![event("e-applied", "x", 1)], vec![], vec![]);
    assert_eq!(commit(store, kept).await.unwrap(), Committed::EventExists);
    let found = store.load(&wanted(&[], &[], &["e-applied"])).await.unwrap();
    let mark = StoredEvent { session_id: None, ..event("e-applied", "x", 1).stored() };
    assert_eq!(found.events[&key("e-applied")], mark);
    assert!(get(store, Index::Event, "e-applied").await.is_none());

    assert_eq!(store.count(PRODUCTION, Index::Event).await.unwrap(), before + 1);
}

async fn sessions_and_profiles_are_replaced(store: &dyn Documents) {
    let mut changed = profile(&["p1", "p1-old", "p1-hash", "p1-more"]);
    changed.traits.insert("colour".to_owned(), "red".into());
    let mut moved = session("s1", Some("p1"));
    moved.properties.insert("moved".to_owned(), true.into());
    commit(store, batch(vec![], vec![moved.clone()], vec![changed.clone()])).await.unwrap();
    assert_eq!(get(store, Index::Profile, "p1-more").await.unwrap(), serde_json::to_value(&changed).unwrap());
    assert_eq!(get(store, Index::Session, "s1").await.unwrap(), serde_json::to_value(&moved).unwrap());
    assert_eq!(store.count(PRODUCTION, Index::Profile).await.unwrap(), 1);
    assert_eq!(store.count(PRODUCTION, Index::Session).await.unwrap(), 1);
}

fn written(committed: Committed) -> Written {
    assert!(committed.is_stored());
    match committed {
        Committed::Stored(written) => written,
        Committed::EventExists => Written::default(),
    }
}

/// Of stores that give versions.
async fn what_somebody_else_has_changed_is_not_overwritten(store: &dyn Documents) {
    let (s, p) = (session("v-s", Some("v-p")), profile(&["v-p"]));
    let first = written(store.commit(batch(vec![], vec![s.clone()], vec![p.clone()])).await.unwrap());
    let seen = version(store, PRODUCTION, "v-p").await;
    assert_eq!(first.profiles.first().copied(), seen);
    if seen.is_none() {
        return;
    }
    // The version that a commit gives is the one that the next commit replaces.
    let of_profile = |id: &str| event_with(id, "v", 1, &serde_json::json!({"profile": {"id": "v-p"}}));
    let replacing = |session: Option<Version>, profile: Option<Version>, colour: &str, event_id: &str| {
        let mut changed = p.clone();
        changed.traits.insert("colour".to_owned(), colour.into());
        let mut batch = batch(vec![of_profile(event_id)], vec![s.clone()], vec![changed]);
        batch.sessions[0].1.replaces = session;
        batch.profiles[0].1.replaces = profile;
        batch
    };
    let of = |written: &Written| (written.sessions.first().copied(), written.profiles.first().copied());
    let (session_1, profile_1) = of(&first);
    let second = written(store.commit(replacing(session_1, profile_1, "red", "v-e1")).await.unwrap());
    let (session_2, profile_2) = of(&second);
    assert!(session_2.is_some() && session_2 != session_1 && profile_2 != profile_1);
    // A profile that is not the newest, one that is not new, one that does not exist any more.
    for (profile_seen, event_id) in [(profile_1, "v-e2"), (None, "v-e3")] {
        let stale = store.commit(replacing(session_2, profile_seen, "blue", event_id)).await;
        assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
        let found = store.load(&wanted(&[], &["v-p"], &[event_id])).await.unwrap();
        assert_eq!(found.profiles[&key("v-p")].value.traits["colour"], "red");
        assert!(found.events.is_empty(), "what belongs to it is not stored either");
    }
    assert!(store.delete(PRODUCTION, Index::Profile, "v-p").await.unwrap());
    let stale = store.commit(replacing(session_2, profile_2, "blue", "v-e4")).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    assert!(store.delete(PRODUCTION, Index::Session, "v-s").await.unwrap());
    assert!(store.delete(PRODUCTION, Index::Event, "v-e1").await.unwrap());
    store.refresh().await.unwrap();
}

async fn an_id_belongs_to_the_profile_that_had_it_first(store: &dyn Documents) {
    commit(store, batch(vec![], vec![], vec![profile(&["p2", "p1-hash"])])).await.unwrap();
    assert_eq!(get(store, Index::Profile, "p1-hash").await.unwrap()["id"], "p1");
    // But a profile's own id leads to itself, even if another one named it before.
    commit(store, batch(vec![], vec![], vec![profile(&["p2", "p3"])])).await.unwrap();
    assert_eq!(get(store, Index::Profile, "p3").await.unwrap()["id"], "p2");
    commit(store, batch(vec![], vec![], vec![profile(&["p3"])])).await.unwrap();
    assert_eq!(get(store, Index::Profile, "p3").await.unwrap()["id"], "p3");
}

async fn any_text_can_be_an_id(store: &dyn Documents) {
    let long = "x".repeat(10_000);
    for id in [
        "",
        " ",
        "it's",
        "\"quoted\"",
        "back\\slash",
        "zażółć 🦀",
        "%",
        "nul\0nul",
        "[*]",
        "'; DROP TABLE event; --",
        &long,
    ] {
        let odd = batch(vec![event(id, "odd", 3)], vec![session(id, Some(id))], vec![profile(&[id])]);
        assert!(commit(store, odd).await.unwrap().is_stored(), "{id:?}");
        let found = store.load(&wanted(&[id], &[id], &[id])).await.unwrap();
        assert!(found.sessions.contains_key(&key(id)), "{id:?}");
        assert!(found.profiles.contains_key(&key(id)), "{id:?}");
        assert!(found.events.contains_key(&key(id)), "{id:?}");
        assert!(get(store, Index::Event, id).await.is_some(), "{id:?}");
    }
}

async fn large_batches(store: &dyn Documents) {
    let before = store.count(PRODUCTION, Index::Event).await.unwrap();
    let ids: Vec<String> = (0..777).map(|n| format!("bulk-{n}")).collect();
    let big = "y".repeat(1 << 20);
    let mut events: Vec<_> = ids.iter().map(|id| event(id, "bulk", 4)).collect();
    events.push(event_with("bulk-big", "bulk", 4, &serde_json::json!({"properties": {"text": big}})));
    let sessions = ids.iter().map(|id| session(id, Some(id))).collect();
    let profiles = ids.iter().map(|id| profile(&[id, &format!("{id}-alias")])).collect();
    assert!(commit(store, batch(events, sessions, profiles)).await.unwrap().is_stored());
    assert_eq!(store.count(PRODUCTION, Index::Event).await.unwrap(), before + 778);
    assert_eq!(get(store, Index::Event, "bulk-big").await.unwrap()["properties"]["text"], big);
    let all: Vec<&str> = ids.iter().map(String::as_str).collect();
    let aliases: Vec<String> = ids.iter().map(|id| format!("{id}-alias")).collect();
    let aliases: Vec<&str> = aliases.iter().map(String::as_str).collect();
    let found = store.load(&wanted(&all, &aliases, &all)).await.unwrap();
    assert_eq!((found.sessions.len(), found.events.len()), (777, 777));
    assert_eq!(found.profiles.len(), 2 * 777, "by alias, and by the id that the sessions have");
}
