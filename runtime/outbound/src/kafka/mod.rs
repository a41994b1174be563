//! Sends to a topic of Kafka (2.1 or newer), acknowledged by all replicas in sync. The receipt is the broker's answer.
//!
//! The key of a record is the profile, so all that is for one profile is in one partition, in order; headers are
//! `Idempotency-Key` and `content-type`. Brokers announce each other's addresses: each of them is judged before it is dialled.
//!
//! [`wire`] is one connection to one broker, [`shape`] what its answers must look like, [`scram`] a way to get in, [`partition`]
//! where a key belongs.

mod partition;
mod scram;
mod shape;
mod wire;

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::error::ParseResponseErrorCode as _;
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, ProduceRequest, ProduceResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};
use serde_json::Value;
use tokio::time::sleep;

use self::wire::{Broker, Mechanism, api};
use crate::access::{self, Access, Dialect, Place};
use crate::dial::{Dialer, Failure};
use crate::pool::{self, Destination};
use crate::sent::Message;
use crate::settings::{filled, json_alone, needed};

const DIALECT: Dialect = Dialect { field: "bootstrap_servers", plain: ("kafka", 9092), tls: ("kafkas", 9092) };
/// All replicas that are in sync.
const ALL: i16 = -1;
/// A topic that is being made is asked for again, so often, after such a pause.
const ASKED: usize = 10;
const PAUSE: Duration = Duration::from_millis(300);

/// A topic and how to get at it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub(crate) access: Access,
    mechanism: Option<Mechanism>,
    topic: String,
}

impl Target {
    /// `credentials`: `{"bootstrap_servers", "security_protocol": "PLAINTEXT"|"SSL"|"SASL_PLAINTEXT"|"SASL_SSL",
    /// "sasl_mechanism": "PLAIN"|"SCRAM-SHA-256"|"SCRAM-SHA-512", "username"?, "password"?, "ca"?}`; `init`: `{"topic", "timeout":
    /// 30}`. The error names the field.
    pub fn read(credentials: &Value, init: &Value) -> Result<Self, String> {
        let access = Access::read(&DIALECT, credentials, init)?;
        json_alone(init)?;
        let mechanism = filled(credentials, "sasl_mechanism").as_deref().map(Mechanism::named).transpose()?;
        // Forms begin with a mechanism; who has no name needs none.
        let mechanism = access.login().map(|_| mechanism.unwrap_or(Mechanism::Plain));
        Ok(Self { access, mechanism, topic: needed(init, "topic", "the name of a topic")? })
    }
}

impl Destination for Target {
    fn timeout(&self) -> Duration {
        self.access.timeout
    }
}

/// Connections to the brokers that lead the topic's partitions, made when they are needed.
pub struct Link {
    brokers: HashMap<Place, Broker>,
    /// The leader of each partition, in the order of their numbers; none while there is none.
    leaders: Vec<(i32, Option<Place>)>,
}

impl pool::Link for Link {
    type Target = Target;

    async fn open(dialer: &Dialer, target: &Target) -> Result<Self, Failure> {
        let (place, wire) = dialer.dial_any(&target.access.places, &target.access.security).await?;
        let mut broker = Broker::enter(wire, target).await?;
        let leaders = leaders(&mut broker, &target.topic).await?;
        Ok(Self { brokers: HashMap::from([(place, broker)]), leaders })
    }

    async fn send(&mut self, dialer: &Dialer, target: &Target, message: Message<'_>) -> Result<(), Failure> {
        let key = message.profile.unwrap_or(message.id);
        let at = partition::of(key.as_bytes(), self.leaders.len());
        let Some((partition, leader)) = at.and_then(|at| self.leaders.get(at)) else {
            return Err(Failure::Later(format!("Kafka: the topic {} has no partitions", target.topic)));
        };
        let (partition, Some(place)) = (*partition, leader.clone()) else {
            return Err(Failure::Later(format!("Kafka: nobody leads partition {partition} of {}", target.topic)));
        };
        if !self.brokers.contains_key(&place) {
            let wire = dialer.dial(&place, &target.access.security).await?;
            self.brokers.insert(place.clone(), Broker::enter(wire, target).await?);
        }
        let Some(broker) = self.brokers.get_mut(&place) else { return Ok(()) };
        let request = request(target, partition, key, message)?;
        let answer: ProduceResponse = broker.call(api::PRODUCE, &request).await?;
        let written = answer.responses.first().and_then(|topic| topic.partition_responses.first());
        let written = written.ok_or_else(|| Failure::Broken("Kafka gave no receipt".to_owned()))?;
        match written.error_code.err() {
            None => Ok(()),
            Some(error) => Err(refused(error, written.error_message.as_ref())),
        }
    }
}

/// Who leads the partitions of a topic.
async fn leaders(broker: &mut Broker, topic: &str) -> Result<Vec<(i32, Option<Place>)>, Failure> {
    let wanted = MetadataRequestTopic::default().with_name(Some(name(topic)));
    let request = MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(true);
    let mut asked = 0;
    loop {
        let answer: MetadataResponse = broker.call(api::METADATA, &request).await?;
        let told = answer.topics.first();
        let told = told.ok_or_else(|| Failure::Broken("Kafka says nothing of the topic".to_owned()))?;
        asked += 1;
        match told.error_code.err() {
            None => return Ok(places(&answer, told)),
            // It may be in the making.
            Some(ResponseError::UnknownTopicOrPartition | ResponseError::LeaderNotAvailable) if asked < ASKED => {
                sleep(PAUSE).await;
            }
            Some(ResponseError::UnknownTopicOrPartition) => {
                return Err(Failure::Dead(format!("Kafka has no topic {topic}, and does not make one by itself")));
            }
            Some(error) => return Err(refused(error, None)),
        }
    }
}

/// An address that is none counts as none.
fn places(answer: &MetadataResponse, topic: &MetadataResponseTopic) -> Vec<(i32, Option<Place>)> {
    let mut leaders: Vec<_> = topic
        .partitions
        .iter()
        .map(|partition| {
            let broker = answer.brokers.iter().find(|broker| broker.node_id == partition.leader_id);
            let place = broker.and_then(|broker| {
                let port = u16::try_from(broker.port).ok()?;
                let host = broker.host.as_str();
                let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                access::place(&host, port).ok()
            });
            (partition.partition_index, place)
        })
        .collect();
    leaders.sort_unstable_by_key(|(partition, _)| *partition);
    leaders
}

fn request(target: &Target, partition: i32, key: &str, message: Message<'_>) -> Result<ProduceRequest, Failure> {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let header = |name: &'static str, value: &str| (StrBytes::from_static_str(name), Some(bytes(value)));
    let record = Record {
        transactional: false,
        control: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        delete_horizon: false,
        timestamp: message.at.as_millisecond(),
        key: Some(bytes(key)),
        value: Some(bytes(message.body.get())),
        headers: IndexMap::from_iter([
            header("Idempotency-Key", message.id),
            header("content-type", "application/json"),
        ]),
    };
    let mut records = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut records, [&record], &options)
        .map_err(|error| Failure::Dead(format!("Kafka: {error}")))?;
    let part = PartitionProduceData::default().with_index(partition).with_records(Some(records.freeze()));
    let topic = TopicProduceData::default().with_name(name(&target.topic)).with_partition_data(vec![part]);
    let timeout = i32::try_from(target.access.timeout.as_millis()).unwrap_or(i32::MAX);
    Ok(ProduceRequest::default().with_acks(ALL).with_timeout_ms(timeout).with_topic_data(vec![topic]))
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// What is wrong with the record, the topic or our rights stays wrong.
fn refused(error: ResponseError, message: Option<&StrBytes>) -> Failure {
    let said = message.map(|text| format!(": {}", text.as_str())).unwrap_or_default();
    let told = format!("Kafka answered {error:?}{said}");
    match error {
        ResponseError::MessageTooLarge
        | ResponseError::RecordListTooLarge
        | ResponseError::InvalidTopicException
        | ResponseError::InvalidRecord
        | ResponseError::InvalidTimestamp
        | ResponseError::UnsupportedForMessageFormat
        | ResponseError::PolicyViolation
        | ResponseError::TopicAuthorizationFailed
        | ResponseError::ClusterAuthorizationFailed
        | ResponseError::SaslAuthenticationFailed
        | ResponseError::UnsupportedSaslMechanism
        | ResponseError::IllegalSaslState
        | ResponseError::UnsupportedVersion => Failure::Dead(told),
        _ => Failure::Later(told),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings() {
        let credentials = json!({"bootstrap_servers": "a:1,b", "username": "u", "password": "geheim",
            "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "scram-sha-512"});
        let target = Target::read(&credentials, &json!({"topic": "t"})).unwrap();
        assert_eq!((target.access.places.len(), target.mechanism), (2, Some(Mechanism::ScramSha512)));
        assert!(!format!("{target:?}").contains("geheim"));
        let open = Target::read(&json!({"bootstrap_servers": "a", "sasl_mechanism": "PLAIN"}), &json!({"topic": "t"}));
        assert_eq!(open.unwrap().mechanism, None);
        for (credentials, init, named) in [
            (json!({}), json!({"topic": "t"}), "bootstrap_servers"),
            (json!({"bootstrap_servers": "a"}), json!({}), "topic"),
            (json!({"bootstrap_servers": "a", "sasl_mechanism": "GSSAPI"}), json!({"topic": "t"}), "sasl_mechanism"),
        ] {
            assert!(Target::read(&credentials, &init).unwrap_err().contains(named), "{credentials} {init}");
        }
    }
}
