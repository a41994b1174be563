//! What is wrong is said in one line that names the setting and what to do.

use std::time::Duration;

use reqwest::Method;
use tracardi_process::Secret;
use tracardi_queue::pulsar::{PulsarQueue, PulsarSettings};
use tracardi_queue::{Queue as _, QueueError, conformance};
use tracardi_servers::{Fault, Kind, Login, Options, Proxy};

use super::common::{administer, broker, settings};

/// Opening fails; whether for good, and how.
async fn refusal(settings: PulsarSettings) -> (bool, String) {
    let error = PulsarQueue::open(settings, "refused").await.map(drop).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("geheim"), "{text}");
    (matches!(error, QueueError::Refused(_)), text)
}

/// It is refused, with all of these words.
async fn refused(settings: PulsarSettings, words: &[&str]) {
    let (refused, text) = refusal(settings).await;
    assert!(refused && words.iter().all(|word| text.contains(word)), "{words:?} in {refused} {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_certificates_and_rights() {
    let login = Login::new("shop", "geheim1");
    let server = broker(&Options { login: Some(login.clone()), tls: true, ..Options::default() });
    let right = || PulsarSettings { patience: Duration::from_secs(5), ..settings(&server) };
    let with = |change: fn(&mut PulsarSettings)| {
        let mut settings = right();
        change(&mut settings);
        settings
    };
    let queue = PulsarQueue::open(right(), "encrypted").await.unwrap();
    conformance::all(&queue).await;
    let wrong = |it: &mut Option<Secret>| *it = Some(Secret::new("geheim.geheim.geheim"));
    let mut settings = right();
    wrong(&mut settings.broker.token);
    refused(settings, &["broker's token", "give one that it issued"]).await;
    let mut settings = right();
    wrong(&mut settings.admin.token);
    refused(settings, &["admin API's token", "give one that it issued"]).await;
    refused(with(|it| it.broker.token = None), &["broker's token", "none is set"]).await;
    refused(with(|it| it.admin.token = None), &["admin API's token", "none is set"]).await;
    refused(with(|it| it.broker.authority = None), &["certificate", "broker's authority"]).await;
    refused(with(|it| it.admin.authority = None), &["certificate", "admin API's authority"]).await;
    refused(with(|it| it.admin.authority = Some("x".to_owned())), &["admin API", "PEM"]).await;
    refused(with(|it| it.broker.url = it.broker.url.replace("+ssl", "")), &["speaks TLS", "pulsar+ssl://"]).await;
    refused(with(|it| it.admin.url = it.admin.url.replace("https", "http")), &["speaks TLS", "https://"]).await;
    refused(
        with(|it| it.pulsar_tenant = "nobody".to_owned()),
        &["no tenant \"nobody\"", "pulsar-admin tenants create"],
    )
    .await;
    // Somebody who is known and may do nothing, and what an administrator can do about it.
    let stranger = || {
        let mut settings = right();
        settings.broker.token = Some(Secret::new(login.token("stranger")));
        settings.admin.token = settings.broker.token.clone();
        settings
    };
    refused(stranger(), &["no right", "pulsar-admin"]).await;
    let grant = "namespaces/public/default/permissions/stranger";
    let granted = administer(&server, Method::POST, grant, r#"["produce","consume"]"#).await;
    assert!(granted.0 < 300, "{granted:?}");
    // He may use what is there, and not make what is absent.
    let queue = PulsarQueue::open(stranger(), "encrypted").await.unwrap();
    conformance::send(&queue, [conformance::message("key", "by a stranger")]).await;
    let mut consumer = queue.consumer("stranger").await.unwrap();
    conformance::settle(&mut *consumer, 1).await;
    consumer.leave().await;
    let unknown = queue.durability().await.unwrap();
    assert!(unknown.words.contains("may not see"), "{unknown:?}");
    refused(stranger(), &["no right", "create-partitioned-topic"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ports_of_somebody_else_and_silence() {
    let server = broker(&Options::default());
    let redis = Kind::Redis.start().unwrap();
    // Who answers may take his time; only silence costs all of it.
    let right = || PulsarSettings { patience: Duration::from_secs(10), ..settings(&server) };
    let brief = |settings: PulsarSettings| PulsarSettings { patience: Duration::from_secs(2), ..settings };
    let (address, web) = (server.address(), server.address_of("web").unwrap());
    let at = |broker: String, admin: String| {
        let mut settings = right();
        settings.broker.url = broker;
        settings.admin.url = admin;
        settings
    };
    let (broker, admin) = (|| format!("pulsar://{address}"), || format!("http://{web}"));
    refused(at(format!("pulsar://{web}"), admin()), &["no Pulsar broker", "6650"]).await;
    // Redis waits for the end of a line that never comes.
    let (_, text) = refusal(brief(at(format!("pulsar://{}", redis.address()), admin()))).await;
    assert!(text.contains("no Pulsar broker"), "{text}");
    refused(at(format!("pulsar+ssl://{address}"), admin()), &["does not speak TLS", "pulsar://"]).await;
    refused(at(broker(), format!("https://{web}")), &["does not speak TLS", "http://"]).await;
    refused(at(broker(), "http://".to_owned()), &["http://host:8080"]).await;
    let nowhere = Proxy::to(address).unwrap();
    nowhere.close();
    let (refused, text) = refusal(at(format!("pulsar://{}", nowhere.address()), admin())).await;
    assert!(!refused && text.contains("cannot be reached"), "{text}");
    nowhere.open().unwrap();
    nowhere.set(Fault::Blackhole);
    let (refused, text) = refusal(brief(at(format!("pulsar://{}", nowhere.address()), admin()))).await;
    assert!(!refused && text.contains("does not answer"), "{text}");
    let (refused, text) = refusal(at(broker(), format!("http://{}", redis.address()))).await;
    assert!(text.contains("admin API"), "{refused} {text}");
}
