//! RabbitMQ: what waits in the queue.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tracardi_model::configuration::RABBITMQ_CONNECTOR;
use tracardi_servers::{Kind, Options, Server};

use super::{Broker, Reader, Seen, client, prefixed, start};

pub struct RabbitMq;

/// Takes messages out of a queue over the management API.
pub struct Queue(String);

impl Queue {
    fn of(server: &Server) -> Self {
        let address = server.address_of("management").unwrap();
        Self(format!("http://{address}/api/queues/%2F/made/get"))
    }
}

impl Reader for Queue {
    async fn again(self, server: &Server) -> Self {
        Self::of(server)
    }

    async fn all(self, _: usize) -> Vec<Seen> {
        let order = json!({"count": 10_000, "ackmode": "ack_requeue_false", "encoding": "auto"}).to_string();
        let client = client();
        let answer = client.post(&self.0).header("authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=").body(order).send().await;
        let answer = answer.unwrap().bytes().await.unwrap();
        let messages: Vec<Value> = serde_json::from_slice(&answer).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let seen = |message: &Value| {
            let properties = &message["properties"];
            assert_eq!(
                (&properties["delivery_mode"], &properties["content_type"]),
                (&json!(2), &json!("application/json"))
            );
            assert_eq!(properties["message_id"], properties["headers"]["Idempotency-Key"]);
            let body = serde_json::from_str(message["payload"].as_str().unwrap()).unwrap();
            Seen { id: text(&properties["message_id"]), profile: text(&properties["headers"]["profile"]), body }
        };
        messages.iter().map(seen).collect()
    }
}

impl Broker for RabbitMq {
    const PACKAGE: &str = RABBITMQ_CONNECTOR;
    const TOO_LARGE: &[&str] = &["406"];
    type Reader = Queue;

    async fn start(options: &Options) -> Server {
        start(Kind::RabbitMq, options)
    }

    fn at(address: SocketAddr) -> Value {
        json!({"uri": format!("{}", address.ip()), "port": address.port()})
    }

    fn init(name: &str) -> Value {
        json!({"queue": {"name": name}})
    }

    async fn read(server: &Server) -> Queue {
        Queue::of(server)
    }

    /// It writes a new queue up to two seconds later, or when it stops.
    fn write(server: &mut Server) {
        server.stop().unwrap();
        server.restart().unwrap();
    }

    fn encrypted(credentials: Value) -> Value {
        prefixed(credentials, "uri", "amqps")
    }
}
