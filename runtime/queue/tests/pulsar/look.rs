//! A look at brokers as they are, and as they should not be.

use std::time::Duration;

use reqwest::Method;
use tracardi_process::Secret;
use tracardi_queue::pulsar::{PulsarSettings, look};
use tracardi_servers::{Fault, Kind, Login, Options, Proxy};

use super::common::{administer, broker, settings};

const PATIENCE: Duration = Duration::from_secs(10);

/// Why it cannot be used.
async fn refused(PulsarSettings { broker, admin, .. }: &PulsarSettings, namespace: &str, words: &[&str]) {
    let told = look(broker, admin, namespace, PATIENCE).await.unwrap_err().to_string();
    let whole = words.iter().all(|word| told.contains(word));
    assert!(whole && !told.contains('\n') && !told.contains("geheim"), "{words:?} in {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_makes_nothing() {
    let server = broker(&Options::default());
    let right = settings(&server);
    let seen = look(&right.broker, &right.admin, "public/default", PATIENCE).await.unwrap();
    assert!(seen.to_string().starts_with("Pulsar 4."), "{seen:?}");
    assert!(seen.warnings.len() == 1 && seen.warnings[0].contains("set-persistence"), "{seen:?}");
    let seen = look(&right.broker, &right.admin, "public/shop", PATIENCE).await.unwrap();
    assert!(seen.warnings.len() == 1 && seen.warnings[0].contains("namespaces create public/shop"), "{seen:?}");
    refused(&right, "nobody/default", &["no tenant \"nobody\"", "tenants create"]).await;
    refused(&right, "default", &["tenant/namespace"]).await;
    for path in ["namespaces/public", "persistent/public/default", "persistent/public/default/partitioned"] {
        let made = administer(&server, Method::GET, path, "").await.1;
        assert!(!made.contains("look") && !made.contains("shop"), "{path}: {made}");
    }

    let redis = Kind::Redis.start().unwrap();
    let way = Proxy::to(redis.address()).unwrap();
    let mut elsewhere = right.clone();
    elsewhere.broker.url = format!("pulsar://{}", way.address());
    refused(&elsewhere, "public/default", &["no Pulsar broker"]).await;
    way.close();
    refused(&elsewhere, "public/default", &["broker", "cannot be reached"]).await;
    way.open().unwrap();
    way.set(Fault::Blackhole);
    refused(&elsewhere, "public/default", &["does not answer"]).await;
    let mut elsewhere = right;
    elsewhere.admin.url = format!("http://{}", redis.address());
    refused(&elsewhere, "public/default", &["admin API"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_and_whom_we_do_not_believe() {
    let login = Login::new("shop", "geheim1");
    let server = broker(&Options { login: Some(login.clone()), tls: true, ..Options::default() });
    let other = Kind::Redis.start_with(&Options { tls: true, ..Options::default() }).unwrap();
    let right = settings(&server);
    let with = |change: &dyn Fn(&mut PulsarSettings)| {
        let mut settings = right.clone();
        change(&mut settings);
        settings
    };
    look(&right.broker, &right.admin, "public/default", PATIENCE).await.unwrap();
    let wrong = || Some(Secret::new("geheim.geheim.geheim"));
    refused(&with(&|it| it.broker.token = wrong()), "public/default", &["broker's token"]).await;
    refused(&with(&|it| it.admin.token = wrong()), "public/default", &["admin API's token"]).await;
    let authority = other.authority().map(str::to_owned);
    refused(&with(&|it| it.broker.authority.clone_from(&authority)), "public/default", &["broker's authority"]).await;
    refused(&with(&|it| it.admin.authority.clone_from(&authority)), "public/default", &["admin API's authority"]).await;
    // Who may use the namespace may look at it; who may not is told.
    let stranger = with(&|it| {
        it.broker.token = Some(Secret::new(login.token("stranger")));
        it.admin.token = it.broker.token.clone();
    });
    refused(&stranger, "public/default", &["no right", "grant-permission public/default"]).await;
    let grant = "namespaces/public/default/permissions/stranger";
    let granted = administer(&server, Method::POST, grant, r#"["produce","consume"]"#).await;
    assert!(granted.0 < 300, "{granted:?}");
    look(&stranger.broker, &stranger.admin, "public/default", PATIENCE).await.unwrap();
}
