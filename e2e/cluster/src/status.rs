//! What runs of a cluster, for people and for programs.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tracardi_machine::process::{TICKS_PER_SECOND, observe};
use tracardi_machine::progress::seconds;

use crate::addons::DEPLOYMENTS;
use crate::cluster::Cluster;
use crate::paths::Layout;
use crate::process::{log_file, running};

/// A program of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentStatus {
    /// Its name; those of the second node end in `-2`.
    pub name: String,
    /// Its process, when it runs.
    pub process: Option<Process>,
    /// Its log.
    pub log: PathBuf,
}

/// A living process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id, as the host sees it.
    pub pid: i32,
    /// Resident memory in bytes.
    pub resident: u64,
    /// Time since it was started.
    pub uptime: Duration,
}

/// A snapshot; [`fmt::Display`] shows it as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Every component that was ever started since `up`; empty when no cluster is there.
    pub components: Vec<ComponentStatus>,
    /// Name and state of the nodes, as the API server sees them.
    pub nodes: Vec<(String, String)>,
    /// Add-ons: name, ready replicas, wanted replicas.
    pub addons: Vec<(String, u64, u64)>,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// Folder with kubectl and helm.
    pub bin_dir: PathBuf,
}

impl Status {
    pub(crate) fn of(cluster: &Cluster, layout: &Layout) -> Status {
        let mut names: Vec<String> = fs::read_dir(layout.pids())
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()))
            .collect();
        names.sort();
        let uptime = machine_uptime();
        let component = |name: String| {
            let process = running(layout, &name).and_then(|file| {
                let observed = observe(file.pid)?;
                let age = uptime.saturating_sub(Duration::from_millis(file.started * 1000 / TICKS_PER_SECOND));
                Some(Process { pid: file.pid, resident: observed.resident_pages * 4096, uptime: age })
            });
            ComponentStatus { log: log_file(layout, &name), name, process }
        };
        let up = cluster.is_up();
        Status {
            components: names.into_iter().map(component).collect(),
            nodes: if up { nodes(cluster) } else { Vec::new() },
            addons: if up { addons(cluster) } else { Vec::new() },
            kubeconfig: cluster.kubeconfig(),
            bin_dir: cluster.bin_dir(),
        }
    }

    /// Whether every component runs and every node and add-on is ready.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.components.is_empty()
            && self.components.iter().all(|component| component.process.is_some())
            && !self.nodes.is_empty()
            && self.nodes.iter().all(|(_, state)| state == "Ready")
            && !self.addons.is_empty()
            && self.addons.iter().all(|(_, ready, wanted)| ready >= wanted)
    }
}

fn machine_uptime() -> Duration {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let value = text.split_whitespace().next().and_then(|word| word.parse().ok());
    value.map_or(Duration::ZERO, Duration::from_secs_f64)
}

fn list(cluster: &Cluster, words: &[&str]) -> Vec<Value> {
    let text = cluster.kubectl(words.iter().chain(&["--output=json", "--request-timeout=5s"])).unwrap_or_default();
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    value["items"].as_array().cloned().unwrap_or_default()
}

fn nodes(cluster: &Cluster) -> Vec<(String, String)> {
    let state = |node: &Value| {
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
        let mut state = if ready { "Ready" } else { "NotReady" }.to_owned();
        if node["spec"]["unschedulable"] == true {
            state.push_str(",SchedulingDisabled");
        }
        (node["metadata"]["name"].as_str().unwrap_or_default().to_owned(), state)
    };
    list(cluster, &["get", "nodes"]).iter().map(state).collect()
}

fn addons(cluster: &Cluster) -> Vec<(String, u64, u64)> {
    let items = list(cluster, &["get", "deployments", "--all-namespaces"]);
    let state = |(namespace, name): &(&str, &str)| {
        let found =
            items.iter().find(|item| item["metadata"]["name"] == *name && item["metadata"]["namespace"] == *namespace);
        let number = |pointer: &str| found.and_then(|item| item.pointer(pointer)?.as_u64());
        ((*name).to_owned(), number("/status/readyReplicas").unwrap_or(0), number("/spec/replicas").unwrap_or(1))
    };
    DEPLOYMENTS.iter().map(state).collect()
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.components.is_empty() {
            return writeln!(f, "no cluster is running; `make cluster` brings one up");
        }
        writeln!(f, "{:<26} {:>8}  {:<8} {:>8}  {:>14}", "COMPONENT", "PID", "STATE", "RSS", "UPTIME")?;
        for component in &self.components {
            match component.process {
                Some(process) => writeln!(
                    f,
                    "{:<26} {:>8}  {:<8} {:>5} MB  {:>14}",
                    component.name,
                    process.pid,
                    "running",
                    process.resident / 1_000_000,
                    seconds(process.uptime)
                )?,
                None => {
                    writeln!(f, "{:<26} {:>8}  {:<8} see {}", component.name, "-", "dead", component.log.display())?;
                }
            }
        }
        writeln!(f)?;
        for (name, state) in &self.nodes {
            writeln!(f, "{:<26} {state}", format!("node {name}"))?;
        }
        if self.nodes.is_empty() {
            writeln!(f, "the API server does not answer; `make cluster` starts what died")?;
        }
        for (name, ready, wanted) in &self.addons {
            writeln!(f, "{:<26} {ready}/{wanted} ready", format!("add-on {name}"))?;
        }
        writeln!(f, "\n{}", exports(&self.kubeconfig, &self.bin_dir))
    }
}

/// The line for a shell.
#[must_use]
pub(crate) fn exports(kubeconfig: &Path, bin_dir: &Path) -> String {
    let quoted = |path: &Path| path.to_string_lossy().replace('\'', r"'\''");
    format!("export KUBECONFIG='{}' PATH='{}':\"$PATH\"", quoted(kubeconfig), quoted(bin_dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let process = Process { pid: 7, resident: 95_000_000, uptime: Duration::from_secs(3) };
        Status {
            components: vec![ComponentStatus { name: "kubelet".into(), process: Some(process), log: "/l".into() }],
            nodes: vec![("node-1".into(), "Ready".into())],
            addons: vec![("coredns".into(), 1, 1)],
            kubeconfig: "/a b/kubeconfig".into(),
            bin_dir: "/bin".into(),
        }
    }

    #[test]
    fn the_table_names_everything() {
        let text = status().to_string();
        for part in [
            "kubelet",
            "running",
            "95 MB",
            "3.0 s",
            "node-1",
            "Ready",
            "coredns",
            "1/1",
            "KUBECONFIG='/a b/kubeconfig'",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(status().is_whole());
    }

    #[test]
    fn a_dead_component_shows_and_spoils_the_whole() {
        let mut status = status();
        status.components[0].process = None;
        assert!(status.to_string().contains("dead"));
        assert!(!status.is_whole());
        status.components.clear();
        assert!(status.to_string().contains("no cluster is running"));
        assert!(!status.is_whole());
    }
}
