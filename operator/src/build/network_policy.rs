//! NetworkPolicies: everything is closed, then opened one by one. The kubelet's probes come from the node, which policies
//! do not hold up; `kubectl port-forward` enters a pod through the kubelet as well.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tracardi_crds::contract::Port;
use tracardi_crds::outbound::Block;

use crate::build::meta;
use crate::model::{Installation, Trusted};
use crate::names::{COMPONENT, selector};

const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Nothing comes in and nothing goes out, for every pod of the installation.
#[must_use]
pub fn deny(installation: &Installation, name: String) -> NetworkPolicy {
    policy(installation, name, &[], None, None)
}

/// `ports` are open to everyone.
#[must_use]
pub fn open(installation: &Installation, name: String, components: &[&str], ports: &[Port]) -> NetworkPolicy {
    let rule = NetworkPolicyIngressRule { from: None, ports: Some(tcp(ports)) };
    policy(installation, name, components, Some(vec![rule]), None)
}

/// `ports` are open to these peers.
#[must_use]
pub fn trusted(
    installation: &Installation,
    name: String,
    components: &[&str],
    ports: &[Port],
    peers: Vec<NetworkPolicyPeer>,
) -> NetworkPolicy {
    let rule = NetworkPolicyIngressRule { from: Some(peers), ports: Some(tcp(ports)) };
    policy(installation, name, components, Some(vec![rule]), None)
}

/// Whom the spec trusts.
#[must_use]
pub fn peers(trusted: &Trusted) -> Vec<NetworkPolicyPeer> {
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
    named.chain(labelled).chain(ranges).collect()
}

/// The pods of a component of the same installation.
#[must_use]
pub fn pods_of(installation: &Installation, component: &str) -> NetworkPolicyPeer {
    NetworkPolicyPeer { pod_selector: Some(pods(installation, &[component])), ..NetworkPolicyPeer::default() }
}

/// `port` of these peers may be reached.
#[must_use]
pub fn towards(
    installation: &Installation,
    name: String,
    components: &[&str],
    port: Port,
    peers: Vec<NetworkPolicyPeer>,
) -> NetworkPolicy {
    let rule = NetworkPolicyEgressRule { to: Some(peers), ports: Some(tcp(&[port])) };
    policy(installation, name, components, None, Some(vec![rule]))
}

/// Servers may be reached, wherever they are: their addresses are not known here, only their ports.
#[must_use]
pub fn servers(installation: &Installation, name: String, components: &[&str], ports: &BTreeSet<u16>) -> NetworkPolicy {
    let port = |number: &u16| NetworkPolicyPort {
        port: Some(IntOrString::Int(i32::from(*number))),
        protocol: Some("TCP".into()),
        end_port: None,
    };
    let rule = NetworkPolicyEgressRule { to: None, ports: Some(ports.iter().map(port).collect()) };
    policy(installation, name, components, None, Some(vec![rule]))
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
    policy(installation, name, &[component], None, Some(blocks.into_iter().map(rule).collect()))
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
    policy(installation, name, &[], None, Some(vec![rule]))
}

/// Selects pods of the installation: all, or those of some components.
fn pods(installation: &Installation, components: &[&str]) -> LabelSelector {
    let name = &installation.identity.name;
    match components {
        [] => LabelSelector { match_labels: Some(selector(name, None)), ..LabelSelector::default() },
        [only] => LabelSelector { match_labels: Some(selector(name, Some(only))), ..LabelSelector::default() },
        several => LabelSelector {
            match_labels: Some(selector(name, None)),
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: COMPONENT.into(),
                operator: "In".into(),
                values: Some(several.iter().map(|component| (*component).to_owned()).collect()),
            }]),
        },
    }
}

/// For these components, or for all.
fn policy(
    installation: &Installation,
    name: String,
    components: &[&str],
    ingress: Option<Vec<NetworkPolicyIngressRule>>,
    egress: Option<Vec<NetworkPolicyEgressRule>>,
) -> NetworkPolicy {
    let types: &[&str] = match (&ingress, &egress) {
        (Some(_), None) => &["Ingress"],
        (None, Some(_)) => &["Egress"],
        _ => &["Ingress", "Egress"],
    };
    NetworkPolicy {
        metadata: meta::child(installation, name, if let [only] = components { Some(only) } else { None }),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(pods(installation, components)),
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
