//! Bringing a cluster up, and down again.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tracardi_machine::files::{make_folder, write};
use tracardi_machine::packages;
use tracardi_machine::progress::step;
use tracardi_machine::run::{capture, command, succeeds, wait_until};
use tracardi_machine::{Error, Progress, Result, cache};

use crate::addons::{self, AddonImages};
use crate::archive;
use crate::components::{
    Context, apiserver, containerd, controller_manager, etcd, kube_proxy, kube_router, kubelet, scheduler,
};
use crate::leftovers;
use crate::net;
use crate::node;
use crate::packages::NEEDED;
use crate::paths::{Instance, Layout, MAX_NODES, NodePlan};
use crate::pki;
use crate::process::{Component, Started, ensure, running, wait_ready};
use crate::status::Status;
use crate::toolchain::Toolchain;

/// What to bring up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which of several clusters on this machine.
    pub instance: Instance,
    /// Number of nodes, 1 or 2; `None` keeps what there is, and begins with 1. A second node can be added to a running
    /// cluster; it is taken away only by [`Cluster::down`].
    pub nodes: Option<u8>,
}

/// A cluster made by this crate (which may or may not run at the moment).
#[derive(Clone, Debug)]
pub struct Cluster {
    layout: Layout,
    toolchain: Toolchain,
}

impl Cluster {
    /// The cluster with this number; touches nothing.
    pub fn at(instance: Instance) -> Result<Cluster> {
        let cache = cache()?;
        Ok(Cluster { toolchain: Toolchain::new(&cache)?, layout: Layout::new(cache, instance) })
    }

    /// Installs and builds what is missing, cleans what a killed run left, starts what does not run, and waits until the
    /// nodes and the add-ons are ready. On a running cluster this takes seconds and restarts only what died or changed.
    pub fn up(options: &Options, progress: &mut dyn Progress) -> Result<Cluster> {
        need_root()?;
        if options.nodes.is_some_and(|nodes| nodes == 0 || nodes > MAX_NODES) {
            return Err(Error::unmet(format!("a cluster has 1 to {MAX_NODES} nodes"), "--nodes 1 or --nodes 2"));
        }
        let cluster = Cluster::at(options.instance)?;
        let _lock = cluster.lock()?;
        let images = cluster.build(progress)?;
        cluster.clean_leftovers(progress)?;
        cluster.start(options.nodes, &images, progress)?;
        Ok(cluster)
    }

    /// Installs packages and builds programs and images, without starting anything.
    pub fn prepare(&self, progress: &mut dyn Progress) -> Result<()> {
        need_root()?;
        self.build(progress).map(drop)
    }

    /// Ends every process and removes every trace outside the cache of programs and images; fine when nothing runs.
    pub fn down(&self, progress: &mut dyn Progress) -> Result<()> {
        need_root()?;
        let _lock = self.lock()?;
        let found = leftovers::find(&self.layout);
        if found.is_empty() {
            progress.note("no cluster is running");
            return Ok(());
        }
        step(progress, &format!("removing the cluster ({})", found.join(", ")), |_| leftovers::clean(&self.layout))
    }

    /// Kubeconfig of an administrator; holds its certificates, so it can be copied.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.layout.kubeconfig()
    }

    /// Folder with kubectl, helm and the other programs, for `PATH`.
    #[must_use]
    pub fn bin_dir(&self) -> PathBuf {
        self.toolchain.bin.clone()
    }

    /// Address at which the host (and every pod) reaches node 1: NodePorts are there.
    #[must_use]
    pub fn node_address(&self) -> std::net::Ipv4Addr {
        self.layout.node(1).address
    }

    /// The first of 256 addresses that are this machine's own and that every pod reaches: servers beside the cluster listen there.
    #[must_use]
    pub fn beside(&self) -> std::net::Ipv4Addr {
        self.layout.beside()
    }

    /// Runs kubectl against the cluster; its trimmed output.
    pub fn kubectl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        capture(self.command("kubectl", arguments))
    }

    /// Runs Helm against the cluster; its trimmed output.
    pub fn helm<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        capture(self.command("helm", arguments))
    }

    /// One of our programs, ready to run against the cluster; for callers that want its output while it runs.
    pub fn command<S: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = command(self.toolchain.program(program), arguments);
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    /// Hands an image archive (OCI layout in a tar file) to every node. The references in it; a node that has the same
    /// content already is left alone.
    pub fn load_image(&self, archive: &Path) -> Result<Vec<String>> {
        let images = archive::images(archive)?;
        for node in self.layout.nodes(self.nodes()) {
            if !node.socket().exists() {
                return Err(Error::unmet(format!("{} does not run", node.name), "`make cluster` brings it up"));
            }
            Self::load_into(&node, archive, &images)?;
        }
        Ok(images.into_iter().map(|(reference, _)| reference).collect())
    }

    /// What runs.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::of(self, &self.layout)
    }

    /// Whether the API server runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        running(&self.layout, "kube-apiserver").is_some()
    }

    /// Which of several clusters on this machine.
    #[must_use]
    pub fn instance(&self) -> Instance {
        self.layout.instance
    }

    /// The line that points a shell at the cluster.
    #[must_use]
    pub fn exports(&self) -> String {
        crate::status::exports(&self.kubeconfig(), &self.bin_dir())
    }

    /// Number of nodes it was brought up with.
    pub(crate) fn nodes(&self) -> u8 {
        let text = fs::read_to_string(self.layout.state.join("nodes")).unwrap_or_default();
        text.trim().parse().unwrap_or(1).clamp(1, MAX_NODES)
    }

    /// Held while something is changed, so that two runs do not work against each other.
    fn lock(&self) -> Result<fs::File> {
        let file = self.layout.lock();
        make_folder(file.parent().unwrap_or(&self.layout.cache))?;
        let lock = fs::File::create(&file).map_err(Error::io("cannot create", &file))?;
        lock.lock().map_err(Error::io("cannot lock", &file))?;
        Ok(lock)
    }

    fn build(&self, progress: &mut dyn Progress) -> Result<AddonImages> {
        packages::ensure(NEEDED, progress)?;
        self.toolchain.ensure(progress)?;
        AddonImages::ensure(&self.layout.cache, &self.toolchain, progress)
    }

    /// A cluster of which the core still runs is repaired; of anything less only what is in the way is left.
    fn clean_leftovers(&self, progress: &mut dyn Progress) -> Result<()> {
        let core = ["etcd", "kube-apiserver", "containerd"];
        let alive = core.iter().any(|name| running(&self.layout, name).is_some());
        if alive && node::is_complete(&self.layout.node(1)) && self.layout.pki().is_dir() {
            return Ok(());
        }
        let found = leftovers::find(&self.layout);
        if found.is_empty() {
            return Ok(());
        }
        let what = format!("removing what an earlier run left ({})", found.join(", "));
        step(progress, &what, |_| leftovers::clean(&self.layout))
    }

    fn start(&self, nodes: Option<u8>, images: &AddonImages, progress: &mut dyn Progress) -> Result<()> {
        let layout = &self.layout;
        let count = nodes.unwrap_or(1).max(self.nodes());
        let context = Context { layout, toolchain: &self.toolchain, pause_image: &images.pause.reference };
        let nodes = layout.nodes(count);
        if !layout.pki().is_dir() || nodes.iter().any(|node| !node::is_complete(node)) {
            step(progress, "making certificates, namespaces and cables", |_| {
                pki::ensure(layout)?;
                nodes.iter().try_for_each(|node| node::ensure(layout, node))?;
                write(&layout.state.join("nodes"), &count.to_string())
            })?;
        }
        net::lead_to_host(layout, &layout.node(1))?;
        let api = apiserver::describe(&context);
        step(progress, "etcd, containerd, kube-apiserver", |progress| {
            run_it(layout, &etcd::describe(&context), progress)?;
            for node in &nodes {
                run_it(layout, &containerd::describe(&context, node), progress)?;
            }
            run_it(layout, &api, progress)?;
            // The images go in while the API server starts.
            for node in &nodes {
                let component = containerd::describe(&context, node);
                wait_ready(layout, &component, Duration::from_secs(30), || {
                    succeeds("ctr", ["--address".as_ref(), node.socket().as_os_str(), "version".as_ref()])
                })?;
                for image in images.all() {
                    Self::load_into(node, &image.archive, &archive::images(&image.archive)?)?;
                }
            }
            wait_ready(layout, &api, Duration::from_mins(2), || self.kubectl(["get", "--raw", "/readyz"]).is_ok())
        })?;
        step(progress, "add-ons, controllers, kubelet, kube-proxy, kube-router", |progress| {
            let manifests = layout.etc().join("addons.yaml");
            write(&manifests, &addons::manifests(layout, images)?)?;
            self.apply(&manifests)?;
            run_it(layout, &controller_manager::describe(&context), progress)?;
            run_it(layout, &scheduler::describe(&context), progress)?;
            for node in &nodes {
                run_it(layout, &kubelet::describe(&context, node), progress)?;
                run_it(layout, &kube_proxy::describe(&context, node), progress)?;
            }
            for node in &nodes {
                let component = kubelet::describe(&context, node);
                wait_ready(layout, &component, Duration::from_secs(90), || self.node_is_ready(node))?;
                run_it(layout, &kube_router::describe(&context, node), progress)?;
            }
            Ok(())
        })?;
        step(progress, "waiting for name server, metrics, volumes", |_| self.wait_addons())?;
        // Whatever died while the rest was started is told now, not at the first test.
        for component in self.components(&context) {
            if running(layout, &component.name).is_none() {
                return Err(component.error(layout, "has ended"));
            }
        }
        Ok(())
    }

    fn components(&self, context: &Context<'_>) -> Vec<Component> {
        let mut all = vec![
            etcd::describe(context),
            apiserver::describe(context),
            controller_manager::describe(context),
            scheduler::describe(context),
        ];
        for node in self.layout.nodes(self.nodes()) {
            all.push(containerd::describe(context, &node));
            all.push(kubelet::describe(context, &node));
            all.push(kube_proxy::describe(context, &node));
            all.push(kube_router::describe(context, &node));
        }
        all
    }

    /// The API server answers before it has made its own roles and namespaces, so the first try may be too early.
    fn apply(&self, manifests: &Path) -> Result<()> {
        let mut outcome = Ok(String::new());
        wait_until(Duration::from_secs(20), Duration::from_millis(300), || {
            let words: [&OsStr; 6] = [
                "apply".as_ref(),
                "--server-side".as_ref(),
                "--force-conflicts".as_ref(),
                "--field-manager=tracardi-cluster".as_ref(),
                "--filename".as_ref(),
                manifests.as_os_str(),
            ];
            outcome = self.kubectl(words);
            outcome.is_ok()
        });
        outcome.map(drop)
    }

    fn node_is_ready(&self, node: &NodePlan) -> bool {
        let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
        self.kubectl(["get", "node", &node.name, "--output", path]).is_ok_and(|status| status == "True")
    }

    fn wait_addons(&self) -> Result<()> {
        for (namespace, name) in addons::DEPLOYMENTS {
            let target = format!("deployment/{name}");
            let waited = self.kubectl(["--namespace", namespace, "rollout", "status", &target, "--timeout=90s"]);
            if let Err(error) = waited {
                return Err(self.addon_error(namespace, name, &error.to_string()));
            }
        }
        for node in self.layout.nodes(self.nodes()) {
            if !wait_until(Duration::from_secs(30), Duration::from_millis(200), || net::names_resolve(&node)) {
                return Err(self.addon_error(
                    "kube-system",
                    "coredns",
                    &format!("names do not resolve on {}", node.name),
                ));
            }
        }
        Ok(())
    }

    fn addon_error(&self, namespace: &str, name: &str, problem: &str) -> Error {
        let look = |words: &[&str]| self.kubectl(words).unwrap_or_else(|error| error.to_string());
        let pods = look(&["--namespace", namespace, "get", "pods", "--output", "wide"]);
        let events = look(&["--namespace", namespace, "get", "events", "--sort-by=.lastTimestamp"]);
        let events = tracardi_machine::run::last_lines(&events, 8);
        Error::unmet(
            format!("{name} in {namespace} is not ready: {problem}\n{pods}\n{events}"),
            format!(
                "`kubectl --namespace {namespace} describe pods`; `cluster down` and `cluster up` start from nothing"
            ),
        )
    }

    fn load_into(node: &NodePlan, archive: &Path, images: &[(String, String)]) -> Result<()> {
        let socket = node.socket();
        let ctr = |words: &[&OsStr]| {
            let mut all: Vec<&OsStr> = vec!["--address".as_ref(), socket.as_os_str(), "--namespace=k8s.io".as_ref()];
            all.extend(words);
            capture(command("ctr", all))
        };
        let have = ctr(&["images".as_ref(), "ls".as_ref()])?;
        let present = |(reference, digest): &(String, String)| {
            have.lines().any(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(reference.as_str()) && words.any(|word| word == digest)
            })
        };
        if images.iter().all(present) {
            return Ok(());
        }
        ctr(&["images".as_ref(), "import".as_ref(), archive.as_os_str()]).map(drop)
    }
}

/// Starts the component and says so when it was not to be expected.
fn run_it(layout: &Layout, component: &Component, progress: &mut dyn Progress) -> Result<()> {
    let known = component.log(layout).exists();
    match ensure(layout, component)? {
        Started::Now if known => progress.note(&format!("{} had died and has been started again", component.name)),
        Started::Anew => progress.note(&format!("{} has changed and has been started anew", component.name)),
        Started::Now | Started::Already => {}
    }
    Ok(())
}

fn need_root() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        Ok(())
    } else {
        Err(Error::unmet(
            "a cluster needs root (namespaces, mounts, cgroups)",
            "point KUBECONFIG at a cluster of your own (kind, k3d, cloud), or use `make run`, which starts the runtime alone",
        ))
    }
}
