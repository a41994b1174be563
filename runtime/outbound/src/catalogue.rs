//! The types of resources that data can be sent to: what their records begin with (spec/workflows.md 5.1), and what is wrong with one.
//! Pure.

use serde_json::{Value, json};
use tracardi_model::configuration::{
    HTTP_CONNECTOR, KAFKA_CONNECTOR, MQTT_CONNECTOR, PULSAR_CONNECTOR, RABBITMQ_CONNECTOR, REDIS_CONNECTOR,
};

use crate::connector::Target;
use crate::guard::Guard;
use crate::settings::filled;

/// A type of resource.
#[derive(Clone, Debug)]
pub struct ResourceType {
    /// Its name in records.
    pub id: &'static str,
    /// What people read.
    pub name: &'static str,
    /// The connector that sends to such resources.
    pub package: &'static str,
    /// The field of the credentials that holds the address.
    pub address: &'static str,
    credentials: Value,
    init: Value,
    tags: &'static [&'static str],
    /// Credentials with which settings can be judged, and settings with which credentials can.
    sample: (Value, Value),
}

impl ResourceType {
    /// All types, in the order in which they are shown.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let timeout = 30;
        vec![
            Self {
                id: "api",
                name: "API endpoint",
                package: HTTP_CONNECTOR,
                address: "url",
                tags: &["api", "destination"],
                credentials: json!({"url": "<url>", "username": "", "password": ""}),
                init: json!({"method": "post", "timeout": timeout, "headers": {"content-type": "application/json"},
                    "cookies": {}, "ssl_check": true}),
                sample: (json!({"url": "https://example.com"}), json!({})),
            },
            Self {
                id: "kafka",
                name: "Kafka",
                package: KAFKA_CONNECTOR,
                address: "bootstrap_servers",
                tags: &["kafka", "queue", "destination"],
                credentials: json!({"bootstrap_servers": "<host:9092>", "security_protocol": "PLAINTEXT",
                    "sasl_mechanism": "PLAIN", "username": "", "password": "", "ca": ""}),
                init: json!({"topic": "", "timeout": timeout}),
                sample: (json!({"bootstrap_servers": "example.com"}), json!({"topic": "t"})),
            },
            Self {
                id: "rabbitmq",
                name: "RabbitMq",
                package: RABBITMQ_CONNECTOR,
                address: "uri",
                tags: &["rabbitmq", "pro", "queue", "destination"],
                credentials: json!({"uri": "<amqp://user:password@host>", "port": 5672, "virtual_host": "/", "ca": ""}),
                init: json!({"queue": {"name": "", "routing_key": "routing", "queue_type": "direct", "compression": null,
                    "auto_declare": true, "serializer": "json"}, "timeout": timeout}),
                sample: (json!({"uri": "example.com"}), json!({"queue": {"name": "q"}})),
            },
            Self {
                id: "mqtt",
                name: "MQTT",
                package: MQTT_CONNECTOR,
                address: "url",
                tags: &["mqtt", "queue", "destination"],
                credentials: json!({"url": "<host>", "port": 1883, "username": "", "password": "", "ca": ""}),
                init: json!({"topic": "", "timeout": timeout}),
                sample: (json!({"url": "example.com"}), json!({"topic": "t"})),
            },
            Self {
                id: "apache-pulsar",
                name: "Apache Pulsar",
                package: PULSAR_CONNECTOR,
                address: "host",
                tags: &["pulsar", "apache", "queue", "destination"],
                credentials: json!({"host": "<pulsar://host:6650>", "token": "", "ca": ""}),
                init: json!({"topic": "", "serializer": "json", "timeout": timeout}),
                sample: (json!({"host": "example.com"}), json!({"topic": "t"})),
            },
            Self {
                id: "redis",
                name: "Redis",
                package: REDIS_CONNECTOR,
                address: "url",
                tags: &["redis", "destination"],
                credentials: json!({"url": "<host>", "user": "", "password": "", "protocol": "redis", "database": "0",
                    "ca": ""}),
                init: json!({"stream": "", "max_length": null, "timeout": timeout}),
                sample: (json!({"url": "example.com"}), json!({"stream": "s"})),
            },
        ]
    }

    /// By the name in records.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        Self::all().into_iter().find(|known| known.id == id)
    }

    /// By the connector.
    #[must_use]
    pub fn reached_by(package: &str) -> Option<Self> {
        Self::all().into_iter().find(|known| known.package == package.trim())
    }

    /// What a record of this type begins with: `{"id", "name", "config", "tags", "icon", "destination": {"package", "init", "form",
    /// "pro"}}`.
    #[must_use]
    pub fn template(&self) -> Value {
        let Self { id, name, package, tags, credentials, init, .. } = self;
        json!({"id": id, "name": name, "config": credentials, "tags": tags, "icon": "plugin",
            "destination": {"package": package, "init": init, "form": {}, "pro": false}})
    }

    /// Refuses credentials with which nothing can be sent, and addresses that must not be dialled. Those without an address
    /// are not filled in yet, which is no mistake.
    pub fn check_credentials(&self, credentials: &Value, guard: &Guard) -> Result<(), String> {
        if filled(credentials, self.address).is_none() {
            return Ok(());
        }
        Target::read(self.package, credentials, &self.sample.1)?.check(guard)
    }

    /// Refuses settings that the connector does not understand.
    pub fn check_init(&self, init: &Value) -> Result<(), String> {
        Target::read(self.package, &self.sample.0, init).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use tracardi_model::configuration::CONNECTORS;

    use super::*;

    #[test]
    fn each_connector_has_a_type_and_each_type_a_connector() {
        let packages: HashSet<_> = ResourceType::all().iter().map(|known| known.package).collect();
        assert_eq!(packages, CONNECTORS.into());
        for known in ResourceType::all() {
            assert_eq!(known.check_init(&known.sample.1), Ok(()));
            assert_eq!(known.check_credentials(&known.sample.0, &Guard::default()), Ok(()));
            assert_eq!(ResourceType::named(known.id).map(|same| same.package), Some(known.package));
            assert_eq!(ResourceType::reached_by(known.package).map(|same| same.id), Some(known.id));
            let mut inside = known.sample.0.clone();
            inside[known.address] = if known.id == "api" { "http://127.0.0.1" } else { "127.0.0.1" }.into();
            let refused = known.check_credentials(&inside, &Guard::default()).unwrap_err();
            assert!(refused.contains("--outbound-allow"), "{refused}");
            // What forms begin with is not taken for an address.
            assert_eq!(known.check_credentials(&known.credentials, &Guard::default()), Ok(()));
        }
    }
}
