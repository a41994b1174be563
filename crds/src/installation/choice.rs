//! Fields with a fixed choice of words.
//!
//! The documentation of an optional enum's field is that of the enum (schemars keeps only the latter), so both are equal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the services are laid out; fixed once the installation exists. `standalone` (the default): one pod with all services
/// and an embedded store on a volume; for a first start, development and small sites. `open`: each service in pods of its own,
/// on Elasticsearch or OpenSearch, MySQL or MariaDB, and Redis. `distributed`: the same, with Apache Pulsar as the queue.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One pod with all services and an embedded store on a volume.
    #[default]
    Standalone,
    /// Each service in pods of its own; Redis is the queue.
    Open,
    /// Each service in pods of its own; Pulsar is the queue.
    Distributed,
}

impl Mode {
    /// The word in the resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Open => "open",
            Self::Distributed => "distributed",
        }
    }
}

/// When the kubelet fetches the image. Default: IfNotPresent.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// Before each start of a container.
    Always,
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// Not at all: the node must have it.
    Never,
}

impl PullPolicy {
    /// The word in the pod.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// ClusterIP (the default; put an Ingress or a Gateway in front), NodePort, or LoadBalancer (the cluster needs a load-balancer controller).
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceType {
    /// Reachable inside the cluster.
    #[default]
    ClusterIP,
    /// Reachable on a port of every node as well.
    NodePort,
    /// Reachable through a load balancer of the cloud as well.
    LoadBalancer,
}

impl ServiceType {
    /// The word in the Service.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterIP => "ClusterIP",
            Self::NodePort => "NodePort",
            Self::LoadBalancer => "LoadBalancer",
        }
    }
}

/// `Local` keeps the visitors' addresses; `Cluster` (Kubernetes' default) spreads evenly.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficPolicy {
    /// To pods on any node.
    Cluster,
    /// To pods on the node that got it.
    Local,
}

impl TrafficPolicy {
    /// The word in the Service.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Local => "Local",
        }
    }
}

/// Equal (the default) or Exists.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TolerationOperator {
    /// The values are equal.
    Equal,
    /// The key is there.
    Exists,
}

/// NoSchedule, PreferNoSchedule or NoExecute; left out, it means all of them.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaintEffect {
    /// New pods do not come here.
    NoSchedule,
    /// New pods come here only when there is no other place.
    PreferNoSchedule,
    /// Running pods leave as well.
    NoExecute,
}

/// What happens when a node with a pod of the installation is drained. `Allow` (the default): the pod is evicted and
/// starts elsewhere; a standalone installation is away for that time. `Block`: a PodDisruptionBudget makes
/// `kubectl drain` wait until somebody decides.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disruptions {
    /// The pod is evicted and starts elsewhere.
    #[default]
    Allow,
    /// The drain waits.
    Block,
}

/// `json` (the default) for log collectors or `text` for people.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    /// The word in the environment.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// What happens to the data volume, and to the generated Secrets without which the data cannot be read, when the
/// resource is deleted. `Retain` (the default): they stay, and a resource of the same name takes them up again.
/// `Delete`: they go too.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// Volume and generated Secrets stay.
    #[default]
    Retain,
    /// Volume and generated Secrets go too.
    Delete,
}
