//! Pulsar: what stands in the topic.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tracardi_model::configuration::PULSAR_CONNECTOR;
use tracardi_servers::{Kind, Options, Server};

use super::{Broker, Reader, Seen, client, prefixed, start};

pub struct Pulsar;

/// Looks at what a subscription has not read, over the admin API.
pub struct Subscription(String);

impl Subscription {
    fn of(server: &Server) -> Self {
        let address = server.address_of("web").unwrap();
        Self(format!("http://{address}/admin/v2/persistent/public/default/made/subscription/reader"))
    }
}

impl Reader for Subscription {
    async fn again(self, server: &Server) -> Self {
        Self::of(server)
    }

    async fn all(self, _: usize) -> Vec<Seen> {
        let client = client();
        let mut seen = Vec::new();
        loop {
            let answer = client.get(format!("{}/position/{}", self.0, seen.len() + 1)).send().await.unwrap();
            if answer.status() == reqwest::StatusCode::NOT_FOUND {
                return seen;
            }
            assert!(answer.status().is_success(), "{answer:?}");
            let properties = answer.headers()["X-Pulsar-PROPERTY"].to_str().unwrap();
            let properties: Value = serde_json::from_str(properties).unwrap();
            let text = |key: &str| properties[key].as_str().unwrap_or_default().to_owned();
            let (id, profile) = (text("Idempotency-Key"), text("profile"));
            let body = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            seen.push(Seen { id, profile, body });
        }
    }
}

impl Broker for Pulsar {
    const PACKAGE: &str = PULSAR_CONNECTOR;
    const TOO_LARGE: &[&str] = &["at most"];
    type Reader = Subscription;

    async fn start(options: &Options) -> Server {
        start(Kind::Pulsar, options)
    }

    fn at(address: SocketAddr) -> Value {
        json!({"host": format!("pulsar://{address}")})
    }

    fn init(name: &str) -> Value {
        json!({"topic": name})
    }

    async fn read(server: &Server) -> Subscription {
        let subscription = Subscription::of(server);
        let made = client().put(&subscription.0).send().await.unwrap();
        assert!(made.status().is_success(), "{made:?}");
        subscription
    }

    fn credentials(server: &Server) -> Value {
        let login = server.options().login.as_ref();
        json!({"host": server.address().to_string(), "ca": server.authority(),
            "token": login.map(|login| login.token(&login.name))})
    }

    fn wrong(credentials: &Value) -> Value {
        let mut wrong = credentials.clone();
        wrong["token"] = json!("geheim.geheim.geheim");
        wrong
    }

    fn encrypted(credentials: Value) -> Value {
        prefixed(credentials, "host", "pulsar+ssl")
    }
}
