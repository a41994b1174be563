//! The operator in the cluster, by its Helm chart.

use std::process::Command;

use anyhow::{Result, bail};
use tracardi_cluster::{Ground, Plain};

use crate::images::{self, Built, Given};
use crate::shell::{root, run};

/// Release and namespace of the operator.
pub(crate) const RELEASE: &str = "tracardi-operator";
const NAMESPACE: &str = "tracardi-operator";

/// The cluster to work on, brought up if it is ours and does not run.
pub(crate) fn ground() -> Result<Ground> {
    Ground::up(None, None, &mut Plain).map_err(|error| readable(&error))
}

/// Our errors carry a remedy beside the message.
pub(crate) fn readable(error: &tracardi_cluster::Error) -> anyhow::Error {
    let remedy = error.remedy().map(|remedy| format!("\ntry: {remedy}")).unwrap_or_default();
    anyhow::anyhow!("{error}{remedy}")
}

/// Provides the images and installs the operator.
pub(crate) fn install(ground: &Ground, given: &Given) -> Result<()> {
    let built = images::provide(ground, given)?;
    install_images(ground, &built)
}

/// Installs or upgrades the operator so that it runs these images.
pub(crate) fn install_images(ground: &Ground, built: &Built) -> Result<()> {
    let chart = root().join("charts/tracardi-operator");
    let (operator, operator_tag) = split(&built.operator)?;
    let (runtime, runtime_tag) = split(&built.runtime)?;
    let mut helm = ground.command("helm", ["upgrade", "--install", RELEASE]);
    helm.arg(&chart).args(["--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout", "120s"]);
    for value in [
        format!("image.repository={operator}"),
        format!("image.tag={operator_tag}"),
        format!("runtimeImage.repository={runtime}"),
        format!("runtimeImage.tag={runtime_tag}"),
    ] {
        helm.args(["--set-string", &value]);
    }
    run("the operator, by its chart", helm.stdout(std::process::Stdio::null()))
}

/// `kubectl` against the cluster, in the checkout's root.
pub(crate) fn kubectl(ground: &Ground, arguments: &[&str]) -> Command {
    let mut command = ground.command("kubectl", arguments);
    command.current_dir(root());
    command
}

/// What the tests read from the environment: the cluster, and where kubectl is.
pub(crate) fn environment(ground: &Ground) -> Vec<(&'static str, String)> {
    let mut variables = vec![("KUBECONFIG", ground.kubeconfig())];
    if let Ground::Own(cluster) = ground {
        let path = std::env::var("PATH").unwrap_or_default();
        variables.push(("PATH", format!("{}:{path}", cluster.bin_dir().display())));
    }
    variables
}

fn split(reference: &str) -> Result<(&str, &str)> {
    match reference.rsplit_once(':') {
        Some(parts) => Ok(parts),
        None => bail!("image reference {reference} has no tag"),
    }
}
