//! Where the server is, and how its indices are made.

use std::time::Duration;

use tracardi_model::Tenant;
use tracardi_process::Endpoint;

/// How documents are kept.
#[derive(Clone, Debug)]
pub struct ElasticSettings {
    /// The server: `http` or `https`, with name and password, or an API key as `token` (base64, as Elasticsearch gives it).
    pub endpoint: Endpoint,
    /// The first part of all names of indices; a name like a tenant's.
    pub prefix: String,
    /// Whose documents.
    pub tenant: Tenant,
    /// Primary shards of each index, when it is made.
    pub shards: u16,
    /// Copies of each shard.
    pub replicas: u16,
    /// How long a request may take.
    pub timeout: Duration,
    /// How long a write is tried again when the server has too much to do, before it counts as unavailable.
    pub patience: Duration,
    /// Bytes of a request, at most; a larger document goes alone. Must be less than the server's `http.max_content_length`.
    pub request_bytes: usize,
    /// Events and trails go to a new generation of indices when the newest one has so many events …
    pub generation_events: u64,
    /// … or is that old.
    pub generation_age: Duration,
    /// Generations are removed when the newest event in them is that old; None: never.
    pub event_life: Option<Duration>,
}

impl ElasticSettings {
    /// With what suits a small cluster.
    #[must_use]
    pub fn new(endpoint: Endpoint, tenant: Tenant) -> Self {
        Self {
            endpoint,
            prefix: "tracardi".to_owned(),
            tenant,
            shards: 1,
            replicas: 1,
            timeout: Duration::from_secs(30),
            patience: Duration::from_mins(1),
            request_bytes: 8 << 20,
            generation_events: 50_000_000,
            generation_age: Duration::from_hours(30 * 24),
            event_life: None,
        }
    }
}
