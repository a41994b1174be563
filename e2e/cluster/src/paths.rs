//! Names, folders and addresses of an instance, all derived from its number.

use std::net::Ipv4Addr;
use std::path::PathBuf;

/// Which of several clusters that can stand side by side on one machine; 0 is the one that `make cluster` makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance(pub u8);

impl std::fmt::Display for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Pod addresses; the same in every instance, because nothing outside an instance's namespaces ever sees them.
pub(crate) const POD_CIDR: &str = "10.244.0.0/16";
/// Service addresses; see [`POD_CIDR`].
pub(crate) const SERVICE_CIDR: &str = "10.96.0.0/16";
/// The API server's Service.
pub(crate) const KUBERNETES_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The cluster's name server.
pub(crate) const DNS_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// Port of the API server.
pub(crate) const API_PORT: u16 = 6443;
/// Nodes that an instance can have.
pub(crate) const MAX_NODES: u8 = 2;

/// Folder of this crate: where cargo says it is, or where it was when this was compiled.
pub(crate) fn crate_folder() -> PathBuf {
    let compiled = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    if compiled.is_dir() {
        return compiled;
    }
    // The checkout has moved since: look from the folder that we are run in.
    PathBuf::from("e2e/cluster")
}

/// Folders of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) instance: Instance,
    /// `<cache>`
    pub(crate) cache: PathBuf,
    /// `<cache>/cluster/<instance>`: data, configuration, certificates, logs. Gone after `down`.
    pub(crate) state: PathBuf,
    /// `/run/tracardi-<instance>`: namespaces and sockets. Gone after `down`.
    pub(crate) run: PathBuf,
}

impl Layout {
    pub(crate) fn new(cache: PathBuf, instance: Instance) -> Layout {
        let state = cache.join("cluster").join(instance.to_string());
        Layout { instance, cache, state, run: PathBuf::from(format!("/run/tracardi-{instance}")) }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig")
    }
    pub(crate) fn pki(&self) -> PathBuf {
        self.state.join("pki")
    }
    pub(crate) fn etc(&self) -> PathBuf {
        self.state.join("etc")
    }
    pub(crate) fn logs(&self) -> PathBuf {
        self.state.join("log")
    }
    pub(crate) fn pids(&self) -> PathBuf {
        self.state.join("pids")
    }
    /// Held while an instance is changed; outside of `state`, because `down` removes that.
    pub(crate) fn lock(&self) -> PathBuf {
        self.cache.join("cluster").join(format!("{}.lock", self.instance))
    }
    pub(crate) fn node(&self, number: u8) -> NodePlan {
        NodePlan {
            number,
            name: format!("node-{number}"),
            address: node_address(self.instance, number),
            state: self.state.join(format!("node-{number}")),
            run: self.run.join(format!("node-{number}")),
            cgroup: format!("tracardi-{}-{number}", self.instance),
            pod_cidr: format!("10.244.{}.0/24", number.saturating_sub(1)),
        }
    }
    pub(crate) fn nodes(&self, count: u8) -> Vec<NodePlan> {
        (1..=count).map(|number| self.node(number)).collect()
    }
    /// URL of the API server; reachable from the host and from every node.
    pub(crate) fn server(&self) -> String {
        format!("https://{}:{API_PORT}", node_address(self.instance, 1))
    }
    /// The host's end of the only cable into the cluster.
    pub(crate) fn host_interface(&self) -> String {
        format!("tracardi-{}", self.instance)
    }
    /// The host's address on that cable.
    pub(crate) fn host_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.instance.0, 1)
    }
    /// The first address of the host's network for servers that pods reach; it ends in 0 and has 256.
    pub(crate) fn beside(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 19, self.instance.0, 0)
    }
    /// Node 1's address on the cable to node 2.
    pub(crate) fn link_address(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.instance.0, 5)
    }
}

/// 198.18.0.0/15 is set aside for tests of network devices (RFC 2544): no real network uses it. One /29 an instance:
/// .1 host, .2 node 1; .5 node 1, .6 node 2. The /24 of the same number in 198.19.0.0/16 is for servers beside the cluster.
fn node_address(instance: Instance, number: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, instance.0, if number == 1 { 2 } else { 6 })
}

/// Everything that is named after a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodePlan {
    pub(crate) number: u8,
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) state: PathBuf,
    pub(crate) run: PathBuf,
    /// Name of its cgroup below the root of each hierarchy.
    pub(crate) cgroup: String,
    pub(crate) pod_cidr: String,
}

impl NodePlan {
    /// File that holds the network namespace.
    pub(crate) fn net(&self) -> PathBuf {
        self.run.join("net")
    }
    /// File that holds the mount namespace.
    pub(crate) fn mounts(&self) -> PathBuf {
        self.run.join("mnt")
    }
    /// containerd's socket as seen from the host; inside it is `/run/containerd/containerd.sock`.
    pub(crate) fn socket(&self) -> PathBuf {
        self.run.join("containerd/containerd.sock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_and_nodes_share_no_name_and_no_address() {
        let mut seen = std::collections::BTreeSet::new();
        for instance in [0, 1, 255] {
            let layout = Layout::new("/c".into(), Instance(instance));
            assert!(seen.insert(layout.host_address().to_string()));
            assert!(seen.insert(layout.link_address().to_string()));
            assert!(seen.insert(layout.state.display().to_string()));
            assert!(seen.insert(layout.run.display().to_string()));
            // The kernel's limit for interface names.
            assert!(layout.host_interface().len() <= 15);
            for node in layout.nodes(MAX_NODES) {
                assert!(seen.insert(node.address.to_string()));
                assert!(seen.insert(node.cgroup));
                assert!(seen.insert(node.run.display().to_string()));
                // The kernel's limit for socket names.
                assert!(layout.node(node.number).socket().as_os_str().len() < 100);
            }
        }
    }

    #[test]
    fn the_default_instance_has_the_documented_addresses() {
        let layout = Layout::new("/c".into(), Instance(0));
        assert_eq!(layout.server(), "https://198.18.0.2:6443");
        assert_eq!(layout.node(2).pod_cidr, "10.244.1.0/24");
        assert_eq!(layout.kubeconfig(), PathBuf::from("/c/cluster/0/kubeconfig"));
    }
}
