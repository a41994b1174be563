//! What a server says no to, in one line that names the setting and what to do.

use tracardi_model::{Context, Tenant};
use tracardi_mysql::{Mysql, MysqlSettings};
use tracardi_process::{Endpoint, Secret};
use tracardi_servers::{Kind, Login, Options};
use tracardi_store::conformance::configuration::source;
use tracardi_store::conformance::outbox::delivery;
use tracardi_store::conformance::samples::at;
use tracardi_store::{Configuration as _, Deposit as _, Outbox as _, StoreError};

use crate::common::{KEYS, SERVER, database, fresh, open, root, run, settings};

const CONTEXT: Context = Context::Production;

/// Why it cannot be opened; the password is not told.
async fn refused(settings: MysqlSettings) -> String {
    let error = Mysql::open(settings, KEYS, None).await.unwrap_err();
    assert!(error.passes(), "may be mended without us: {error}");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("geheim"), "{text}");
    text
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

fn with(settings: &MysqlSettings, change: impl FnOnce(&mut MysqlSettings)) -> MysqlSettings {
    let mut settings = settings.clone();
    change(&mut settings);
    settings
}

fn as_user(name: &str, password: &str) -> impl FnOnce(&mut MysqlSettings) {
    let (name, password) = (name.to_owned(), Secret::new(password));
    move |settings| {
        settings.endpoint.username = Some(name);
        settings.endpoint.password = Some(password);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_what_is_missing() {
    let own = fresh().await;
    let base = &own.database;
    let mut connection = root(&SERVER, base).await;
    let statements = format!(
        "CREATE USER refused_none@'%' IDENTIFIED BY 'geheim'; CREATE USER refused_poor@'%' IDENTIFIED BY 'geheim'; \
         CREATE USER refused_rich@'%' IDENTIFIED BY 'geheim'; \
         GRANT SELECT ON {base}.* TO refused_poor@'%'; GRANT ALL ON {base}.* TO refused_rich@'%'"
    );
    run(&mut connection, &statements).await;
    let wrong = refused(with(&own, as_user("refused_rich", "geheimer"))).await;
    says(&wrong, &["mysql.username", "mysql.password", "refused_rich", &SERVER.address().to_string()]);
    says(&refused(with(&own, as_user("nobody", "geheim"))).await, &["mysql.username", "nobody"]);
    says(
        &refused(with(&own, as_user("refused_none", "geheim"))).await,
        &["mysql.database", "GRANT ALL", "refused_none"],
    );
    says(&refused(with(&own, as_user("refused_poor", "geheim"))).await, &["GRANT ALL", "CREATE", "refused_poor"]);
    let nowhere = with(&own, |settings| settings.database = "nowhere".to_owned());
    says(&refused(nowhere).await, &["mysql.database", "CREATE DATABASE nowhere"]);
    // Who may do everything in one database needs nothing more.
    let store = open(&with(&own, as_user("refused_rich", "geheim"))).await;
    store.save_event_source(CONTEXT, &source("a")).await.unwrap();
    store.deposit(vec![(CONTEXT, delivery("x", "d", Some("p"), 0))]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_such_server_is_told() {
    let redis = Kind::Redis.start().unwrap();
    says(&refused(settings(&redis.address().to_string(), "tracardi")).await, &["mysql.url", "something else"]);
    let address = redis.address().to_string();
    drop(redis);
    says(&refused(settings(&address, "tracardi")).await, &["mysql.url", "refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_as_it_is_wanted() {
    let options = Options { tls: true, login: Some(Login::new("shop", "geheim")), ..Options::default() };
    let server = Kind::MariaDb.start_with(&options).unwrap();
    let endpoint = |scheme: &str, authority: Option<&str>| Endpoint {
        username: Some("shop".to_owned()),
        password: Some(Secret::new("geheim")),
        authority: authority.map(str::to_owned),
        ..Endpoint::new(format!("{scheme}://{}", server.address()))
    };
    let at = |endpoint: Endpoint| MysqlSettings::new(endpoint, "tracardi", Tenant::only());
    open(&at(endpoint("mysqls", server.authority()))).await;
    open(&at(endpoint("mysql", server.authority()))).await;
    says(&refused(at(endpoint("mysql", None))).await, &["mysqls://", "mysql.authority"]);
    says(&refused(at(endpoint("mysqls", None))).await, &["certificate", "mysql.authority"]);
    let other = Kind::Redis.start_with(&Options { tls: true, ..Options::default() }).unwrap();
    says(&refused(at(endpoint("mysqls", other.authority()))).await, &["certificate", "mysql.authority"]);
    let plain = with(&settings(&SERVER.address().to_string(), "tracardi"), |settings| {
        settings.endpoint.url = settings.endpoint.url.replace("mysql:", "mysqls:");
    });
    says(&refused(plain).await, &["no encryption", "mysql.url"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_are_as_long_as_the_server_likes() {
    let server = Kind::MariaDb.start_with(&Options { largest_message: Some(1 << 20), ..Options::default() }).unwrap();
    let store = open(&settings(&server.address().to_string(), "tracardi")).await;
    let of = |id: &str, bytes: usize| {
        let body = serde_json::value::to_raw_value(&"\"".repeat(bytes / 2)).unwrap();
        (CONTEXT, tracardi_model::Delivery { body, ..delivery(id, "d", None, 0) })
    };
    let many: Vec<_> = (0..40).map(|number| of(&format!("m{number}"), 100_000)).collect();
    store.deposit(many).await.unwrap();
    assert_eq!(store.due(CONTEXT, "d", at(1), 100).await.unwrap().len(), 40);
    let error = store.deposit(vec![of("long", 2 << 20)]).await.unwrap_err().to_string();
    says(&error, &["max_allowed_packet"]);
    assert_eq!(store.waiting().await.unwrap()[0].waiting, 40, "nothing of it was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_write_is_told() {
    let server = Kind::MariaDb.start().unwrap();
    let base = database(&server).await;
    let own = settings(&server.address().to_string(), &base);
    let mut connection = root(&server, &base).await;
    run(&mut connection, &format!("CREATE USER app@'%' IDENTIFIED BY 'geheim'; GRANT ALL ON {base}.* TO app@'%'"))
        .await;
    let store = open(&with(&own, as_user("app", "geheim"))).await;
    run(&mut connection, "SET GLOBAL read_only = 1").await;
    let error = store.save_event_source(CONTEXT, &source("a")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)) && error.passes());
    says(&error.to_string(), &["read-only", "mysql.url"]);
    run(&mut connection, "SET GLOBAL read_only = 0").await;
    store.save_event_source(CONTEXT, &source("a")).await.unwrap();
}
