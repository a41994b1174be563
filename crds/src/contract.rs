//! What operator and runtime agree on: ports, environment names, file names. Each fact stands here once; the operator
//! writes it into pods, the runtime reads it as the environment equivalent of a flag.

/// A listener of the runtime: its name in Kubernetes (port name, Service suffix, status key) and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// Name of the container port and of the Service's port; at most 15 characters, as Kubernetes demands.
    pub name: &'static str,
    /// TCP port.
    pub number: u16,
}

/// Collects events; the only listener meant for the internet.
pub const PUBLIC_API: Port = Port { name: "public-api", number: 8585 };
/// Configuration and queries; for trusted networks.
pub const PRIVATE_API: Port = Port { name: "private-api", number: 8686 };
/// The web application; for trusted networks. It forwards `/api` to the private API.
pub const GUI: Port = Port { name: "gui", number: 8787 };
/// `/livez`, `/readyz`, `/healthcheck`, `/metrics`; for the kubelet and for monitoring.
pub const MANAGEMENT: Port = Port { name: "management", number: 9090 };

/// Names of environment variables. A `*_FILE` variable names a file whose trimmed content is the value.
pub mod env {
    /// Directory of the embedded store.
    pub const DATA: &str = "TRACARDI_DATA";
    /// Address of the public API, `host:port`.
    pub const PUBLIC_LISTEN: &str = "TRACARDI_PUBLIC_LISTEN";
    /// Address of the private API, `host:port`.
    pub const PRIVATE_LISTEN: &str = "TRACARDI_PRIVATE_LISTEN";
    /// Address of the web application, `host:port`.
    pub const GUI_LISTEN: &str = "TRACARDI_GUI_LISTEN";
    /// Address of health and metrics, `host:port`; no listener when absent.
    pub const MANAGEMENT_LISTEN: &str = "TRACARDI_MANAGEMENT_LISTEN";
    /// URL under which visitors' browsers reach the public API; shown in tracker snippets.
    pub const PUBLIC_URL: &str = "TRACARDI_PUBLIC_URL";
    /// URL under which the web application reaches the private API.
    pub const API_URL: &str = "TRACARDI_API_URL";
    /// E-mail address of the first administrator.
    pub const ADMIN_EMAIL: &str = "TRACARDI_ADMIN_EMAIL";
    /// Password of the first administrator; prefer the file.
    pub const ADMIN_PASSWORD: &str = "TRACARDI_ADMIN_PASSWORD";
    /// File with the password of the first administrator.
    pub const ADMIN_PASSWORD_FILE: &str = "TRACARDI_ADMIN_PASSWORD_FILE";
    /// File with the token that `POST /install` demands.
    pub const INSTALLATION_TOKEN_FILE: &str = "TRACARDI_INSTALLATION_TOKEN_FILE";
    /// File with the key (32 bytes, hex) under which login tokens are kept and new ids are derived.
    pub const SIGNING_KEY_FILE: &str = "TRACARDI_SIGNING_KEY_FILE";
    /// File with the key (32 bytes, hex) that encrypts credentials at rest.
    pub const ENCRYPTION_KEY_FILE: &str = "TRACARDI_ENCRYPTION_KEY_FILE";
    /// `text` or `json`.
    pub const LOG_FORMAT: &str = "TRACARDI_LOG_FORMAT";
    /// Directives of the log filter, for example `info` or `info,tracardi_collector=debug`.
    pub const LOG_LEVEL: &str = "TRACARDI_LOG_LEVEL";
    /// `yes`: the answer of `/track` lists the stored events when the payload asks for it (`options.debugger`).
    pub const TRACK_DEBUG: &str = "TRACK_DEBUG";
    /// `no`: no `profile-created`, `visit-started` and `session-opened` events are made.
    pub const SYSTEM_EVENTS: &str = "SYSTEM_EVENTS";
    /// `no`: traffic of bots is collected too.
    pub const DISALLOW_BOT_TRAFFIC: &str = "DISALLOW_BOT_TRAFFIC";
    /// `no`: profiles get no ids made of e-mail address, phone number, id or pk, and are not merged because of them.
    pub const APM: &str = "APM";
    /// Key of the ids that are made of e-mail addresses and the like; an installation has one of its own by default.
    pub const AUTO_PROFILE_MERGING: &str = "AUTO_PROFILE_MERGING";
    /// Name of the header that carries the client's address behind a proxy.
    pub const USE_X_FORWARDED_IP: &str = "USE_X_FORWARDED_IP";
    /// Networks outside the public internet that destinations may be in, for example `10.1.0.0/16,fd00::/8`; see
    /// [`crate::outbound`].
    pub const OUTBOUND_ALLOW: &str = "TRACARDI_OUTBOUND_ALLOW";
    /// Networks, of the public internet or of wider ones that are allowed, that destinations may not be in.
    pub const OUTBOUND_DENY: &str = "TRACARDI_OUTBOUND_DENY";
    /// File with places by IP address, in MaxMind's format.
    pub const GEOIP: &str = "TRACARDI_GEOIP";
    /// Whose data it is: 1 to 32 lower case letters and digits; `default` unless there are several tenants.
    pub const TENANT: &str = "TRACARDI_TENANT";
    /// URL of Elasticsearch or OpenSearch: `https://host:9200`.
    pub const ELASTIC_URL: &str = "TRACARDI_ELASTIC_URL";
    /// Name to log in with at Elasticsearch or OpenSearch.
    pub const ELASTIC_USERNAME: &str = "TRACARDI_ELASTIC_USERNAME";
    /// File with the password that belongs to it.
    pub const ELASTIC_PASSWORD_FILE: &str = "TRACARDI_ELASTIC_PASSWORD_FILE";
    /// File with an API key of Elasticsearch, encoded as it gives it; instead of name and password.
    pub const ELASTIC_API_KEY_FILE: &str = "TRACARDI_ELASTIC_API_KEY_FILE";
    /// File with the certificates (PEM) of the authorities that are believed; the web's without one.
    pub const ELASTIC_CA_FILE: &str = "TRACARDI_ELASTIC_CA_FILE";
    /// First part of the names of all indices.
    pub const ELASTIC_PREFIX: &str = "TRACARDI_ELASTIC_PREFIX";
    /// Primary shards of a new index.
    pub const ELASTIC_SHARDS: &str = "TRACARDI_ELASTIC_SHARDS";
    /// Copies of each shard.
    pub const ELASTIC_REPLICAS: &str = "TRACARDI_ELASTIC_REPLICAS";
    /// URL of MySQL or MariaDB: `mysql://host:3306`, `mysqls://` for TLS.
    pub const MYSQL_URL: &str = "TRACARDI_MYSQL_URL";
    /// Name of the database.
    pub const MYSQL_DATABASE: &str = "TRACARDI_MYSQL_DATABASE";
    /// Name to log in with at MySQL.
    pub const MYSQL_USERNAME: &str = "TRACARDI_MYSQL_USERNAME";
    /// File with the password that belongs to it.
    pub const MYSQL_PASSWORD_FILE: &str = "TRACARDI_MYSQL_PASSWORD_FILE";
    /// File with the certificates (PEM) of the authorities that are believed; the connection is encrypted then.
    pub const MYSQL_CA_FILE: &str = "TRACARDI_MYSQL_CA_FILE";
    /// URL of Redis: `redis://host:6379`, `rediss://` for TLS.
    pub const REDIS_URL: &str = "TRACARDI_REDIS_URL";
    /// Name to log in with at Redis.
    pub const REDIS_USERNAME: &str = "TRACARDI_REDIS_USERNAME";
    /// File with the password.
    pub const REDIS_PASSWORD_FILE: &str = "TRACARDI_REDIS_PASSWORD_FILE";
    /// File with the certificates (PEM) of the authorities that are believed; the web's without one.
    pub const REDIS_CA_FILE: &str = "TRACARDI_REDIS_CA_FILE";
    /// URL of Pulsar's brokers: `pulsar://host:6650`, `pulsar+ssl://` for TLS. Without one Redis is the queue.
    pub const PULSAR_URL: &str = "TRACARDI_PULSAR_URL";
    /// URL of Pulsar's administration: `http://host:8080`.
    pub const PULSAR_ADMIN_URL: &str = "TRACARDI_PULSAR_ADMIN_URL";
    /// File with the token to log in with at Pulsar.
    pub const PULSAR_TOKEN_FILE: &str = "TRACARDI_PULSAR_TOKEN_FILE";
    /// File with the certificates (PEM) of the authorities that are believed; the web's without one.
    pub const PULSAR_CA_FILE: &str = "TRACARDI_PULSAR_CA_FILE";
    /// Tenant and namespace of Pulsar that hold the topics: `tracardi/collect`.
    pub const PULSAR_NAMESPACE: &str = "TRACARDI_PULSAR_NAMESPACE";
    /// Into how many parts the queue is divided; each has one worker at a time. Fixed when the queue is made.
    pub const QUEUE_PARTITIONS: &str = "TRACARDI_QUEUE_PARTITIONS";
    /// How many replicas of Redis must have a request before it is acknowledged, where Redis is the queue.
    pub const QUEUE_REPLICAS: &str = "TRACARDI_QUEUE_REPLICAS";
    /// Seconds that a request waits at most for what it leads to, if its answer depends on that.
    pub const ANSWER_WAIT: &str = "TRACARDI_ANSWER_WAIT";
}

/// Seconds that a pod gets between SIGTERM and SIGKILL; the runtime's own shutdown takes less.
pub const TERMINATION_GRACE_SECONDS: i64 = 30;

/// Where the operator puts things in a pod.
pub mod path {
    /// The runtime's binary in the image.
    pub const BINARY: &str = "/tracardi";
    /// The volume of the embedded store.
    pub const DATA: &str = "/data";
    /// Scratch space; the rest of the file system is read-only.
    pub const TMP: &str = "/tmp";
    /// Files with the token and the keys.
    pub const SECRETS: &str = "/etc/tracardi/secrets";
    /// File with the first administrator's password; only the init step sees it.
    pub const ADMIN: &str = "/etc/tracardi/admin";
}

/// User and group of the processes in a pod; nobody's ids in the usual sense of distroless images.
pub const USER_ID: i64 = 65532;
