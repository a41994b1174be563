//! Which servers a process of a larger installation works with, and under which keys.
#![allow(clippy::struct_field_names, reason = "the names are those of the flags")]

use std::fmt;
use std::path::{Path, PathBuf};

use tracardi_crds::contract::env;
use tracardi_model::Tenant;
use tracardi_process::{Endpoint, Secret, Setting, setting};
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
    /// How many replicas of Redis must have a request before it is acknowledged, where Redis is the queue
    #[arg(long, value_name = "NUMBER", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=16), env = env::QUEUE_REPLICAS)]
    pub(crate) queue_replicas: u32,
    #[command(flatten)]
    pub(crate) keys: KeyArguments,
}

/// Elasticsearch or OpenSearch.
#[derive(Debug, clap::Args)]
pub(crate) struct ElasticArguments {
    /// URL of Elasticsearch or OpenSearch: https://host:9200
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
#[derive(Clone, Debug, clap::Args)]
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
    pulsar_namespace: String,
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

/// The content of a file that `variable` names. It is read anew for each attempt to work with the server: what is corrected in it
/// counts without a restart.
fn content(variable: &str, file: Option<&PathBuf>) -> anyhow::Result<Option<String>> {
    let file = file.filter(|file| !file.as_os_str().is_empty());
    let content = file.map(|file| secrets::read(Path::new(file))).transpose();
    content.map_err(|error| anyhow::anyhow!("{variable}: {error:#}"))
}

fn secret(variable: &str, file: Option<&PathBuf>) -> anyhow::Result<Option<Secret>> {
    Ok(content(variable, file)?.map(Secret::new))
}

/// An error of a server's client, with the variables in front that it concerns.
pub(super) fn complaint(
    error: &dyn fmt::Display,
    endpoints: &[&Endpoint],
    variable: fn(Setting) -> Option<&'static str>,
) -> anyhow::Error {
    let error = error.to_string();
    anyhow::anyhow!("{}: {error}", setting::concerned(&error, endpoints, variable).join(", "))
}

impl SharedArguments {
    /// Refuses what is wrong by itself, before anything is waited for: files that are not there, a namespace that is none.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.elastic.endpoint()?;
        self.mysql.endpoint()?;
        self.redis.endpoint()?;
        if self.pulsar.endpoints()?.is_some() {
            self.pulsar.namespace()?;
        }
        Ok(())
    }
}

impl ElasticArguments {
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint {
            url: self.elastic_url.trim().to_owned(),
            username: given(self.elastic_username.as_ref()),
            password: secret(env::ELASTIC_PASSWORD_FILE, self.elastic_password_file.as_ref())?,
            token: secret(env::ELASTIC_API_KEY_FILE, self.elastic_api_key_file.as_ref())?,
            authority: content(env::ELASTIC_CA_FILE, self.elastic_ca_file.as_ref())?,
        })
    }

    /// The variable that holds a setting.
    pub(crate) const fn variable(setting: Setting) -> Option<&'static str> {
        Some(match setting {
            Setting::Url => env::ELASTIC_URL,
            Setting::Username => env::ELASTIC_USERNAME,
            Setting::Password => env::ELASTIC_PASSWORD_FILE,
            Setting::Token => env::ELASTIC_API_KEY_FILE,
            Setting::Authority => env::ELASTIC_CA_FILE,
            Setting::AdminUrl | Setting::Database | Setting::Namespace => return None,
        })
    }
}

impl MysqlArguments {
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint {
            url: self.mysql_url.trim().to_owned(),
            username: given(self.mysql_username.as_ref()),
            password: secret(env::MYSQL_PASSWORD_FILE, self.mysql_password_file.as_ref())?,
            token: None,
            authority: content(env::MYSQL_CA_FILE, self.mysql_ca_file.as_ref())?,
        })
    }

    /// The variable that holds a setting.
    pub(crate) const fn variable(setting: Setting) -> Option<&'static str> {
        Some(match setting {
            Setting::Url => env::MYSQL_URL,
            Setting::Username => env::MYSQL_USERNAME,
            Setting::Password => env::MYSQL_PASSWORD_FILE,
            Setting::Authority => env::MYSQL_CA_FILE,
            Setting::Database => env::MYSQL_DATABASE,
            Setting::AdminUrl | Setting::Token | Setting::Namespace => return None,
        })
    }
}

impl RedisArguments {
    pub(crate) fn endpoint(&self) -> anyhow::Result<Endpoint> {
        Ok(Endpoint {
            url: self.redis_url.trim().to_owned(),
            username: given(self.redis_username.as_ref()),
            password: secret(env::REDIS_PASSWORD_FILE, self.redis_password_file.as_ref())?,
            token: None,
            authority: content(env::REDIS_CA_FILE, self.redis_ca_file.as_ref())?,
        })
    }

    /// The variable that holds a setting.
    pub(crate) const fn variable(setting: Setting) -> Option<&'static str> {
        Some(match setting {
            Setting::Url => env::REDIS_URL,
            Setting::Username => env::REDIS_USERNAME,
            Setting::Password => env::REDIS_PASSWORD_FILE,
            Setting::Authority => env::REDIS_CA_FILE,
            Setting::AdminUrl | Setting::Token | Setting::Database | Setting::Namespace => return None,
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
            token: secret(env::PULSAR_TOKEN_FILE, self.pulsar_token_file.as_ref())?,
            authority: content(env::PULSAR_CA_FILE, self.pulsar_ca_file.as_ref())?,
            ..Endpoint::default()
        };
        Ok(Some((broker.clone(), Endpoint { url: admin, ..broker })))
    }

    /// Tenant and namespace, both in Pulsar's sense.
    pub(crate) fn namespace(&self) -> anyhow::Result<(&str, &str)> {
        let parts = self.pulsar_namespace.split_once('/').filter(|(_, name)| !name.contains('/'));
        parts.ok_or_else(|| anyhow::anyhow!("--pulsar-namespace: `{}` is not TENANT/NAMESPACE", self.pulsar_namespace))
    }

    /// The variable that holds a setting.
    pub(crate) const fn variable(setting: Setting) -> Option<&'static str> {
        Some(match setting {
            Setting::Url => env::PULSAR_URL,
            Setting::AdminUrl => env::PULSAR_ADMIN_URL,
            Setting::Token => env::PULSAR_TOKEN_FILE,
            Setting::Authority => env::PULSAR_CA_FILE,
            Setting::Namespace => env::PULSAR_NAMESPACE,
            Setting::Username | Setting::Password | Setting::Database => return None,
        })
    }
}
