//! Several processes see one another's changes.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::Notify;
use tracardi_model::configuration::Kind as RecordKind;
use tracardi_model::{Context, Tenant};
use tracardi_mysql::{Herald, Mysql};
use tracardi_servers::{Kind, Proxy};
use tracardi_store::conformance::configuration::{resource, source};
use tracardi_store::{Configuration, ConfigurationSnapshot, StoredRecord};

use crate::common::{KEYS, SERVER, database, fresh, open, root, run, settings};

const CONTEXT: Context = Context::Production;

/// The other process's snapshot, as soon as it is as wanted; its `follow` runs meanwhile.
async fn seen(other: &Mysql, wanted: impl Fn(&ConfigurationSnapshot) -> bool) -> Arc<ConfigurationSnapshot> {
    let mut watch = other.watch();
    tokio::select! {
        () = other.follow() => unreachable!("it never ends"),
        seen = watch.wait_for(|snapshot| wanted(snapshot)) => seen.unwrap().clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_seen_by_the_others() {
    let own = fresh().await;
    let (one, other) = (open(&own).await, open(&own).await);
    one.save_event_source(CONTEXT, &source("a")).await.unwrap();
    one.save_record(&resource("r", "secret")).await.unwrap();
    let snapshot = seen(&other, |snapshot| snapshot.record(CONTEXT, RecordKind::Resource, "r").is_some()).await;
    assert_eq!(**snapshot.event_source(CONTEXT, "a").unwrap(), source("a"));
    assert_eq!(snapshot.record(CONTEXT, RecordKind::Resource, "r"), Some(&resource("r", "secret").document));
    // Both change something; each sees the sum.
    other.save_event_source(CONTEXT, &source("b")).await.unwrap();
    assert!(one.delete_record(CONTEXT, RecordKind::Resource, "r").await.unwrap());
    assert!(!other.delete_record(CONTEXT, RecordKind::Resource, "r").await.unwrap(), "it is gone already");
    let gone = |snapshot: &ConfigurationSnapshot| {
        snapshot.record(CONTEXT, RecordKind::Resource, "r").is_none() && snapshot.event_source(CONTEXT, "b").is_some()
    };
    seen(&one, gone).await;
    seen(&other, gone).await;
    assert!(one.trouble().is_none());
    // What one has no secret of stands in no column.
    let mut connection = root(&SERVER, &own.database).await;
    let clear: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM configuration WHERE document LIKE '%secret%'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(clear, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_for_long_reads_everything_and_what_is_deleted_is_forgotten_in_time() {
    let own = fresh().await;
    let (one, other) = (open(&own).await, open(&own).await);
    let record = |id: &str| StoredRecord {
        context: CONTEXT,
        kind: RecordKind::Redirect,
        id: id.to_owned(),
        document: Arc::new(json!({"id": id, "name": id})),
    };
    one.save_record(&record("first")).await.unwrap();
    seen(&other, |snapshot| snapshot.count(CONTEXT, RecordKind::Redirect) == 1).await;
    assert!(one.delete_record(CONTEXT, RecordKind::Redirect, "first").await.unwrap());
    // So many changes that nobody is told of this one any more.
    let mut connection = root(&SERVER, &own.database).await;
    run(&mut connection, "UPDATE tenant SET revision = revision + 20000").await;
    one.save_record(&record("second")).await.unwrap();
    assert!(one.delete_record(CONTEXT, RecordKind::Redirect, "second").await.unwrap());
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM configuration").fetch_one(&mut connection).await.unwrap();
    assert_eq!(rows, 1, "the later one is remembered");
    seen(&other, |snapshot| snapshot.count(CONTEXT, RecordKind::Redirect) == 0).await;
    // From a backup: as it was.
    run(&mut connection, "UPDATE tenant SET revision = 1; DELETE FROM configuration").await;
    one.save_record(&record("third")).await.unwrap();
    seen(&other, |snapshot| snapshot.record(CONTEXT, RecordKind::Redirect, "third").is_some()).await;
}

/// Tells within this process.
#[derive(Debug, Default)]
struct Shout(Notify);

#[async_trait]
impl Herald for Shout {
    async fn tell(&self, _: &Tenant) {
        self.0.notify_one();
    }

    async fn told(&self, _: &Tenant) {
        self.0.notified().await;
    }
}

/// The time stands still but for the herald.
#[tokio::test]
async fn who_is_told_sees_it_without_waiting() {
    let own = fresh().await;
    let herald = Arc::new(Shout::default());
    let one = Mysql::open(own.clone(), KEYS, Some(herald.clone())).await.unwrap();
    let other = Mysql::open(own, KEYS, Some(herald)).await.unwrap();
    for number in 0..20 {
        let id = format!("s{number}");
        one.save_event_source(CONTEXT, &source(&id)).await.unwrap();
        seen(&other, |snapshot| snapshot.event_source(CONTEXT, &id).is_some()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_leaves_the_last_snapshot_and_passes() {
    let mut server = Kind::MariaDb.start().unwrap();
    let own = settings(&server.address().to_string(), &database(&server).await);
    let (one, other) = (open(&own).await, open(&own).await);
    one.save_event_source(CONTEXT, &source("a")).await.unwrap();
    seen(&other, |snapshot| snapshot.event_source(CONTEXT, "a").is_some()).await;
    server.kill();
    assert!(one.save_event_source(CONTEXT, &source("b")).await.is_err());
    let troubled = async {
        while other.trouble().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = other.follow() => {}, () = troubled => {} }
    let trouble = other.trouble().unwrap();
    assert!(trouble.contains("mysql."), "{trouble}");
    assert!(other.watch().borrow().event_source(CONTEXT, "a").is_some());
    server.restart().unwrap();
    one.save_event_source(CONTEXT, &source("b")).await.unwrap();
    seen(&other, |snapshot| snapshot.event_source(CONTEXT, "b").is_some()).await;
    let healed = async {
        while other.trouble().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = other.follow() => {}, () = healed => {} }
}

/// A connection that is cut while it waits in the pool costs nobody anything.
#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_are_replaced() {
    let proxy = Proxy::to(SERVER.address()).unwrap();
    let store = open(&settings(&proxy.address().to_string(), &database(&SERVER).await)).await;
    for number in 0..5 {
        store.save_event_source(CONTEXT, &source(&format!("s{number}"))).await.unwrap();
        proxy.cut();
    }
    assert_eq!(store.watch().borrow().event_sources(CONTEXT).count(), 5);
}
