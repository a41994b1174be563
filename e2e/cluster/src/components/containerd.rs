//! containerd with runc, and the pod network.

use serde_json::json;

use super::{Context, config, name, text};
use crate::paths::NodePlan;
use crate::process::Component;

pub(crate) fn describe(context: &Context<'_>, node: &NodePlan) -> Component {
    let etc = context.layout.etc().join(&node.name);
    let cni = etc.join("cni");
    let file = etc.join("containerd.toml");
    Component {
        name: name("containerd", node),
        node: node.clone(),
        program: "containerd".into(),
        arguments: vec!["--config".into(), text(&file)],
        files: vec![
            (file, configuration(context.pause_image, &text(&cni))),
            (cni.join("10-pods.conflist"), network(context, node)),
        ],
        remedy: "containerd needs overlayfs and a writable cache folder on a local disk; \
                 `cluster down` and `cluster up` start from nothing",
    }
}

/// A TOML basic string; JSON's rules for quoting are the same.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Paths are the built-in ones: the node's mount namespace lays its own folders over them.
fn configuration(pause_image: &str, cni: &str) -> String {
    let (pause_image, cni) = (quoted(pause_image), quoted(cni));
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
# Snapshotters and exporters that are not used would only look for devices and services that are not there.
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {pause_image}
  # Lowering the score of a process is a privilege that containers and CI machines often lack.
  restrict_oom_score_adj = true
  disable_apparmor = true
  # Not in /run/netns, which belongs to the machine.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = {cni}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"#
    )
}

/// `ptp` routes, so that iptables sees the traffic between pods of one node and network policies hold; a bridge would
/// need the kernel's br_netfilter for that.
fn network(context: &Context<'_>, node: &NodePlan) -> String {
    config(&json!({
        "cniVersion": "1.0.0",
        "name": format!("tracardi-{}-{}", context.layout.instance, node.number),
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/var/lib/cni/networks",
                    "ranges": [[{"subnet": node.pod_cidr}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    }))
}
