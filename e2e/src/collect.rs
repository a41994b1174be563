//! Everything about a namespace, written into a folder for the person who looks into a failure.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::operator::find_operator;
use crate::{Cluster, Json, Namespace, field, text};

/// Kinds worth looking at; one file each.
const KINDS: &[&str] = &[
    "TracardiInstallation",
    "StatefulSet",
    "Deployment",
    "Job",
    "Pod",
    "Service",
    "EndpointSlice",
    "ConfigMap",
    "Secret",
    "PersistentVolumeClaim",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Lease",
];

/// Writes objects, logs and events of a namespace into `folder`. A kind that cannot be read is noted in its file.
pub(crate) async fn collect(namespace: &Namespace, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for kind in KINDS {
        let written = match namespace.list(kind, "").await {
            Ok(objects) if objects.is_empty() => continue,
            Ok(objects) => yaml(objects)?,
            Err(error) => format!("# {error:#}\n"),
        };
        write(&folder.join(format!("{}.yaml", kind.to_lowercase())), &written)?;
    }
    write(&folder.join("events.txt"), &events(namespace).await.unwrap_or_else(|error| format!("{error:#}\n")))?;
    for pod in namespace.list("Pod", "").await? {
        logs(namespace, &pod, folder).await?;
    }
    Ok(())
}

/// Writes what there is about the operator into `folder`.
pub(crate) async fn operator(cluster: &Cluster, folder: &Path) -> Result<()> {
    let operator = find_operator(cluster).await?.context("the operator is not installed")?;
    collect(&Namespace::existing(cluster, &operator.namespace), folder).await
}

async fn logs(namespace: &Namespace, pod: &Json, folder: &Path) -> Result<()> {
    let name = text(pod, "metadata.name");
    for list in ["status.initContainerStatuses", "status.containerStatuses"] {
        for status in field(pod, list).as_array().into_iter().flatten() {
            let container = text(status, "name");
            let restarted = status["restartCount"].as_i64().unwrap_or(0) > 0;
            for previous in if restarted { &[false, true][..] } else { &[false][..] } {
                let log = namespace.logs_of(name, container, *previous).await;
                let log = log.unwrap_or_else(|error| format!("{error:#}\n"));
                let suffix = if *previous { "previous.log" } else { "log" };
                write(&folder.join(format!("{name}.{container}.{suffix}")), &log)?;
            }
        }
    }
    Ok(())
}

/// The events of a namespace, oldest first, one a line.
pub(crate) async fn events(namespace: &Namespace) -> Result<String> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for event in namespace.list("Event", "").await? {
        let candidates = ["lastTimestamp", "eventTime", "metadata.creationTimestamp"];
        let time = candidates.map(|name| text(&event, name)).into_iter().find(|time| !time.is_empty());
        let mut line = String::new();
        let _ = write!(
            line,
            "{:<7} {:<24} {}/{}: {}",
            text(&event, "type"),
            text(&event, "reason"),
            text(&event, "involvedObject.kind"),
            text(&event, "involvedObject.name"),
            text(&event, "message").trim(),
        );
        lines.push((time.unwrap_or_default().to_owned(), line));
    }
    lines.sort();
    Ok(lines.into_iter().fold(String::new(), |mut all, (time, line)| {
        let _ = writeln!(all, "{time:<28} {line}");
        all
    }))
}

fn yaml(objects: Vec<Json>) -> Result<String> {
    let mut all = String::new();
    for object in objects {
        all.push_str("---\n");
        all.push_str(&serde_yaml::to_string(&without_noise(object))?);
    }
    Ok(all)
}

/// Leaves out who owns which field, and the values of Secrets: artifacts get passed around.
fn without_noise(mut object: Json) -> Json {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    if object["kind"] == "Secret"
        && let Some(data) = object["data"].as_object_mut()
    {
        for value in data.values_mut() {
            *value = Json::String("(left out)".into());
        }
    }
    object
}

fn write(path: &Path, content: &str) -> Result<()> {
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_keep_their_keys_and_lose_their_values() {
        let secret =
            json!({"kind": "Secret", "metadata": {"name": "s", "managedFields": []}, "data": {"a": "czNjcjN0"}});
        let written = yaml(vec![secret]).unwrap();
        assert!(written.contains("a: (left out)"), "{written}");
        assert!(!written.contains("czNjcjN0") && !written.contains("managedFields"));
    }
}
