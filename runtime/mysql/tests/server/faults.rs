//! The server dies while many write.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracardi_model::Context;
use tracardi_mysql::Mysql;
use tracardi_servers::Kind;
use tracardi_store::conformance::configuration::source;
use tracardi_store::conformance::outbox::delivery;
use tracardi_store::conformance::samples::at;
use tracardi_store::{Configuration as _, Deliveries, Deposit as _, Outbox as _, Settled, State};

use crate::common::{database, open, settings, until};

const CONTEXT: Context = Context::Production;
/// Batches of each depositor.
const BATCHES: usize = 40;

/// Deposits batch after batch, each until it is acknowledged; settles some of what is due on the way.
async fn work(store: &Mysql, who: usize, done: &AtomicUsize, saved: &Mutex<Vec<String>>) {
    for number in 0..BATCHES {
        let made = (0..5).map(|n| delivery(&format!("{who}-{number}-{n}"), "d", Some(&format!("p{who}")), 0));
        let batch: Vec<_> = made.map(|delivery| (CONTEXT, delivery)).collect();
        until(async || store.deposit(batch.clone()).await).await;
        let id = format!("s{who}-{number}");
        if store.save_event_source(CONTEXT, &source(&id)).await.is_ok() {
            saved.lock().unwrap().push(id);
        }
        if let Ok(due) = store.due(CONTEXT, "d", at(1), 2).await {
            let outcomes = due.into_iter().map(|due| (due.seq, Settled::Delivered)).collect();
            let _ = store.settle(at(1), outcomes).await;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let mut server = Kind::MariaDb.start().unwrap();
    let own = settings(&server.address().to_string(), &database(&server).await);
    let store = open(&own).await;
    let (done, saved) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let killer = async {
        for share in 1..4 {
            while done.load(Ordering::Relaxed) < share * BATCHES {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            server.kill();
            // The others go on against a server that is not there.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            tokio::task::block_in_place(|| server.restart().unwrap());
        }
    };
    let workers = futures::future::join_all((0..4).map(|who| work(&store, who, &done, &saved)));
    tokio::join!(killer, workers);
    let all = store.deliveries(CONTEXT, &Deliveries::default()).await.unwrap().total;
    assert_eq!(all, 4 * 5 * BATCHES as u64, "all are there, each once");
    // The numbers and the lines are as they should be: everything can be sent.
    let of = async |state| {
        let wanted = Deliveries { state: Some(state), ..Deliveries::default() };
        store.deliveries(CONTEXT, &wanted).await.unwrap().total
    };
    let waiting = of(State::Waiting).await;
    assert_eq!(store.waiting().await.unwrap().first().map_or(0, |queue| queue.waiting), waiting);
    for _ in 0..waiting {
        let due = store.due(CONTEXT, "d", at(2), 100).await.unwrap();
        if due.is_empty() {
            break;
        }
        let outcomes = due.into_iter().map(|due| (due.seq, Settled::Delivered)).collect();
        store.settle(at(2), outcomes).await.unwrap();
    }
    assert_eq!((of(State::Waiting).await, of(State::Delivered).await), (0, all));
    let fresh = open(&own).await;
    let snapshot = fresh.watch().borrow().clone();
    let saved = saved.into_inner().unwrap();
    assert!(!saved.is_empty());
    for id in saved {
        assert!(snapshot.event_source(CONTEXT, &id).is_some(), "{id}");
    }
}
