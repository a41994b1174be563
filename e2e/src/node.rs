//! Doing to a pod what only its node can: killing its process without warning.

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
    let object = victim.get("Pod", pod).await?;
    // Names of cgroups are made of the uid, with `_` where systemd manages them.
    let uid = text(&object, "metadata.uid").replace('-', "[-_]");
    let script = format!(
        "for p in /proc/[0-9]*; do \
           if grep -q '{uid}' $p/cgroup 2>/dev/null && [ \"$(cat $p/comm)\" = '{process}' ]; \
           then kill -9 ${{p#/proc/}} && echo killed ${{p#/proc/}}; fi; done"
    );
    let home = test.namespace_under("killer", "privileged").await?;
    let killer = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "killer"}, "spec": {
        "restartPolicy": "Never", "hostPID": true, "nodeName": text(&object, "spec.nodeName"),
        "automountServiceAccountToken": false,
        "containers": [{"name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
            "command": ["/bin/sh", "-c", script], "securityContext": {"privileged": true, "runAsUser": 0}}]}});
    home.create(killer).await?;
    let ended = ended(&home, "killer", secs(60)).await?;
    ensure!(ended.log.contains("killed "), "no process {process} of pod {pod} was found on its node: {}", ended.log);
    Ok(())
}
