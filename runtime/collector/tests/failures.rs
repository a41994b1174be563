//! What happens when the store fails, when too much comes in, and at the end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "a failed check panics: that is its answer; tests start tasks"
)]

mod common;

use std::time::{Duration, Instant};

use common::{checkout, command, house, house_with, profile_of, send};
use serde_json::json;
use tokio::task::JoinSet;
use tracardi_collector::{CollectError, CollectorLimits};
use tracardi_model::TrackAnswer;
use tracardi_store::conformance::faults::Fault;
use tracardi_store::{Index, StoreError};

async fn send_together(house: &common::House, count: usize) -> Vec<Result<TrackAnswer, CollectError>> {
    let mut together = JoinSet::new();
    for n in 0..count {
        let collector = house.collector.clone();
        together.spawn(async move { send(&collector, &checkout("s", None, n)).await });
    }
    together.join_all().await
}

/// Sends so many requests of one session behind another request, so that they are one group, whose commit meets the fault.
async fn group_meets(house: &common::House, fault: Fault, count: usize) -> Vec<Result<TrackAnswer, CollectError>> {
    house.faulty.pass_commit();
    house.faulty.fail_commit(fault);
    house.faulty.hold();
    let collector = house.collector.clone();
    let opening = tokio::spawn(async move { send(&collector, &checkout("opening", None, 0)).await });
    let commits = house.faulty.sizes().len() + 1;
    house.until_under_way(1, commits).await;
    let (answers, ()) = tokio::join!(send_together(house, count), async {
        house.until_under_way(1 + count, commits).await;
        house.faulty.release();
    });
    opening.await.unwrap().unwrap();
    answers
}

#[tokio::test]
async fn a_failed_commit_is_nobodys_success_and_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    house.send(&checkout("s", None, 1000)).await.unwrap();
    let answers = group_meets(&house, Fault::Before, 8).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(CollectError::Unavailable { .. }))), "{answers:?}");
    assert!(!house.collector.healthy());
    assert_eq!(house.count(Index::Event).await, 2 * (1 + 3), "of the two sessions' first requests");
    assert_eq!(house.faulty.sizes(), [4, 4, 8]);

    let answers = send_together(&house, 8).await;
    assert!(house.collector.healthy());
    let profile = profile_of(answers[0].as_ref().unwrap());
    assert_eq!(house.document(Index::Profile, &profile).await.unwrap()["data"]["metrics"]["ltcosc"], 9);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    assert!(group_meets(&house, Fault::After, 8).await.iter().all(Result::is_err));
    assert_eq!(house.count(Index::Event).await, (1 + 3) + (8 + 3), "it did take place");
    let answers = send_together(&house, 8).await;
    let profile = profile_of(answers[0].as_ref().unwrap());
    assert_eq!(house.document(Index::Profile, &profile).await.unwrap()["data"]["metrics"]["ltcosc"], 8);
    assert_eq!(house.count(Index::Event).await, (1 + 3) + (8 + 3));
}

#[tokio::test]
async fn a_failed_load_is_answered_and_passes() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    house.faulty.fail_load(StoreError::Unavailable("injected".to_owned()));
    let error = house.send(&checkout("s", None, 1)).await.unwrap_err();
    assert_eq!(error.retry_after_s(), Some(2));
    assert!(error.to_string().contains("injected"), "{error}");
    house.send(&checkout("s", None, 1)).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_noticed_when_it_has_space_again() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    house.faulty.set_broken(true);
    assert!(house.send(&checkout("s", None, 1)).await.is_err());
    assert!(!house.collector.healthy());
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!house.collector.healthy(), "still full");
    house.faulty.set_broken(false);
    let began = Instant::now();
    while !house.collector.healthy() {
        assert!(began.elapsed() < Duration::from_mins(1), "not noticed without any request");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn one_unreadable_document_hurts_only_its_own_requests() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    // The group's load fails as if a document in it were damaged; then the load of the first request alone does.
    let damaged = || StoreError::Corrupt { what: "session s".to_owned(), reason: "injected".to_owned() };
    house.faulty.hold();
    let collector = house.collector.clone();
    let first = tokio::spawn(async move { send(&collector, &checkout("other", None, 0)).await });
    house.until_under_way(1, 1).await;
    let mut together = JoinSet::new();
    for n in 0..4 {
        let collector = house.collector.clone();
        together.spawn(async move { send(&collector, &checkout(&format!("s{n}"), None, n)).await });
    }
    house.until_under_way(5, 1).await;
    house.faulty.fail_load(damaged());
    house.faulty.fail_load(damaged());
    house.faulty.release();
    first.await.unwrap().unwrap();
    let answers = together.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 1, "{answers:?}");
    assert!(house.collector.healthy());
}

#[tokio::test]
async fn the_queue_is_bounded_in_requests_and_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let limits = CollectorLimits { queue: 4, queue_bytes: 10_000, ..CollectorLimits::default() };
    let house = house_with(directory.path(), limits).await;
    house.faulty.hold();
    let started = |n: usize, bytes: usize| {
        let (collector, command) = (house.collector.clone(), command(&checkout("s", None, n)));
        tokio::spawn(async move { collector.collect(command, bytes).await })
    };
    let first = started(0, 1);
    house.until_under_way(1, 1).await;
    let queued: Vec<_> = (1..5).map(|n| started(n, 1000)).collect();
    house.until_under_way(5, 1).await;
    assert_eq!(house.figure("tracardi_collector_waiting_requests"), 5.0);
    assert_eq!(house.figure("tracardi_collector_waiting_bytes"), 4001.0);
    assert!(matches!(started(5, 10).await.unwrap(), Err(CollectError::Full { .. })), "five wait already");
    assert!(matches!(started(6, 6000).await.unwrap(), Err(CollectError::Full { .. })), "too many bytes");
    house.faulty.release();
    first.await.unwrap().unwrap();
    for request in queued {
        request.await.unwrap().unwrap();
    }
    assert_eq!(house.figure("tracardi_collector_waiting_bytes"), 0.0);
    // Alone, a request may be larger than the bound: sizes are limited where bodies are read.
    started(7, 1 << 30).await.unwrap().unwrap();
}

#[tokio::test]
async fn large_requests_get_groups_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let limits = CollectorLimits { group: 3, group_bytes: 10_000, ..CollectorLimits::default() };
    let house = house_with(directory.path(), limits).await;
    house.faulty.hold();
    let mut requests = Vec::new();
    for (n, bytes) in [1, 1, 1, 1, 1, 9_999, 50_000].into_iter().enumerate() {
        let (collector, command) = (house.collector.clone(), command(&checkout("s", None, n)));
        requests.push(tokio::spawn(async move { collector.collect(command, bytes).await }));
        house.until_under_way(n + 1, 1).await;
    }
    house.faulty.release();
    for request in requests {
        request.await.unwrap().unwrap();
    }
    // The first with its three system events; then three, one and the large one, the largest.
    assert_eq!(house.faulty.sizes(), [4, 3, 2, 1]);
}

#[tokio::test]
async fn refusals_are_told_and_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let mut own = checkout("s", None, 1);
    own["events"][0]["id"] = json!("mine");
    house.send(&own).await.unwrap();
    let before = house.all(Index::Event).await;
    own["session"]["id"] = json!("another");
    let error = house.send(&own).await.unwrap_err();
    assert!(matches!(&error, CollectError::Rejected(rejected) if rejected.status() == 409), "{error:?}");
    assert_eq!(error.retry_after_s(), None);
    assert_eq!(house.all(Index::Event).await, before);
    assert!(house.document(Index::Session, "another").await.is_none());
    let counted = r#"tracardi_collector_requests_total{outcome="rejected",reason="event_id_taken"}"#;
    assert_eq!(house.figure(counted), 1.0);
}

#[tokio::test]
async fn what_is_queued_is_stored_before_the_process_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    house.faulty.hold();
    let mut together = JoinSet::new();
    for n in 0..20 {
        let collector = house.collector.clone();
        together.spawn(async move { send(&collector, &checkout("s", None, n)).await });
    }
    house.until_under_way(20, 1).await;
    let (collector, faulty, supervisor) = (house.collector.clone(), house.faulty.clone(), house.supervisor.clone());
    let shutdown = tokio::spawn(async move { supervisor.run_until(async {}).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    faulty.release();
    shutdown.await.unwrap().unwrap();
    assert!(together.join_all().await.iter().all(Result::is_ok));
    assert_eq!(house.count(Index::Event).await, 20 + 3);
    assert!(matches!(send(&collector, &checkout("s", None, 99)).await, Err(CollectError::Stopping)));
}

#[tokio::test]
async fn listeners_hear_of_events_after_they_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path()).await;
    let mut live = house.collector.live();
    house.faulty.fail_commit(Fault::Before);
    assert!(house.send(&checkout("s", None, 1)).await.is_err());
    assert!(live.try_recv().is_err(), "nothing was stored");
    house.send(&checkout("s", None, 1)).await.unwrap();
    let (_, event) = live.recv().await.unwrap();
    assert_eq!(event.kind(), "checkout-started");
    assert!(house.document(Index::Event, event.id()).await.is_some());
}
