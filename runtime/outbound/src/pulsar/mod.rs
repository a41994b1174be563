//! Sends to a topic of Pulsar. The receipt is the broker's, which it gives when the message is stored.
//!
//! The key of a message is the profile: of a partitioned topic it chooses the partition, and subscriptions by key keep its
//! order. Properties are `Idempotency-Key` and `profile`. A topic lives on a broker whose address others announce: each is
//! judged before it is dialled. [`protocol`] has the messages, [`wire`] one connection.

mod protocol;
mod wire;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use self::protocol::{
    BaseCommand, CommandLookupTopic, CommandPartitionedTopicMetadata, CommandProducer, CommandSend, KeyValue, Kind,
    MessageMetadata,
};
use self::wire::Broker;
use crate::access::{self, Access, Dialect, Place};
use crate::dial::{Dialer, Failure};
use crate::pool::{self, Destination};
use crate::sent::Message;
use crate::settings::{Secret, filled, json_alone, needed};

const DIALECT: Dialect = Dialect { field: "host", plain: ("pulsar", 6650), tls: ("pulsar+ssl", 6651) };
/// Brokers that send us on, one to the other.
const REDIRECTS: usize = 10;

/// A topic and how to get at it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub(crate) access: Access,
    token: Option<Secret>,
    /// With its namespace.
    topic: String,
}

impl Target {
    /// `credentials`: `{"host", "token"?, "ca"?}`; `init`: `{"topic", "serializer": "json", "timeout": 30}`. A topic without a
    /// namespace is in `public/default`. The error names the field.
    pub fn read(credentials: &Value, init: &Value) -> Result<Self, String> {
        let access = Access::read(&DIALECT, credentials, init)?;
        json_alone(init)?;
        let topic = needed(init, "topic", "the name of a topic")?;
        let topic = match (topic.contains("://"), topic.matches('/').count()) {
            (true, _) => topic,
            (false, 0) => format!("persistent://public/default/{topic}"),
            (false, 2) => format!("persistent://{topic}"),
            (false, _) => return Err(format!("`topic` {topic:?}: expected tenant/namespace/topic, or a name alone")),
        };
        Ok(Self { access, token: filled(credentials, "token").map(Secret), topic })
    }
}

impl Destination for Target {
    fn timeout(&self) -> Duration {
        self.access.timeout
    }
}

/// Connections to the brokers that own the topic's partitions, and a producer for each partition, made when they are needed.
pub struct Link {
    /// Where brokers are asked for.
    entry: Place,
    brokers: HashMap<Route, Broker>,
    /// Number of partitions; 0 for a topic without.
    partitions: usize,
    producers: HashMap<usize, Producer>,
}

/// A broker, and, if it is reached through a proxy, what the proxy is told.
type Route = (Place, Option<String>);

/// Where messages of one partition go.
struct Producer {
    route: Route,
    id: u64,
    name: String,
    sequence: u64,
}

impl pool::Link for Link {
    type Target = Target;

    async fn open(dialer: &Dialer, target: &Target) -> Result<Self, Failure> {
        let (entry, wire) = dialer.dial_any(&target.access.places, &target.access.security).await?;
        let mut broker = Broker::enter(wire, target.token.as_ref(), None).await?;
        let mut request = BaseCommand::of(Kind::PartitionedMetadata);
        request.partition_metadata =
            Some(CommandPartitionedTopicMetadata { topic: target.topic.clone(), request_id: broker.next() });
        let told = broker.ask(&request).await?.partition_metadata_response;
        let told = told.ok_or_else(|| strange("no number of partitions"))?;
        if told.response == Some(1) {
            return Err(protocol::refused(told.error, told.message.as_deref()));
        }
        let partitions = usize::try_from(told.partitions.unwrap_or_default()).unwrap_or_default();
        let brokers = HashMap::from([((entry.clone(), None), broker)]);
        Ok(Self { entry, brokers, partitions, producers: HashMap::new() })
    }

    async fn send(&mut self, dialer: &Dialer, target: &Target, message: Message<'_>) -> Result<(), Failure> {
        let key = message.profile.unwrap_or(message.id);
        let partition = usize::try_from(crc32c::crc32c(key.as_bytes())).unwrap_or_default();
        let partition = partition.checked_rem(self.partitions).unwrap_or_default();
        if !self.producers.contains_key(&partition) {
            let producer = self.produce(dialer, target, partition).await?;
            self.producers.insert(partition, producer);
        }
        let strangely = || strange("a producer without a broker");
        let producer = self.producers.get_mut(&partition).ok_or_else(strangely)?;
        let broker = self.brokers.get_mut(&producer.route).ok_or_else(strangely)?;
        let property = |key: &str, value: &str| KeyValue { key: key.to_owned(), value: value.to_owned() };
        let mut properties = vec![property("Idempotency-Key", message.id)];
        properties.extend(message.profile.map(|profile| property("profile", profile)));
        let metadata = MessageMetadata {
            producer_name: producer.name.clone(),
            sequence_id: producer.sequence,
            publish_time: u64::try_from(message.at.as_millisecond()).unwrap_or_default(),
            properties,
            partition_key: Some(key.to_owned()),
        };
        let send = CommandSend { producer_id: producer.id, sequence_id: producer.sequence, num_messages: Some(1) };
        producer.sequence += 1;
        broker.publish(send, &metadata, message.body.get().as_bytes()).await
    }
}

impl Link {
    /// Asks who owns a partition, goes there, and becomes one of its producers.
    async fn produce(&mut self, dialer: &Dialer, target: &Target, partition: usize) -> Result<Producer, Failure> {
        let topic =
            if self.partitions == 0 { target.topic.clone() } else { format!("{}-partition-{partition}", target.topic) };
        let route = self.owner(dialer, target, &topic).await?;
        let broker = self.broker(dialer, target, &route).await?;
        let (id, mut request) = (broker.next(), BaseCommand::of(Kind::Producer));
        request.producer = Some(CommandProducer { topic, producer_id: id, request_id: broker.next() });
        let told = broker.ask(&request).await?.producer_success.ok_or_else(|| strange("no producer"))?;
        Ok(Producer { route, id, name: told.producer_name, sequence: 0 })
    }

    /// The broker that owns a topic, as brokers say that send us on.
    async fn owner(&mut self, dialer: &Dialer, target: &Target, topic: &str) -> Result<Route, Failure> {
        let (mut route, mut authoritative) = ((self.entry.clone(), None), false);
        for _ in 0..REDIRECTS {
            let broker = self.broker(dialer, target, &route).await?;
            let mut request = BaseCommand::of(Kind::Lookup);
            let (topic, request_id) = (topic.to_owned(), broker.next());
            request.lookup_topic = Some(CommandLookupTopic { topic, request_id, authoritative: Some(authoritative) });
            let told = broker.ask(&request).await?.lookup_topic_response.ok_or_else(|| strange("no owner"))?;
            let is_tls = target.access.security != access::Security::Plain;
            let url = if is_tls { told.broker_service_url_tls } else { told.broker_service_url };
            let announced = || url.clone().filter(|url| !url.is_empty()).ok_or_else(|| strange("no address"));
            match told.response {
                Some(2) => return Err(protocol::refused(told.error, told.message.as_deref())),
                Some(0) => {
                    route = (place(&announced()?)?, None);
                    authoritative = told.authoritative.unwrap_or_default();
                }
                _ if told.proxy_through_service_url == Some(true) => {
                    let url = announced()?;
                    let behind = url.split_once("://").map_or(url.as_str(), |(_, behind)| behind);
                    return Ok((self.entry.clone(), Some(behind.to_owned())));
                }
                _ => return Ok((place(&announced()?)?, None)),
            }
        }
        Err(Failure::Later(format!("Pulsar: {REDIRECTS} brokers sent us from one to the other")))
    }

    /// A connection to this broker; the one there is, if there is one.
    async fn broker(&mut self, dialer: &Dialer, target: &Target, route: &Route) -> Result<&mut Broker, Failure> {
        if !self.brokers.contains_key(route) {
            let wire = dialer.dial(&route.0, &target.access.security).await?;
            let broker = Broker::enter(wire, target.token.as_ref(), route.1.clone()).await?;
            self.brokers.insert(route.clone(), broker);
        }
        self.brokers.get_mut(route).ok_or_else(|| strange("a broker that is not there"))
    }
}

/// An address that a broker announces.
fn place(url: &str) -> Result<Place, Failure> {
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    access::place(address.trim_end_matches('/'), DIALECT.plain.1)
        .map_err(|error| Failure::Later(format!("Pulsar announces {error}")))
}

fn strange(what: &str) -> Failure {
    Failure::Broken(format!("Pulsar says something unexpected: {what}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::protocol::{
        CommandConnected, CommandLookupTopicResponse, CommandPartitionedTopicMetadataResponse, CommandProducerSuccess,
    };
    use super::*;
    use crate::guard::Guard;
    use crate::pool::Pool;
    use crate::resolve::Resolver;
    use crate::sent::Sent;

    /// Sends to a broker that answers the same whatever it is asked: the topic is there, or ask there. (A real one that is alone
    /// always leads through itself.)
    async fn led_to(url: &str, sends_on: bool) -> Sent {
        let mut connected = BaseCommand::of(Kind::Connected);
        connected.connected = Some(CommandConnected::default());
        let mut partitions = BaseCommand::of(Kind::PartitionedMetadataResponse);
        partitions.partition_metadata_response = Some(CommandPartitionedTopicMetadataResponse::default());
        let mut lookup = BaseCommand::of(Kind::LookupResponse);
        lookup.lookup_topic_response = Some(CommandLookupTopicResponse {
            broker_service_url: Some(url.to_owned()),
            response: Some(i32::from(!sends_on)),
            ..CommandLookupTopicResponse::default()
        });
        let mut producer = BaseCommand::of(Kind::ProducerSuccess);
        producer.producer_success = Some(CommandProducerSuccess { producer_name: "p".to_owned() });
        let said: Vec<u8> =
            [connected, partitions, lookup, producer].iter().flat_map(|answer| answer.written(None).to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let target = Target::read(&json!({"host": host}), &json!({"topic": "t"})).unwrap();
        let guard = Arc::new(Guard::new("127.0.0.1", "").unwrap());
        let pool: Pool<Link> = Pool::new(Dialer::new(guard.clone(), Resolver::new(guard)), Arc::default());
        let body = serde_json::value::to_raw_value(&json!({})).unwrap();
        let message = Message { id: "d", profile: None, body: &body, at: Timestamp::UNIX_EPOCH };
        let target = Arc::new(target);
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&said).await.unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            sent = pool.send(&target, message) => sent,
            () = serving => unreachable!(),
        }
    }

    #[tokio::test]
    async fn what_a_broker_announces_is_judged_before_it_is_dialled() {
        for sends_on in [true, false] {
            for url in ["pulsar://127.0.0.2:6650", "pulsar://[::1]:6650/", "169.254.169.254:80"] {
                let Sent::Dead(reason) = led_to(url, sends_on).await else { panic!("{url}") };
                assert!(reason.contains("--outbound-allow"), "{reason}");
            }
        }
    }

    #[test]
    fn settings() {
        let credentials = json!({"host": "pulsar+ssl://a,b:1", "token": "geheim"});
        let target = Target::read(&credentials, &json!({"topic": "t", "serializer": "json"})).unwrap();
        assert_eq!(target.topic, "persistent://public/default/t");
        assert_eq!(target.access.places.iter().map(|place| place.port).collect::<Vec<_>>(), [6651, 1]);
        assert!(!format!("{target:?}").contains("geheim"));
        let read = |topic: &str| Target::read(&credentials, &json!({"topic": topic})).map(|target| target.topic);
        assert_eq!(read("a/b/c").unwrap(), "persistent://a/b/c");
        assert_eq!(read("non-persistent://a/b/c").unwrap(), "non-persistent://a/b/c");
        assert!(read("a/b").unwrap_err().contains("topic"));
        assert!(read("").unwrap_err().contains("topic"));
        let pickled = Target::read(&credentials, &json!({"topic": "t", "serializer": "pickle"}));
        assert!(pickled.unwrap_err().contains("serializer"));
    }
}
