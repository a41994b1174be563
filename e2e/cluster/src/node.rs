//! A node: a network namespace, a mount namespace and a cgroup. Both namespaces are held by files under `/run/tracardi-N`,
//! so that they outlive every single process, and components can be started anew in them.
//!
//! In the mount namespace the paths that kubelet, containerd and CNI have built in lie over folders of the node. So
//! nothing is written to the machine's own, several nodes stand side by side, and pods' mounts never show up on the host.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::mount::{MntFlags, umount2};
use tracardi_machine::files::{make_folder, write};
use tracardi_machine::run::run;
use tracardi_machine::{Error, Result};

use crate::cgroups;
use crate::net;
use crate::paths::{Layout, NodePlan};
use crate::shared;

/// Written last: a node without it was being made when something went wrong.
const COMPLETE: &str = "complete";

/// Which folder of the node lies over which built-in path. The socket folder is under `/run`, where the host sees it.
fn overlays(node: &NodePlan) -> Vec<(std::path::PathBuf, &'static str)> {
    shared::BUILT_IN
        .iter()
        .map(|path| match *path {
            "/run/containerd" => (node.run.join("containerd"), *path),
            _ => (node.state.join(path.trim_start_matches("/var/").replace('/', "-")), *path),
        })
        .collect()
}

pub(crate) fn is_complete(node: &NodePlan) -> bool {
    node.run.join(COMPLETE).exists() && is_namespace(&node.net()) && is_namespace(&node.mounts())
}

/// Whether the file holds a namespace: then it lies on the kernel's own file system for them.
fn is_namespace(file: &Path) -> bool {
    let device = |path: &str| fs::metadata(path).map(|meta| meta.dev());
    matches!((fs::metadata(file), device("/proc/self/ns/net")), (Ok(meta), Ok(nsfs)) if meta.dev() == nsfs)
}

/// Number of the namespace that the file holds.
pub(crate) fn namespace_id(file: &Path) -> Option<u64> {
    is_namespace(file).then(|| fs::metadata(file).ok().map(|meta| meta.ino())).flatten()
}

/// Makes the node's namespaces, cgroup and cables unless they are complete.
pub(crate) fn ensure(layout: &Layout, node: &NodePlan) -> Result<()> {
    if is_complete(node) {
        return Ok(());
    }
    destroy(layout, node);
    make_folder(&node.run)?;
    private_mount(&layout.run)?;
    shared::join(layout.instance.0)?;
    cgroups::create(&node.cgroup)?;
    for file in [node.net(), node.mounts()] {
        fs::File::create(&file).map_err(Error::io("cannot create", &file))?;
    }
    run("unshare", [&format!("--net={}", node.net().display()), "true"])?;
    run(
        "unshare",
        [&format!("--mount={}", node.mounts().display()), "--propagation", "slave", "sh", "-ec", &script(node)?],
    )?;
    net::prepare(node)?;
    if node.number == 1 {
        net::check_free(layout)?;
        net::connect_host(layout, node)?;
    } else {
        net::connect_nodes(layout, &layout.node(1), node)?;
    }
    write(&node.run.join(COMPLETE), "")
}

/// What runs once inside the fresh mount namespace.
fn script(node: &NodePlan) -> Result<String> {
    // Shared within, as the kubelet expects it of a machine's root; nothing gets back to the host.
    let mut script = "mount --make-rshared /".to_owned();
    for (own, path) in overlays(node) {
        make_folder(&own)?;
        script = format!("{script}\nmount --bind {} {path}", quoted(&own));
    }
    Ok(script)
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

/// A file can hold a mount namespace only where mounts are private.
fn private_mount(folder: &Path) -> Result<()> {
    if !crate::leftovers::mounts_below(folder).iter().any(|mount| mount == folder) {
        run("mount", ["--bind".as_ref(), folder.as_os_str(), folder.as_os_str()])?;
        run("mount", ["--make-private".as_ref(), folder.as_os_str()])?;
    }
    Ok(())
}

/// Lets go of the node's namespaces and removes its cgroup; what still runs in it must have been ended before.
pub(crate) fn destroy(layout: &Layout, node: &NodePlan) {
    if node.number == 1 {
        net::disconnect_host(layout);
    }
    for file in [node.mounts(), node.net()] {
        // Fails where it is no mount, which is fine.
        let _ = umount2(&file, MntFlags::MNT_DETACH);
    }
    cgroups::remove(&node.cgroup);
    let _ = fs::remove_dir_all(&node.run);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_path_has_a_folder_of_its_own() {
        let node = Layout::new("/c".into(), crate::Instance(0)).node(1);
        let all = overlays(&node);
        let own: std::collections::BTreeSet<_> = all.iter().map(|(own, _)| own).collect();
        assert_eq!(own.len(), shared::BUILT_IN.len());
        assert!(all.contains(&("/c/cluster/0/node-1/lib-kubelet".into(), "/var/lib/kubelet")));
        assert!(all.contains(&("/run/tracardi-0/node-1/containerd".into(), "/run/containerd")));
    }

    #[test]
    fn awkward_paths_are_quoted() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
