//! Each node has a cgroup of its own below the root of every hierarchy (v1, hybrid) or of the one (v2), so that two
//! kubelets do not meet and everything that ran in containers can be found again.

use std::fs;
use std::path::{Path, PathBuf};

use tracardi_machine::{Error, Result};

const ROOT: &str = "/sys/fs/cgroup";
/// Controllers that the kubelet wants to divide among pods on v2.
const WANTED: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// Roots of the mounted hierarchies, from the text of `/proc/self/mounts`.
fn hierarchies(mounts: &str) -> Vec<PathBuf> {
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (_, folder, kind) = (fields.next()?, fields.next()?, fields.next()?);
            (folder.starts_with(ROOT) && (kind == "cgroup" || kind == "cgroup2")).then(|| PathBuf::from(folder))
        })
        .collect()
}

fn mounted() -> Result<Vec<PathBuf>> {
    let file = Path::new("/proc/self/mounts");
    let found = hierarchies(&fs::read_to_string(file).map_err(Error::io("cannot read", file))?);
    if found.is_empty() {
        return Err(Error::unmet(
            format!("no cgroup hierarchy is mounted under {ROOT}"),
            "run on a machine (or in a container) that has cgroups mounted writable",
        ));
    }
    Ok(found)
}

/// Makes the node's cgroup in every hierarchy.
pub(crate) fn create(name: &str) -> Result<()> {
    for hierarchy in mounted()? {
        let folder = hierarchy.join(name);
        if hierarchy.join("cgroup.controllers").exists() {
            delegate(&hierarchy)?;
        }
        fs::create_dir_all(&folder).map_err(Error::io("cannot create the cgroup", &folder))?;
        // A v1 cpuset begins empty, and no process can enter an empty one.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let (from, to) = (hierarchy.join(file), folder.join(file));
            if from.exists() && to.exists() && !hierarchy.join("cgroup.controllers").exists() {
                let value = fs::read_to_string(&from).map_err(Error::io("cannot read", &from))?;
                fs::write(&to, value.trim()).map_err(Error::io("cannot write", &to))?;
            }
        }
    }
    Ok(())
}

/// On v2 a child has only the controllers that its parent hands down.
fn delegate(hierarchy: &Path) -> Result<()> {
    let offered = fs::read_to_string(hierarchy.join("cgroup.controllers")).unwrap_or_default();
    let file = hierarchy.join("cgroup.subtree_control");
    for controller in WANTED.iter().filter(|wanted| offered.split_whitespace().any(|have| have == **wanted)) {
        fs::write(&file, format!("+{controller}")).map_err(Error::io("cannot write", &file))?;
    }
    Ok(())
}

/// Processes in the cgroup and in all below it.
pub(crate) fn processes(name: &str) -> Vec<i32> {
    let mut pids = Vec::new();
    for hierarchy in mounted().unwrap_or_default() {
        visit(&hierarchy.join(name), &mut |folder| {
            let text = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0));
        });
    }
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// Removes the (empty) cgroup and all below it; whether all is gone.
pub(crate) fn remove(name: &str) -> bool {
    let mut gone = true;
    for hierarchy in mounted().unwrap_or_default() {
        let folder = hierarchy.join(name);
        visit(&folder, &mut |folder| {
            gone &= fs::remove_dir(folder).is_ok();
        });
    }
    gone
}

pub(crate) fn exists(name: &str) -> bool {
    mounted().unwrap_or_default().iter().any(|hierarchy| hierarchy.join(name).exists())
}

/// Children before their parents.
fn visit(folder: &Path, action: &mut dyn FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            visit(&entry.path(), action);
        }
    }
    action(folder);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_hybrid_and_unified_machines() {
        let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\nproc /proc proc rw 0 0\n";
        assert_eq!(hierarchies(hybrid), [PathBuf::from("/sys/fs/cgroup/cpu"), PathBuf::from("/sys/fs/cgroup/unified")]);
        assert_eq!(hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0"), [PathBuf::from("/sys/fs/cgroup")]);
        assert!(hierarchies("").is_empty());
    }
}
