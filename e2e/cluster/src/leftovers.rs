//! Finding and removing what an instance left: after `down`, after a kill -9, after somebody deleted its folders.
//!
//! Nothing is recognised by a bare name. A process belongs to the instance when a believable pid file says so, when it is
//! in one of the instance's namespaces or cgroups, or when it is one of our programs and its arguments name the
//! instance's folders.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};
use tracardi_machine::process::{all_pids, command_line, end_now};
use tracardi_machine::{Error, Result};

use crate::cgroups;
use crate::net;
use crate::node;
use crate::paths::{Layout, MAX_NODES};
use crate::shared;

/// Programs that we start; only these are recognised by their arguments.
const PROGRAMS: &[&str] = &[
    "containerd",
    "containerd-shim-runc-v2",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-router",
    "kube-scheduler",
    "kubelet",
];

/// Whether the command line is that of one of our programs working in one of these folders.
fn is_ours(words: &[String], folders: &[&Path]) -> bool {
    is_known(words) && words.iter().skip(1).any(|word| folders.iter().any(|folder| names_folder(word, folder)))
}

fn is_known(words: &[String]) -> bool {
    let name = words.first().and_then(|program| Path::new(program).file_name());
    name.is_some_and(|name| PROGRAMS.iter().any(|ours| name == *ours))
}

/// Whether the process lives where a node's folders lie over the built-in ones: that finds containers' shims, whose
/// arguments are the same on every machine, even when the files that held the namespaces are gone.
fn sees_our_folders(pid: i32, layout: &Layout) -> bool {
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
    layout.nodes(MAX_NODES).iter().any(|node| lies_over(&mounts, &node.state.join("lib-kubelet")))
}

/// Whether `/var/lib/kubelet` is this folder. The kernel tells the folder relative to its file system, which may be
/// mounted anywhere, so the end of the path is compared.
fn lies_over(mountinfo: &str, folder: &Path) -> bool {
    // cluster/INSTANCE/node-N/lib-kubelet: what must be there in any case.
    let least: PathBuf = folder.components().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    mountinfo.lines().any(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        matches!(fields.as_slice(), [_, _, _, root, "/var/lib/kubelet", ..] if {
            let root = unescape(root);
            root.ends_with(&least) && folder.ends_with(root.strip_prefix("/").unwrap_or(&root))
        })
    })
}

/// Whether the word holds the path of the folder or of something in it (`/run/tracardi-1` is not `/run/tracardi-10`).
fn names_folder(word: &str, folder: &Path) -> bool {
    let folder = folder.to_string_lossy();
    word.split_once(folder.as_ref()).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(['/', ',', ':']))
}

/// All processes of the instance.
pub(crate) fn processes(layout: &Layout) -> Vec<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let nodes = layout.nodes(MAX_NODES);
    let namespaces: BTreeSet<u64> = nodes
        .iter()
        .flat_map(|node| [node.net(), node.mounts()])
        .filter_map(|file| node::namespace_id(&file))
        .collect();
    let mut found: BTreeSet<i32> = nodes.iter().flat_map(|node| cgroups::processes(&node.cgroup)).collect();
    let folders = [layout.state.as_path(), layout.run.as_path()];
    for pid in all_pids() {
        let inside = ["net", "mnt"].iter().any(|kind| {
            fs::metadata(format!("/proc/{pid}/ns/{kind}")).is_ok_and(|meta| namespaces.contains(&meta.ino()))
        });
        let words = command_line(pid);
        if inside || is_ours(&words, &folders) || (is_known(&words) && sees_our_folders(pid, layout)) {
            found.insert(pid);
        }
    }
    found.remove(&own);
    found.into_iter().filter(|pid| *pid > 1).collect()
}

/// Mount points at or below a folder, the deepest first.
pub(crate) fn mounts_below(folder: &Path) -> Vec<PathBuf> {
    mount_points(&fs::read_to_string("/proc/self/mounts").unwrap_or_default(), folder)
}

fn mount_points(mounts: &str, folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(unescape)
        .filter(|mount| mount.starts_with(folder))
        .collect();
    found.sort();
    found.reverse();
    found
}

/// The kernel writes blanks and backslashes in mount points as `\040`.
fn unescape(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\');
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// What there is of an instance, in words; empty when there is nothing.
pub(crate) fn find(layout: &Layout) -> Vec<String> {
    let mut found = Vec::new();
    let processes = processes(layout);
    if !processes.is_empty() {
        found.push(format!("{} processes", processes.len()));
    }
    let mounts = mounts_below(&layout.run).len() + mounts_below(&layout.state).len();
    if mounts > 0 {
        found.push(format!("{mounts} mounts"));
    }
    if net::host_interface_exists(layout) {
        found.push(format!("interface {}", layout.host_interface()));
    }
    let nodes = layout.nodes(MAX_NODES);
    if nodes.iter().any(|node| cgroups::exists(&node.cgroup)) {
        found.push("cgroups".to_owned());
    }
    for folder in [&layout.run, &layout.state] {
        if folder.exists() {
            found.push(folder.display().to_string());
        }
    }
    found
}

/// Ends and removes everything of the instance, in the order in which it comes apart.
pub(crate) fn clean(layout: &Layout) -> Result<()> {
    // A process may start another one while it is being looked for (a shim its container), hence more than one round.
    for _ in 0..10 {
        let processes = processes(layout);
        if processes.is_empty() {
            break;
        }
        let _ = end_now(&processes);
    }
    let stuck = processes(layout);
    if !stuck.is_empty() {
        return Err(Error::unmet(
            format!("these processes of the cluster do not end: {stuck:?}"),
            "look at /proc/PID/stack: they hang in the kernel; `down` again when they have gone",
        ));
    }
    for number in (1..=MAX_NODES).rev() {
        node::destroy(layout, &layout.node(number));
    }
    for folder in [&layout.run, &layout.state] {
        for mount in mounts_below(folder) {
            umount2(&mount, MntFlags::MNT_DETACH)
                .map_err(|errno| Error::io("cannot unmount", &mount)(std::io::Error::from(errno)))?;
        }
        remove(folder)?;
    }
    for node in layout.nodes(MAX_NODES) {
        // The kernel frees a cgroup only a moment after its last process.
        tracardi_machine::run::wait_until(
            std::time::Duration::from_secs(5),
            std::time::Duration::from_millis(50),
            || !cgroups::exists(&node.cgroup) || cgroups::remove(&node.cgroup),
        );
    }
    shared::leave(layout.instance.0)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::io("cannot remove", folder)(source)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_our_programs_in_our_folders_are_ours() {
        let folders = [Path::new("/c/cluster/1"), Path::new("/run/tracardi-1")];
        let ours = |line: &str| is_ours(&words(line), &folders);
        assert!(ours("/c/go/etcd-1/etcd --data-dir=/c/cluster/1/etcd"));
        assert!(ours("/usr/bin/containerd-shim-runc-v2 -address /run/tracardi-1/node-1/containerd.sock"));
        assert!(ours("containerd -c /c/cluster/1"));
        assert!(!ours("tail -f /c/cluster/1/log/etcd.log"), "somebody reads a log");
        assert!(!ours("/c/go/etcd-1/etcd --data-dir=/c/cluster/10/etcd"), "another instance");
        assert!(!ours("/usr/bin/containerd"), "the machine's own");
        assert!(!is_ours(&[], &folders));
    }

    #[test]
    fn a_node_is_recognised_by_what_lies_over_the_built_in_folder() {
        let folder = Path::new("/home/me/.cache/tracardi-operator/cluster/0/node-1/lib-kubelet");
        let line = |root: &str| format!("1 2 254:0 {root} /var/lib/kubelet rw shared:9 - ext4 /dev/vda rw");
        assert!(lies_over(&line("/home/me/.cache/tracardi-operator/cluster/0/node-1/lib-kubelet"), folder));
        assert!(
            lies_over(&line("/.cache/tracardi-operator/cluster/0/node-1/lib-kubelet"), folder),
            "the home folder is a mount"
        );
        assert!(!lies_over(&line("/home/me/.cache/tracardi-operator/cluster/10/node-1/lib-kubelet"), folder));
        assert!(!lies_over(&line("/"), folder));
    }

    #[test]
    fn mounts_come_deepest_first_and_unescaped() {
        let mounts =
            "a /run/t-1 x rw 0 0\nb /run/t-1/n/mnt x rw 0 0\nc /run/t-10 x rw 0 0\nd /run/t-1/a\\040b x rw 0 0\n";
        assert_eq!(
            mount_points(mounts, Path::new("/run/t-1")),
            [PathBuf::from("/run/t-1/n/mnt"), PathBuf::from("/run/t-1/a b"), PathBuf::from("/run/t-1")]
        );
    }
}
