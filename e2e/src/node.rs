//! Doing to a pod what only its node can: killing or freezing its process without warning.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{Cluster, Json, Namespace, Scenario, pod::ended, secs, text};

/// An image with a shell that the cluster has already: the one with which the local-path provisioner (ours, and those of
/// kind and k3s) makes volumes; `None` elsewhere.
pub async fn shell_image(cluster: &Cluster) -> Result<Option<String>> {
    for config in cluster.list("ConfigMap", None, "").await? {
        if text(&config, "metadata.name") == "local-path-config" {
            let helper: Json = serde_yaml::from_str(config["data"]["helperPod.yaml"].as_str().unwrap_or_default())?;
            return Ok(helper["spec"]["containers"][0]["image"].as_str().map(str::to_owned));
        }
    }
    Ok(None)
}

/// Kills the process named `process` in a pod with signal 9, from a privileged pod on the same node that shares the
/// node's process table (from inside its own container, process 1 cannot be killed). `image` must have a shell.
pub async fn kill_process(test: &Scenario, victim: &Namespace, pod: &str, process: &str, image: &str) -> Result<()> {
    to_process(test, victim, pod, process, image, "kill -9 $pid").await
}

/// Freezes the process named `process` in a pod for `span`, as a suspended machine would, and lets it go on. Otherwise as
/// [`kill_process`]; returns when it goes on.
pub async fn freeze_process(
    test: &Scenario,
    victim: &Namespace,
    pod: &str,
    process: &str,
    image: &str,
    span: Duration,
) -> Result<()> {
    let action = format!("kill -STOP $pid && sleep {} && kill -CONT $pid", span.as_secs());
    to_process(test, victim, pod, process, image, &action).await
}

async fn to_process(
    test: &Scenario,
    victim: &Namespace,
    pod: &str,
    process: &str,
    image: &str,
    action: &str,
) -> Result<()> {
    let object = victim.get("Pod", pod).await?;
    // Names of cgroups are made of the uid, with `_` where systemd manages them.
    let uid = text(&object, "metadata.uid").replace('-', "[-_]");
    let script = format!(
        "for p in /proc/[0-9]*; do \
           if grep -q '{uid}' $p/cgroup 2>/dev/null && [ \"$(cat $p/comm)\" = '{process}' ]; \
           then pid=${{p#/proc/}}; {action} && echo reached $pid; fi; done"
    );
    let home = test.namespace_under("signal", "privileged").await?;
    let sender = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "signal"}, "spec": {
        "restartPolicy": "Never", "hostPID": true, "nodeName": text(&object, "spec.nodeName"),
        "automountServiceAccountToken": false,
        "containers": [{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/sh", "-c", script], "securityContext": {"privileged": true, "runAsUser": 0}}]}});
    home.create(sender).await?;
    let ended = ended(&home, "signal", secs(90)).await?;
    ensure!(ended.log.contains("reached "), "no process {process} of pod {pod} was found on its node: {}", ended.log);
    Ok(())
}
