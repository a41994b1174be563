//! The part of the resource that the operator writes.
//!
//! (The derive makes helper types that trip `unreachable_pub`.)
#![allow(unreachable_pub)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator found and did.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TracardiInstallationStatus {
    /// metadata.generation of the resource that this status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// One word for people; programs read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// How the services are laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<super::Mode>,
    /// Version of the services that was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Size that the volume claim asks for. It differs from the wanted size while a storage class refuses to enlarge the
    /// volume; the wanted size may then be set back to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub storage_size: Option<String>,
    /// The Job that prepared the servers, in the modes open and distributed; it need not run again should it be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared: Option<String>,
    /// Ready pods of wanted pods, for example 1/1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// Ready, Progressing, Degraded, Initialized and DependenciesReady, each with a reason from the table in docs/operator.md.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The services, one entry for each workload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".into()]))]
    pub components: Vec<ComponentStatus>,
    /// The servers that the services work with, as the operator found them; empty in the mode standalone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".into()]))]
    pub dependencies: Vec<DependencyStatus>,
    /// Where the services are reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls: Option<Urls>,
    /// Secrets that the operator generated; their values are nowhere else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = kube::core::ListMerge::Map(vec!["name".into()]))]
    pub generated_secrets: Vec<GeneratedSecret>,
    /// Objects that belong to the installation; what leaves this list is deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inventory: Vec<ObjectKey>,
}

/// Where an installation stands, in one word.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was created yet.
    Pending,
    /// The store is being prepared.
    Initializing,
    /// Pods are starting.
    Deploying,
    /// A change is being rolled out.
    Updating,
    /// Everything serves.
    Ready,
    /// Something needs a person; the condition Degraded says what.
    Degraded,
    /// spec.paused is set.
    Paused,
}

impl Phase {
    /// The word in the resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Initializing => "Initializing",
            Self::Deploying => "Deploying",
            Self::Updating => "Updating",
            Self::Ready => "Ready",
            Self::Degraded => "Degraded",
            Self::Paused => "Paused",
        }
    }
}

/// The types of the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// Every component serves.
    Ready,
    /// A change is on its way.
    Progressing,
    /// Something is wrong that does not go away by waiting.
    Degraded,
    /// The store was prepared and the first administrator exists.
    Initialized,
    /// Every server that the services work with can be used.
    DependenciesReady,
}

impl ConditionType {
    /// All types, in the order of the status.
    pub const ALL: [Self; 5] =
        [Self::Ready, Self::Progressing, Self::Degraded, Self::Initialized, Self::DependenciesReady];

    /// The word in the resource.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::Initialized => "Initialized",
            Self::DependenciesReady => "DependenciesReady",
        }
    }
}

/// One workload of the installation.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct ComponentStatus {
    /// Name of the component.
    pub name: String,
    /// Pods wanted.
    pub desired: i32,
    /// Pods that serve and run what was last applied.
    pub ready: i32,
    /// Image of the pods.
    pub image: String,
    /// What is missing, in the words of Kubernetes; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A server that the services work with.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DependencyStatus {
    /// elasticsearch, mysql, redis or pulsar.
    pub name: String,
    /// The URL in the spec.
    pub url: String,
    /// Whether it can be used. Absent until the operator looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// Product and version that answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 160))]
    pub version: Option<String>,
    /// Why it cannot be used and what to do, or what should be improved; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where the services are reached.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Urls {
    /// Where events are sent to: spec.publicUrl, the load balancer's address, or the Service inside the cluster.
    pub public_api: String,
    /// The private API inside the cluster.
    pub private_api: String,
    /// The web application inside the cluster.
    pub gui: String,
}

/// A Secret that the operator generated.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct GeneratedSecret {
    /// Name of the Secret.
    pub name: String,
    /// Keys in the Secret's data.
    pub keys: Vec<String>,
}

/// An object in the namespace of the installation.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKey {
    /// Kind, for example Service.
    pub kind: String,
    /// Name.
    pub name: String,
}
