//! The part of the resource that names the servers of a larger installation.
//!
//! (The derive makes helper types that trip `unreachable_pub`.)
#![allow(unreachable_pub)]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::spec::SecretKeyRef;

/// Elasticsearch or OpenSearch, which holds events, sessions and profiles.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Elasticsearch {
    /// A server that somebody else runs.
    pub external: ExternalElasticsearch,
    /// First part of the names of all indices; fixed once the installation exists. Default: tracardi.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]+$')")
        .message("spec.elasticsearch.indexPrefix must hold only lower case letters and digits"))]
    pub index_prefix: Option<String>,
    /// Primary shards of a new index. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub shards: Option<i32>,
    /// Copies of each shard of a new index. Default: 1; 0 on a server of one node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16))]
    pub replicas: Option<i32>,
}

/// An Elasticsearch or OpenSearch that somebody else runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.username) == has(self.passwordSecretRef)")
    .message("spec.elasticsearch.external.username and passwordSecretRef belong together: add the missing one"))]
#[x_kube(validation = Rule::new("!(has(self.username) && has(self.apiKeySecretRef))")
    .message("spec.elasticsearch.external has username and apiKeySecretRef: one way to log in is enough, remove the other"))]
pub struct ExternalElasticsearch {
    /// URL of the server, for example https://search.example.com:9200.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$')")
        .message("spec.elasticsearch.external.url must be http:// or https://, a host name and optionally a port, for example https://search.example.com:9200"))]
    pub url: String,
    /// Name to log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub username: Option<String>,
    /// Where the password is that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
    /// Where an API key is, encoded as the server gives it; instead of name and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeyRef>,
    /// Where the certificates (PEM) of the only authorities are that are believed. Default: those of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// MySQL or MariaDB, which holds configuration, accounts and deliveries.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Mysql {
    /// A server that somebody else runs.
    pub external: ExternalMysql,
    /// Name of the database, which must exist; fixed once the installation exists. Default: tracardi.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_-]+$')")
        .message("spec.mysql.database must hold only letters, digits, '_' and '-'"))]
    pub database: Option<String>,
}

/// A MySQL or MariaDB that somebody else runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.passwordSecretRef) || has(self.username)")
    .message("spec.mysql.external.passwordSecretRef needs spec.mysql.external.username: add it"))]
pub struct ExternalMysql {
    /// URL of the server: mysql://host:3306, or mysqls:// for TLS.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^mysqls?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$')")
        .message("spec.mysql.external.url must be mysql:// or mysqls:// (TLS), a host name and optionally a port, for example mysql://database:3306"))]
    pub url: String,
    /// Name to log in with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80))]
    pub username: Option<String>,
    /// Where the password is that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
    /// Where the certificates (PEM) of the only authorities are that are believed; the connection is encrypted then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// Redis, which remembers sessions, and is the queue of the mode open.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Redis {
    /// A server that somebody else runs.
    pub external: ExternalRedis,
}

/// A Redis that somebody else runs. In the mode open it holds what was acknowledged and not stored yet: switch `appendonly` on
/// and leave `maxmemory-policy` at `noeviction`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.username) || has(self.passwordSecretRef)")
    .message("spec.redis.external.username needs spec.redis.external.passwordSecretRef: add it"))]
pub struct ExternalRedis {
    /// URL of the server: redis://host:6379, or rediss:// for TLS.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^rediss?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[0-9]{1,3})?$')")
        .message("spec.redis.external.url must be redis:// or rediss:// (TLS), a host name and optionally a port, for example redis://cache:6379"))]
    pub url: String,
    /// Name to log in with; without one the password is that of the default user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub username: Option<String>,
    /// Where the password is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
    /// Where the certificates (PEM) of the only authorities are that are believed. Default: those of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// Apache Pulsar, the queue of the mode distributed.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Pulsar {
    /// A server that somebody else runs.
    pub external: ExternalPulsar,
    /// Tenant and namespace of Pulsar that hold the topics, which must exist; fixed once the installation exists. Default:
    /// public/default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$')")
        .message("spec.pulsar.namespace must be TENANT/NAMESPACE, for example tracardi/collect"))]
    pub namespace: Option<String>,
}

/// A Pulsar that somebody else runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalPulsar {
    /// URL of the brokers: pulsar://host:6650, or pulsar+ssl:// for TLS.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^pulsar([+]ssl)?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$')")
        .message("spec.pulsar.external.url must be pulsar:// or pulsar+ssl:// (TLS), a host name and optionally a port, for example pulsar://broker:6650"))]
    pub url: String,
    /// URL of the administration: http://host:8080 or https://host:8443.
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$')")
        .message("spec.pulsar.external.adminUrl must be http:// or https://, a host name and optionally a port, for example http://broker:8080"))]
    pub admin_url: String,
    /// Where the token to log in with is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_secret_ref: Option<SecretKeyRef>,
    /// Where the certificates (PEM) of the only authorities are that are believed. Default: those of the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// The queue between the public API and the workers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Into how many parts the queue is divided; each has one worker at a time. Fixed once the installation exists. Default: 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub partitions: Option<i32>,
    /// How many replicas of Redis must have a request before it is acknowledged, in the mode open; while fewer are connected nothing
    /// is taken. A switch to one of them loses nothing then. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 16))]
    pub replicas: Option<i32>,
}
