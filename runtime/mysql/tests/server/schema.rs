//! How the tables come to be, whatever happens meanwhile.

use sqlx::{AssertSqlSafe, MySqlConnection, Row as _, query, query_scalar};
use tracardi_mysql::Mysql;
use tracardi_servers::{Fault, Proxy};
use tracardi_store::{Keys, StoreError};

use crate::common::{KEYS, SERVER, database, fresh, open, root, run, settings};

/// Every table as the server describes it.
async fn described(connection: &mut MySqlConnection) -> Vec<String> {
    let tables: Vec<String> = query_scalar("SHOW TABLES").fetch_all(&mut *connection).await.unwrap();
    let mut all = Vec::new();
    for table in tables {
        let text = format!("SHOW CREATE TABLE `{table}`");
        let row = query(AssertSqlSafe(text)).fetch_one(&mut *connection).await.unwrap();
        // Numbers given so far are no part of the schema.
        let text: String = row.get(1);
        all.push(text.split(" AUTO_INCREMENT=").next().unwrap().to_owned());
    }
    all
}

/// The connection is cut after so many bytes more each time, which is in and after each statement.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_killed_anywhere_is_repeated() {
    let whole = fresh().await;
    open(&whole).await;
    let wanted = described(&mut root(&SERVER, &whole.database).await).await;
    assert_eq!(wanted.len(), 8);
    let proxy = Proxy::to(SERVER.address()).unwrap();
    let mut sent = 100;
    let mut cuts = 0;
    loop {
        let own = settings(&proxy.address().to_string(), &database(&SERVER).await);
        proxy.script([Fault::CutAfterSent(sent)]);
        let first = Mysql::open(own.clone(), KEYS, None).await;
        if let Err(error) = &first {
            assert!(matches!(error, StoreError::Unavailable(_)), "after {sent} bytes: {error}");
            cuts += 1;
        }
        open(&own).await;
        let mut connection = root(&SERVER, &own.database).await;
        assert_eq!(described(&mut connection).await, wanted, "after {sent} bytes");
        run(&mut connection, &format!("DROP DATABASE {}", own.database)).await;
        if first.is_ok() {
            break;
        }
        sent += 150;
    }
    // The eight steps alone have more bytes.
    assert!(cuts > 20, "{cuts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_at_the_same_time_waits() {
    let own = fresh().await;
    let all = futures::future::join_all((0..6).map(|_| Mysql::open(own.clone(), KEYS, None))).await;
    for opened in all {
        opened.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_tables_and_other_keys_are_refused() {
    let own = fresh().await;
    open(&own).await;
    let other = Mysql::open(own.clone(), Keys { signing: [9; 32], ..KEYS }, None).await;
    assert!(matches!(other, Err(StoreError::WrongKey { name: "signing" })), "{other:?}");
    let other = Mysql::open(own.clone(), Keys { encryption: [9; 32], ..KEYS }, None).await;
    assert!(matches!(other, Err(StoreError::WrongKey { name: "encryption" })), "{other:?}");
    run(&mut root(&SERVER, &own.database).await, "UPDATE schema_version SET version = 99").await;
    let newer = Mysql::open(own, KEYS, None).await;
    assert!(matches!(newer, Err(StoreError::NewerSchema { found: 99, known: 8 })), "{newer:?}");
}
