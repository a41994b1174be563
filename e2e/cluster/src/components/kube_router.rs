//! kube-router, for network policies only: they are enforced, not decorative.

use super::{Context, flags, name};
use crate::paths::{NodePlan, SERVICE_CIDR};
use crate::process::Component;

pub(crate) fn describe(context: &Context<'_>, node: &NodePlan) -> Component {
    let arguments = flags(&[
        ("kubeconfig", &context.pki("kube-router.conf")),
        ("hostname-override", &node.name),
        ("run-firewall", "true"),
        ("run-router", "false"),
        ("run-service-proxy", "false"),
        ("service-cluster-ip-range", SERVICE_CIDR),
    ]);
    Component {
        name: name("kube-router", node),
        node: node.clone(),
        program: context.toolchain.file("kube-router"),
        arguments,
        files: vec![],
        remedy: "it needs ipset and iptables, and the kernel's ip_set modules",
    }
}
