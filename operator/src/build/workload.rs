//! Workloads: StatefulSets, Deployments and Jobs.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment, StatefulSet, StatefulSetSpec,
    StatefulSetUpdateStrategy,
};
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ObjectMeta;

use crate::build::meta;
use crate::model::Installation;
use crate::names::{labels, selector};

const VERSION: &str = "app.kubernetes.io/version";

/// A StatefulSet of one pod. `annotations` of its template decide when the pod is replaced.
#[must_use]
pub fn single(
    installation: &Installation,
    name: String,
    component: &str,
    service: String,
    annotations: BTreeMap<String, String>,
    pod: PodSpec,
) -> StatefulSet {
    StatefulSet {
        metadata: metadata(installation, name, component),
        spec: StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(service),
            selector: selects(installation, component),
            // With the default, OrderedReady, a pod that never becomes ready (a mistyped image, say) is not replaced when
            // the template is corrected, until somebody deletes it. With one pod there is no order to keep.
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: None,
            }),
            template: template(installation, component, annotations, pod),
            ..StatefulSetSpec::default()
        },
        status: None,
    }
}

/// A Deployment. `annotations` of its template decide when the pods are replaced: one by one, a new one serves before an old one
/// leaves. They are spread over the nodes as far as that is possible.
#[must_use]
pub fn deployment(
    installation: &Installation,
    name: String,
    component: &str,
    replicas: i32,
    annotations: BTreeMap<String, String>,
    mut pod: PodSpec,
) -> Deployment {
    if replicas > 1 {
        pod.topology_spread_constraints = Some(vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: "kubernetes.io/hostname".into(),
            when_unsatisfiable: "ScheduleAnyway".into(),
            label_selector: Some(selects(installation, component)),
            ..TopologySpreadConstraint::default()
        }]);
    }
    let one_by_one =
        RollingUpdateDeployment { max_surge: Some(IntOrString::Int(1)), max_unavailable: Some(IntOrString::Int(0)) };
    Deployment {
        metadata: metadata(installation, name, component),
        spec: DeploymentSpec {
            replicas: Some(replicas),
            selector: selects(installation, component),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(one_by_one),
            }),
            revision_history_limit: Some(3),
            template: template(installation, component, annotations, pod),
            ..DeploymentSpec::default()
        },
        status: None,
    }
}

/// A Job of one pod, which is started again until it ends well.
#[must_use]
pub fn job(installation: &Installation, name: String, component: &str, mut pod: PodSpec) -> Job {
    pod.restart_policy = Some("OnFailure".into());
    Job {
        metadata: metadata(installation, name, component),
        spec: Some(JobSpec {
            // The kubelet's pauses between two attempts grow to five minutes: this is for ever.
            backoff_limit: Some(1_000_000),
            template: template(installation, component, BTreeMap::new(), pod),
            ..JobSpec::default()
        }),
        status: None,
    }
}

fn metadata(installation: &Installation, name: String, component: &str) -> ObjectMeta {
    let mut metadata = meta::child(installation, name, Some(component));
    metadata.labels.get_or_insert_default().insert(VERSION.into(), installation.version.to_string());
    metadata
}

fn selects(installation: &Installation, component: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some(selector(&installation.identity.name, Some(component))),
        ..LabelSelector::default()
    }
}

fn template(
    installation: &Installation,
    component: &str,
    annotations: BTreeMap<String, String>,
    pod: PodSpec,
) -> PodTemplateSpec {
    let mut pod_labels = labels(&installation.identity.name, Some(component));
    pod_labels.insert(VERSION.into(), installation.version.to_string());
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(pod_labels),
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    }
}
