//! The manifest is fresh, the examples are valid, and wrong resources are refused with a message that names the field and
//! the remedy. The same table (tests/refusals) is run against a real API server in `e2e/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests, which the lint does not know as such"
)]

use std::{fs, path::PathBuf};

use kube::core::cel::Validator;
use serde_json::Value;
use tracardi_crds::{TracardiInstallation, installation};

fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn files(folder: &str, prefix: &str) -> Vec<(String, Value)> {
    let mut found: Vec<_> = fs::read_dir(path(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|e| e == "yaml"))
        .map(|file| (file.file_stem().unwrap().to_string_lossy().into_owned(), file))
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, file)| (name, serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap()))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn schema() -> Value {
    let crd = serde_json::to_value(installation::crd().unwrap()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// What the API server's structural validation would say, as far as the table needs it.
fn structural(schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let words: Vec<_> = allowed.iter().map(ToString::to_string).collect();
        problems.push(format!("{at}: Unsupported value: {value}: supported values: {}", words.join(", ")));
    }
    if let (Some(maximum), Some(number)) = (schema["maximum"].as_f64(), value.as_f64())
        && number > maximum
    {
        problems.push(format!("{at}: Invalid value: {value}: {at} in body should be less than or equal to {maximum}"));
    }
    let known = schema["properties"].as_object();
    for (name, inner) in value.as_object().into_iter().flatten() {
        let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match known.and_then(|known| known.get(name)) {
            Some(schema) => structural(schema, inner, &at, problems),
            None if known.is_some() && !matches!(name.as_str(), "apiVersion" | "kind" | "metadata") => {
                problems.push(format!("unknown field \"{at}\""));
            }
            None => {}
        }
    }
}

fn problems(resource: &Value, before: Option<&Value>) -> Vec<String> {
    let schema = schema();
    let mut problems = Vec::new();
    structural(&schema, resource, "", &mut problems);
    if let Err(errors) = Validator::new().validate(&schema, resource, before) {
        problems.extend(errors.iter().map(ToString::to_string));
    }
    problems
}

#[test]
fn the_manifest_is_fresh() {
    let wanted = installation::crd_yaml().unwrap();
    for file in [
        "yaml/tracardi.io_tracardiinstallations.yaml",
        "../charts/tracardi-operator/files/tracardi.io_tracardiinstallations.yaml",
    ] {
        assert_eq!(
            fs::read_to_string(path(file)).unwrap_or_default(),
            wanted,
            "{file} is stale: run `cargo run -p tracardi-crds --bin crdgen`"
        );
    }
}

#[test]
fn the_examples_are_valid_and_read_completely() {
    let examples = files("../examples", "");
    assert!(examples.len() >= 6);
    for (name, resource) in examples {
        assert_eq!(problems(&resource, None), Vec::<String>::new(), "examples/{name}.yaml");
        let typed: TracardiInstallation = serde_json::from_value(resource.clone()).expect(&name);
        assert_eq!(serde_json::to_value(&typed.spec).unwrap(), resource["spec"], "examples/{name}.yaml loses fields");
    }
}

#[test]
fn wrong_resources_are_refused_with_field_and_remedy() {
    let table = files("tests/refusals", "");
    assert!(table.len() >= 10);
    for (name, case) in table {
        let before = case.get("before");
        if let Some(before) = before {
            assert_eq!(problems(before, None), Vec::<String>::new(), "{name}: the resource before is valid");
        }
        let expected = case["expect"].as_str().expect(&name);
        let found = problems(&case["resource"], before);
        assert!(found.iter().any(|p| p.contains(expected)), "{name}: wanted {expected:?} among {found:?}");
    }
}

#[test]
fn an_unchanged_resource_passes_every_transition_rule() {
    for (name, resource) in files("../examples", "") {
        assert_eq!(problems(&resource, Some(&resource)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn volumes_grow_and_policies_change() {
    let installation = |spec: Value| serde_json::json!({"metadata": {"name": "demo"}, "spec": spec});
    let changes = [
        (serde_json::json!({}), serde_json::json!({"storage": {"size": "10Gi"}})),
        (serde_json::json!({}), serde_json::json!({"storage": {"size": "20Gi"}})),
        (serde_json::json!({"storage": {"size": "1024Mi"}}), serde_json::json!({"storage": {"size": "1Gi"}})),
        (serde_json::json!({}), serde_json::json!({"deletionPolicy": "Delete", "paused": true})),
        (
            serde_json::json!({}),
            serde_json::json!({"secrets": {"installationTokenSecretRef": {"name": "a", "key": "b"}}}),
        ),
    ];
    for (old, new) in changes {
        let found = problems(&installation(new.clone()), Some(&installation(old.clone())));
        assert_eq!(found, Vec::<String>::new(), "{old} -> {new}");
    }
}

#[test]
fn a_growth_that_the_storage_class_refused_can_be_taken_back() {
    let installation = |size: &str| serde_json::json!({"metadata": {"name": "demo"}, "spec": {"storage": {"size": size}}, "status": {"storageSize": "10Gi"}});
    assert_eq!(problems(&installation("10Gi"), Some(&installation("20Gi"))), Vec::<String>::new());
    assert_eq!(problems(&installation("9Gi"), Some(&installation("20Gi"))).len(), 1);
    assert_eq!(problems(&installation("9Gi"), Some(&installation("10Gi"))).len(), 1);
}

#[test]
fn every_reason_belongs_to_a_condition_and_is_explained() {
    for reason in installation::Reason::ALL {
        assert!(!reason.conditions().is_empty());
        assert!(reason.meaning().ends_with('.'), "{reason}");
    }
}
