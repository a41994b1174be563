//! An object as it should be, ready to be sent.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ApiResource;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tracardi_crds::installation::ObjectKey;

use crate::names::APPLIED;

/// The kinds that the operator applies, in the order in which it does: what protects and what is mounted comes before the
/// pods. (Secrets are created, never applied.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Rules of the network.
    NetworkPolicy,
    /// Environment of the services.
    ConfigMap,
    /// Volumes.
    PersistentVolumeClaim,
    /// Addresses.
    Service,
    /// Rules for drains.
    PodDisruptionBudget,
    /// What must be done once before pods may start.
    Job,
    /// Pods that are all alike.
    Deployment,
    /// Pods with a volume.
    StatefulSet,
}

impl Kind {
    /// All kinds in order.
    pub const ALL: [Self; 8] = [
        Self::NetworkPolicy,
        Self::ConfigMap,
        Self::PersistentVolumeClaim,
        Self::Service,
        Self::PodDisruptionBudget,
        Self::Job,
        Self::Deployment,
        Self::StatefulSet,
    ];

    /// The word in manifests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NetworkPolicy => "NetworkPolicy",
            Self::ConfigMap => "ConfigMap",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::Service => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Job => "Job",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
        }
    }

    /// Group, version and plural.
    #[must_use]
    pub fn api_resource(self) -> ApiResource {
        match self {
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::ConfigMap => ApiResource::erase::<ConfigMap>(&()),
            Self::PersistentVolumeClaim => ApiResource::erase::<PersistentVolumeClaim>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::Job => ApiResource::erase::<Job>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        }
    }

    /// Objects of this kind hold data: they are never pruned.
    #[must_use]
    pub fn holds_data(self) -> bool {
        self == Self::PersistentVolumeClaim
    }

    /// Objects of this kind keep pods running.
    #[must_use]
    pub fn is_workload(self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet)
    }
}

/// An object as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Kind.
    pub kind: Kind,
    /// Name.
    pub name: String,
    /// The fields that the operator owns.
    pub body: Value,
    /// Hash of the body; also in the annotation [`APPLIED`].
    pub hash: String,
    /// It is neither made nor changed before the plan's gate is open.
    pub waits: bool,
}

impl Desired {
    /// From a typed object, which must carry its name.
    pub fn new(kind: Kind, name: &str, object: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut body = serde_json::to_value(object)?;
        let hash = hash([body.to_string()]);
        body["metadata"]["annotations"][APPLIED] = Value::String(hash.clone());
        Ok(Self { kind, name: name.to_owned(), body, hash, waits: false })
    }

    /// Kind and name, as they stand in the inventory.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey { kind: self.kind.as_str().to_owned(), name: self.name.clone() }
    }
}

/// First 16 hexadecimal digits of the SHA-256 of the parts, each preceded by its length.
pub fn hash<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        let part = part.as_ref();
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    tracardi_process::random::to_hex(&hasher.finalize()[..8])
}
