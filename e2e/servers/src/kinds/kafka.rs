//! Kafka of one node, without ZooKeeper (KRaft). Topics are not made by whoever writes to them: make them first.

use tracardi_machine::Result;

use crate::java::{self, Jars};
use crate::recipe::{Launch, Options, Place, Recipe};

const PORT: u16 = 9092;
/// What the broker itself uses, whatever clients need.
const INNER: u16 = 9093;
const CONTROLLER: u16 = 9094;

/// For a single node: one copy of everything, few threads, small buffers, no waiting for others.
const SETTINGS: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=INNER
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
";

const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

static JARS: Jars = Jars {
    name: "kafka",
    version: "4.3.1",
    pom: include_str!("../../java/kafka/pom.xml"),
    plugin: None,
    sources: &[],
    java: 17,
    flags: &[],
};

#[derive(Debug)]
pub(crate) struct Kafka;

impl Recipe for Kafka {
    fn jars(&self) -> Option<&Jars> {
        Some(&JARS)
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("kafka", PORT), ("inner", INNER)]
    }

    fn prepare(&self, place: &Place, options: &Options) -> Result<Launch> {
        let (client, inner, controller) = (place.at(PORT), place.at(INNER), place.at(CONTROLLER));
        let announced = options.announce.unwrap_or(client);
        let protocol = match (&options.login, &place.certificates) {
            (None, None) => "PLAINTEXT",
            (None, Some(_)) => "SSL",
            (Some(_), None) => "SASL_PLAINTEXT",
            (Some(_), Some(_)) => "SASL_SSL",
        };
        let mut lines = vec![format!(
            "{SETTINGS}log.dirs={data}\ncontroller.quorum.voters=1@{controller}\n\
             listeners=CLIENT://{client},INNER://{inner},CONTROLLER://{controller}\n\
             advertised.listeners=CLIENT://{announced},INNER://{inner}\n\
             listener.security.protocol.map=CLIENT:{protocol},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            data = place.path("data"),
        )];
        if let Some(login) = &options.login {
            lines.push(format!(
                "listener.name.client.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512\n\
                 listener.name.client.scram-sha-256.sasl.jaas.config={SCRAM} required;\n\
                 listener.name.client.scram-sha-512.sasl.jaas.config={SCRAM} required;\n\
                 listener.name.client.plain.sasl.jaas.config=\
                 org.apache.kafka.common.security.plain.PlainLoginModule required user_{}=\"{}\";",
                login.name, login.password
            ));
        }
        if let Some(tls) = &place.certificates {
            lines.push(format!(
                "listener.name.client.ssl.keystore.type=PEM\nlistener.name.client.ssl.keystore.location={}",
                tls.both_file
            ));
        }
        if let Some(bytes) = options.largest_message {
            lines.push(format!("message.max.bytes={bytes}"));
        }
        let file = place.write_lines("server.properties", &lines)?;
        let mut format = JARS.machine(place, 128)?.then(["kafka.tools.StorageTool", "format", "-c", &file]);
        format = format.then(["-t", "AAAAAAAAAAAAAAAAAAAAAQ"]);
        if let Some(login) = &options.login {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                let user = format!("{mechanism}=[name={},password={}]", login.name, login.password);
                format = format.then(["--add-scram", &user]);
            }
        }
        java::run_to_end(&format)?;
        Ok(JARS.machine(place, 256)?.then(["kafka.Kafka", &file]))
    }

    fn is_ready(&self, place: &Place, _options: &Options) -> bool {
        place.has_logged("Kafka Server started")
    }
}
