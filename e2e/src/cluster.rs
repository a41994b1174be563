//! The cluster under test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use kube::api::{Api, ApiResource, DynamicObject, TypeMeta};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::discovery::{Discovery, Scope};
use kube::{Client, Config};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

use crate::Json;

/// Where `make cluster` leaves the way to its cluster, below the cache folder.
const OWN: &str = "tracardi-operator/cluster/0/kubeconfig";

/// A connection to the cluster under test; cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    kubeconfig: PathBuf,
    discovery: Arc<Mutex<Option<Discovery>>>,
}

/// Connects to the cluster that `KUBECONFIG` names, or else to the one that `make cluster` made.
pub async fn cluster() -> Result<Cluster> {
    let kubeconfig = kubeconfig(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))?;
    if !kubeconfig.is_file() {
        bail!(
            "there is no cluster to test against: {} does not exist; run `make cluster` (or `make e2e`, which also \
             installs the operator), or set KUBECONFIG to a cluster of your own",
            kubeconfig.display()
        );
    }
    let read =
        Kubeconfig::read_from(&kubeconfig).with_context(|| format!("{} cannot be used", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .with_context(|| format!("{} cannot be used", kubeconfig.display()))?;
    let server = config.cluster_url.clone();
    let client = Client::try_from(config)?;
    client.apiserver_version().await.with_context(|| {
        format!("the cluster of {} does not answer at {server}; `make cluster` starts it again", kubeconfig.display())
    })?;
    Ok(Cluster { client, kubeconfig, discovery: Arc::default() })
}

/// `KUBECONFIG` (its first file), or the file of the own cluster below the cache folder.
fn kubeconfig(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    if let Some(list) = variable("KUBECONFIG") {
        return std::env::split_paths(&list).next().context("KUBECONFIG names no file");
    }
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    Ok(cache.context("neither KUBECONFIG nor HOME is set; set one of them")?.join(OWN))
}

impl Cluster {
    /// The client, for what has no helper.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The file that names the cluster.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// How to reach objects of a kind, for example `StatefulSet` or `tracardi.io/TracardiInstallation`; without a group
    /// the built-in kinds win.
    pub async fn resource(&self, kind: &str) -> Result<(ApiResource, Scope)> {
        let mut cached = self.discovery.lock().await;
        if let Some(found) = cached.as_ref().and_then(|discovery| lookup(discovery, kind)) {
            return Ok(found);
        }
        // A kind may have been installed since the last look.
        let fresh =
            Discovery::new(self.client.clone()).run_aggregated().await.context("cannot ask which kinds exist")?;
        let found = lookup(&fresh, kind).with_context(|| {
            format!(
                "the cluster knows no kind {kind}; if it is ours, the operator's chart is not installed: `make install`"
            )
        });
        *cached = Some(fresh);
        found
    }

    /// Objects of a kind in a namespace, or of the whole cluster.
    pub async fn api(&self, kind: &str, namespace: Option<&str>) -> Result<Api<DynamicObject>> {
        let (resource, scope) = self.resource(kind).await?;
        Ok(match (scope, namespace) {
            (Scope::Namespaced, Some(namespace)) => Api::namespaced_with(self.client(), namespace, &resource),
            _ => Api::all_with(self.client(), &resource),
        })
    }

    /// An object, or `None`.
    pub async fn find(&self, kind: &str, namespace: Option<&str>, name: &str) -> Result<Option<Json>> {
        let api = self.api(kind, namespace).await?;
        let found = api.get_opt(name).await.with_context(|| format!("cannot read {kind} {name}"))?;
        found.map(|object| serde_json::to_value(object).context("not JSON")).transpose()
    }

    /// Objects of a kind that carry the labels of `selector` (all of them when it is empty), sorted by name.
    pub async fn list(&self, kind: &str, namespace: Option<&str>, selector: &str) -> Result<Vec<Json>> {
        let (resource, _) = self.resource(kind).await?;
        let api = self.api(kind, namespace).await?;
        let parameters = kube::api::ListParams::default().labels(selector);
        let mut found = Vec::new();
        for mut object in api.list(&parameters).await.with_context(|| format!("cannot list {kind}"))? {
            // In a list only the list itself says what it is made of.
            object.types = Some(TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() });
            found.push(serde_json::to_value(object)?);
        }
        found.sort_by_key(|object| crate::text(object, "metadata.name").to_owned());
        Ok(found)
    }

    /// Runs kubectl and gives back what it printed; an error carries its complaint.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl_with(arguments, "").await
    }

    /// As [`Self::kubectl`], with something on its standard input (`-f -`).
    pub async fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = tokio::process::Command::new("kubectl")
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start kubectl; put it on the PATH (`make cluster STATUS=1` prints the line to use)")?;
        if let Some(mut stdin) = child.stdin.take() {
            // A kubectl that reads nothing may be gone already; its complaint says more than a broken pipe.
            stdin.write_all(input.as_bytes()).await.ok();
        }
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Built-in groups have no dot in their name (except the `k8s.io` ones); they win over custom ones.
fn lookup(discovery: &Discovery, kind: &str) -> Option<(ApiResource, Scope)> {
    let (group, kind) = kind.split_once('/').map_or((None, kind), |(group, kind)| (Some(group), kind));
    let mut found: Vec<_> = discovery
        .groups()
        .filter(|known| group.is_none_or(|group| known.name() == group))
        .filter_map(|known| known.recommended_kind(kind))
        .collect();
    found.sort_by_key(|(resource, _)| {
        // `events.k8s.io` mirrors the events of the core group.
        (resource.group.contains('.') && !resource.group.ends_with(".k8s.io"), resource.group.clone())
    });
    found.into_iter().next().map(|(resource, capabilities)| (resource, capabilities.scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<PathBuf> {
        kubeconfig(|wanted| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| PathBuf::from(value)))
    }

    #[test]
    fn the_environment_wins_over_the_own_cluster() {
        let own = PathBuf::from("/h/.cache/tracardi-operator/cluster/0/kubeconfig");
        assert_eq!(with(&[("HOME", "/h")]).unwrap(), own);
        let cache = PathBuf::from("/c/tracardi-operator/cluster/0/kubeconfig");
        assert_eq!(with(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")]).unwrap(), cache);
        assert_eq!(with(&[("HOME", "/h"), ("KUBECONFIG", "/k/one:/k/two")]).unwrap(), PathBuf::from("/k/one"));
        assert!(with(&[]).is_err());
    }
}
