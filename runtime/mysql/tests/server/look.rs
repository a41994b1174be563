//! A look at servers as they are, and as they should not be.

use std::time::Duration;

use sqlx::query_scalar;
use tracardi_mysql::look;
use tracardi_process::{Endpoint, Secret};
use tracardi_servers::{Fault, Kind, Login, Options, Proxy};

use crate::common::{SERVER, fresh, root, run};

const PATIENCE: Duration = Duration::from_secs(20);

async fn refused(endpoint: &Endpoint, database: &str, parts: &[&str]) {
    let error = look(endpoint, database, PATIENCE).await.unwrap_err().to_string();
    let whole = parts.iter().all(|part| error.contains(part));
    assert!(whole && !error.contains('\n') && !error.contains("geheim"), "{parts:?} in {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_makes_nothing() {
    let own = fresh().await;
    let seen = look(&own.endpoint, &own.database, PATIENCE).await.unwrap();
    assert!(seen.product == "MariaDB" && seen.version.starts_with("10.") && seen.warnings.is_empty(), "{seen:?}");
    let tables =
        query_scalar::<_, i64>("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()");
    assert_eq!(tables.fetch_one(&mut root(&SERVER, &own.database).await).await.unwrap(), 0);
    refused(&own.endpoint, "nowhere", &["mysql.database", "CREATE DATABASE nowhere"]).await;
    refused(&own.endpoint, "", &["mysql.database"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_and_whom_we_do_not_believe() {
    let options = Options { tls: true, login: Some(Login::new("shop", "geheim")), ..Options::default() };
    let server = Kind::MariaDb.start_with(&options).unwrap();
    let other = Kind::Redis.start_with(&Options { tls: true, ..Options::default() }).unwrap();
    let right = Endpoint {
        username: Some("shop".to_owned()),
        password: Some(Secret::new("geheim")),
        authority: server.authority().map(str::to_owned),
        ..Endpoint::new(format!("mysqls://{}", server.address()))
    };
    look(&right, "tracardi", PATIENCE).await.unwrap();
    let wrong = Endpoint { password: Some(Secret::new("geheimer")), ..right.clone() };
    refused(&wrong, "tracardi", &["mysql.username", "mysql.password"]).await;
    let stranger = Endpoint { authority: other.authority().map(str::to_owned), ..right };
    refused(&stranger, "tracardi", &["certificate", "mysql.authority"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_somebody_else_and_silence() {
    let redis = Kind::Redis.start().unwrap();
    let way = Proxy::to(redis.address()).unwrap();
    let there = Endpoint::new(format!("mysql://{}", way.address()));
    let error = look(&there, "tracardi", Duration::from_secs(1)).await.unwrap_err().to_string();
    assert!(error.contains("something else listens there") && error.contains("mysql.url"), "{error}");
    way.close();
    refused(&there, "tracardi", &["mysql.url"]).await;
    way.open().unwrap();
    way.set(Fault::Blackhole);
    let error = look(&there, "tracardi", Duration::from_secs(1)).await.unwrap_err().to_string();
    assert!(error.contains("within 1 s") && error.contains("mysql.url"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_write_is_warned_of() {
    let server = Kind::MariaDb.start().unwrap();
    run(&mut root(&server, "tracardi").await, "SET GLOBAL read_only = 1").await;
    let endpoint =
        Endpoint { username: Some("root".to_owned()), ..Endpoint::new(format!("mysql://{}", server.address())) };
    let seen = look(&endpoint, "tracardi", PATIENCE).await.unwrap();
    assert!(seen.warnings.len() == 1 && seen.warnings[0].contains("mysql.url"), "{seen:?}");
}
