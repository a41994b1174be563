//! What instances have in common on a machine: kernel settings that a kubelet changes for the whole machine, and empty
//! folders that exist only so that a node can lay its own over them. The first instance writes down what was there, the
//! last one to go puts it back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracardi_machine::files::write;
use tracardi_machine::process::boot_id;
use tracardi_machine::{Error, Result};

const RECORD: &str = "/run/tracardi-shared.json";

/// Set by every kubelet (`--protect-kernel-defaults=false`), and by kube-proxy.
const SYSCTLS: &[&str] = &[
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
];

/// Folders that kubelet, containerd and CNI have built in; each node lays its own over them.
pub(crate) const BUILT_IN: &[&str] = &[
    "/run/containerd",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
];

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Boot to which the rest belongs: `/run` may outlive one.
    boot: String,
    sysctls: BTreeMap<String, String>,
    folders: Vec<PathBuf>,
    instances: Vec<u8>,
}

/// Notes the state of the machine before this instance touches it, and makes the folders that are missing.
pub(crate) fn join(instance: u8) -> Result<()> {
    let _lock = lock()?;
    let mut record = load();
    if record.instances.is_empty() || record.boot != boot_id() {
        record = Record { boot: boot_id(), sysctls: read_sysctls(), ..Record::default() };
    }
    for folder in BUILT_IN.iter().map(Path::new).filter(|folder| !folder.exists()) {
        record.folders.push(folder.to_path_buf());
    }
    if !record.instances.contains(&instance) {
        record.instances.push(instance);
    }
    // Written before the folders are made: a run that is killed in between leaves nothing unknown.
    save(&record)?;
    for folder in BUILT_IN {
        fs::create_dir_all(folder).map_err(Error::io("cannot create", Path::new(folder)))?;
    }
    Ok(())
}

/// Forgets the instance; the last one puts everything back.
pub(crate) fn leave(instance: u8) -> Result<()> {
    let _lock = lock()?;
    let mut record = load();
    record.instances.retain(|other| *other != instance);
    if !record.instances.is_empty() {
        return save(&record);
    }
    // After a boot the kernel has its own settings again.
    for (name, value) in record.sysctls.iter().filter(|_| record.boot == boot_id()) {
        let file = Path::new("/proc/sys").join(name);
        if fs::read_to_string(&file).is_ok_and(|now| now.trim() != value) {
            fs::write(&file, value).map_err(Error::io("cannot restore", &file))?;
        }
    }
    for folder in &record.folders {
        // Somebody else may have begun to use it, then it stays.
        let _ = fs::remove_dir(folder);
    }
    if Path::new(RECORD).exists() {
        fs::remove_file(RECORD).map_err(Error::io("cannot remove", Path::new(RECORD)))?;
    }
    Ok(())
}

fn read_sysctls() -> BTreeMap<String, String> {
    let read = |name: &&str| {
        let value = fs::read_to_string(Path::new("/proc/sys").join(name)).ok()?;
        Some(((*name).to_owned(), value.trim().to_owned()))
    };
    SYSCTLS.iter().filter_map(read).collect()
}

fn load() -> Record {
    fs::read(RECORD).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn save(record: &Record) -> Result<()> {
    write(Path::new(RECORD), &serde_json::to_string_pretty(record).unwrap_or_default())
}

/// Held while the record is changed. The folder itself is locked, so that no lock file is left.
fn lock() -> Result<fs::File> {
    let folder = Path::new("/run");
    let file = fs::File::open(folder).map_err(Error::io("cannot open", folder))?;
    file.lock().map_err(Error::io("cannot lock", folder))?;
    Ok(file)
}
