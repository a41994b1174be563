//! From the outbox to real servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use common::house::{House, PRODUCTION, limits};
use common::{Receiver, Seen, reply};
use tempfile::tempdir;
use tracardi_model::configuration::Kind;
use tracardi_outbound::OutboundLimits;
use tracardi_process::{Clock as _, Phase, SystemClock};
use tracardi_store::{Chosen, Configuration as _, Outbox as _, State};

fn keys(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(Seen::key).collect()
}

/// A receiver whose answer can be changed.
async fn moody(status: u16) -> (Receiver, Arc<AtomicU16>) {
    let mood = Arc::new(AtomicU16::new(status));
    let status = mood.clone();
    (Receiver::start(move |_, _| Some(reply(status.load(Ordering::SeqCst)))).await, mood)
}

#[tokio::test]
async fn what_is_put_into_the_outbox_arrives_once() {
    let directory = tempdir().unwrap();
    let (house, receiver) = (House::new(directory.path()).await, Receiver::answering(204).await);
    house.destination("crm", &receiver.url, true).await;
    // Before the start, and after.
    let mut put = house.put("crm", &["a", "b"]).await;
    house.work(limits());
    house.settled("crm").await;
    put.extend(house.put("crm", &["a", "", "c"]).await);
    let told = house.settled("crm").await;
    assert!(
        told.iter().all(|one| one.state == State::Delivered && one.attempts == 1 && one.error.is_none()),
        "{told:?}"
    );
    let mut seen = receiver.seen();
    seen.sort_by_key(|seen| seen.key().to_owned());
    assert_eq!(keys(&seen), put);
    assert_eq!(seen[0].body, format!(r#"{{"data":{{"id":"{}"}},"changes":[]}}"#, put[0]));
    house
        .until_figure(
            r#"tracardi_outbound_attempts_total{context="production",destination="crm",outcome="delivered"} 5"#,
        )
        .await;
    house.until_figure(r#"tracardi_outbound_waiting{context="production",destination="crm"} 0"#).await;
}

#[tokio::test]
async fn who_has_nothing_to_do_asks_the_store_for_nothing() {
    let directory = tempdir().unwrap();
    let (house, receiver) = (House::new(directory.path()).await, Receiver::answering(200).await);
    house.destination("crm", &receiver.url, true).await;
    house.work(limits());
    // The tasks that are always there; a destination's job comes on top while it is served.
    let tasks = house.supervisor.running(Phase::Drain);
    let asked = async |calls: usize| {
        // The job asks before it ends, and what is put before it has ended is its own: then it asks otherwise.
        while house.faulty.outbox_calls() < calls || house.supervisor.running(Phase::Drain) > tasks {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(house.faulty.outbox_calls(), calls);
    };
    // What is left from before?
    asked(1).await;
    for n in 1..4 {
        house.put("crm", &["a"]).await;
        // What is due? It has arrived. What is due now? And later?
        asked(1 + 4 * n).await;
    }
    assert_eq!(receiver.seen().len(), 3);
}

#[tokio::test]
async fn a_failure_is_tried_again_with_the_same_key() {
    let directory = tempdir().unwrap();
    let house = House::new(directory.path()).await;
    let receiver = Receiver::start(|_, before| Some(reply(if before < 2 { 500 } else { 200 }))).await;
    house.destination("crm", &receiver.url, true).await;
    house.work(limits());
    let put = house.put("crm", &["a"]).await;
    let told = house.settled("crm").await;
    assert_eq!((told[0].state, told[0].attempts), (State::Delivered, 3));
    assert_eq!(keys(&receiver.seen()), [&put[0], &put[0], &put[0]]);
}

#[tokio::test]
async fn a_refusal_is_final_until_somebody_replays_it() {
    let directory = tempdir().unwrap();
    let (house, (receiver, mood)) = (House::new(directory.path()).await, moody(400).await);
    house.destination("crm", &receiver.url, true).await;
    house.work(limits());
    let put = house.put("crm", &["a", "a"]).await;
    let told = house.settled("crm").await;
    assert_eq!((told[0].state, told[0].error.as_deref()), (State::Dead, Some("answered 400 Bad Request")));
    assert_eq!(keys(&receiver.seen()), put, "one attempt each");
    mood.store(200, Ordering::SeqCst);
    let all = Chosen::Destination("crm".to_owned());
    let replayed = house.store.replay(PRODUCTION, &all, SystemClock.now(), 9).await.unwrap();
    house.bell.ring(replayed.into_iter().map(|(destination, number)| ((PRODUCTION, destination), number)));
    let told = house.settled("crm").await;
    assert!(told.iter().all(|one| one.state == State::Delivered));
    assert_eq!(receiver.seen().len(), 4);
}

#[tokio::test]
async fn who_fails_too_often_is_given_up() {
    let directory = tempdir().unwrap();
    let (house, receiver) = (House::new(directory.path()).await, Receiver::answering(503).await);
    house.destination("crm", &receiver.url, true).await;
    let mut few = limits();
    few.patience.attempts = 3;
    house.work(few);
    house.put("crm", &["a"]).await;
    let told = house.settled("crm").await;
    assert_eq!(told[0].error.as_deref(), Some("answered 503 Service Unavailable; given up after 3 attempts"));
    assert_eq!(receiver.seen().len(), 3);
}

#[tokio::test]
async fn what_is_for_one_profile_arrives_in_order_and_holds_back_nobody_else() {
    let directory = tempdir().unwrap();
    let house = House::new(directory.path()).await;
    // The first for `a` fails until all those for others have arrived.
    let receiver = Receiver::start(|seen, before| {
        let is_first = seen.key() == "crm-0-a";
        Some(reply(if is_first && before < 8 { 503 } else { 200 }))
    })
    .await;
    house.destination("crm", &receiver.url, true).await;
    house.put("crm", &["a", "a", "b", "", "a", "b", ""]).await;
    house.work(OutboundLimits { failures: 1_000, ..limits() });
    house.settled("crm").await;
    let seen = receiver.seen();
    let of = |profile: &str| {
        let mut ids: Vec<&str> = keys(&seen).into_iter().filter(|id| id.ends_with(profile)).collect();
        ids.dedup();
        ids
    };
    assert_eq!(of("a"), ["crm-0-a", "crm-1-a", "crm-4-a"]);
    assert_eq!(of("b"), ["crm-2-b", "crm-5-b"]);
}

#[tokio::test]
async fn one_that_hangs_slows_nobody() {
    let directory = tempdir().unwrap();
    let house = House::new(directory.path()).await;
    let hanging = Receiver::start(|_, _| None).await;
    let receiver = Receiver::answering(200).await;
    house.destination("d0", &hanging.url, true).await;
    for n in 1..10 {
        house.destination(&format!("d{n}"), &receiver.url, true).await;
    }
    house.work(limits());
    let many = [""; 30];
    for n in 0..10 {
        house.put(&format!("d{n}"), &many).await;
    }
    for n in 1..10 {
        let told = house.settled(&format!("d{n}")).await;
        assert!(told.iter().all(|one| one.state == State::Delivered && one.attempts == 1));
    }
    assert_eq!(receiver.seen().len(), 9 * 30);
    let most = limits().under_way;
    assert_eq!(hanging.wait_for(most).await.len(), most, "no more than it may have under way");
}

#[tokio::test]
async fn who_does_not_work_is_left_in_peace() {
    let directory = tempdir().unwrap();
    let (house, receiver) = (House::new(directory.path()).await, Receiver::answering(500).await);
    house.destination("crm", &receiver.url, true).await;
    // Peace for longer than the test takes, whatever the random part of it: the pause doubles with each failure.
    let mut patient = limits();
    patient.patience.first = Duration::from_hours(10_000);
    patient.patience.longest = Duration::from_hours(10_000);
    patient.peace = Duration::from_hours(10_000);
    house.work(patient);
    house.put("crm", &[""; 50]).await;
    house.until_figure(r#"tracardi_outbound_breaker_open{context="production",destination="crm"} 1"#).await;
    let most = patient.failures as usize + patient.under_way;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(receiver.seen().len() < most, "{}", receiver.seen().len());
}

#[tokio::test]
async fn who_works_again_gets_everything() {
    let directory = tempdir().unwrap();
    let (house, (receiver, mood)) = (House::new(directory.path()).await, moody(500).await);
    house.destination("crm", &receiver.url, true).await;
    house.work(limits());
    let put = house.put("crm", &[""; 50]).await;
    house.until_figure(r#"tracardi_outbound_breaker_open{context="production",destination="crm"} 1"#).await;
    mood.store(200, Ordering::SeqCst);
    let told = house.settled("crm").await;
    assert!(told.iter().all(|one| one.state == State::Delivered));
    assert_eq!(told.len(), put.len());
    house.until_figure(r#"tracardi_outbound_breaker_open{context="production",destination="crm"} 0"#).await;
}

#[tokio::test]
async fn the_configuration_of_now_counts() {
    let directory = tempdir().unwrap();
    let (house, receiver) = (House::new(directory.path()).await, Receiver::answering(200).await);
    house.destination("crm", &receiver.url, false).await;
    house.work(limits());
    house.put("crm", &["a"]).await;
    house.put("none", &["a"]).await;
    let told = house.settled("none").await;
    assert!(told[0].error.as_deref().unwrap().starts_with("the destination no longer exists"), "{told:?}");
    assert_eq!(house.told("crm").await[0].state, State::Waiting, "it is switched off");
    house.destination("crm", &receiver.url, true).await;
    assert_eq!(house.settled("crm").await[0].state, State::Delivered);
    // Without its resource, and with an address that must not be dialled.
    house.store.delete_record(PRODUCTION, Kind::Resource, "crm").await.unwrap();
    house.put("crm", &["a"]).await;
    let told = house.settled("crm").await;
    assert!(told[1].error.as_deref().unwrap().starts_with("the destination's resource no longer exists"), "{told:?}");
    house.destination("crm", "http://10.0.0.1/", true).await;
    house.put("crm", &["a"]).await;
    let told = house.settled("crm").await;
    assert!(told[2].error.as_deref().unwrap().contains("--outbound-allow"), "{told:?}");
    assert_eq!(receiver.seen().len(), 1);
}

#[tokio::test]
async fn a_store_that_fails_for_a_while_loses_nothing() {
    let directory = tempdir().unwrap();
    let house = House::new(directory.path()).await;
    let (broken, receiver) = (house.faulty.clone(), Receiver::answering(200).await);
    house.destination("crm", &receiver.url, true).await;
    house.work(limits());
    house.faulty.set_broken(true);
    house.put("crm", &["a"]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(receiver.seen().is_empty());
    broken.set_broken(false);
    house.settled("crm").await;
    // It breaks between sending and writing down: written down as soon as it can be, not sent again.
    broken.break_after(0);
    house.put("crm", &["a"]).await;
    receiver.wait_for(2).await;
    broken.break_after(usize::MAX);
    house.settled("crm").await;
    assert_eq!(receiver.seen().len(), 2);
}

#[tokio::test]
async fn who_leaves_does_not_wait_forever_and_takes_up_what_was_left() {
    let directory = tempdir().unwrap();
    let house = House::new(directory.path()).await;
    let receiver = Receiver::start(|seen, before| (before > 1 || seen.key() == "crm-1-b").then(|| reply(200))).await;
    house.destination("crm", &receiver.url, true).await;
    house.work(limits());
    let put = house.put("crm", &["a", "b"]).await;
    receiver.wait_for(2).await;
    while house.told("crm").await[1].state != State::Delivered {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    house.leave().await;
    // The next start sends what nobody answered, and nothing else.
    let house = House::new(directory.path()).await;
    let told = house.told("crm").await;
    assert_eq!([told[0].state, told[1].state], [State::Waiting, State::Delivered]);
    house.work(limits());
    house.settled("crm").await;
    let mut seen = receiver.seen();
    seen.sort_by_key(|seen| seen.key().to_owned());
    assert_eq!(keys(&seen), [&put[0], &put[0], &put[1]]);
    house.leave().await;
}
