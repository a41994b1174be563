//! A namespace of a scenario, and what can be done in it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, ValidationDirective};
use serde_json::json;

use crate::{Cluster, Forward, Installation, Json, Wanted, eventually, manifest, text};

/// Field manager of the tests' own writes.
pub(crate) const MANAGER: &str = "tracardi-e2e";

/// A namespace of the cluster under test; cheap to clone.
#[derive(Clone)]
pub struct Namespace {
    cluster: Cluster,
    name: String,
}

impl Namespace {
    /// A namespace that exists already and that no scenario removes.
    #[must_use]
    pub fn existing(cluster: &Cluster, name: &str) -> Self {
        Self { cluster: cluster.clone(), name: name.to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is in.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The client, for what has no helper.
    #[must_use]
    pub fn client(&self) -> Client {
        self.cluster.client()
    }

    /// Applies a file of the repository (server-side, strict about unknown fields); every document goes into this
    /// namespace.
    pub async fn apply(&self, file: &str) -> Result<Vec<Json>> {
        let mut applied = Vec::new();
        for document in manifest::read(file)? {
            applied.push(self.apply_object(document).await.with_context(|| format!("cannot apply {file}"))?);
        }
        Ok(applied)
    }

    /// Applies one object, as `kubectl apply --server-side` would. The API server's refusal is the error's last cause.
    pub async fn apply_object(&self, object: Json) -> Result<Json> {
        let (kind, name) = (text(&object, "kind").to_owned(), text(&object, "metadata.name").to_owned());
        let api = self.cluster.api(&kind, Some(&self.name)).await?;
        let mut parameters = PatchParams::apply(MANAGER).force();
        parameters.field_validation = Some(ValidationDirective::Strict);
        let applied = api.patch(&name, &parameters, &Patch::Apply(&object)).await.map_err(plain)?;
        Ok(serde_json::to_value(applied)?)
    }

    /// Creates one object; its name may come from `metadata.generateName`.
    pub async fn create(&self, object: Json) -> Result<Json> {
        let api = self.cluster.api(text(&object, "kind"), Some(&self.name)).await?;
        let created = api.create(&PostParams::default(), &serde_json::from_value(object)?).await.map_err(plain)?;
        Ok(serde_json::to_value(created)?)
    }

    /// Applies a merge patch to an object, as `kubectl edit` would under another name than the operator's.
    pub async fn patch(&self, kind: &str, name: &str, patch: &Json) -> Result<Json> {
        let api = self.cluster.api(kind, Some(&self.name)).await?;
        let mut parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        parameters.field_validation = Some(ValidationDirective::Strict);
        let patched = api.patch(name, &parameters, &Patch::Merge(patch)).await.map_err(plain)?;
        Ok(serde_json::to_value(patched)?)
    }

    /// An object, or `None`.
    pub async fn find(&self, kind: &str, name: &str) -> Result<Option<Json>> {
        self.cluster.find(kind, Some(&self.name), name).await
    }

    /// An object that must be there.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Json> {
        let found = self.find(kind, name).await?;
        found.with_context(|| format!("there is no {kind} {name} in namespace {}", self.name))
    }

    /// Objects of a kind with the labels of `selector` (all of them when it is empty), sorted by name.
    pub async fn list(&self, kind: &str, selector: &str) -> Result<Vec<Json>> {
        self.cluster.list(kind, Some(&self.name), selector).await
    }

    /// Deletes an object without waiting until it is gone.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        self.delete_with(kind, name, &DeleteParams::default()).await
    }

    /// Deletes a pod at once, without the grace period; the API object is gone before the process is.
    pub async fn force_delete_pod(&self, name: &str) -> Result<()> {
        self.delete_with("Pod", name, &DeleteParams::default().grace_period(0)).await
    }

    async fn delete_with(&self, kind: &str, name: &str, parameters: &DeleteParams) -> Result<()> {
        let api = self.cluster.api(kind, Some(&self.name)).await?;
        api.delete(name, parameters)
            .await
            .map(drop)
            .map_err(plain)
            .with_context(|| format!("cannot delete {kind} {name}"))
    }

    /// Waits until an object is there.
    pub async fn appears(&self, kind: &str, name: &str, within: Duration) -> Result<Json> {
        eventually(&format!("{kind} {name} is there"), within, async || {
            Ok(match self.find(kind, name).await? {
                Some(object) => Wanted::Yes(object),
                None => Wanted::NotYet("it is missing".into()),
            })
        })
        .await
    }

    /// Waits until an object is gone.
    pub async fn disappears(&self, kind: &str, name: &str, within: Duration) -> Result<()> {
        eventually(&format!("{kind} {name} is gone"), within, async || {
            Ok(match self.find(kind, name).await? {
                None => Wanted::Yes(()),
                Some(object) => Wanted::NotYet(format!("it is there, finalizers {}", object["metadata"]["finalizers"])),
            })
        })
        .await
    }

    /// The installation of that name; it need not exist yet.
    #[must_use]
    pub fn installation(&self, name: &str) -> Installation {
        Installation::new(self.clone(), name)
    }

    /// Applies an installation with that spec.
    pub async fn install(&self, name: &str, spec: Json) -> Result<Installation> {
        let resource = json!({"apiVersion": "tracardi.io/v1alpha1", "kind": "TracardiInstallation",
            "metadata": {"name": name}, "spec": spec});
        self.apply_object(resource).await?;
        Ok(self.installation(name))
    }

    /// A local address that leads to a port of a Service; every connection looks for a ready pod anew.
    pub async fn port_forward(&self, service: &str, port: u16) -> Result<Forward> {
        Forward::start(self, service, port).await
    }

    /// Runs a command in a container and gives back its standard output; an error carries its standard error.
    pub async fn exec(&self, pod: &str, container: &str, command: &[&str]) -> Result<String> {
        let api: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(self.client(), &self.name);
        let parameters = kube::api::AttachParams::default().container(container).stderr(true);
        let mut process = api.exec(pod, command.iter().copied(), &parameters).await.map_err(plain)?;
        let status = process.take_status();
        let (out, err) = tokio::join!(read_all(process.stdout()), read_all(process.stderr()));
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        process.join().await.ok();
        match status {
            Some(status) if status.status == Some("Success".into()) => Ok(out?),
            other => {
                let message = other.and_then(|status| status.message).unwrap_or_else(|| "no status".into());
                bail!("`{}` in pod {pod}: {message}; {}", command.join(" "), err?.trim())
            }
        }
    }

    /// What a container has written so far.
    pub async fn logs(&self, pod: &str, container: &str) -> Result<String> {
        self.logs_of(pod, container, false).await
    }

    /// As [`Self::logs`], or what the container before it (`previous`) wrote.
    pub async fn logs_of(&self, pod: &str, container: &str, previous: bool) -> Result<String> {
        let api: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(self.client(), &self.name);
        let parameters =
            kube::api::LogParams { container: Some(container.to_owned()), previous, ..kube::api::LogParams::default() };
        api.logs(pod, &parameters).await.map_err(plain).with_context(|| format!("cannot read the logs of pod {pod}"))
    }
}

async fn read_all(stream: Option<impl tokio::io::AsyncRead + Unpin>) -> Result<String> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        stream.read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The API server's own words, without the wrapping.
pub(crate) fn plain(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => anyhow::anyhow!("{}", status.message),
        other => other.into(),
    }
}
