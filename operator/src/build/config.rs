//! The environment of the services, as a ConfigMap. Secrets are never in it: only the names of files.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use tracardi_crds::contract::{GUI, MANAGEMENT, PRIVATE_API, PUBLIC_API, Port, env, path};
use tracardi_crds::installation::LogFormat;
use tracardi_crds::outbound::Reach;

use crate::build::{desired, meta};
use crate::model::{Credential, Installation, Services};

/// Files in the directory of mounted Secrets.
pub mod file {
    /// The installation token.
    pub const TOKEN: &str = "installation-token";
    /// The signing key.
    pub const SIGNING_KEY: &str = "signing-key";
    /// The encryption key.
    pub const ENCRYPTION_KEY: &str = "encryption-key";
    /// The first administrator's password.
    pub const PASSWORD: &str = "password";
    /// Password at Elasticsearch.
    pub const ELASTIC_PASSWORD: &str = "elastic-password";
    /// API key of Elasticsearch.
    pub const ELASTIC_API_KEY: &str = "elastic-api-key";
    /// Authorities that vouch for Elasticsearch.
    pub const ELASTIC_CA: &str = "elastic-ca.pem";
    /// Password at MySQL.
    pub const MYSQL_PASSWORD: &str = "mysql-password";
    /// Authorities that vouch for MySQL.
    pub const MYSQL_CA: &str = "mysql-ca.pem";
    /// Password at Redis.
    pub const REDIS_PASSWORD: &str = "redis-password";
    /// Authorities that vouch for Redis.
    pub const REDIS_CA: &str = "redis-ca.pem";
    /// Token of Pulsar.
    pub const PULSAR_TOKEN: &str = "pulsar-token";
    /// Authorities that vouch for Pulsar.
    pub const PULSAR_CA: &str = "pulsar-ca.pem";
}

/// Names and values.
pub type Environment = BTreeMap<String, String>;

/// The settings that the one service of a standalone installation gets.
#[must_use]
pub fn standalone(installation: &Installation) -> Environment {
    let mut settings = common(installation);
    settings.insert(env::DATA.into(), path::DATA.into());
    settings.insert(env::GUI_LISTEN.into(), listen(GUI));
    settings
}

/// The settings that every service of a larger installation gets, the web application apart.
#[must_use]
pub fn services(installation: &Installation, services: &Services) -> Environment {
    let mut settings = common(installation);
    settings.extend(servers(services));
    settings
}

/// What the step that prepares the servers is told: nothing else, because it is repeated when one of these changes.
#[must_use]
pub fn install(services: &Services) -> Environment {
    let mut settings = servers(services);
    for (name, value) in [
        (env::SIGNING_KEY_FILE, mounted(file::SIGNING_KEY)),
        (env::ENCRYPTION_KEY_FILE, mounted(file::ENCRYPTION_KEY)),
        (env::LOG_FORMAT, LogFormat::Json.as_str().to_owned()),
    ] {
        settings.insert(name.to_owned(), value);
    }
    settings
}

/// Where the servers are, and how they let us in.
fn servers(services: &Services) -> Environment {
    let mut settings = Environment::new();
    let mut set = |name: &str, value: String| settings.insert(name.to_owned(), value);
    set(env::ELASTIC_URL, services.elastic.url.clone());
    set(env::ELASTIC_PREFIX, services.index_prefix.clone());
    set(env::ELASTIC_SHARDS, services.index_shards.to_string());
    set(env::ELASTIC_REPLICAS, services.index_replicas.to_string());
    set(env::MYSQL_URL, services.mysql.url.clone());
    set(env::MYSQL_DATABASE, services.database.clone());
    set(env::REDIS_URL, services.redis.url.clone());
    set(env::QUEUE_PARTITIONS, services.partitions.to_string());
    if let Some(replicas) = services.queue_replicas {
        set(env::QUEUE_REPLICAS, replicas.to_string());
    }
    if let Some(pulsar) = &services.pulsar {
        set(env::PULSAR_URL, pulsar.server.url.clone());
        set(env::PULSAR_ADMIN_URL, pulsar.admin_url.clone());
        set(env::PULSAR_NAMESPACE, pulsar.namespace.clone());
    }
    for (name, server) in [
        (env::ELASTIC_USERNAME, &services.elastic),
        (env::MYSQL_USERNAME, &services.mysql),
        (env::REDIS_USERNAME, &services.redis),
    ] {
        if let Some(username) = &server.username {
            set(name, username.clone());
        }
    }
    for (name, file, _) in logins(services) {
        set(name, mounted(file));
    }
    settings
}

/// What lets the services into their servers: the variable that names the file, the file, and where its content is.
#[must_use]
pub fn logins(services: &Services) -> Vec<(&'static str, &'static str, &Credential)> {
    let Services { elastic, mysql, redis, pulsar, .. } = services;
    let pulsar = pulsar.as_ref().map(|pulsar| &pulsar.server);
    [
        (env::ELASTIC_PASSWORD_FILE, file::ELASTIC_PASSWORD, elastic.password.as_ref()),
        (env::ELASTIC_API_KEY_FILE, file::ELASTIC_API_KEY, elastic.token.as_ref()),
        (env::ELASTIC_CA_FILE, file::ELASTIC_CA, elastic.authority.as_ref()),
        (env::MYSQL_PASSWORD_FILE, file::MYSQL_PASSWORD, mysql.password.as_ref()),
        (env::MYSQL_CA_FILE, file::MYSQL_CA, mysql.authority.as_ref()),
        (env::REDIS_PASSWORD_FILE, file::REDIS_PASSWORD, redis.password.as_ref()),
        (env::REDIS_CA_FILE, file::REDIS_CA, redis.authority.as_ref()),
        (env::PULSAR_TOKEN_FILE, file::PULSAR_TOKEN, pulsar.and_then(|server| server.token.as_ref())),
        (env::PULSAR_CA_FILE, file::PULSAR_CA, pulsar.and_then(|server| server.authority.as_ref())),
    ]
    .into_iter()
    .filter_map(|(name, file, credential)| Some((name, file, credential?)))
    .collect()
}

/// The settings of the web application of a larger installation.
#[must_use]
pub fn gui(installation: &Installation, api_url: String) -> Environment {
    let settings = [
        (env::GUI_LISTEN, listen(GUI)),
        (env::MANAGEMENT_LISTEN, listen(MANAGEMENT)),
        (env::API_URL, api_url),
        (env::LOG_FORMAT, installation.log_format.as_str().to_owned()),
        (env::LOG_LEVEL, installation.log_level.clone()),
    ];
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A hash that changes with the settings.
#[must_use]
pub fn hash(environment: &Environment) -> String {
    desired::hash(environment.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]))
}

fn common(installation: &Installation) -> Environment {
    let yes_no = |on: bool| if on { "yes" } else { "no" }.to_owned();
    let features = &installation.features;
    let mut settings = vec![
        (env::PUBLIC_LISTEN, listen(PUBLIC_API)),
        (env::PRIVATE_LISTEN, listen(PRIVATE_API)),
        (env::MANAGEMENT_LISTEN, listen(MANAGEMENT)),
        (env::INSTALLATION_TOKEN_FILE, mounted(file::TOKEN)),
        (env::SIGNING_KEY_FILE, mounted(file::SIGNING_KEY)),
        (env::ENCRYPTION_KEY_FILE, mounted(file::ENCRYPTION_KEY)),
        (env::LOG_FORMAT, installation.log_format.as_str().to_owned()),
        (env::LOG_LEVEL, installation.log_level.clone()),
        (env::SYSTEM_EVENTS, yes_no(features.system_events)),
        (env::DISALLOW_BOT_TRAFFIC, yes_no(features.disallow_bot_traffic)),
        (env::APM, yes_no(features.auto_profile_merging)),
        (env::TRACK_DEBUG, yes_no(features.track_debug)),
    ];
    settings.extend(installation.public_url.clone().map(|url| (env::PUBLIC_URL, url)));
    settings.extend(features.client_ip_header.clone().map(|header| (env::USE_X_FORWARDED_IP, header)));
    let Reach { allow, deny } = &installation.outbound;
    for (name, networks) in [(env::OUTBOUND_ALLOW, allow), (env::OUTBOUND_DENY, deny)] {
        let list = networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        settings.extend((!list.is_empty()).then_some((name, list)));
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn listen(port: Port) -> String {
    format!("0.0.0.0:{}", port.number)
}

fn mounted(file: &str) -> String {
    format!("{}/{file}", path::SECRETS)
}

/// The ConfigMap of an environment.
#[must_use]
pub fn config_map(installation: &Installation, name: String, data: Environment) -> ConfigMap {
    ConfigMap { metadata: meta::child(installation, name, None), data: Some(data), ..ConfigMap::default() }
}
