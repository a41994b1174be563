//! The kinds of servers that there are.

use clap::ValueEnum;
use tracardi_machine::{Progress, Result};

use crate::kinds::{elasticsearch8, kafka, mariadb, mosquitto, pulsar, rabbitmq, redis, search};
use crate::recipe::{self, Options, Recipe};
use crate::server::Server;

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Kind {
    /// Mosquitto 2.0, MQTT.
    Mosquitto,
    /// RabbitMQ 3.10, AMQP 0.9.1; port `management` has the HTTP API (always without encryption). Without a login,
    /// `guest`/`guest` may connect.
    RabbitMq,
    /// Redis 7.0; every write is in the append-only file before it is answered.
    Redis,
    /// Kafka 4.3, one node; topics are not made by themselves. A login is for SASL, PLAIN or SCRAM; port `inner` needs none.
    Kafka,
    /// Pulsar 4.2, one process; port `web` has the admin API. With a login clients need a [`crate::Login::token`].
    Pulsar,
    /// MariaDB 10.11 with an empty database `tracardi`. Without a login, `root` may connect without a password.
    MariaDb,
    /// OpenSearch 2.19, one node; without its security plugin.
    OpenSearch,
    /// OpenSearch 2.19 with its security plugin: a login always (`admin`/`admin` unless one is given), encryption if wanted.
    #[value(name = "opensearch-secured")]
    OpenSearchSecured,
    /// OpenSearch 3.8, one node; without its security plugin. Needs Java 21, which Debian 12 does not have.
    OpenSearch3,
    /// Elasticsearch 7.17, one node; without security, ILM and most ingest processors.
    Elasticsearch,
    /// Elasticsearch 8.19, one node, with security and without painless and reindex.
    Elasticsearch8,
}

impl Kind {
    /// Every kind.
    #[must_use]
    pub fn all() -> &'static [Kind] {
        Kind::value_variants()
    }

    /// Those that `make test` uses: not the ones that need a newer Java than Debian's or are heavy.
    #[must_use]
    pub fn usual() -> Vec<Kind> {
        let unusual = [Kind::OpenSearch3, Kind::Elasticsearch8];
        Kind::all().iter().copied().filter(|kind| !unusual.contains(kind)).collect()
    }

    /// Its name in commands and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Mosquitto => "mosquitto",
            Kind::RabbitMq => "rabbitmq",
            Kind::Redis => "redis",
            Kind::Kafka => "kafka",
            Kind::Pulsar => "pulsar",
            Kind::MariaDb => "mariadb",
            Kind::OpenSearch => "opensearch",
            Kind::OpenSearchSecured => "opensearch-secured",
            Kind::OpenSearch3 => "opensearch3",
            Kind::Elasticsearch => "elasticsearch",
            Kind::Elasticsearch8 => "elasticsearch8",
        }
    }

    pub(crate) fn recipe(self) -> &'static dyn Recipe {
        match self {
            Kind::Mosquitto => &mosquitto::Mosquitto,
            Kind::RabbitMq => &rabbitmq::RabbitMq,
            Kind::Redis => &redis::Redis,
            Kind::Kafka => &kafka::Kafka,
            Kind::Pulsar => &pulsar::Pulsar,
            Kind::MariaDb => &mariadb::MariaDb,
            Kind::OpenSearch => &search::OPENSEARCH,
            Kind::OpenSearchSecured => &search::OPENSEARCH_SECURED,
            Kind::OpenSearch3 => &search::OPENSEARCH_3,
            Kind::Elasticsearch => &search::ELASTICSEARCH_7,
            Kind::Elasticsearch8 => &elasticsearch8::Elasticsearch8,
        }
    }

    /// Names and numbers of its ports, the main one first.
    #[must_use]
    pub fn ports(self) -> &'static [(&'static str, u16)] {
        self.recipe().ports()
    }

    /// The version that is installed.
    pub fn version(self) -> Result<String> {
        recipe::version(self.recipe())
    }

    /// Starts one with an empty store that everybody may use, and waits until it serves.
    pub fn start(self) -> Result<Server> {
        self.start_with(&Options::default())
    }

    /// Starts one with an empty store, and waits until it serves.
    pub fn start_with(self, options: &Options) -> Result<Server> {
        Server::start(self, options)
    }
}

/// Installs what these kinds need and what is missing.
pub fn install(kinds: &[Kind], progress: &mut dyn Progress) -> Result<()> {
    kinds.iter().try_for_each(|kind| recipe::install(kind.recipe(), progress))
}
