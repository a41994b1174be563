//! The scheduler.

use super::{Context, flags};
use crate::process::Component;

pub(crate) fn describe(context: &Context<'_>) -> Component {
    Component {
        name: "kube-scheduler".into(),
        node: context.layout.node(1),
        program: context.toolchain.file("kube-scheduler"),
        arguments: flags(&[("kubeconfig", &context.pki("scheduler.conf")), ("leader-elect", "false")]),
        files: vec![],
        remedy: "look whether the API server is ready (`cluster status`)",
    }
}
