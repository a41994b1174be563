//! Pods of the tests' own: started, waited for, read.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::{Json, Namespace, Wanted, eventually, text};

/// A pod that runs one program to its end; fits into a namespace under restricted pod security.
#[derive(Clone, Debug)]
pub struct PodRun {
    name: String,
    image: String,
    command: Vec<String>,
    arguments: Vec<String>,
    labels: Json,
}

/// How a pod's program ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code; 0 is success.
    pub code: i64,
    /// What it wrote to both streams.
    pub log: String,
}

impl PodRun {
    /// The image's own program with these arguments. A name that ends with `-` is completed by the cluster.
    #[must_use]
    pub fn new(name: &str, image: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { name: name.to_owned(), image: image.to_owned(), command: vec![], arguments, labels: json!({}) }
    }

    /// Another program of the image.
    #[must_use]
    pub fn command(mut self, command: &[&str]) -> Self {
        self.command = command.iter().map(ToString::to_string).collect();
        self
    }

    /// Labels of the pod.
    #[must_use]
    pub fn labels(mut self, labels: Json) -> Self {
        self.labels = labels;
        self
    }

    fn object(&self) -> Json {
        let mut container = json!({
            "name": "main", "image": self.image, "imagePullPolicy": "IfNotPresent", "args": self.arguments,
            "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]}}
        });
        if !self.command.is_empty() {
            container["command"] = json!(self.command);
        }
        let name = if self.name.ends_with('-') { "generateName" } else { "name" };
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {name: self.name, "labels": self.labels}, "spec": {
            "restartPolicy": "Never", "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 1,
            "enableServiceLinks": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container]}})
    }

    /// Starts it without waiting, and gives back its name.
    pub async fn start(&self, namespace: &Namespace) -> Result<String> {
        let created = namespace.create(self.object()).await?;
        Ok(text(&created, "metadata.name").to_owned())
    }

    /// Starts it, waits until it has ended, and removes it.
    pub async fn run(&self, namespace: &Namespace, within: Duration) -> Result<Ended> {
        let name = self.start(namespace).await?;
        let ended = ended(namespace, &name, within).await?;
        namespace.delete("Pod", &name).await?;
        Ok(ended)
    }
}

/// Waits until the program of a pod has ended.
pub(crate) async fn ended(namespace: &Namespace, pod: &str, within: Duration) -> Result<Ended> {
    let code = eventually(&format!("pod {pod} has ended"), within, async || {
        let object = namespace.get("Pod", pod).await?;
        let state = &object["status"]["containerStatuses"][0]["state"];
        Ok(match state["terminated"]["exitCode"].as_i64() {
            Some(code) => Wanted::Yes(code),
            None => Wanted::NotYet(format!("phase {}, {state}", text(&object, "status.phase"))),
        })
    })
    .await?;
    Ok(Ended { code, log: namespace.logs(pod, "main").await? })
}
