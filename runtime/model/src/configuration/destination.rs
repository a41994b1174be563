//! Where events and profiles are sent.

use serde::{Deserialize, Serialize};

use super::{EventTypeRef, Kind, Record, list, object, or_default, text, type_needed, wrong, yes};
use crate::Map;
use crate::event::Entity;
use crate::field::FieldError;
use crate::source::NamedEntity;

/// The connector that sends HTTP requests, as clients name it.
pub const HTTP_CONNECTOR: &str = "tracardi.process_engine.destination.http_connector.HttpConnector";

/// The connector that sends to a topic of Kafka.
pub const KAFKA_CONNECTOR: &str = "com_tracardi.destination.kafka_connector.KafkaConnector";
/// The connector that sends to an exchange of RabbitMQ.
pub const RABBITMQ_CONNECTOR: &str = "com_tracardi.destination.rabbitmq_connector.RabbitMqConnector";
/// The connector that sends to a topic of an MQTT broker.
pub const MQTT_CONNECTOR: &str = "com_tracardi.destination.mqtt_connector.MqttConnector";
/// The connector that sends to a topic of Pulsar.
pub const PULSAR_CONNECTOR: &str = "com_tracardi.destination.pulsar_connector.PulsarConnector";
/// The connector that sends to a stream of Redis.
pub const REDIS_CONNECTOR: &str = "com_tracardi.destination.redis_connector.RedisConnector";
/// All connectors.
pub const CONNECTORS: [&str; 6] =
    [HTTP_CONNECTOR, KAFKA_CONNECTOR, RABBITMQ_CONNECTOR, MQTT_CONNECTOR, PULSAR_CONNECTOR, REDIS_CONNECTOR];

/// What is sent to a resource, and when (spec/pipeline.md 6.4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Destination {
    /// Key.
    pub id: String,
    /// What people read.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// How it is sent.
    pub destination: Connector,
    /// Disabled ones get nothing.
    #[serde(default)]
    pub enabled: bool,
    /// Labels.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
    /// Template of what is sent, over `event@`, `profile@` and `session@`; over the last two when it is about profiles.
    #[serde(default, deserialize_with = "object")]
    pub mapping: Map,
    /// When; blank: always.
    #[serde(default, deserialize_with = "text")]
    pub condition: String,
    /// Whether it is told of new and changed profiles; otherwise of events.
    #[serde(default = "yes")]
    pub on_profile_change_only: bool,
    /// Where it is sent.
    pub resource: Entity,
    /// Which events; of no account for profiles.
    #[serde(default)]
    pub event_type: Option<EventTypeRef>,
    /// From where events come; blank: from anywhere. Of no account for profiles.
    #[serde(default, deserialize_with = "or_default")]
    pub source: NamedEntity,
}

/// How something is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connector {
    /// Name of the connector, [`HTTP_CONNECTOR`] for example.
    pub package: String,
    /// Its settings.
    #[serde(default, deserialize_with = "object")]
    pub init: Map,
    /// Kept for the web application.
    #[serde(default, deserialize_with = "object")]
    pub form: Map,
    /// Kept for the web application.
    #[serde(default)]
    pub pro: bool,
}

impl Record for Destination {
    const KIND: Kind = Kind::Destination;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.id = self.id.trim().to_owned();
        self.resource.id = self.resource.id.trim().to_owned();
        self.source.id = self.source.id.trim().to_lowercase();
        let mut errors = Vec::new();
        if self.name.trim().is_empty() {
            errors.push(wrong(["name"], "a name is needed"));
        }
        if self.resource.id.is_empty() {
            errors.push(wrong(["resource", "id"], "a resource is needed: it says where the data goes"));
        }
        if !CONNECTORS.contains(&self.destination.package.trim()) {
            let message = format!("there is no such connector; there is {}", CONNECTORS.join(", "));
            errors.push(wrong(["destination", "package"], message));
        }
        if !self.on_profile_change_only {
            type_needed(self.event_type.as_ref().unwrap_or(&EventTypeRef::default()), &mut errors);
        }
        errors
    }
}
