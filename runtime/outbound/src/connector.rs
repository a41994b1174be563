//! All ways to send, and which of them a destination goes.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracardi_model::configuration::{
    CONNECTORS, HTTP_CONNECTOR, KAFKA_CONNECTOR, MQTT_CONNECTOR, PULSAR_CONNECTOR, RABBITMQ_CONNECTOR, REDIS_CONNECTOR,
};

use crate::dial::Dialer;
use crate::guard::Guard;
use crate::pool::{IDLE, Pool};
use crate::resolve::Resolver;
use crate::sent::{Message, Sent};
use crate::{amqp, http, kafka, mqtt, pulsar, redis};

/// Where the deliveries of a destination go, and how: read from its settings and its resource's credentials. Shows no secret
/// when printed; cheap to clone.
#[derive(Clone, Debug)]
pub enum Target {
    /// A web service.
    Http(Arc<http::Target>),
    /// A topic of Kafka.
    Kafka(Arc<kafka::Target>),
    /// An exchange of RabbitMQ.
    RabbitMq(Arc<amqp::Target>),
    /// A topic of a broker that speaks MQTT 5.
    Mqtt(Arc<mqtt::Target>),
    /// A topic of Pulsar.
    Pulsar(Arc<pulsar::Target>),
    /// A stream of Redis.
    Redis(Arc<redis::Target>),
}

impl Target {
    /// `package` names the connector; `credentials` and `init` have its fields. The error names the field that is wrong.
    pub fn read(package: &str, credentials: &Value, init: &Value) -> Result<Self, String> {
        Ok(match package.trim() {
            HTTP_CONNECTOR => Self::Http(Arc::new(http::Target::read(credentials, init)?)),
            KAFKA_CONNECTOR => Self::Kafka(Arc::new(kafka::Target::read(credentials, init)?)),
            RABBITMQ_CONNECTOR => Self::RabbitMq(Arc::new(amqp::Target::read(credentials, init)?)),
            MQTT_CONNECTOR => Self::Mqtt(Arc::new(mqtt::Target::read(credentials, init)?)),
            PULSAR_CONNECTOR => Self::Pulsar(Arc::new(pulsar::Target::read(credentials, init)?)),
            REDIS_CONNECTOR => Self::Redis(Arc::new(redis::Target::read(credentials, init)?)),
            _ => return Err(format!("there is no connector `{package}`; there is {}", CONNECTORS.join(", "))),
        })
    }

    /// Refuses addresses that must not be dialled, as far as that is seen without asking for names.
    pub fn check(&self, guard: &Guard) -> Result<(), String> {
        match self {
            Self::Http(target) => guard.check(target.url()),
            Self::Kafka(target) => target.access.check(guard),
            Self::RabbitMq(target) => target.access.check(guard),
            Self::Mqtt(target) => target.access.check(guard),
            Self::Pulsar(target) => target.access.check(guard),
            Self::Redis(target) => target.access.check(guard),
        }
    }
}

/// Sends deliveries; cheap to clone. Nothing is dialled before something is sent.
#[derive(Clone, Debug)]
pub struct Connector {
    http: http::Sender,
    kafka: Pool<kafka::Link>,
    rabbit_mq: Pool<amqp::Link>,
    mqtt: Pool<mqtt::Link>,
    pulsar: Pool<pulsar::Link>,
    redis: Pool<redis::Link>,
    news: Arc<Notify>,
}

impl Connector {
    /// Dials only what the guard permits. The error is for people: no TLS.
    pub fn new(guard: Arc<Guard>) -> Result<Self, String> {
        // Whoever was first has installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = Resolver::new(guard.clone());
        let dialer = Dialer::new(guard.clone(), resolver.clone());
        let news = Arc::new(Notify::new());
        Ok(Self {
            http: http::Sender::new(resolver, guard)?,
            kafka: Pool::new(dialer.clone(), news.clone()),
            rabbit_mq: Pool::new(dialer.clone(), news.clone()),
            mqtt: Pool::new(dialer.clone(), news.clone()),
            pulsar: Pool::new(dialer.clone(), news.clone()),
            redis: Pool::new(dialer, news.clone()),
            news,
        })
    }

    /// One attempt, within the target's time. What it ends in is for the one who asks; nothing of it holds a credential.
    pub async fn send(&self, target: &Target, message: Message<'_>) -> Sent {
        match target {
            Target::Http(target) => self.http.send(target, message).await,
            Target::Kafka(target) => self.kafka.send(target, message).await,
            Target::RabbitMq(target) => self.rabbit_mq.send(target, message).await,
            Target::Mqtt(target) => self.mqtt.send(target, message).await,
            Target::Pulsar(target) => self.pulsar.send(target, message).await,
            Target::Redis(target) => self.redis.send(target, message).await,
        }
    }

    /// Closes connections that nobody has used for a while, until the end. While none waits it does nothing.
    pub(crate) async fn tidy(self, end: CancellationToken) {
        let tidy = async {
            loop {
                self.news.notified().await;
                while {
                    tokio::time::sleep(IDLE).await;
                    let left = [
                        self.kafka.sweep(),
                        self.rabbit_mq.sweep(),
                        self.mqtt.sweep(),
                        self.pulsar.sweep(),
                        self.redis.sweep(),
                    ];
                    left.contains(&true)
                } {}
            }
        };
        end.run_until_cancelled(tidy).await;
    }
}
