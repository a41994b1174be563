//! Deliveries to real brokers: that they arrive, in order, also when the broker is killed; and what refuses them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
#![allow(unreachable_pub, reason = "modules of a test are reached by the test alone")]

#[path = "../common/mod.rs"]
mod common;
mod kinds;

use std::collections::HashSet;
use std::sync::Arc;

use common::house::{House, limits};
use jiff::Timestamp;
use kinds::{Broker, Kafka, Mosquitto, Pulsar, RabbitMq, Reader as _, Redis};
use serde_json::{Value, json};
use tempfile::tempdir;
use tracardi_outbound::{Connector, Guard, Message, Sent, Target};
use tracardi_servers::{Login, Options};
use tracardi_store::State;

const LOOPBACK: &str = "127.0.0.0/8";

/// One attempt with a connector of its own.
async fn attempt<B: Broker>(allowed: &str, credentials: &Value, init: &Value, bytes: usize) -> Sent {
    let target = Target::read(B::PACKAGE, credentials, init).unwrap();
    let connector = Connector::new(Arc::new(Guard::new(allowed, "").unwrap())).unwrap();
    let body = serde_json::value::to_raw_value(&json!({"data": "x".repeat(bytes)})).unwrap();
    let message = Message { id: "d-1", profile: Some("p"), body: &body, at: Timestamp::UNIX_EPOCH };
    connector.send(&target, message).await
}

fn dead(sent: &Sent) -> &str {
    let Sent::Dead(reason) = sent else { panic!("{sent:?}") };
    assert!(!reason.contains("geheim"), "{reason}");
    reason
}

/// Everything arrives, with its key and its profile; for each profile in order, also when the broker is killed meanwhile.
async fn everything_arrives<B: Broker>() {
    let mut server = B::start(&Options::default()).await;
    let directory = tempdir().unwrap();
    let house = House::new(directory.path()).await;
    let reader = B::read(&server).await;
    house.connected("to", B::PACKAGE, &B::credentials(&server), &B::init("made"), true).await;
    let mut patient = limits();
    patient.patience.attempts = u32::MAX;
    house.work(patient);
    let mut put = house.put("to", &["a", "b", "a", ""]).await;
    let told = house.settled("to").await;
    assert!(told.iter().all(|one| one.state == State::Delivered && one.attempts == 1), "{told:?}");
    B::write(&mut server);
    // What is under way when it dies is sent again, with the same key.
    for _ in 0..5 {
        put.extend(house.put("to", &["a", "b", "c", "a", "b", "c", "a", "b", "c", ""]).await);
    }
    B::end(&mut server);
    put.extend(house.put("to", &["a", "b", "c"]).await);
    server.restart().unwrap();
    let reader = reader.again(&server).await;
    let told = house.settled("to").await;
    assert!(told.iter().all(|one| one.state == State::Delivered), "{told:?}");
    let seen = reader.all(put.len()).await;
    for profile in ["a", "b", "c"] {
        let mut ids: Vec<_> = seen.iter().filter(|seen| seen.profile == profile).map(|seen| &*seen.id).collect();
        // What comes once more comes later: we send it again, or a broker that was killed gives it again.
        let mut known = HashSet::new();
        ids.retain(|id| known.insert(*id));
        let expected: Vec<_> = put.iter().filter(|id| id.ends_with(&format!("-{profile}"))).collect();
        assert_eq!(ids, expected, "of {profile}");
    }
    for id in &put {
        let found = seen.iter().find(|seen| seen.id == *id).unwrap_or_else(|| panic!("{id} is missing"));
        assert_eq!(found.body, json!({"data": {"id": id}, "changes": []}));
    }
    // Nobody whom the guard does not permit is dialled.
    let refused = attempt::<B>("", &B::credentials(&server), &B::init("made"), 1).await;
    assert!(dead(&refused).contains("--outbound-allow"), "{refused:?}");
    house.leave().await;
}

/// Who gets in, by which certificates, and with how much.
async fn what_is_wrong_is_said<B: Broker>() {
    let (login, largest) = (Some(Login::new("shop", "geheim1")), B::LARGEST);
    let options = Options { login: login.clone(), tls: true, largest_message: Some(largest), ..Options::default() };
    let server = B::start(&options).await;
    let (right, init) = (B::credentials(&server), B::init("made"));
    assert_eq!(attempt::<B>(LOOPBACK, &right, &init, 1_000).await, Sent::Delivered);
    if !B::TOO_LARGE.is_empty() {
        let large = attempt::<B>(LOOPBACK, &right, &init, largest as usize + 20_000).await;
        assert!(B::TOO_LARGE.iter().any(|said| dead(&large).contains(said)), "{large:?}");
    }
    let wrong = attempt::<B>(LOOPBACK, &B::wrong(&right), &init, 1).await;
    assert!(!dead(&wrong).is_empty(), "{wrong:?}");
    // Somebody else's authority is no proof, and neither are those that the web knows.
    let mut unproven = right.clone();
    unproven["ca"] = Value::Null;
    unproven["security_protocol"] = json!("SASL_SSL");
    let unproven = B::encrypted(unproven);
    let Sent::Later { error, .. } = attempt::<B>(LOOPBACK, &unproven, &init, 1).await else { panic!() };
    assert!(error.contains("certificate"), "{error}");
}

macro_rules! brokers {
    ($($name:ident: $broker:ty),*) => { $(mod $name {
        use super::*;

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn everything_arrives() {
            super::everything_arrives::<$broker>().await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn what_is_wrong_is_said() {
            super::what_is_wrong_is_said::<$broker>().await;
        }
    })* };
}

brokers! { kafka: Kafka, rabbit_mq: RabbitMq, mqtt: Mosquitto, pulsar: Pulsar, redis: Redis }

/// Kafka may be asked at the proxy's address, and announces its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broker_announces_is_judged_before_it_is_dialled() {
    let server = Kafka::start(&Options::default()).await;
    let proxy = tracardi_servers::Proxy::to(server.address()).unwrap();
    let (entry, own) = (proxy.address(), server.address().ip());
    let (credentials, init) = (Kafka::at(entry), Kafka::init("made"));
    let refused = attempt::<Kafka>(&entry.ip().to_string(), &credentials, &init, 1).await;
    assert!(dead(&refused).contains(&format!("{own} is not on the public internet")), "{refused:?}");
    let both = format!("{},{own}", entry.ip());
    assert_eq!(attempt::<Kafka>(&both, &credentials, &init, 1).await, Sent::Delivered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leads_nowhere_is_dead() {
    let kafka = Kafka::start(&Options::default()).await;
    let sent = attempt::<Kafka>(LOOPBACK, &Kafka::credentials(&kafka), &Kafka::init("missing"), 1).await;
    assert!(dead(&sent).contains("no topic missing"), "{sent:?}");
    let rabbit = RabbitMq::start(&Options::default()).await;
    let credentials = RabbitMq::credentials(&rabbit);
    let init = json!({"queue": {"name": "missing", "auto_declare": false}});
    let sent = attempt::<RabbitMq>(LOOPBACK, &credentials, &init, 1).await;
    assert!(dead(&sent).contains("404"), "{sent:?}");
    // An exchange from which the key leads to no queue.
    assert_eq!(attempt::<RabbitMq>(LOOPBACK, &credentials, &RabbitMq::init("made"), 1).await, Sent::Delivered);
    let init = json!({"queue": {"name": "made", "auto_declare": false, "routing_key": "elsewhere"}});
    let sent = attempt::<RabbitMq>(LOOPBACK, &credentials, &init, 1).await;
    assert!(dead(&sent).contains("reaches no queue"), "{sent:?}");
    let redis = Redis::start(&Options::default()).await;
    let credentials = Redis::credentials(&redis);
    kinds::redis_cli(redis.address(), &["SET", "text", "x"]);
    let sent = attempt::<Redis>(LOOPBACK, &credentials, &json!({"stream": "text"}), 1).await;
    assert!(dead(&sent).contains("WRONGTYPE"), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_lets_in_who_proves_to_know_the_password() {
    let options = Options { login: Some(Login::new("shop", "geheim1")), ..Options::default() };
    let server = Kafka::start(&options).await;
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let mut credentials = Kafka::credentials(&server);
        credentials["sasl_mechanism"] = json!(mechanism);
        assert_eq!(attempt::<Kafka>(LOOPBACK, &credentials, &Kafka::init("made"), 1).await, Sent::Delivered);
        let wrong = attempt::<Kafka>(LOOPBACK, &Kafka::wrong(&credentials), &Kafka::init("made"), 1).await;
        assert!(dead(&wrong).contains("SaslAuthenticationFailed"), "{wrong:?}");
    }
}
