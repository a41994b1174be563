//! What the operator keeps of its children: metadata, and the few fields of a status that its own status is made of. A
//! whole typed object would take some twenty times the memory.

use std::borrow::Cow;
use std::fmt::Debug;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::api::ObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::names::APPLIED;

/// A kind of which only a part is kept; it is named as the whole kind is.
pub trait Whole: Debug + Clone + Send + Sync + 'static {
    /// The whole kind.
    type Kind: Resource<DynamicType = ()>;
}

/// Metadata and the part `P` of an object.
#[derive(Clone, Debug, Deserialize)]
pub struct View<P> {
    /// Metadata, pruned by [`prune`].
    pub metadata: ObjectMeta,
    /// What is kept of the rest.
    #[serde(flatten)]
    pub part: P,
}

impl<P: Whole> Resource for View<P> {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        P::Kind::kind(&())
    }
    fn group((): &()) -> Cow<'_, str> {
        P::Kind::group(&())
    }
    fn version((): &()) -> Cow<'_, str> {
        P::Kind::version(&())
    }
    fn plural((): &()) -> Cow<'_, str> {
        P::Kind::plural(&())
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Takes away what nobody reads before an object is kept.
pub fn prune<K: Resource>(object: &mut K) {
    object.managed_fields_mut().clear();
    object.annotations_mut().retain(|name, _| name == APPLIED);
    object.meta_mut().generate_name = None;
    object.meta_mut().self_link = None;
}

/// Of a StatefulSet: how far its pods are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StatefulSetPart {
    /// Status.
    pub status: WorkloadStatus,
}

impl Whole for StatefulSetPart {
    type Kind = StatefulSet;
}

/// Of a Deployment: how far its pods are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DeploymentPart {
    /// Status.
    pub status: WorkloadStatus,
}

impl Whole for DeploymentPart {
    type Kind = Deployment;
}

/// How far a workload's pods are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadStatus {
    /// Generation that this status describes.
    pub observed_generation: i64,
    /// Pods that exist.
    pub replicas: i32,
    /// Pods that pass their readiness probe.
    pub ready_replicas: i32,
    /// Pods of the newest template.
    pub updated_replicas: i32,
}

/// Of a Job: whether it has done its work.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct JobPart {
    /// Status.
    pub status: JobStatus,
}

impl Whole for JobPart {
    type Kind = Job;
}

/// How far a Job is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct JobStatus {
    /// Pods that ended well.
    pub succeeded: i32,
}

/// Of a volume claim: how large the volume is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClaimPart {
    /// Status.
    pub status: ClaimStatus,
}

impl Whole for ClaimPart {
    type Kind = PersistentVolumeClaim;
}

/// How large a claim's volume is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClaimStatus {
    /// Pending, Bound or Lost.
    pub phase: String,
    /// Size of the volume that is bound.
    pub capacity: ClaimCapacity,
}

/// Size of a volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClaimCapacity {
    /// As a quantity.
    pub storage: String,
}

/// Of a Service: where a load balancer lets traffic in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServicePart {
    /// Status.
    pub status: ServiceStatus,
}

impl Whole for ServicePart {
    type Kind = Service;
}

/// Status of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// The load balancer.
    pub load_balancer: LoadBalancer,
}

/// The load balancer of a Service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoadBalancer {
    /// Its addresses.
    pub ingress: Vec<Ingress>,
}

/// An address of a load balancer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ingress {
    /// Host name, if it has one.
    pub hostname: Option<String>,
    /// Address, if it has one.
    pub ip: Option<String>,
}

/// Of a pod: what its containers do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodPart {
    /// Status.
    pub status: PodStatus,
}

impl Whole for PodPart {
    type Kind = Pod;
}

/// Status of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// Pending, Running, Succeeded, Failed or Unknown.
    pub phase: String,
    /// Why the pod as a whole failed, such as Evicted.
    pub reason: Option<String>,
    /// The same in words.
    pub message: Option<String>,
    /// PodScheduled, Ready and the like.
    pub conditions: Vec<PodCondition>,
    /// The init steps.
    pub init_container_statuses: Vec<ContainerStatus>,
    /// The containers.
    pub container_statuses: Vec<ContainerStatus>,
}

/// A condition of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodCondition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// Why, for programs.
    pub reason: Option<String>,
    /// Why, for people.
    pub message: Option<String>,
}

/// What a container does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// Name of the container.
    pub name: String,
    /// Passes its readiness probe; for an init step: has succeeded.
    pub ready: bool,
    /// How often it was started again.
    pub restart_count: i32,
    /// Now.
    pub state: ContainerState,
    /// Before the last start.
    pub last_state: ContainerState,
}

/// One of three states.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// Not started.
    pub waiting: Option<Waiting>,
    /// Started; what is in it is not kept.
    pub running: Option<Running>,
    /// Ended.
    pub terminated: Option<Terminated>,
}

/// A started container.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Running {}

/// Why a container does not start.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// For programs.
    pub reason: Option<String>,
    /// For people.
    pub message: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terminated {
    /// Exit code.
    pub exit_code: i32,
    /// For programs: Completed, Error, OOMKilled.
    pub reason: Option<String>,
    /// The container's last words.
    pub message: Option<String>,
}

/// Anything that can be kept.
pub trait Kept: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + Sync + 'static {}
impl<K: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + Sync + 'static> Kept for K {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_keeps_what_is_read_and_ignores_the_rest() {
        let pod: View<PodPart> = serde_json::from_value(serde_json::json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "managedFields": [{"manager": "x"}],
                "annotations": {"a": "b", (APPLIED): "h"}},
            "spec": {"containers": []},
            "status": {"phase": "Pending", "qosClass": "Burstable", "initContainerStatuses": [
                {"name": "init", "ready": false, "restartCount": 1, "state": {"running": {"startedAt": "x"}},
                 "lastState": {"terminated": {"exitCode": 1, "message": "no"}}}]}
        }))
        .unwrap();
        assert_eq!(pod.part.status.init_container_statuses[0].last_state.terminated.as_ref().unwrap().exit_code, 1);
        assert!(pod.part.status.init_container_statuses[0].state.running.is_some());
        let mut pod = pod;
        prune(&mut pod);
        assert_eq!(pod.metadata.annotations.unwrap().len(), 1);
        let none: View<StatefulSetPart> =
            serde_json::from_value(serde_json::json!({"metadata": {"name": "w"}})).unwrap();
        assert_eq!(none.part.status.replicas, 0);
    }
}
