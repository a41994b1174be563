//! Services.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tracardi_crds::contract::Port;

use crate::build::meta;
use crate::model::{Installation, PublicApi};
use crate::names::selector;

/// A Service inside the cluster, on the port that its pods listen on.
#[must_use]
pub fn internal(installation: &Installation, name: String, component: &str, port: Port) -> Service {
    service(installation, name, Some(component), service_port(port, port.number))
}

/// The Service of the public API.
#[must_use]
pub fn public(installation: &Installation, name: String, component: &str, port: Port, spec: &PublicApi) -> Service {
    let mut published = service_port(port, spec.port);
    published.node_port = spec.node_port.map(i32::from);
    let mut service = service(installation, name, Some(component), published);
    if !spec.annotations.is_empty() {
        service.metadata.annotations = Some(spec.annotations.clone());
    }
    if let Some(inner) = &mut service.spec {
        inner.type_ = Some(spec.service_type.as_str().to_owned());
        inner.external_traffic_policy = spec.external_traffic_policy.map(|policy| policy.as_str().to_owned());
    }
    service
}

/// A Service without an address of its own, that names the pods of a component (or all) one by one even before they are ready:
/// it governs a StatefulSet and lets a monitoring system find each pod.
#[must_use]
pub fn headless(installation: &Installation, name: String, component: Option<&str>, port: Port) -> Service {
    let mut service = service(installation, name, component, service_port(port, port.number));
    if let Some(inner) = &mut service.spec {
        inner.cluster_ip = Some("None".into());
        inner.publish_not_ready_addresses = Some(true);
    }
    service
}

fn service(installation: &Installation, name: String, component: Option<&str>, port: ServicePort) -> Service {
    Service {
        metadata: meta::child(installation, name, component),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(selector(&installation.identity.name, component)),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

fn service_port(port: Port, number: u16) -> ServicePort {
    ServicePort {
        name: Some(port.name.to_owned()),
        port: i32::from(number),
        target_port: Some(IntOrString::String(port.name.to_owned())),
        protocol: Some("TCP".into()),
        app_protocol: Some("http".into()),
        ..ServicePort::default()
    }
}
