//! Kafka: what stands in the topic.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, FetchRequest, FetchResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use kafka_protocol::records::{Record, RecordBatchDecoder};
use serde_json::{Value, json};
use tracardi_model::configuration::KAFKA_CONNECTOR;
use tracardi_servers::{Kind, Options, Server};

use super::{Broker, Reader, Seen, start};

pub struct Kafka;

/// The topic's only partition.
pub struct Partition(SocketAddr);

/// One request on a connection of its own; without a login.
fn call<Q: Encodable + HeaderVersion, A: Decodable + HeaderVersion>(
    at: SocketAddr,
    key: i16,
    version: i16,
    request: &Q,
) -> A {
    let mut content = BytesMut::new();
    let header = RequestHeader::default().with_request_api_key(key).with_request_api_version(version);
    header.encode(&mut content, Q::header_version(version)).unwrap();
    request.encode(&mut content, version).unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(&u32::try_from(content.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(&content).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, A::header_version(version)).unwrap();
    A::decode(&mut answer, version).unwrap()
}

fn made() -> TopicName {
    TopicName(StrBytes::from_static_str("made"))
}

impl Reader for Partition {
    async fn again(self, server: &Server) -> Self {
        Self(server.address())
    }

    async fn all(self, _: usize) -> Vec<Seen> {
        let partition = FetchPartition::default().with_partition_max_bytes(10_000_000);
        let topic = FetchTopic::default().with_topic(made()).with_partitions(vec![partition]);
        let request = FetchRequest::default().with_max_bytes(10_000_000).with_topics(vec![topic]);
        let answer: FetchResponse = call(self.0, 1, 4, &request);
        let mut records = answer.responses[0].partitions[0].records.clone().unwrap();
        let sets = RecordBatchDecoder::decode_all(&mut records).unwrap();
        let text = |bytes: &Option<Bytes>| String::from_utf8(bytes.clone().unwrap_or_default().to_vec()).unwrap();
        let seen = |record: &Record| {
            assert_eq!(text(&record.headers[&StrBytes::from_static_str("content-type")]), "application/json");
            let (id, key) = (text(&record.headers[&StrBytes::from_static_str("Idempotency-Key")]), text(&record.key));
            // What is for nobody has its own id as key.
            let profile = if key == id { String::new() } else { key };
            Seen { id, profile, body: serde_json::from_str(&text(&record.value)).unwrap() }
        };
        sets.iter().flat_map(|set| &set.records).map(seen).collect()
    }
}

impl Broker for Kafka {
    const PACKAGE: &str = KAFKA_CONNECTOR;
    const TOO_LARGE: &[&str] = &["MessageTooLarge", "RecordListTooLarge"];
    type Reader = Partition;

    async fn start(options: &Options) -> Server {
        let server = start(Kind::Kafka, options);
        // Beside the port for clients is one that asks nobody who he is.
        let inner = SocketAddr::new(server.address().ip(), 9093);
        let topic = CreatableTopic::default().with_name(made()).with_num_partitions(1).with_replication_factor(1);
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(30_000);
        let answer: CreateTopicsResponse = call(inner, 19, 5, &request);
        assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
        server
    }

    fn at(address: SocketAddr) -> Value {
        json!({"bootstrap_servers": address.to_string(), "sasl_mechanism": "PLAIN"})
    }

    fn init(name: &str) -> Value {
        json!({"topic": name})
    }

    async fn read(server: &Server) -> Partition {
        Partition(server.address())
    }
}
