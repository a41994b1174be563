//! A profile that is erased while it becomes part of another one, or another one part of it: what was erased is nowhere.

use tracardi_model::{Context, Profile};
use tracardi_process::SystemClock;
use tracardi_servers::Kind;
use tracardi_store::{Documents, Index, StoreError, Wanted};

use super::crashes::{Visitor, become_one};
use super::house::House;

const PRODUCTION: Context = Context::Production;

/// No profile has an id of this visitor, and none of the visitor's ids leads to one.
async fn is_nowhere(store: &House, visitor: &Visitor, other: &Visitor, case: &str) {
    let theirs = [visitor.own.as_str(), visitor.alias.as_str()];
    for id in [&visitor.own, &visitor.alias, &other.own, &other.alias] {
        let Some(text) = store.get(PRODUCTION, Index::Profile, id).await.unwrap() else { continue };
        let found: Profile = serde_json::from_str(text.get()).unwrap();
        assert!(!theirs.contains(&id.as_str()), "{case}: {id} leads to {}", found.id());
        let left: Vec<_> = found.ids().iter().filter(|id| theirs.contains(&id.as_str())).collect();
        assert!(left.is_empty(), "{case}: {} has still {left:?}", found.id());
    }
    let wanted = Wanted { profiles: vec![(PRODUCTION, visitor.own.as_str())], ..Wanted::default() };
    let found = store.load(&wanted).await.unwrap();
    assert!(found.profiles.is_empty() && !found.erased.is_empty(), "{case}: {found:?}");
}

/// One of two that become one is erased. `merge_is_held`: the merge stands still before each of its requests while the profile is
/// erased; otherwise the other way round.
async fn amid_a_merge(kind: Kind, merge_is_held: bool) {
    let store = House::new(kind).await;
    for (turn, erase_survivor) in [(0, false), (1, true)] {
        for number in 0.. {
            assert!(number < 60, "it never ends");
            let (stays, goes) = (Visitor::new(2 * number + turn, true), Visitor::new(-1 - 2 * number - turn, true));
            stays.settle_in(&store).await;
            goes.settle_in(&store).await;
            let erased = if erase_survivor { &stays } else { &goes };
            let case = format!("merge is held: {merge_is_held}, survivor: {erase_survivor}, request {number}");
            let slow = store.again().await;
            let fuse = &slow.elastic.0.client.fuse;
            let (merger, remover) = if merge_is_held { (&slow, &store) } else { (&store, &slow) };
            fuse.hold_before(number);
            // Somebody else was faster: a collector would look again, which the visit below stands for.
            let merging = async {
                match become_one(merger, &stays, &goes).await {
                    Ok(()) | Err(StoreError::Stale) => {}
                    Err(error) => panic!("{case}: {error}"),
                }
            };
            let erasing = async { remover.delete(PRODUCTION, Index::Profile, &erased.own).await.unwrap() };
            let mut was_held = true;
            let was_there = if merge_is_held {
                let held = async {
                    merging.await;
                    fuse.let_go();
                };
                let meanwhile = async {
                    was_held = fuse.is_held_back().await;
                    let was_there = erasing.await;
                    fuse.let_go();
                    was_there
                };
                tokio::join!(held, meanwhile).1
            } else {
                let held = async {
                    let was_there = erasing.await;
                    fuse.let_go();
                    was_there
                };
                let meanwhile = async {
                    was_held = fuse.is_held_back().await;
                    merging.await;
                    fuse.let_go();
                };
                tokio::join!(held, meanwhile).0
            };
            let other = if erase_survivor { &goes } else { &stays };
            if was_there {
                is_nowhere(&store, erased, other, &case).await;
            }
            // Whoever is left is not stuck.
            other.collect(&store, &format!("e{turn}-{number}")).await.unwrap();
            if was_there {
                is_nowhere(&store, erased, other, &case).await;
            }
            if !was_held {
                assert!(number > 3, "{case}: there was something to be held before");
                break;
            }
        }
    }
}

#[tokio::test]
async fn while_the_merge_stands_still() {
    amid_a_merge(Kind::OpenSearch, true).await;
}

#[tokio::test]
async fn while_the_erasure_stands_still() {
    amid_a_merge(Kind::OpenSearch, false).await;
}

#[tokio::test]
async fn while_the_erasure_stands_still_on_the_other_product() {
    amid_a_merge(Kind::Elasticsearch, false).await;
}

/// A worker stands still before each of its requests while the profile is erased, and goes on then. What it puts back is found.
#[tokio::test]
async fn while_a_worker_stands_still() {
    let store = House::new(Kind::OpenSearch).await;
    let mut put_back = 0;
    for number in 0.. {
        assert!(number < 30, "it never ends");
        let (visitor, other) = (Visitor::new(number, true), Visitor::new(-1 - number, true));
        visitor.settle_in(&store).await;
        other.settle_in(&store).await;
        let slow = store.again().await;
        let fuse = &slow.elastic.0.client.fuse;
        fuse.hold_before(number);
        let collecting = async {
            // The search server may refuse what is left of it.
            let _ = visitor.collect(&slow, &format!("held-{number}")).await;
            fuse.let_go();
        };
        let meanwhile = async {
            let was_held = fuse.is_held_back().await;
            assert!(store.delete(PRODUCTION, Index::Profile, &visitor.own).await.unwrap());
            fuse.let_go();
            was_held
        };
        let ((), was_held) = tokio::join!(collecting, meanwhile);
        store.refresh().await.unwrap();
        let kept = async || {
            let delayed = store.delayed(PRODUCTION, 0, 1).await.unwrap().total;
            delayed + store.outbox.look(|disk| disk.deliveries(PRODUCTION).count()) as u64
        };
        put_back += kept().await;
        store.elastic.maintain(SystemClock::shared().now()).await.unwrap();
        store.refresh().await.unwrap();
        assert_eq!(kept().await, 0, "request {number}");
        is_nowhere(&store, &visitor, &other, &format!("request {number}")).await;
        if !was_held {
            assert!(number > 3, "{number}: there was something to be held before");
            break;
        }
    }
    assert!(put_back > 0, "there was something to be found");
}
