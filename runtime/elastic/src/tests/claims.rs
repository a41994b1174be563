//! Two workers whose visitors get one new id at the same moment: their profiles are never both believed to be alone.

use std::sync::Arc;

use serde_json::json;
use tracardi_model::{Context, Profile};
use tracardi_servers::Kind;
use tracardi_store::conformance::samples::{at, batch, event_with, profile};
use tracardi_store::{Batch, Committed, Document, Documents, Index, Merge, StoreError, Wanted};

use super::house::House;

const PRODUCTION: Context = Context::Production;

/// What a collector does about somebody with a profile of their own who gives an address, until it is stored.
async fn comes(store: &House, own: &str, address: &str) -> Result<(), StoreError> {
    let event = format!("e-{own}");
    for _ in 0..100 {
        let profiles = vec![(PRODUCTION, own), (PRODUCTION, address)];
        let wanted = Wanted { profiles, events: vec![(PRODUCTION, event.as_str())], ..Wanted::default() };
        let found = store.load(&wanted).await?;
        if !found.events.is_empty() {
            return Ok(());
        }
        let known = found.profiles.values().find(|known| known.value.id() == own);
        let (mut value, seen) =
            known.map_or_else(|| (profile(&[own, address]), None), |known| ((*known.value).clone(), known.version));
        let mut batch = batch(vec![event_with(&event, "x", 1, &json!({"profile": {"id": own}}))], vec![], vec![]);
        if found.profiles.values().any(|other| other.value.id() != own) {
            value.await_merge("data.contact.email.main");
        } else {
            batch.alone.push((PRODUCTION, own.to_owned()));
        }
        batch.profiles.push((PRODUCTION, Document::replacing(seen, Arc::new(value)).unwrap()));
        match store.commit(batch).await {
            Ok(Committed::Stored(_)) => return Ok(()),
            Ok(Committed::EventExists) | Err(StoreError::Stale) => {}
            Err(error) => return Err(error),
        }
    }
    panic!("{own} is never stored")
}

/// Both are stored, and one of them is known to share the address.
async fn they_find_each_other(store: &House, [one, other]: [&str; 2], address: &str) {
    store.refresh().await.unwrap();
    let read = async |id: &str| -> Profile {
        let text =
            store.get(PRODUCTION, Index::Profile, id).await.unwrap().unwrap_or_else(|| panic!("{id} is missing"));
        serde_json::from_str(text.get()).unwrap()
    };
    let waits = [read(one).await, read(other).await].map(|found| found.awaits_merge());
    assert!(waits[0] || waits[1], "{one} and {other} are both alone with {address}");
    assert!([one, other].contains(&read(address).await.id()), "{address} leads to one of them");
}

/// The address was an erased profile's.
async fn was_an_erased_one(store: &House, number: i64, address: &str) {
    let before = format!("before-{number}");
    comes(store, &before, address).await.unwrap();
    assert!(store.delete(PRODUCTION, Index::Profile, &before).await.unwrap());
}

#[tokio::test]
async fn both_at_the_same_moment() {
    let store = House::new(Kind::OpenSearch).await;
    let (a, b) = (store.again().await, store.again().await);
    for number in 0..30 {
        let [one, other, address] = ["a", "b", "m"].map(|letter| format!("{letter}{number}"));
        if number % 2 == 1 {
            was_an_erased_one(&store, number, &address).await;
        }
        let (first, second) = tokio::join!(comes(&a, &one, &address), comes(&b, &other, &address));
        first.and(second).unwrap();
        they_find_each_other(&store, [&one, &other], &address).await;
    }
}

/// One is stopped before each of its requests; the other one does all of its own meanwhile.
async fn stopped_anywhere(kind: Kind, erased: bool) {
    let store = House::new(kind).await;
    for number in 0..6 {
        let [one, other, address] = ["a", "b", "m"].map(|letter| format!("{letter}{number}"));
        if erased {
            was_an_erased_one(&store, number, &address).await;
        }
        let stopped = store.again().await;
        let fuse = &stopped.elastic.0.client.fuse;
        fuse.hold_before(number);
        let slow = async {
            comes(&stopped, &one, &address).await.unwrap();
            fuse.let_go();
        };
        let meanwhile = async {
            fuse.is_held().await;
            comes(&store, &other, &address).await.unwrap();
            fuse.let_go();
        };
        tokio::join!(slow, meanwhile);
        they_find_each_other(&store, [&one, &other], &address).await;
    }
}

#[tokio::test]
async fn one_in_the_middle_of_the_other() {
    stopped_anywhere(Kind::OpenSearch, false).await;
}

#[tokio::test]
async fn one_in_the_middle_of_the_other_on_the_other_product() {
    stopped_anywhere(Kind::Elasticsearch, false).await;
}

#[tokio::test]
async fn one_in_the_middle_of_the_other_with_the_address_of_an_erased_one() {
    stopped_anywhere(Kind::OpenSearch, true).await;
}

/// One dies before each of its requests, or before the answer; the other one comes, then the first one's heir.
#[tokio::test]
async fn one_after_the_other_has_died() {
    let store = House::new(Kind::OpenSearch).await;
    for sent in [false, true] {
        for number in 0.. {
            assert!(number < 30, "it never ends");
            let [one, other, address] = ["a", "b", "m"].map(|letter| format!("{letter}{number}{sent}"));
            let doomed = store.again().await;
            doomed.elastic.0.client.fuse.burn_at(number, sent);
            let died = comes(&doomed, &one, &address).await.is_err();
            comes(&store, &other, &address).await.unwrap();
            comes(&store, &one, &address).await.unwrap();
            they_find_each_other(&store, [&one, &other], &address).await;
            if !died {
                assert!(number > 2, "{number}: there was something to die at");
                break;
            }
        }
    }
}

/// Of two of one group one has claimed the address in an attempt that failed: nobody is waited for.
#[tokio::test]
async fn two_of_one_group_do_not_wait_for_each_other() {
    let store = House::new(Kind::OpenSearch).await;
    let group = || {
        let two = ["a", "b"].map(|own| {
            let mut value = profile(&[own, "m"]);
            value.await_merge("data.contact.email.main");
            value
        });
        batch(vec![], vec![], two.into())
    };
    let doomed = store.again().await;
    // Behind the claim, before the profiles.
    doomed.elastic.0.client.fuse.burn_at(2, false);
    assert!(doomed.commit(group()).await.is_err());
    let before = store.elastic.requests();
    assert!(store.commit(group()).await.unwrap().is_stored());
    assert!(store.elastic.requests() - before <= 5, "{}", store.elastic.requests() - before);
    they_find_each_other(&store, ["a", "b"], "m").await;
}

/// Each has one of two addresses already when it asks for the other's.
#[tokio::test]
async fn two_addresses_in_turn() {
    let store = House::new(Kind::OpenSearch).await;
    let give = async |worker: &House, own: &str, [first, second]: [&str; 2]| {
        loop {
            let value = profile(&[own, first, second]);
            let found = worker
                .load(&Wanted { profiles: vec![(PRODUCTION, first), (PRODUCTION, second)], ..Wanted::default() })
                .await
                .unwrap();
            let mut batch = Batch::default();
            let mut value = value;
            if found.profiles.is_empty() {
                batch.alone.push((PRODUCTION, own.to_owned()));
            } else {
                value.await_merge("data.contact.email.main");
            }
            batch.profiles.push((PRODUCTION, Document::new(Arc::new(value)).unwrap()));
            match worker.commit(batch).await {
                Ok(_) => break,
                Err(StoreError::Stale) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    let (a, b) = (store.again().await, store.again().await);
    for number in 0..10 {
        let [one, other, x, y] = ["a", "b", "x", "y"].map(|letter| format!("{letter}{number}"));
        tokio::join!(give(&a, &one, [&x, &y]), give(&b, &other, [&y, &x]));
        they_find_each_other(&store, [&one, &other], &x).await;
    }
}

/// Somebody gets the id of a profile that the batch also looks at: it need not be known before what that one is.
#[tokio::test]
async fn an_id_of_somebody_who_is_only_looked_at() {
    let store = House::new(Kind::OpenSearch).await;
    comes(&store, "q", "x").await.unwrap();
    comes(&store, "p", "y").await.unwrap();
    let wanted = Wanted { profiles: vec![(PRODUCTION, "p"), (PRODUCTION, "q")], ..Wanted::default() };
    let found = store.load(&wanted).await.unwrap().profiles;
    let [p, q] = ["p", "q"].map(|id| &found[&(PRODUCTION, id.to_owned())]);
    let mut value = profile(&["p", "y", "x"]);
    value.await_merge("ids");
    let profiles = vec![(PRODUCTION, Document::replacing(p.version, Arc::new(value)).unwrap())];
    let seen_profiles = vec![(PRODUCTION, "q".to_owned(), q.version.unwrap())];
    let stored = store.commit(Batch { profiles, seen_profiles, ..Batch::default() }).await;
    assert!(stored.as_ref().is_ok_and(Committed::is_stored), "{stored:?}");
    they_find_each_other(&store, ["p", "q"], "x").await;
}

/// A merge finds a profile alone while another worker has claimed one of its ids for a profile to come: that one finds it.
#[tokio::test]
async fn who_comes_finds_a_profile_that_was_settled_meanwhile() {
    let store = House::new(Kind::OpenSearch).await;
    store.commit(batch(vec![], vec![], vec![profile(&["one"])])).await.unwrap();
    let doomed = store.again().await;
    // Behind the claim, before the profile.
    doomed.elastic.0.client.fuse.burn_at(3, false);
    assert!(comes(&doomed, "other", "m").await.is_err());
    let found = store.load(&Wanted { profiles: vec![(PRODUCTION, "one")], ..Wanted::default() }).await.unwrap();
    let version = found.profiles[&(PRODUCTION, "one".to_owned())].version;
    let ids = vec!["one".to_owned(), "m".to_owned()];
    let survivor = Document::replacing(version, Arc::new(profile(&["one", "m"]))).unwrap();
    store.merge(Merge { context: PRODUCTION, survivor, gone: vec![], ids, at: at(9) }).await.unwrap();
    comes(&store, "other", "m").await.unwrap();
    they_find_each_other(&store, ["one", "other"], "m").await;
}

/// A worker that does not know yet that a profile was erased takes none of its ids back.
#[tokio::test]
async fn an_erased_profile_keeps_no_id() {
    let store = House::new(Kind::OpenSearch).await;
    comes(&store, "p", "m").await.unwrap();
    let wanted = Wanted { profiles: vec![(PRODUCTION, "p"), (PRODUCTION, "m")], ..Wanted::default() };
    let cached = store.load(&wanted).await.unwrap();
    let (_, cached) = cached.profiles.into_iter().next().unwrap();
    store.delete(PRODUCTION, Index::Profile, "p").await.unwrap();
    let erased = store.load(&wanted).await.unwrap().erased;
    assert_eq!(erased.len(), 2, "{erased:?}");
    let late = Document::replacing(cached.version, cached.value).unwrap();
    let late = store.commit(Batch { profiles: vec![(PRODUCTION, late)], ..Batch::default() }).await;
    assert!(matches!(late, Err(StoreError::Stale)), "{late:?}");
    assert_eq!(store.load(&wanted).await.unwrap().erased, erased, "both ids are still known to be an erased profile's");
    // Who gives the address from now on has it: a profile that is new, and one that is there.
    comes(&store, "q", "m").await.unwrap();
    assert_eq!(store.load(&wanted).await.unwrap().profiles[&(PRODUCTION, "m".to_owned())].value.id(), "q");
    store.delete(PRODUCTION, Index::Profile, "q").await.unwrap();
    let found = profile(&["r"]);
    store.commit(batch(vec![], vec![], vec![found])).await.unwrap();
    let there = store.load(&Wanted { profiles: vec![(PRODUCTION, "r")], ..Wanted::default() }).await.unwrap();
    let (_, there) = there.profiles.into_iter().next().unwrap();
    let with = Document::replacing(there.version, Arc::new(profile(&["r", "m"]))).unwrap();
    store.commit(Batch { profiles: vec![(PRODUCTION, with)], ..Batch::default() }).await.unwrap();
    assert_eq!(store.load(&wanted).await.unwrap().profiles[&(PRODUCTION, "m".to_owned())].value.id(), "r");
}
