//! Which servers a process of a larger installation works with, and under which keys.
#![allow(clippy::struct_field_names, reason = "the names are those of the flags")]

use std::path::{Path, PathBuf};

use tracardi_crds::contract::env;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Secret};
use tracardi_store::Keys;

use crate::services::secrets;

/// The servers.
#[derive(Debug, clap::Args)]
pub(crate) struct SharedArguments {
    /// Whose data it is: 1 to 32 lower case letters and digits
    #[arg(long, value_name = "NAME", default_value = "default", env = env::TENANT)]
    pub(crate) tenant: Tenant,
    #[command(flatten)]
    pub(crate) elastic: ElasticArguments,
    #[command(flatten)]
    pub(crate) mysql: MysqlArguments,
    #[command(flatten)]
    pub(crate) redis: RedisArguments,
    #[command(flatten)]
    pub(crate) pulsar: PulsarArguments,
    /// Into how many parts a new queue is divided; each has one worker at a time
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256), env = env::QUEUE_PARTITIONS)]
    pub(crate) queue_partitions: u16,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Elasticsearch or OpenSearch.
#[derive(Debug, clap::Args)]
pub(crate) struct ElasticArguments {
    /// URL of Elasticsearch or OpenSearch; several separated by commas
    #[arg(long, value_name = "URL", env = env::ELASTIC_URL)]
    elastic_url: String,
    /// Name to log in with at Elasticsearch
    #[arg(long, value_name = "NAME", env = env::ELASTIC_USERNAME)]
    elastic_username: Option<String>,
    /// File with the password that belongs to it
    #[arg(long, value_name = "FILE", env = env::ELASTIC_PASSWORD_FILE)]
    elastic_password_file: Option<PathBuf>,
    /// File with an API key of Elasticsearch, instead of name and password
    #[arg(long, value_name = "FILE", env = env::ELASTIC_API_KEY_FILE)]
    elastic_api_key_file: Option<PathBuf>,
    /// File with the certificates (PEM) of the authorities that are believed [default: the web's]
    #[arg(long, value_name = "FILE", env = env::ELASTIC_CA_FILE)]
    elastic_ca_file: Option<PathBuf>,
    /// First part of the names of all indices
    #[arg(long, value_name = "TEXT", default_value = "tracardi", env = env::ELASTIC_PREFIX)]
    pub(crate) elastic_prefix: String,
    /// Primary shards of a new index
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024), env = env::ELASTIC_SHARDS)]
    pub(crate) elastic_shards: u16,
    /// Copies of each shard of a new index
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=16), env = env::ELASTIC_REPLICAS)]
    pub(crate) elastic_replicas: u16,
}

/// MySQL or MariaDB.
#[derive(Debug, clap::Args)]
pub(crate) struct MysqlArguments {
    /// URL of MySQL or MariaDB: mysql://host:3306, or mysqls:// for TLS
    #[arg(long, value_name = "URL", env = env::MYSQL_URL)]
    mysql_url: String,
    /// Database of MySQL
    #[arg(long, value_name = "NAME", default_value = "tracardi", env = env::MYSQL_DATABASE)]
    pub(crate) mysql_database: String,
    /// Name to log in with at MySQL
    #[arg(long, value_name = "NAME", env = env::MYSQL_USERNAME)]
    mysql_username: Option<String>,
    /// File with the password that belongs to it
    #[arg(long, value_name = "FILE", env = env::MYSQL_PASSWORD_FILE)]
    mysql_password_file: Option<PathBuf>,
    /// File with the certificates (PEM) of the authorities that are believed [default: no encryption]
    #[arg(long, value_name = "FILE", env = env::MYSQL_CA_FILE)]
    mysql_ca_file: Option<PathBuf>,
}

/// Redis.
#[derive(Debug, clap::Args)]
pub(crate) struct RedisArguments {
    /// URL of Redis: redis://host:6379, or rediss:// for TLS
    #[arg(long, value_name = "URL", env = env::REDIS_URL)]
    redis_url: String,
    /// Name to log in with at Redis
    #[arg(long, value_name = "NAME", env = env::REDIS_USERNAME)]
    redis_username: Option<String>,
    /// File with the password
    #[arg(long, value_name = "FILE", env = env::REDIS_PASSWORD_FILE)]
    redis_password_file: Option<PathBuf>,
    /// File with the certificates (PEM) of the authorities that are believed [default: the web's]
    #[arg(long, value_name = "FILE", env = env::REDIS_CA_FILE)]
    redis_ca_file: Option<PathBuf>,
}

/// Pulsar, if it is the queue.
#[derive(Debug, clap::Args)]
pub(crate) struct PulsarArguments {
    /// URL of Pulsar's brokers: pulsar://host:6650, or pulsar+ssl:// for TLS [default: Redis is the queue]
    #[arg(long, value_name = "URL", env = env::PULSAR_URL)]
    pulsar_url: Option<String>,
    /// URL of Pulsar's administration: http://host:8080
    #[arg(long, value_name = "URL", requires = "pulsar_url", env = env::PULSAR_ADMIN_URL)]
    pulsar_admin_url: Option<String>,
    /// File with the token to log in with at Pulsar
    #[arg(long, value_name = "FILE", env = env::PULSAR_TOKEN_FILE)]
    pulsar_token_file: Option<PathBuf>,
    /// File with the certificates (PEM) of the authorities that are believed [default: the web's]
    #[arg(long, value_name = "FILE", env = env::PULSAR_CA_FILE)]
    pulsar_ca_file: Option<PathBuf>,
    /// Tenant and namespace of Pulsar that hold the topics
    #[arg(long, value_name = "TENANT/NAMESPACE", default_value = "public/default", env = env::PULSAR_NAMESPACE)]
    pub(crate) pulsar_namespace: String,
}

/// Files with keys; all processes of an installation have the same.
#[derive(Debug, clap::Args)]
pub(crate) struct KeyArguments {
    /// File with the signing key, 64 hexadecimal digits
    #[arg(long, value_name = "FILE", env = env::SIGNING_KEY_FILE)]
    signing_key_file: PathBuf,
    /// File with the encryption key, 64 hexadecimal digits
    #[arg(long, value_name = "FILE", env = env::ENCRYPTION_KEY_FILE)]
    encryption_key_file: PathBuf,
}

impl KeyArguments {
    pub(crate) fn keys(&self) -> anyhow::Result<Keys> {
        Ok(Keys {
            signing: secrets::key(&self.signing_key_file)?,
            encryption: secrets::key(&self.encryption_key_file)?,
        })
    }
}

fn given(text: Option<&String>) -> Option<String> {
    super::super::given(text).map(|text| text.trim().to_owned())
}

/// The content of a file that is named.
fn content(file: Option<&PathBuf>) -> anyhow::Result<Option<String>> {
    let file = file.filter(|file| !file.as_os_str().is_empty());
    file.map(|file| secrets::read(Path::new(file))).transpose()
}

fn secret(file: Option<&PathBuf>) -> anyhow::Result<Option<Secret>> {
    Ok(content(file)?.map(Secret::new))
}

impl ElasticArguments {
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint {
            url: self.elastic_url.trim().to_owned(),
            username: given(self.elastic_username.as_ref()),
            password: secret(self.elastic_password_file.as_ref())?,
            token: secret(self.elastic_api_key_file.as_ref())?,
            authority: content(self.elastic_ca_file.as_ref())?,
        })
    }
}

impl MysqlArguments {
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint {
            url: self.mysql_url.trim().to_owned(),
            username: given(self.mysql_username.as_ref()),
            password: secret(self.mysql_password_file.as_ref())?,
            token: None,
            authority: content(self.mysql_ca_file.as_ref())?,
        })
    }
}

impl RedisArguments {
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint {
            url: self.redis_url.trim().to_owned(),
            username: given(self.redis_username.as_ref()),
            password: secret(self.redis_password_file.as_ref())?,
            token: None,
            authority: content(self.redis_ca_file.as_ref())?,
        })
    }
}

impl PulsarArguments {
    /// Brokers and administration; none when Redis is the queue.
    pub(crate) fn endpoints(&self) -> anyhow::Result<Option<(Endpoint, Endpoint)>> {
        let Some(url) = given(self.pulsar_url.as_ref()) else { return Ok(None) };
        let admin = given(self.pulsar_admin_url.as_ref());
        let admin =
            admin.ok_or_else(|| anyhow::anyhow!("--pulsar-admin-url ({}) is missing", env::PULSAR_ADMIN_URL))?;
        let broker = Endpoint {
            url,
            token: secret(self.pulsar_token_file.as_ref())?,
            authority: content(self.pulsar_ca_file.as_ref())?,
            ..Endpoint::default()
        };
        Ok(Some((broker.clone(), Endpoint { url: admin, ..broker })))
    }
}
