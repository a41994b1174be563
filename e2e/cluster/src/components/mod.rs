//! The programs of a cluster: for each its configuration and command line, and nothing else.

pub(crate) mod apiserver;
pub(crate) mod containerd;
pub(crate) mod controller_manager;
pub(crate) mod etcd;
pub(crate) mod kube_proxy;
pub(crate) mod kube_router;
pub(crate) mod kubelet;
pub(crate) mod scheduler;

use std::path::Path;

use crate::paths::{Layout, NodePlan};
use crate::toolchain::Toolchain;

/// What the descriptions are made from.
pub(crate) struct Context<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) toolchain: &'a Toolchain,
    /// Reference of the image that holds a pod's namespaces.
    pub(crate) pause_image: &'a str,
}

impl Context<'_> {
    /// Path of a file among the certificates and keys.
    fn pki(&self, file: &str) -> String {
        text(&self.layout.pki().join(file))
    }
}

/// Components are called alike on every node; the second node's carry its number.
fn name(program: &str, node: &NodePlan) -> String {
    if node.number == 1 { program.to_owned() } else { format!("{program}-{}", node.number) }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// `--name=value` for each pair.
fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

/// A configuration file; JSON is YAML.
fn config(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Instance;

    fn with_context<T>(test: impl FnOnce(&Context<'_>) -> T) -> T {
        let layout = Layout::new("/c".into(), Instance(0));
        let toolchain = Toolchain::new(Path::new("/c")).unwrap();
        test(&Context { layout: &layout, toolchain: &toolchain, pause_image: "localhost/pause:1" })
    }

    #[test]
    fn names_are_unique_over_nodes() {
        with_context(|context| {
            let mut names = std::collections::BTreeSet::new();
            for node in context.layout.nodes(2) {
                for component in [
                    containerd::describe(context, &node),
                    kubelet::describe(context, &node),
                    kube_proxy::describe(context, &node),
                    kube_router::describe(context, &node),
                ] {
                    assert!(names.insert(component.name));
                }
            }
        });
    }

    #[test]
    fn every_host_component_names_its_instance() {
        // leftovers.rs recognises a component without a pid file by that.
        with_context(|context| {
            let node = context.layout.node(1);
            for component in [
                containerd::describe(context, &node),
                etcd::describe(context),
                apiserver::describe(context),
                controller_manager::describe(context),
                scheduler::describe(context),
                kubelet::describe(context, &node),
                kube_proxy::describe(context, &node),
                kube_router::describe(context, &node),
            ] {
                let named = component.arguments.iter().any(|word| word.contains("/c/cluster/0/"));
                assert!(named, "{}", component.name);
            }
        });
    }

    #[test]
    fn configuration_files_are_valid_and_differ_between_nodes() {
        with_context(|context| {
            let files = |number| kubelet::describe(context, &context.layout.node(number)).files;
            let (one, two) = (files(1), files(2));
            assert_ne!(one[0], two[0]);
            let value: serde_yaml::Value = serde_yaml::from_str(&two[0].1).unwrap();
            assert_eq!(value["cgroupRoot"], "/tracardi-0-2");
            let cni = containerd::describe(context, &context.layout.node(2)).files;
            assert!(
                cni.iter().any(|(file, text)| file.ends_with("10-pods.conflist") && text.contains("10.244.1.0/24"))
            );
        });
    }
}
