//! StatefulSets.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
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
    let mut metadata = meta::child(installation, name, Some(component));
    let version = installation.version.to_string();
    metadata.labels.get_or_insert_default().insert(VERSION.into(), version.clone());
    let mut pod_labels = labels(&installation.identity.name, Some(component));
    pod_labels.insert(VERSION.into(), version);
    StatefulSet {
        metadata,
        spec: StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(service),
            selector: LabelSelector {
                match_labels: Some(selector(&installation.identity.name, Some(component))),
                ..LabelSelector::default()
            },
            // With the default, OrderedReady, a pod that never becomes ready (a mistyped image, say) is not replaced when
            // the template is corrected, until somebody deletes it. With one pod there is no order to keep.
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: None,
            }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(pod_labels),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..StatefulSetSpec::default()
        },
        status: None,
    }
}
