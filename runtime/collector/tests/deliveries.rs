//! What destinations are to get joins the outbox with the request that it comes from: once, whatever happens.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a failed check panics: that is its answer; tests start tasks"
)]

mod common;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use common::{House, PRODUCTION, checkout, house_of};
use serde_json::{Value, json};
use tracardi_collector::CollectorLimits;
use tracardi_engine::{Configuration, Settings};
use tracardi_model::configuration::{HTTP_CONNECTOR, Kind};
use tracardi_store::conformance::faults::Fault;
use tracardi_store::{Deliveries, Outbox};

/// A house with a destination for checkouts and one for profiles.
async fn house(directory: &Path, limits: CollectorLimits) -> House {
    house_telling(directory, limits, &json!({"id": "event@id", "who": "profile@id"})).await
}

/// The same; of checkouts it is told this.
async fn house_telling(directory: &Path, limits: CollectorLimits, mapping: &Value) -> House {
    let record = |id: &str, more: Value| {
        let mut record = json!({"id": id, "name": "n", "enabled": true, "destination": {"package": HTTP_CONNECTOR},
            "resource": {"id": "r"}});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let records = [
        record(
            "checkouts",
            json!({"on_profile_change_only": false, "event_type": "checkout-started",
            "mapping": mapping}),
        ),
        record("people", json!({"mapping": {"checkouts": "profile@data.metrics.ltcosc"}})),
    ];
    let configuration = Configuration::compile(records.iter().map(|record| (Kind::Destination, "x", record)));
    assert_eq!(configuration.problems(), []);
    let mut settings = Settings::new("test").unwrap();
    settings.configurations[PRODUCTION] = Arc::new(configuration);
    house_of(directory, limits, settings).await
}

/// The deliveries of a destination in their order: id, event, profile, body.
async fn outbox(house: &House, destination: &str) -> Vec<Value> {
    let wanted = Deliveries { destination: Some(destination.to_owned()), limit: 1_000, ..Deliveries::default() };
    let page = house.store.deliveries(PRODUCTION, &wanted).await.unwrap();
    assert_eq!(page.total, page.result.len() as u64);
    let told = |told: &tracardi_store::StoredDelivery| json!([told.id, told.event, told.profile, told.body]);
    page.result.iter().rev().map(told).collect()
}

#[tokio::test]
async fn a_request_and_its_deliveries_are_one_commit() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path(), CollectorLimits::default()).await;
    house.send(&checkout("s", None, 0)).await.unwrap();
    house.faulty.calls();
    house.send(&checkout("s", None, 1)).await.unwrap();
    assert_eq!(house.faulty.calls(), (0, 1), "a commit and nothing else");
    assert_eq!((outbox(&house, "checkouts").await.len(), outbox(&house, "people").await.len()), (2, 2));
    house.send(&checkout("s", None, 1)).await.unwrap();
    assert_eq!(
        (outbox(&house, "checkouts").await.len(), outbox(&house, "people").await.len()),
        (2, 2),
        "a repeated one"
    );
    assert_eq!(outbox(&house, "people").await[1][3]["data"], json!({"checkouts": 2}));
}

#[tokio::test]
async fn a_failed_commit_leaves_none_and_a_lost_answer_makes_no_second_one() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path(), CollectorLimits::default()).await;
    house.faulty.fail_commit(Fault::Before);
    house.send(&checkout("s", None, 0)).await.unwrap_err();
    assert!(outbox(&house, "checkouts").await.is_empty());
    house.faulty.fail_commit(Fault::After);
    house.send(&checkout("s", None, 0)).await.unwrap_err();
    let (told, people) = (outbox(&house, "checkouts").await, outbox(&house, "people").await);
    assert_eq!((told.len(), people.len()), (1, 1));
    house.send(&checkout("s", None, 0)).await.unwrap();
    assert_eq!((outbox(&house, "checkouts").await, outbox(&house, "people").await), (told, people));
    // Nothing but the profile remains of these: their ids are known all the same.
    let mut silent = checkout("s", None, 1);
    silent["options"] = json!({"saveEvents": false});
    for _ in 0..2 {
        house.send(&silent).await.unwrap();
    }
    assert_eq!((outbox(&house, "checkouts").await.len(), outbox(&house, "people").await.len()), (1, 2));
}

#[tokio::test]
async fn a_group_that_makes_much_is_stored_in_parts() {
    let directory = tempfile::tempdir().unwrap();
    let copies = json!({"copy": "session@context.text"});
    let house = house_telling(directory.path(), CollectorLimits::default(), &copies).await;
    house.faulty.hold();
    let mut pending = Vec::new();
    for n in 0..6 {
        let (collector, mut body) = (house.collector.clone(), checkout(&format!("s{n}"), None, n));
        // Of 100 KiB there become 10 MiB.
        body["context"]["text"] = json!("x".repeat(100 << 10));
        let events = (0..100).map(|e| json!({"type": "checkout-started", "properties": {"id": format!("{n}-{e}")}}));
        body["events"] = events.collect();
        pending.push(tokio::spawn(async move { common::send(&collector, &body).await.unwrap() }));
        tokio::task::yield_now().await;
    }
    house.faulty.release();
    for answer in pending {
        answer.await.unwrap();
    }
    // Besides them `profile-created`, `visit-started` and `session-opened` of each request.
    let sizes = house.faulty.sizes();
    assert_eq!(sizes.iter().sum::<usize>(), 6 * 103, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 4 * 103), "{sizes:?}");
    let wanted = Deliveries { destination: Some("checkouts".to_owned()), ..Deliveries::default() };
    assert_eq!(house.store.deliveries(PRODUCTION, &wanted).await.unwrap().total, 600);
}

#[tokio::test]
async fn who_sends_is_told_once_and_also_when_the_answer_was_lost() {
    let directory = tempfile::tempdir().unwrap();
    let house = house(directory.path(), CollectorLimits::default()).await;
    let bell = house.collector.outgoing();
    let both = HashMap::from(["checkouts", "people"].map(|id| ((PRODUCTION, id.to_owned()), 1)));
    house.send(&checkout("s", None, 0)).await.unwrap();
    assert_eq!(bell.rung().await, both);
    house.send(&checkout("s", None, 0)).await.unwrap();
    house.faulty.fail_commit(Fault::After);
    house.send(&checkout("s", None, 1)).await.unwrap_err();
    assert_eq!(bell.rung().await, both, "of the repeated one there is nothing to tell");
}

#[tokio::test]
async fn grouping_makes_no_difference() {
    let mut results = Vec::new();
    for (group, cache_bytes) in [(1, 32 << 20), (7, 0), (512, 32 << 20)] {
        let directory = tempfile::tempdir().unwrap();
        let limits = CollectorLimits { group, cache_bytes, ..CollectorLimits::default() };
        let house = house(directory.path(), limits).await;
        house.faulty.hold();
        let mut pending = Vec::new();
        for n in 0..40 {
            let (collector, repeated) = (house.collector.clone(), n % 5 == 4);
            let body = checkout(&format!("s{}", n % 3), None, if repeated { n - 3 } else { n });
            pending.push(tokio::spawn(async move { common::send(&collector, &body).await.unwrap() }));
            // The order in which requests arrive is part of the story.
            tokio::task::yield_now().await;
        }
        house.faulty.release();
        for answer in pending {
            answer.await.unwrap();
        }
        results.push((outbox(&house, "checkouts").await, outbox(&house, "people").await));
    }
    assert!(results.iter().all(|result| *result == results[0]), "{results:#?}");
    assert!(results[0].0.len() >= 32);
}
