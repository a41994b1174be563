//! The kubelet.

use serde_json::json;

use super::{Context, config, flags, name, text};
use crate::paths::{DNS_SERVICE, NodePlan};
use crate::process::Component;

pub(crate) fn describe(context: &Context<'_>, node: &NodePlan) -> Component {
    let etc = context.layout.etc().join(&node.name);
    let (file, resolv) = (etc.join("kubelet.json"), etc.join("resolv.conf"));
    let arguments = flags(&[
        ("config", &text(&file)),
        ("kubeconfig", &context.pki(&format!("kubelet-{}.conf", node.number))),
        ("hostname-override", &node.name),
        ("node-ip", &node.address.to_string()),
        ("node-labels", &format!("topology.kubernetes.io/zone=zone-{}", node.number)),
    ]);
    Component {
        name: name("kubelet", node),
        node: node.clone(),
        program: context.toolchain.file("kubelet"),
        arguments,
        files: vec![
            (file, configuration(context, node, &text(&resolv))),
            // For pods that take the node's name server: there is no other in here.
            (resolv, format!("nameserver {DNS_SERVICE}\n")),
        ],
        remedy: "it needs writable cgroups and a running containerd (`cluster status`)",
    }
}

fn configuration(context: &Context<'_>, node: &NodePlan, resolv: &str) -> String {
    config(&json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": context.pki("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": context.pki(&format!("kubelet-{}-server.crt", node.number)),
        "tlsPrivateKeyFile": context.pki(&format!("kubelet-{}-server.key", node.number)),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "clusterDNS": [DNS_SERVICE.to_string()],
        "clusterDomain": "cluster.local",
        "resolvConf": resolv,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}", node.cgroup),
        "enforceNodeAllocatable": [],
        // Machines with the hybrid hierarchy count as v1.
        "failCgroupV1": false,
        "failSwapOn": false,
        // It may not be lowered everywhere.
        "oomScoreAdj": 0,
        // Images come by import; one that was thrown away could not be pulled again.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
    }))
}
