//! A cluster of its own beside whatever runs: brought up with two nodes, damaged in the ways that happen, repaired, taken
//! down; the machine is the same before and after. Needs root, and some minutes when nothing is built yet.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of a test: a failure is told by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use tracardi_cluster::{Cluster, Instance, Options, Plain};

/// Far from those that people use.
const INSTANCE: Instance = Instance(207);

fn output(program: &str, arguments: &[&str]) -> String {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new(program).args(arguments).env("PATH", path).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())).collect()
}

fn folders(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(format!("cgroup {}", entry.path().display()));
            folders(&entry.path(), found);
        }
    }
}

/// Processes of the kinds that a cluster starts, and all network and mount namespaces in which processes live. A line
/// names the other instance that a process belongs to, where there is one.
fn processes() -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let read = |name: &str| {
            let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let (line, place) = (read("cmdline"), read("cgroup") + &read("mountinfo"));
        let owner = (0..=255_u8)
            .find(|n| place.contains(&format!("/tracardi-{n}-")) || place.contains(&format!("/cluster/{n}/node-")))
            .map_or_else(String::new, |n| format!(" of tracardi-{n}"));
        let program = line.split(' ').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
        let kinds = ["containerd", "etcd", "kube", "coredns", "metrics-server", "local-path", "pause", "buildah"];
        if kinds.iter().any(|name| program.starts_with(name)) {
            found.push(format!("process {pid} {line}{owner}"));
        }
        for kind in ["net", "mnt"] {
            if let Ok(namespace) = fs::read_link(entry.path().join("ns").join(kind)) {
                found.push(format!("namespace {}{owner}", namespace.display()));
            }
        }
    }
    found
}

/// Everything that a cluster could leave, a line each. What belongs to another instance comes and goes on its own.
fn snapshot() -> BTreeSet<String> {
    let mut lines = processes();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    lines.extend(mounts.lines().map(|line| format!("mount {line}")));
    lines.extend(names("/sys/class/net"));
    for folder in
        ["/run", "/run/netns", "/run/containerd", "/run/containerd/s", "/var/lib", "/var/log", "/var/run", "/opt"]
    {
        lines.extend(names(folder));
    }
    for folder in ["/var/lib/cni", "/var/lib/kubelet", "/var/lib/containerd", "/var/lib/containers", "/etc/cni"] {
        lines.extend(names(folder));
    }
    folders(Path::new("/sys/fs/cgroup"), &mut lines);
    for (program, arguments) in [
        ("iptables-save", &[][..]),
        ("iptables-legacy-save", &[][..]),
        ("ipset", &["list", "-name"][..]),
        ("ip", &["-o", "address", "show"][..]),
        ("ip", &["route", "show", "table", "all"][..]),
        ("ip", &["rule"][..]),
    ] {
        let text = output(program, arguments);
        // Comments hold the time of the call, and counters move.
        let stable = text.lines().filter(|line| !line.starts_with('#'));
        lines.extend(stable.map(|line| format!("{program} {}", line.split(" [").next().unwrap_or_default())));
    }
    for name in
        ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward"]
    {
        lines.push(format!(
            "{name}={}",
            fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default().trim()
        ));
    }
    lines.into_iter().filter(|line| !names_another_instance(line)).collect()
}

fn names_another_instance(line: &str) -> bool {
    line.split("tracardi-").skip(1).any(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().is_ok_and(|number: u8| number != INSTANCE.0)
    })
}

fn up(nodes: Option<u8>) -> Cluster {
    Cluster::up(&Options { instance: INSTANCE, nodes }, &mut Plain).unwrap_or_else(|error| panic!("up: {error}"))
}

fn kill(names: impl Fn(&str) -> bool, cluster: &Cluster) {
    for component in cluster.status().components {
        if let Some(process) = component.process.filter(|_| names(&component.name)) {
            output("kill", &["-9", &process.pid.to_string()]);
        }
    }
}

/// A claim and a pod that writes to it, on a given node.
fn workload(cluster: &Cluster, node: &str) {
    let image = cluster
        .kubectl(["--namespace=local-path-storage", "get", "configmap", "local-path-config", "--output=yaml"])
        .unwrap()
        .split_whitespace()
        .find(|word| word.contains("localhost/cluster/busybox:"))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned())
        .unwrap();
    let manifest = format!(
        r#"{{"apiVersion": "v1", "kind": "List", "items": [
        {{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {{"name": "{node}", "namespace": "default"}},
          "spec": {{"accessModes": ["ReadWriteOnce"], "resources": {{"requests": {{"storage": "1Mi"}}}}}}}},
        {{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "{node}", "namespace": "default"}},
          "spec": {{"nodeSelector": {{"kubernetes.io/hostname": "{node}"}},
                   "containers": [{{"name": "c", "image": "{image}", "imagePullPolicy": "Never",
                     "command": ["sh", "-c", "echo {node} > /data/name; sleep 3600"],
                     "volumeMounts": [{{"name": "data", "mountPath": "/data"}}]}}],
                   "volumes": [{{"name": "data", "persistentVolumeClaim": {{"claimName": "{node}"}}}}]}}}}]}}"#
    );
    let file = std::env::temp_dir().join(format!("tracardi-leaves-nothing-{}-{node}.json", std::process::id()));
    fs::write(&file, manifest).unwrap();
    cluster.kubectl(["apply", "--filename", &file.to_string_lossy()]).unwrap();
    fs::remove_file(&file).unwrap();
    cluster.kubectl(["wait", "--for=condition=Ready", "--timeout=90s", &format!("pod/{node}")]).unwrap();
    assert_eq!(cluster.kubectl(["exec", node, "--", "cat", "/data/name"]).unwrap(), node);
}

#[test]
#[ignore = "brings whole clusters up and down for two minutes; `make e2e-full` runs it"]
fn a_cluster_leaves_nothing_behind() {
    let own = Cluster::at(INSTANCE).unwrap();
    own.down(&mut Plain).unwrap_or_else(|error| panic!("down: {error}"));
    let before = snapshot();

    let cluster = up(Some(1));
    workload(&cluster, "node-1");
    let during = snapshot();
    for kind in
        ["process ", "namespace net", "namespace mnt", "mount ", "cgroup ", "/sys/class/net/", "/run/tracardi-", "ip "]
    {
        assert!(during.difference(&before).any(|line| line.starts_with(kind)), "the comparison is blind for {kind}");
    }

    // A second node joins the running cluster, and a second `up` keeps it.
    up(Some(2));
    workload(&cluster, "node-2");
    assert!(cluster.status().is_whole(), "{}", cluster.status());
    assert_eq!(cluster.status().nodes.len(), 2);

    // Components that died are started again; what ran goes on.
    kill(|name| ["kubelet-2", "kube-proxy", "kube-scheduler", "etcd"].contains(&name), &cluster);
    assert!(!cluster.status().is_whole());
    let cluster = up(None);
    assert!(cluster.status().is_whole(), "{}", cluster.status());
    assert_eq!(cluster.kubectl(["exec", "node-1", "--", "cat", "/data/name"]).unwrap(), "node-1");

    // A killed run: nothing of ours lives, but containers, mounts, namespaces and pid files are still there.
    kill(|_| true, &cluster);
    let cluster = up(None);
    assert!(cluster.status().is_whole(), "{}", cluster.status());
    assert!(cluster.kubectl(["get", "pod", "node-1"]).is_err(), "it should have begun from nothing");

    cluster.down(&mut Plain).unwrap_or_else(|error| panic!("down: {error}"));
    assert!(!cluster.kubeconfig().exists());
    // The kernel takes namespaces apart in the background.
    let mut left: Vec<String> = Vec::new();
    for _ in 0..50 {
        left = snapshot().difference(&before).cloned().collect();
        if left.is_empty() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    panic!("left behind:\n{left:#?}");
}
