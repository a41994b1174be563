//! Merges: made true at once, carried over in steps.

use serde_json::Value;
use tracardi_model::{Context, Event, Profile};

use super::samples::{at, batch, commit, document, event_with, merge_current, profile, session};
use crate::{Documents, Gone, Index, Merge, Repointed, Wanted};

const PRODUCTION: Context = Context::Production;

/// All checks on an empty store.
pub async fn all(store: &dyn Documents) {
    who_waits_is_listed(store).await;
    a_merge_leads_every_id_to_the_survivor(store).await;
    what_named_the_other_is_carried_over_in_steps(store).await;
    a_chain_of_merges_ends_at_the_last_survivor(store).await;
}

/// A profile that awaits a merge.
#[must_use]
pub fn waiting(ids: &[&str]) -> Profile {
    let mut profile = profile(ids);
    profile.await_merge("data.contact.email.main");
    profile
}

fn event_of(id: &str, profile: &str) -> Event {
    event_with(id, "x", 1, &serde_json::json!({"profile": {"id": profile, "primary_id": "pk"}}))
}

fn decided(survivor: Profile, gone: &[&str]) -> Merge {
    let gone = gone.iter().map(|id| Gone { id: (*id).to_owned(), version: None, keys: vec!["h".to_owned()] }).collect();
    let ids = survivor.ids().to_vec();
    Merge { context: PRODUCTION, survivor: document(survivor), gone, ids, at: at(9) }
}

async fn listed(store: &dyn Documents) -> Vec<String> {
    let waiting = store.awaiting_merge(0, 100).await.unwrap();
    assert_eq!(waiting.total, waiting.page.len() as u64);
    waiting.page.into_iter().map(|(_, _, id)| id).collect()
}

async fn get(store: &dyn Documents, index: Index, id: &str) -> Option<Value> {
    let text = store.get(PRODUCTION, index, id).await.unwrap()?;
    Some(serde_json::from_str(text.get()).unwrap())
}

/// Steps until nothing is left; gives all of them.
async fn finish(store: &dyn Documents, limit: u32) -> Vec<Repointed> {
    let mut steps = Vec::new();
    loop {
        let step = store.repoint(limit).await.unwrap();
        if !step.unfinished {
            assert_eq!(step, Repointed::default());
            return steps;
        }
        steps.push(step);
    }
}

async fn who_waits_is_listed(store: &dyn Documents) {
    for id in ["w1", "w2", "w3"] {
        commit(store, batch(vec![], vec![], vec![waiting(&[id])])).await.unwrap();
    }
    commit(store, batch(vec![], vec![], vec![waiting(&["w1"]), profile(&["w0"])])).await.unwrap();
    assert_eq!(listed(store).await, ["w1", "w2", "w3"], "each once, in order");
    let first = store.awaiting_merge(0, 2).await.unwrap();
    assert_eq!((first.total, first.page.len()), (3, 2));
    let rest = store.awaiting_merge(first.page[1].0, 2).await.unwrap();
    assert_eq!(rest.page.len(), 1);
    // Alone after all: no longer listed. A number is never used again.
    for id in ["w1", "w2", "w3"] {
        assert!(!merge_current(store, decided(profile(&[id]), &[])).await.unwrap().unfinished);
    }
    assert_eq!(listed(store).await, Vec::<String>::new());
    commit(store, batch(vec![], vec![], vec![waiting(&["w1"])])).await.unwrap();
    assert!(store.awaiting_merge(rest.page[0].0, 2).await.unwrap().page.len() == 1);
    merge_current(store, decided(profile(&["w1"]), &[])).await.unwrap();
}

async fn a_merge_leads_every_id_to_the_survivor(store: &dyn Documents) {
    let profiles = vec![profile(&["a", "h"]), waiting(&["b", "h", "b-old"]), profile(&["other", "taken"])];
    commit(store, batch(vec![], vec![session("s-b", Some("b"))], profiles)).await.unwrap();
    let mut survivor = profile(&["a", "h", "b", "taken"]);
    survivor.traits.insert("merged".to_owned(), true.into());
    let done = merge_current(store, decided(survivor.clone(), &["b"])).await.unwrap();
    assert_eq!(done, Repointed { sessions: vec![(PRODUCTION, "s-b".to_owned())], events: 0, unfinished: true });
    for id in ["a", "h", "b", "b-old"] {
        assert_eq!(get(store, Index::Profile, id).await.unwrap(), serde_json::to_value(&survivor).unwrap(), "{id}");
    }
    assert_eq!(get(store, Index::Profile, "taken").await.unwrap()["id"], "other", "it had no part in the merge");
    assert_eq!(get(store, Index::Session, "s-b").await.unwrap()["profile"]["id"], "a");
    assert_eq!(listed(store).await, Vec::<String>::new());
    let found = store.load(&Wanted { sessions: vec![(PRODUCTION, "s-b")], ..Wanted::default() }).await.unwrap();
    assert_eq!(found.sessions[&(PRODUCTION, "s-b".to_owned())].value.profile_id(), Some("a"));
    // A survivor with more duplicates than were merged goes on waiting.
    let mut more = waiting(&["a"]);
    more.ids = survivor.ids.clone();
    merge_current(store, decided(more, &[])).await.unwrap();
    assert_eq!(listed(store).await, ["a"]);
    merge_current(store, decided(survivor, &[])).await.unwrap();
    finish(store, 10).await;
}

async fn what_named_the_other_is_carried_over_in_steps(store: &dyn Documents) {
    let events = (0..7).map(|n| event_of(&format!("of-d-{n}"), "d")).chain([event_of("of-c", "c")]).collect();
    let sessions = (0..502).map(|n| session(&format!("s-d-{n}"), Some("d"))).collect();
    commit(store, batch(events, sessions, vec![profile(&["c"]), profile(&["d"])])).await.unwrap();
    let before = get(store, Index::Event, "of-d-3").await.unwrap();
    assert_eq!(merge_current(store, decided(profile(&["c", "d"]), &["d"])).await.unwrap().sessions.len(), 500);

    // In the meantime the ids lead to the survivor: of sessions, and of events that come again.
    let found = store.load(&Wanted { events: vec![(PRODUCTION, "of-d-3")], ..Wanted::default() }).await.unwrap();
    assert_eq!(found.events[&(PRODUCTION, "of-d-3".to_owned())].profile_id.as_deref(), Some("c"));

    let steps = finish(store, 3).await;
    let work: Vec<_> = steps.iter().map(|step| (step.sessions.len(), step.events)).collect();
    assert_eq!(work, [(2, 1), (0, 3), (0, 3), (0, 0)], "sessions first, never more than three documents");
    let mut expected = before;
    expected["profile"]["id"] = "c".into();
    assert_eq!(get(store, Index::Event, "of-d-3").await.unwrap(), expected, "nothing else has changed");
    for n in 0..502 {
        assert_eq!(get(store, Index::Session, &format!("s-d-{n}")).await.unwrap()["profile"]["id"], "c");
    }
}

async fn a_chain_of_merges_ends_at_the_last_survivor(store: &dyn Documents) {
    let events = ["g", "f", "e"].map(|id| event_of(&format!("of-{id}"), id)).to_vec();
    let profiles = vec![profile(&["e"]), profile(&["f"]), profile(&["g", "g-old"])];
    commit(store, batch(events, vec![], profiles)).await.unwrap();
    // g into f, and before anything is carried over, f into e.
    merge_current(store, decided(profile(&["f", "g"]), &["g"])).await.unwrap();
    merge_current(store, decided(profile(&["e", "f"]), &["f"])).await.unwrap();
    assert_eq!(get(store, Index::Profile, "g-old").await.unwrap()["id"], "e");
    let steps = finish(store, 10).await;
    assert_eq!(steps.iter().map(|step| step.events).sum::<u64>(), 2, "each event is moved once");
    for id in ["g", "f", "e"] {
        assert_eq!(get(store, Index::Event, &format!("of-{id}")).await.unwrap()["profile"]["id"], "e");
    }
}
