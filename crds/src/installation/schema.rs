//! The manifest of the custom resource.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

/// The manifest as it is installed.
///
/// Descriptions are put on one line per paragraph, so that `kubectl explain` breaks them where its window ends.
/// `nullable` is taken away from every field: the API server then treats `field: null` as if the field were left out,
/// which is what the rules assume (`has(self.field)` is true for a kept null).
///
/// # Errors
/// Only if the derived schema could not be written as JSON and read back, which the tests rule out.
pub fn crd() -> Result<CustomResourceDefinition, serde_json::Error> {
    let mut json = serde_json::to_value(super::TracardiInstallation::crd())?;
    tidy(&mut json);
    serde_json::from_value(json)
}

/// [`crd`] as YAML with a note where it comes from.
///
/// # Errors
/// When [`crd`] fails, or the YAML cannot be written.
pub fn crd_yaml() -> Result<String, Box<dyn std::error::Error>> {
    Ok(format!(
        "# Generated from crds/src/installation by `cargo run -p tracardi-crds --bin crdgen`; do not edit.\n{}",
        serde_yaml::to_string(&crd()?)?
    ))
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                let paragraphs: Vec<_> = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
                *text = paragraphs.join("\n\n");
            }
            if map.get("nullable") == Some(&Value::Bool(true)) {
                map.shift_remove("nullable");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
