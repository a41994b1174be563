//! NetworkPolicies: everything is closed, then opened one by one. The kubelet's probes come from the node, which policies
//! do not hold up; `kubectl port-forward` enters a pod through the kubelet as well.

use std::collections::BTreeMap;

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tracardi_crds::contract::Port;
use tracardi_crds::outbound::Block;

use crate::build::meta;
use crate::model::{Installation, Trusted};
use crate::names::selector;

const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Nothing comes in and nothing goes out, for every pod of the installation.
#[must_use]
pub fn deny(installation: &Installation, name: String) -> NetworkPolicy {
    policy(installation, name, None, None, None)
}

/// `ports` are open to everyone.
#[must_use]
pub fn open(installation: &Installation, name: String, component: &str, ports: &[Port]) -> NetworkPolicy {
    let rule = NetworkPolicyIngressRule { from: None, ports: Some(tcp(ports)) };
    policy(installation, name, Some(component), Some(vec![rule]), None)
}

/// `ports` are open to whom the spec trusts.
#[must_use]
pub fn trusted(
    installation: &Installation,
    name: String,
    component: &str,
    ports: &[Port],
    trusted: &Trusted,
) -> NetworkPolicy {
    let namespaces = |labels: BTreeMap<String, String>| NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }),
        ..NetworkPolicyPeer::default()
    };
    let named =
        trusted.namespaces.iter().map(|name| namespaces(BTreeMap::from([(NAMESPACE_NAME.into(), name.clone())])));
    let labelled = (!trusted.namespace_labels.is_empty()).then(|| namespaces(trusted.namespace_labels.clone()));
    let ranges = trusted.cidrs.iter().map(|cidr| NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr: cidr.clone(), except: None }),
        ..NetworkPolicyPeer::default()
    });
    let rule =
        NetworkPolicyIngressRule { from: Some(named.chain(labelled).chain(ranges).collect()), ports: Some(tcp(ports)) };
    policy(installation, name, Some(component), Some(vec![rule]), None)
}

/// Destinations may be reached, by TCP on any port. A rule for each block: enforcers that keep what a rule names in one set
/// (kube-router) would let the exceptions of one block take from another.
#[must_use]
pub fn outbound(installation: &Installation, name: String, component: &str, blocks: Vec<Block>) -> NetworkPolicy {
    let texts = |nets: &[IpNet]| nets.iter().map(ToString::to_string).collect::<Vec<_>>();
    let rule = |Block { net, except }: Block| NetworkPolicyEgressRule {
        to: Some(vec![NetworkPolicyPeer {
            ip_block: Some(IPBlock { cidr: net.to_string(), except: (!except.is_empty()).then(|| texts(&except)) }),
            ..NetworkPolicyPeer::default()
        }]),
        ports: Some(vec![NetworkPolicyPort { protocol: Some("TCP".into()), ..NetworkPolicyPort::default() }]),
    };
    policy(installation, name, Some(component), None, Some(blocks.into_iter().map(rule).collect()))
}

/// Names may be resolved by the cluster's DNS.
#[must_use]
pub fn dns(installation: &Installation, name: String) -> NetworkPolicy {
    let port = |protocol: &str| NetworkPolicyPort {
        port: Some(IntOrString::Int(53)),
        protocol: Some(protocol.into()),
        end_port: None,
    };
    let rule = NetworkPolicyEgressRule {
        to: Some(vec![NetworkPolicyPeer {
            namespace_selector: Some(LabelSelector {
                match_labels: Some(BTreeMap::from([(NAMESPACE_NAME.into(), "kube-system".into())])),
                ..LabelSelector::default()
            }),
            ..NetworkPolicyPeer::default()
        }]),
        ports: Some(vec![port("UDP"), port("TCP")]),
    };
    policy(installation, name, None, None, Some(vec![rule]))
}

fn policy(
    installation: &Installation,
    name: String,
    component: Option<&str>,
    ingress: Option<Vec<NetworkPolicyIngressRule>>,
    egress: Option<Vec<NetworkPolicyEgressRule>>,
) -> NetworkPolicy {
    let types: &[&str] = match (&ingress, &egress) {
        (Some(_), None) => &["Ingress"],
        (None, Some(_)) => &["Egress"],
        _ => &["Ingress", "Egress"],
    };
    NetworkPolicy {
        metadata: meta::child(installation, name, component),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(selector(&installation.identity.name, component)),
                ..LabelSelector::default()
            }),
            policy_types: Some(types.iter().map(|word| (*word).to_owned()).collect()),
            ingress,
            egress,
        }),
    }
}

fn tcp(ports: &[Port]) -> Vec<NetworkPolicyPort> {
    ports
        .iter()
        .map(|port| NetworkPolicyPort {
            port: Some(IntOrString::Int(i32::from(port.number))),
            protocol: Some("TCP".into()),
            end_port: None,
        })
        .collect()
}
