//! kube-proxy: Services, by iptables of the node's own network namespace.

use serde_json::json;

use super::{Context, config, flags, name, text};
use crate::paths::{NodePlan, POD_CIDR};
use crate::process::Component;

pub(crate) fn describe(context: &Context<'_>, node: &NodePlan) -> Component {
    let file = context.layout.etc().join(&node.name).join("kube-proxy.json");
    let configuration = config(&json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": context.pki("kube-proxy.conf")},
        "clusterCIDR": POD_CIDR,
        "hostnameOverride": node.name,
        "mode": "iptables",
        "oomScoreAdj": 0,
        // Zero leaves the machine's connection tracking as it is.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }));
    Component {
        name: name("kube-proxy", node),
        node: node.clone(),
        program: context.toolchain.file("kube-proxy"),
        arguments: flags(&[("config", &text(&file))]),
        files: vec![(file, configuration)],
        remedy: "it needs iptables with the kernel's nat, conntrack and comment matches",
    }
}
