//! What became of events and profiles.

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;
use tracardi_model::trail::{By, Deed, Note};
use tracardi_model::{Context, Profile, Trail};

use super::samples::{at, batch, commit, document, event, merge_current, profile};
use crate::{Batch, Changes, Committed, Deliveries, Documents, Gone, History, Index, Merge, Outbox, TRAIL_LIFE};

const PRODUCTION: Context = Context::Production;

/// All checks on an empty store.
pub async fn all<S: Documents + History + Outbox>(store: &S) {
    lasting(store).await;
    what_is_old_is_forgotten(store).await;
    assert_eq!(
        store.deliveries(PRODUCTION, &Deliveries { ids: Some(vec![]), ..Deliveries::default() }).await.unwrap().total,
        0
    );
}

/// All checks on an empty store, but for what is forgotten when something comes.
pub async fn lasting<S: Documents + History>(store: &S) {
    a_trail_is_kept_with_its_event(store).await;
    changes_are_told_newest_first(store).await;
    merges_are_told_and_changes_follow(store).await;
    what_is_deleted_is_not_remembered(store).await;
}

/// A trail of an event that changed fields of a profile, at [`at`]`(seconds)`.
#[must_use]
pub fn trail(event: &str, profile: &str, seconds: i64, fields: &[(&str, Value)]) -> Trail {
    let by = By::record(Kind::EventToProfile, "m");
    let joined = Note { by: By::record(Kind::Segment, "s"), did: Deed::Joined { segment: "s".to_owned() } };
    let changed = fields.iter().map(|(field, value)| Note {
        by: by.clone(),
        did: Deed::Changed {
            field: (*field).to_owned(),
            value: value.clone(),
            old_value: Value::Null,
            shortened: false,
        },
    });
    Trail {
        event: event.to_owned(),
        profile: Some(profile.to_owned()),
        source: "source".to_owned(),
        session: None,
        at: at(seconds),
        notes: std::iter::once(joined).chain(changed).collect(),
        left_out: 0,
    }
}

fn with(mut batch: Batch, trails: Vec<Trail>) -> Batch {
    batch.trails = trails.into_iter().map(|trail| (PRODUCTION, document(trail))).collect();
    batch
}

async fn keep(store: &impl Documents, batch: Batch) {
    assert!(commit(store, batch).await.unwrap().is_stored());
}

/// `event.place field` of each change.
async fn told(store: &impl History, changes: Changes) -> (u64, String) {
    let page = store.changes(PRODUCTION, &changes).await.unwrap();
    let told = page.result.iter().filter_map(|change| match &change.note.did {
        Deed::Changed { field, .. } => Some(format!("{}.{} {field}", change.event, change.number)),
        _ => None,
    });
    (page.total, told.collect::<Vec<_>>().join(", "))
}

fn of(profile: &str) -> Changes {
    Changes { profile: profile.to_owned(), limit: 100, ..Changes::default() }
}

async fn a_trail_is_kept_with_its_event(store: &(impl Documents + History)) {
    let first = trail("h1", "hp", 1, &[("traits.a", json!(1)), ("traits.b", json!({"x": [1, "y"]}))]);
    let profiles = ["hp", "other", "np"].map(|id| profile(&[id])).to_vec();
    keep(store, with(batch(vec![event("h1", "x", 1)], vec![], profiles), vec![first.clone()])).await;
    assert_eq!(store.trail(PRODUCTION, "h1").await.unwrap(), Some(first.clone()));
    assert_eq!(store.trail(Context::Staging, "h1").await.unwrap(), None);
    assert_eq!(store.trail(PRODUCTION, "nobody").await.unwrap(), None);
    // A batch that comes to nothing leaves nothing.
    let other = trail("h1", "hp", 2, &[]);
    let again = with(batch(vec![event("h1", "x", 1)], vec![], vec![]), vec![other.clone()]);
    assert_eq!(commit(store, again).await.unwrap(), Committed::EventExists);
    assert_eq!(store.trail(PRODUCTION, "h1").await.unwrap(), Some(first.clone()));
    // What is worked on again has a new trail.
    keep(store, with(Batch::default(), vec![other.clone()])).await;
    assert_eq!(store.trail(PRODUCTION, "h1").await.unwrap(), Some(other));
    keep(store, with(Batch::default(), vec![first])).await;
    // What leaves the quarantine loses what was told of it.
    keep(store, with(Batch::default(), vec![trail("q", "hp", 1, &[])])).await;
    let released = vec![(PRODUCTION, "q".to_owned())];
    keep(store, Batch { released, events: vec![(PRODUCTION, document(event("q", "x", 1)))], ..Batch::default() }).await;
    assert_eq!(store.trail(PRODUCTION, "q").await.unwrap(), None);
}

async fn changes_are_told_newest_first(store: &(impl Documents + History)) {
    let second = trail("h2", "hp", 2, &[("traits.a", json!(2))]);
    let staged = vec![(Context::Staging, document(trail("h2", "hp", 2, &[("traits.z", json!(2))])))];
    keep(store, Batch { trails: staged, ..Batch::default() }).await;
    let others = trail("h3", "other", 2, &[("traits.a", json!(3))]);
    keep(store, with(batch(vec![event("h2", "x", 2)], vec![], vec![]), vec![second, others])).await;
    assert_eq!(told(store, of("hp")).await, (3, "h2.1 traits.a, h1.2 traits.b, h1.1 traits.a".to_owned()));
    assert_eq!(told(store, Changes { start: 1, limit: 1, ..of("hp") }).await, (3, "h1.2 traits.b".to_owned()));
    let of_a = Changes { field: Some("traits.a".to_owned()), ..of("hp") };
    assert_eq!(told(store, of_a).await, (2, "h2.1 traits.a, h1.1 traits.a".to_owned()));
    assert_eq!(told(store, of("nobody")).await, (0, String::new()));
    let page = store.changes(PRODUCTION, &of("hp")).await.unwrap();
    let expected = trail("h1", "hp", 1, &[("traits.a", json!(1)), ("traits.b", json!({"x": [1, "y"]}))]);
    assert_eq!(page.result[1..], expected.changes().rev().collect::<Vec<_>>());
}

fn merge(survivor: Profile, gone: &str, seconds: i64) -> Merge {
    let gone = vec![Gone { id: gone.to_owned(), version: None, keys: vec!["key".to_owned()] }];
    let ids = survivor.ids().to_vec();
    Merge { context: PRODUCTION, survivor: document(survivor), gone, ids, at: at(seconds) }
}

async fn merges_are_told_and_changes_follow(store: &(impl Documents + History)) {
    let profiles = ["m1", "m2", "m3"].map(|id| profile(&[id])).to_vec();
    let trails = vec![trail("t1", "m1", 1, &[("traits.a", json!(1))]), trail("t2", "m2", 2, &[("traits.a", json!(2))])];
    keep(store, with(batch(vec![], vec![], profiles), trails)).await;
    merge_current(store, merge(profile(&["m2"]), "m1", 10)).await.unwrap();
    assert_eq!(told(store, of("m2")).await, (2, "t2.1 traits.a, t1.1 traits.a".to_owned()), "at once");
    let page = store.changes(PRODUCTION, &of("m2")).await.unwrap();
    assert!(page.result.iter().all(|change| change.profile.as_deref() == Some("m2")));
    merge_current(store, merge(profile(&["m3"]), "m2", 11)).await.unwrap();
    while store.repoint(100).await.unwrap().unfinished {}
    assert_eq!(told(store, of("m3")).await.0, 2);
    let merges = async |profile, start, limit| {
        let page = store.merges(PRODUCTION, profile, start, limit).await.unwrap();
        let told = page.result.iter().map(|one| format!("{}>{} {} {}", one.merged, one.into, one.keys[0], one.done));
        (page.total, told.collect::<Vec<_>>().join(", "))
    };
    assert_eq!(merges("m3", 0, 10).await, (2, "m2>m3 key true, m1>m2 key true".to_owned()));
    assert_eq!(merges("m3", 1, 1).await, (2, "m1>m2 key true".to_owned()));
    assert_eq!(merges("other", 0, 10).await, (0, String::new()));
    assert_eq!(store.merges(PRODUCTION, "m3", 0, 1).await.unwrap().result[0].at, at(11));
    assert_eq!(store.merges(Context::Staging, "m3", 0, 10).await.unwrap().total, 0);
}

async fn what_is_deleted_is_not_remembered(store: &(impl Documents + History)) {
    // Even when a merge is not carried over yet.
    keep(store, with(batch(vec![], vec![], vec![profile(&["m4"])]), vec![trail("t4", "m4", 3, &[])])).await;
    merge_current(store, merge(profile(&["m3"]), "m4", 12)).await.unwrap();
    assert!(store.delete(PRODUCTION, Index::Profile, "m3").await.unwrap());
    store.refresh().await.unwrap();
    assert_eq!(told(store, of("m3")).await.0, 0);
    assert_eq!(store.merges(PRODUCTION, "m3", 0, 10).await.unwrap().total, 0);
    for event in ["t1", "t2", "t4"] {
        assert_eq!(store.trail(PRODUCTION, event).await.unwrap(), None, "{event}");
    }
    assert!(!store.repoint(100).await.unwrap().unfinished);
    assert!(store.delete(PRODUCTION, Index::Event, "h1").await.unwrap());
    store.refresh().await.unwrap();
    assert_eq!(store.trail(PRODUCTION, "h1").await.unwrap(), None);
    assert_eq!(told(store, of("hp")).await, (1, "h2.1 traits.a".to_owned()), "the other profile's stay");
}

async fn what_is_old_is_forgotten(store: &(impl Documents + History)) {
    let life = TRAIL_LIFE.as_secs();
    keep(store, with(Batch::default(), vec![trail("new1", "np", 3 + life, &[])])).await;
    // Two of the oldest, if their time is over: `h3` and the staged `h2`, or `h2`.
    keep(store, with(Batch::default(), vec![trail("new2", "np", 4 + life, &[])])).await;
    keep(store, with(Batch::default(), vec![trail("new3", "np", 5 + life, &[])])).await;
    for event in ["h2", "h3"] {
        assert_eq!(store.trail(PRODUCTION, event).await.unwrap(), None, "{event}");
    }
    for event in ["new1", "new2", "new3"] {
        assert!(store.trail(PRODUCTION, event).await.unwrap().is_some(), "{event}");
    }
}
