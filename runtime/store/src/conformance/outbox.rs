//! The outbox: what joins it, what is due, what becomes of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_model::{Context, Delivery};

use super::samples::{at, batch, commit, event};
use crate::outbox::DELIVERED_LIFE;
use crate::{
    Batch, Chosen, Committed, Deliveries, DeliveryPage, Documents, Outbox, PAGE_BYTES, Queue, Settled, State,
    StoreError,
};

const PRODUCTION: Context = Context::Production;

/// All checks on an empty store.
pub async fn all(store: &(impl Documents + Outbox)) {
    an_empty_outbox_has_nothing(store).await;
    what_joins_is_due_once(store).await;
    a_delivery_joins_with_its_batch_or_not_at_all(store).await;
    contexts_and_destinations_have_their_own(store).await;
    only_the_first_of_a_line_is_due(store).await;
    an_attempt_that_failed_holds_back_its_line_only(store).await;
    the_dead_are_replayed_or_discarded(store).await;
    what_is_replayed_joins_its_line(store).await;
    pages_are_as_they_were_asked_for(store).await;
    bodies_bound_what_is_given_at_once(store).await;
    what_has_arrived_is_forgotten_after_a_while(store).await;
}

/// A delivery made at [`at`]`(seconds)`.
#[must_use]
pub fn delivery(id: &str, destination: &str, profile: Option<&str>, seconds: i64) -> Delivery {
    Delivery {
        id: id.to_owned(),
        destination: destination.to_owned(),
        event_id: Some(format!("{id}-event")),
        profile_id: profile.map(str::to_owned),
        debug: false,
        body: serde_json::value::to_raw_value(&json!({"data": {"id": id}, "changes": []})).unwrap(),
        at: at(seconds),
    }
}

async fn join(store: &impl Documents, deliveries: Vec<Delivery>) {
    let deliveries = deliveries.into_iter().map(|delivery| (PRODUCTION, delivery)).collect();
    assert!(commit(store, Batch { deliveries, ..Batch::default() }).await.unwrap().is_stored());
}

/// Number, id and failed attempts of what is due.
async fn due(store: &impl Outbox, destination: &str, now: Timestamp) -> Vec<(i64, String, u32)> {
    let due = store.due(PRODUCTION, destination, now, 100).await.unwrap();
    due.into_iter().map(|due| (due.seq, due.delivery.id, due.attempts)).collect()
}

async fn ids(store: &impl Outbox, destination: &str, now: Timestamp) -> Vec<String> {
    due(store, destination, now).await.into_iter().map(|(_, id, _)| id).collect()
}

/// What becomes of a delivery that is due.
async fn settle(store: &impl Outbox, destination: &str, id: &str, now: Timestamp, outcome: Settled) {
    let due = due(store, destination, now).await;
    let found = due.iter().find(|(_, found, _)| found == id);
    assert!(found.is_some(), "{id} in {due:?}");
    store.settle(now, vec![(found.unwrap().0, outcome)]).await.unwrap();
}

async fn page(store: &impl Outbox, wanted: Deliveries) -> DeliveryPage {
    store.deliveries(PRODUCTION, &Deliveries { limit: 100, ..wanted }).await.unwrap()
}

async fn of_destination(store: &impl Outbox, destination: &str) -> Value {
    let wanted = Deliveries { destination: Some(destination.to_owned()), ..Deliveries::default() };
    serde_json::to_value(page(store, wanted).await).unwrap()
}

/// How many wait again, at how many destinations.
fn replayed(replayed: Result<BTreeMap<String, u64>, StoreError>) -> u64 {
    let replayed = replayed.unwrap();
    assert!(replayed.len() <= 1, "these are of one destination: {replayed:?}");
    replayed.values().sum()
}

fn dead(error: &str) -> Settled {
    Settled::Dead { error: error.to_owned() }
}

fn later(due: Timestamp) -> Settled {
    Settled::Later { due, error: "not now".to_owned() }
}

async fn waiting(store: &impl Outbox, destination: &str) -> Option<(u64, Timestamp)> {
    let queues = store.waiting().await.unwrap();
    let queue = queues.into_iter().find(|queue| queue.context == PRODUCTION && queue.destination == destination);
    queue.map(|queue| (queue.waiting, queue.due))
}

async fn an_empty_outbox_has_nothing(store: &impl Outbox) {
    assert_eq!(store.waiting().await.unwrap(), []);
    assert!(ids(store, "none", at(0)).await.is_empty());
    store.settle(at(0), Vec::new()).await.unwrap();
    store.settle(at(0), vec![(1, Settled::Delivered)]).await.unwrap();
    assert_eq!(of_destination(store, "none").await, json!({"total": 0, "result": []}));
}

async fn what_joins_is_due_once(store: &(impl Documents + Outbox)) {
    join(store, vec![Delivery { debug: true, ..delivery("once", "once", Some("p"), 5) }]).await;
    assert!(ids(store, "once", at(4)).await.is_empty(), "not before its time");
    let due = store.due(PRODUCTION, "once", at(5), 10).await.unwrap();
    let sent = &due[0].delivery;
    assert_eq!((sent.id.as_str(), sent.destination.as_str(), sent.debug, sent.at), ("once", "once", true, at(5)));
    assert_eq!((sent.event_id.as_deref(), sent.profile_id.as_deref()), (Some("once-event"), Some("p")));
    assert_eq!(sent.body.get(), r#"{"data":{"id":"once"},"changes":[]}"#);
    assert_eq!(ids(store, "once", at(6)).await, ["once"], "until it is settled");
    settle(store, "once", "once", at(7), Settled::Delivered).await;
    assert!(ids(store, "once", at(8)).await.is_empty());
    // The same again, as when an answer was lost: it is known.
    join(store, vec![delivery("once", "once", Some("p"), 9)]).await;
    assert!(ids(store, "once", at(10)).await.is_empty());
    assert_eq!(waiting(store, "once").await, None);
    let told = of_destination(store, "once").await;
    let expected = json!({"total": 1, "result": [{
        "id": "once", "destination": "once", "event": "once-event", "profile": "p", "state": "delivered",
        "attempts": 1, "error": null, "at": tracardi_model::time::format(at(5)),
        "due": tracardi_model::time::format(at(5)), "settled_at": tracardi_model::time::format(at(7)), "body": null,
    }]});
    assert_eq!(told, expected);
}

async fn a_delivery_joins_with_its_batch_or_not_at_all(store: &(impl Documents + Outbox)) {
    let with = |id: &str| Batch {
        deliveries: vec![(PRODUCTION, delivery(id, "whole", None, 0))],
        ..batch(vec![event("outbox-event", "a", 0)], Vec::new(), Vec::new())
    };
    assert!(commit(store, with("w1")).await.unwrap().is_stored());
    assert_eq!(commit(store, with("w2")).await.unwrap(), Committed::EventExists);
    assert_eq!(ids(store, "whole", at(9)).await, ["w1"]);
}

async fn contexts_and_destinations_have_their_own(store: &(impl Documents + Outbox)) {
    let deliveries = vec![
        (PRODUCTION, delivery("own", "own-a", Some("p"), 1)),
        (Context::Staging, delivery("own", "own-a", Some("p"), 2)),
        (PRODUCTION, delivery("own-b", "own-b", Some("p"), 3)),
    ];
    commit(store, Batch { deliveries, ..Batch::default() }).await.unwrap();
    let queues = store.waiting().await.unwrap();
    let own: Vec<&Queue> = queues.iter().filter(|queue| queue.destination.starts_with("own-")).collect();
    let told: Vec<_> = own.iter().map(|q| (q.context, q.destination.as_str(), q.waiting, q.due)).collect();
    let (production, staging) = (PRODUCTION, Context::Staging);
    assert_eq!(told, [(production, "own-a", 1, at(1)), (production, "own-b", 1, at(3)), (staging, "own-a", 1, at(2))]);
    settle(store, "own-a", "own", at(9), Settled::Delivered).await;
    assert_eq!(store.due(Context::Staging, "own-a", at(9), 10).await.unwrap().len(), 1);
    assert_eq!(ids(store, "own-b", at(9)).await, ["own-b"]);
}

async fn only_the_first_of_a_line_is_due(store: &(impl Documents + Outbox)) {
    let made = [("l1", Some("p")), ("l2", Some("q")), ("l3", Some("p")), ("l4", None), ("l5", None), ("l6", Some("p"))];
    for (second, (id, profile)) in (0..).zip(made) {
        join(store, vec![delivery(id, "line", profile, second)]).await;
    }
    assert_eq!(waiting(store, "line").await, Some((6, at(0))));
    assert_eq!(ids(store, "line", at(9)).await, ["l1", "l2", "l4", "l5"]);
    assert_eq!(store.due(PRODUCTION, "line", at(9), 2).await.unwrap().len(), 2, "no more than asked for");
    let all: Vec<_> = due(store, "line", at(9)).await.iter().map(|(seq, ..)| (*seq, Settled::Delivered)).collect();
    store.settle(at(9), all).await.unwrap();
    assert_eq!(ids(store, "line", at(9)).await, ["l3"]);
    settle(store, "line", "l3", at(9), dead("no")).await;
    assert_eq!(ids(store, "line", at(9)).await, ["l6"], "one that was given up holds nobody back");
    assert_eq!(waiting(store, "line").await, Some((1, at(5))));
    // Several that join at once stand in their order as well.
    join(store, (0..40).map(|n| delivery(&format!("many-{n}"), "many", Some("p"), 0)).collect()).await;
    for n in 0..40 {
        let id = format!("many-{n}");
        assert_eq!(ids(store, "many", at(0)).await, [id.as_str()]);
        settle(store, "many", &id, at(0), Settled::Delivered).await;
    }
}

async fn an_attempt_that_failed_holds_back_its_line_only(store: &(impl Documents + Outbox)) {
    let made = [("r1", "p"), ("r2", "p"), ("r3", "q")];
    join(store, made.map(|(id, profile)| delivery(id, "retry", Some(profile), 0)).to_vec()).await;
    settle(store, "retry", "r1", at(1), later(at(60))).await;
    settle(store, "retry", "r3", at(1), Settled::Delivered).await;
    assert!(ids(store, "retry", at(59)).await.is_empty());
    assert_eq!(waiting(store, "retry").await, Some((2, at(60))), "one does not wake for what cannot be sent");
    join(store, vec![delivery("r4", "retry", Some("p"), 30), delivery("r5", "retry", Some("q"), 30)]).await;
    assert_eq!(ids(store, "retry", at(59)).await, ["r5"]);
    let told = of_destination(store, "retry").await;
    let first = told["result"].as_array().unwrap().iter().find(|told| told["id"] == "r1").unwrap();
    assert_eq!(
        (&first["state"], &first["attempts"], &first["error"]),
        (&"waiting".into(), &1.into(), &"not now".into())
    );
    settle(store, "retry", "r5", at(59), Settled::Delivered).await;
    assert_eq!(due(store, "retry", at(60)).await[0].2, 1);
    for id in ["r1", "r2", "r4"] {
        settle(store, "retry", id, at(61), Settled::Delivered).await;
    }
    assert_eq!(waiting(store, "retry").await, None);
}

async fn the_dead_are_replayed_or_discarded(store: &(impl Documents + Outbox)) {
    let made = ["d1", "d2", "d3", "d4"];
    join(store, made.map(|id| delivery(id, "dead", None, 0)).to_vec()).await;
    settle(store, "dead", "d1", at(1), later(at(2))).await;
    for id in ["d1", "d2", "d3"] {
        settle(store, "dead", id, at(3), dead("it says 400")).await;
    }
    assert_eq!(waiting(store, "dead").await, Some((1, at(0))));
    let told = page(
        store,
        Deliveries { destination: Some("dead".to_owned()), state: Some(State::Dead), ..Deliveries::default() },
    )
    .await;
    let told: Vec<_> = told.result.iter().map(|told| (told.id.as_str(), told.attempts, told.body.is_some())).collect();
    assert_eq!(told, [("d3", 1, true), ("d2", 1, true), ("d1", 2, true)]);

    let these = |ids: &[&str]| Chosen::Ids(ids.iter().map(ToString::to_string).collect());
    assert_eq!(replayed(store.replay(PRODUCTION, &these(&["d4", "none"]), at(4), 9).await), 0, "d4 is not dead");
    assert_eq!(replayed(store.replay(Context::Staging, &these(&["d1"]), at(4), 9).await), 0);
    assert_eq!(replayed(store.replay(PRODUCTION, &these(&["d1", "d4"]), at(4), 9).await), 1);
    assert_eq!(
        due(store, "dead", at(4)).await.iter().map(|(_, id, n)| (id.as_str(), *n)).collect::<Vec<_>>(),
        [("d4", 0), ("d1", 0)]
    );
    assert_eq!(store.discard(PRODUCTION, &these(&["d2", "d4"]), 9).await.unwrap(), 1);
    let all = Chosen::Destination("dead".to_owned());
    assert_eq!(replayed(store.replay(PRODUCTION, &all, at(5), 9).await), 1);
    for id in ["d1", "d3", "d4"] {
        settle(store, "dead", id, at(6), dead("again")).await;
    }
    assert_eq!(store.discard(PRODUCTION, &all, 2).await.unwrap(), 2, "no more than asked for");
    assert_eq!(of_destination(store, "dead").await["result"][0]["id"], "d4", "the oldest first");
    assert_eq!(store.discard(PRODUCTION, &all, 2).await.unwrap(), 1);
    assert_eq!(of_destination(store, "dead").await["total"], 0);
    assert_eq!(waiting(store, "dead").await, None);
}

async fn what_is_replayed_joins_its_line(store: &(impl Documents + Outbox)) {
    join(store, ["q1", "q2", "q3", "q4"].map(|id| delivery(id, "again", Some("p"), 0)).to_vec()).await;
    settle(store, "again", "q1", at(1), dead("no")).await;
    settle(store, "again", "q2", at(1), dead("no")).await;
    let all = Chosen::Destination("again".to_owned());
    assert_eq!(replayed(store.replay(PRODUCTION, &all, at(2), 9).await), 2);
    for id in ["q3", "q1", "q2", "q4"] {
        assert_eq!(ids(store, "again", at(3)).await, [id], "one at a time");
        settle(store, "again", id, at(3), Settled::Delivered).await;
    }
    assert_eq!(waiting(store, "again").await, None);
}

async fn pages_are_as_they_were_asked_for(store: &(impl Documents + Outbox)) {
    let made = (0..7).map(|n| delivery(&format!("g{n}"), "page", Some(if n < 5 { "page-p" } else { "page-q" }), 0));
    join(store, made.collect()).await;
    settle(store, "page", "g0", at(1), Settled::Delivered).await;
    settle(store, "page", "g5", at(1), dead("no")).await;
    let destination = || Some("page".to_owned());
    let told = async |wanted: Deliveries| {
        let page = store.deliveries(PRODUCTION, &wanted).await.unwrap();
        (page.total, page.result.iter().map(|told| told.id.clone()).collect::<Vec<_>>().join(" "))
    };
    let base = Deliveries { limit: 3, ..Deliveries::default() };
    assert_eq!(told(Deliveries { destination: destination(), ..base.clone() }).await, (7, "g6 g5 g4".to_owned()));
    let next = Deliveries { destination: destination(), start: 6, ..base.clone() };
    assert_eq!(told(next).await, (7, "g0".to_owned()));
    let profile = Deliveries { profile: Some("page-p".to_owned()), ..base.clone() };
    assert_eq!(told(profile.clone()).await, (5, "g4 g3 g2".to_owned()));
    let state = Deliveries { state: Some(State::Waiting), start: 3, ..profile };
    assert_eq!(told(state).await, (4, "g1".to_owned()));
    let event = Deliveries { event: Some("g5-event".to_owned()), ..base.clone() };
    assert_eq!(told(event).await, (1, "g5".to_owned()));
    let dead = Deliveries { destination: destination(), state: Some(State::Dead), ..base.clone() };
    assert_eq!(told(dead).await, (1, "g5".to_owned()));
    let arrived = Deliveries { destination: destination(), state: Some(State::Delivered), ..base.clone() };
    assert_eq!(told(arrived).await, (1, "g0".to_owned()));
    assert_eq!(told(Deliveries { destination: destination(), limit: 0, ..base }).await, (7, String::new()));
}

async fn bodies_bound_what_is_given_at_once(store: &(impl Documents + Outbox)) {
    let text = "x".repeat(usize::try_from(PAGE_BYTES * 2 / 5).unwrap());
    let body = serde_json::value::to_raw_value(&text).unwrap();
    let large = |n: u32| Delivery { body: body.clone(), ..delivery(&format!("big-{n}"), "big", None, 0) };
    join(store, (0..3).map(large).collect()).await;
    assert_eq!(ids(store, "big", at(1)).await, ["big-0", "big-1"]);
    let told = of_destination(store, "big").await;
    assert_eq!((&told["total"], told["result"].as_array().unwrap().len()), (&3.into(), 2));
}

async fn what_has_arrived_is_forgotten_after_a_while(store: &(impl Documents + Outbox)) {
    join(store, ["f1", "f2", "f3"].map(|id| delivery(id, "forget", None, 0)).to_vec()).await;
    settle(store, "forget", "f1", at(1), Settled::Delivered).await;
    settle(store, "forget", "f2", at(1), dead("no")).await;
    let after = at(2).checked_add(DELIVERED_LIFE).unwrap();
    // Whatever else has arrived meanwhile is older: enough attempts to forget all of it.
    for _ in 0..60 {
        settle(store, "forget", "f3", after, later(after)).await;
    }
    let told = of_destination(store, "forget").await;
    let left: Vec<_> = told["result"].as_array().unwrap().iter().map(|told| told["id"].clone()).collect();
    assert_eq!(left, ["f3", "f2"], "the dead stay");
}
