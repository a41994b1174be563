//! The controllers of Kubernetes itself.

use super::{Context, flags};
use crate::paths::{POD_CIDR, SERVICE_CIDR};
use crate::process::Component;

pub(crate) fn describe(context: &Context<'_>) -> Component {
    let pki = |file: &str| context.pki(file);
    let arguments = flags(&[
        ("kubeconfig", &pki("controller-manager.conf")),
        ("use-service-account-credentials", "true"),
        ("service-account-private-key-file", &pki("sa.key")),
        ("root-ca-file", &pki("ca.crt")),
        ("cluster-signing-cert-file", &pki("ca.crt")),
        ("cluster-signing-key-file", &pki("ca.key")),
        ("cluster-cidr", POD_CIDR),
        ("allocate-node-cidrs", "true"),
        ("service-cluster-ip-range", SERVICE_CIDR),
        // There is only one; an election would only delay its start.
        ("leader-elect", "false"),
    ]);
    Component {
        name: "kube-controller-manager".into(),
        node: context.layout.node(1),
        program: context.toolchain.file("kube-controller-manager"),
        arguments,
        files: vec![],
        remedy: "look whether the API server is ready (`cluster status`)",
    }
}
