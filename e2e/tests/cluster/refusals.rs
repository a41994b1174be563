//! What the API server refuses, what it accepts, and what `kubectl explain` says: the real one, not a copy of its rules.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use kube::api::{Patch, PatchParams, ValidationDirective};
use serde_json::json;
use tracardi_e2e::{Json, Namespace, Outcome, repository, scenario, text};

const KIND: &str = "tracardi.io/TracardiInstallation";

/// A row of crds/tests/refusals.
#[derive(serde::Deserialize)]
struct Refusal {
    what: String,
    field: String,
    expect: String,
    before: Option<Json>,
    resource: Json,
}

fn refusals() -> anyhow::Result<Vec<(String, Refusal)>> {
    let folder = repository("crds/tests/refusals");
    let mut table = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let row = serde_yaml::from_str(&std::fs::read_to_string(&path)?).with_context(|| name.clone())?;
        table.push((name, row));
    }
    table.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(table)
}

/// Asks for the resource (or, over `before`, for the change to it) with kubectl, as a person would; nothing is kept.
async fn refusal(namespace: &Namespace, row: &Refusal) -> Option<String> {
    let verb = if row.before.is_some() { "replace" } else { "apply" };
    let arguments = [verb, "--dry-run=server", "-n", namespace.name(), "-f", "-"];
    loop {
        let answer = namespace.cluster().kubectl_with(&arguments, &row.resource.to_string()).await;
        let said = answer.err().map(|error| format!("{error:#}"));
        // The operator may have written the status in between; kubectl then asks for another attempt.
        if said.as_ref().is_none_or(|said| !said.contains("the object has been modified")) {
            return said;
        }
    }
}

#[test]
fn wrong_resources_are_refused_with_field_and_remedy() -> Outcome {
    scenario("refusals", async |test| {
        let namespace = test.namespace("table").await?;
        let mut wrong = Vec::new();
        let table = refusals()?;
        ensure!(table.len() >= 10, "the table has only {} rows", table.len());
        for (name, row) in &table {
            if let Some(before) = &row.before {
                // Paused: the operator leaves it alone, and the next row finds a name of its own.
                let mut before = before.clone();
                before["spec"]["paused"] = json!(true);
                namespace.apply_object(before).await.with_context(|| format!("{name}: the resource before"))?;
            }
            match refusal(&namespace, row).await {
                None => wrong.push(format!("{name} ({}): accepted", row.what)),
                Some(said) if !said.contains(&row.expect) => {
                    wrong.push(format!("{name} ({}): wanted {:?} in {said:?}", row.what, row.expect));
                }
                // The field is named by the API server or by our message.
                Some(said) if !said.contains(row.field.rsplit('.').next().unwrap_or(&row.field)) => {
                    wrong.push(format!("{name}: the field {} is not named in {said:?}", row.field));
                }
                Some(said) => println!("{name}: {said}"),
            }
            if row.before.is_some() {
                let installation = text(&row.resource, "metadata.name");
                namespace.delete(KIND, installation).await?;
                namespace.disappears(KIND, installation, tracardi_e2e::secs(30)).await?;
            }
        }
        test.figure("wrong resources refused", format!("{} of {}", table.len() - wrong.len(), table.len()));
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(())
    })
}

#[test]
fn an_empty_spec_and_every_example_are_accepted() -> Outcome {
    scenario("accepted", async |test| {
        let namespace = test.namespace("examples").await?;
        let api = namespace.cluster().api(KIND, Some(namespace.name())).await?;
        let mut parameters = PatchParams::apply("kubectl").dry_run();
        parameters.field_validation = Some(ValidationDirective::Strict);
        let empty = json!({"apiVersion": "tracardi.io/v1alpha1", "kind": "TracardiInstallation",
            "metadata": {"name": "empty"}, "spec": {}});
        let mut resources = vec![empty];
        for example in std::fs::read_dir(repository("examples"))? {
            let path = example?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                resources.extend(tracardi_e2e::documents(&std::fs::read_to_string(path)?)?);
            }
        }
        ensure!(resources.len() >= 4, "only {} resources", resources.len());
        for resource in resources {
            let name = text(&resource, "metadata.name").to_owned();
            api.patch(&name, &parameters, &Patch::Apply(&resource)).await.with_context(|| name)?;
        }
        Ok(())
    })
}

/// What may change does: the counterpart of the refused transitions.
#[test]
fn volumes_may_grow_and_policies_may_change() -> Outcome {
    scenario("transitions", async |test| {
        let namespace = test.namespace("allowed").await?;
        let installation = namespace.install("changing", json!({"paused": true})).await?;
        for change in [
            json!({"storage": {"size": "10Gi"}}),
            json!({"storage": {"size": "20Gi"}}),
            json!({"storage": {"size": "20480Mi"}}),
            json!({"deletionPolicy": "Delete"}),
            json!({"deletionPolicy": null}),
            json!({"features": {"trackDebug": true}}),
            json!({"secrets": {"installationTokenSecretRef": {"name": "mine", "key": "token"}}}),
        ] {
            installation.change(change.clone()).await.with_context(|| change.to_string())?;
        }
        Ok(())
    })
}

#[test]
fn every_field_is_explained() -> Outcome {
    scenario("explain", async |test| {
        let cluster = test.cluster();
        let tree = cluster.kubectl(&["explain", "tracardiinstallation.spec", "--recursive"]).await?;
        ensure!(tree.contains("storageClassName") && tree.contains("trustedCIDRs"), "fields are missing: {tree}");

        // The tree shows names and types; the descriptions are in the document that kubectl reads it from.
        let crd = cluster.find("CustomResourceDefinition", None, "tracardiinstallations.tracardi.io").await?;
        let crd = crd.context("the CRD is not installed: `make install`")?;
        let mut paths = BTreeSet::new();
        let mut silent = Vec::new();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            describe(&schema[part], part, &mut paths, &mut silent);
        }
        test.figure("fields of the custom resource", paths.len());
        ensure!(silent.is_empty(), "no description: {}", silent.join(", "));
        // One page as a person reads it.
        let page = cluster.kubectl(&["explain", "tracardiinstallation.spec.storage.size"]).await?;
        ensure!(page.contains("DESCRIPTION") && page.contains("never") && page.contains("shrink"), "{page}");
        Ok(())
    })
}

fn describe(schema: &Json, path: &str, paths: &mut BTreeSet<String>, silent: &mut Vec<String>) {
    paths.insert(path.to_owned());
    if schema["description"].as_str().is_none_or(|said| said.trim().len() < 4) {
        silent.push(path.to_owned());
    }
    let inner = if schema["items"].is_object() { &schema["items"] } else { schema };
    for (name, child) in inner["properties"].as_object().into_iter().flatten() {
        describe(child, &format!("{path}.{name}"), paths, silent);
    }
}
