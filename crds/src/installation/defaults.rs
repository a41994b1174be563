//! What the operator assumes for a field that the resource leaves out.

/// Size of the data volume.
pub const STORAGE_SIZE: &str = "10Gi";
/// E-mail address of the first administrator.
pub const ADMIN_EMAIL: &str = "admin@tracardi.local";
/// Port of the public API's Service.
pub const PUBLIC_SERVICE_PORT: u16 = crate::contract::PUBLIC_API.number;
/// Directives of the log filter.
pub const LOG_LEVEL: &str = "info";
/// CPU that a pod asks the scheduler for. There is no CPU limit: a limit only adds latency to an idle node.
pub const REQUEST_CPU: &str = "100m";
/// Memory that a pod asks the scheduler for.
pub const REQUEST_MEMORY: &str = "128Mi";
/// Memory above which the kernel ends the container.
pub const LIMIT_MEMORY: &str = "512Mi";
/// Pods of the public API.
pub const PUBLIC_API_REPLICAS: i32 = 2;
/// Pods of the worker that takes requests out of the queue.
pub const COLLECTOR_REPLICAS: i32 = 2;
/// First part of the names of all indices.
pub const INDEX_PREFIX: &str = "tracardi";
/// Primary shards of a new index.
pub const INDEX_SHARDS: i32 = 1;
/// Copies of each shard of a new index.
pub const INDEX_REPLICAS: i32 = 1;
/// Name of the database.
pub const DATABASE: &str = "tracardi";
/// Tenant and namespace of Pulsar.
pub const PULSAR_NAMESPACE: &str = "public/default";
/// Parts of the queue.
pub const QUEUE_PARTITIONS: i32 = 16;
