//! PodDisruptionBudgets.
//!
//! A standalone installation has one pod. A budget that lets it be evicted changes nothing, and one that does not makes
//! every drain of its node wait for a person; so there is none unless the spec asks for the latter (`disruptions: Block`).
//! The same holds for a service of one pod in a larger installation; of several pods one may go at a time.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::build::meta;
use crate::model::Installation;
use crate::names::selector;

/// A budget that lets at most `away` serving pods be evicted at a time. A pod that does not serve may go: keeping it protects
/// nothing.
#[must_use]
pub fn budget(installation: &Installation, name: String, component: &str, away: i32) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: meta::child(installation, name, Some(component)),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(away)),
            selector: Some(LabelSelector {
                match_labels: Some(selector(&installation.identity.name, Some(component))),
                ..LabelSelector::default()
            }),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
