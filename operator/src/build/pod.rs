//! Parts of pods: everything that makes a pod acceptable to the `restricted` Pod Security Standard, the mounts of Secrets,
//! probes and resources.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapEnvSource, Container, ContainerPort, EmptyDirVolumeSource, EnvFromSource, EnvVar,
    HTTPGetAction, KeyToPath, LocalObjectReference, PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec,
    Probe, ProjectedVolumeSource, ResourceRequirements, SeccompProfile, SecretProjection, SecurityContext, Toleration,
    Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tracardi_crds::contract::{Port, TERMINATION_GRACE_SECONDS, USER_ID, path};
use tracardi_crds::installation::{ResourceAmounts, Resources, TaintEffect, TolerationOperator};

use crate::model::{Credential, Installation};

/// A pod without containers: identity, security, scheduling.
#[must_use]
pub fn spec(installation: &Installation) -> PodSpec {
    let non_empty = |secrets: &[String]| {
        (!secrets.is_empty()).then(|| secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect())
    };
    PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: non_empty(&installation.image.pull_secrets),
        node_selector: (!installation.node_selector.is_empty()).then(|| installation.node_selector.clone()),
        tolerations: (!installation.tolerations.is_empty())
            .then(|| installation.tolerations.iter().map(toleration).collect()),
        termination_grace_period_seconds: Some(TERMINATION_GRACE_SECONDS),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER_ID),
            run_as_group: Some(USER_ID),
            fs_group: Some(USER_ID),
            // Walking through a large volume at each start would delay it for nothing.
            fs_group_change_policy: Some("OnRootMismatch".into()),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }),
            ..PodSecurityContext::default()
        }),
        ..PodSpec::default()
    }
}

/// A container without rights, with a read-only root and the installation's image.
#[must_use]
pub fn container(installation: &Installation, name: &str, arguments: &[&str], amounts: &Resources) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(installation.image.reference.clone()),
        image_pull_policy: Some(installation.image.pull_policy.as_str().to_owned()),
        command: Some(vec![path::BINARY.to_owned()]),
        args: Some(arguments.iter().map(|word| (*word).to_owned()).collect()),
        resources: Some(resources(amounts)),
        // The last log lines of a container that fails become part of the status.
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".into()]) }),
            ..SecurityContext::default()
        }),
        ..Container::default()
    }
}

/// Declares a listener.
#[must_use]
pub fn port(port: Port) -> ContainerPort {
    ContainerPort {
        name: Some(port.name.to_owned()),
        container_port: i32::from(port.number),
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

/// Asks `path` on `port` each `period` seconds; `failures` in a row count.
#[must_use]
pub fn probe(path: &str, port: Port, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port.name.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(2),
        ..Probe::default()
    }
}

/// Takes the environment from a ConfigMap.
#[must_use]
pub fn environment(config: &str) -> EnvFromSource {
    EnvFromSource {
        config_map_ref: Some(ConfigMapEnvSource { name: config.to_owned(), optional: None }),
        ..EnvFromSource::default()
    }
}

/// A variable.
#[must_use]
pub fn variable(name: &str, value: impl Into<String>) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.into()), ..EnvVar::default() }
}

/// A volume with credentials as files, readable by the group of the processes only.
#[must_use]
pub fn secret_files(volume: &str, files: &[(&Credential, &str)]) -> Volume {
    let sources = files.iter().map(|(credential, file)| VolumeProjection {
        secret: Some(SecretProjection {
            name: credential.secret.clone(),
            items: Some(vec![KeyToPath {
                key: credential.key.clone(),
                path: (*file).to_owned(),
                ..KeyToPath::default()
            }]),
            optional: None,
        }),
        ..VolumeProjection::default()
    });
    Volume {
        name: volume.to_owned(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(0o440),
            sources: Some(sources.collect()),
            ..ProjectedVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// Scratch space of `size`.
#[must_use]
pub fn scratch(volume: &str, size: &str) -> Volume {
    Volume {
        name: volume.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource {
            size_limit: Some(Quantity(size.to_owned())),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// The volume of a claim.
#[must_use]
pub fn claimed(volume: &str, claim: String) -> Volume {
    Volume {
        name: volume.to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource { claim_name: claim, read_only: None }),
        ..Volume::default()
    }
}

/// Mounts a volume.
#[must_use]
pub fn mount(volume: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

fn resources(spec: &Resources) -> ResourceRequirements {
    let amounts = |amounts: &Option<ResourceAmounts>| {
        let amounts = amounts.as_ref()?;
        let named = [("cpu", &amounts.cpu), ("memory", &amounts.memory)];
        let map: BTreeMap<_, _> =
            named.into_iter().filter_map(|(name, amount)| Some((name.to_owned(), Quantity(amount.clone()?)))).collect();
        (!map.is_empty()).then_some(map)
    };
    ResourceRequirements { requests: amounts(&spec.requests), limits: amounts(&spec.limits), claims: None }
}

fn toleration(spec: &tracardi_crds::installation::Toleration) -> Toleration {
    Toleration {
        key: spec.key.clone(),
        operator: spec.operator.map(|operator| match operator {
            TolerationOperator::Equal => "Equal".to_owned(),
            TolerationOperator::Exists => "Exists".to_owned(),
        }),
        value: spec.value.clone(),
        effect: spec.effect.map(|effect| match effect {
            TaintEffect::NoSchedule => "NoSchedule".to_owned(),
            TaintEffect::PreferNoSchedule => "PreferNoSchedule".to_owned(),
            TaintEffect::NoExecute => "NoExecute".to_owned(),
        }),
        toleration_seconds: spec.toleration_seconds,
    }
}
