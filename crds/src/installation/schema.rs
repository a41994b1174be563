//! The manifest of the custom resource.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

/// The manifest as it is installed.
///
/// `nullable` is taken away from every field: the API server then treats `field: null` as if the field were left out,
/// which is what the rules assume (`has(self.field)` is true for a kept null).
///
/// # Errors
/// Only if the derived schema could not be written as JSON and read back, which the tests rule out.
pub fn crd() -> Result<CustomResourceDefinition, serde_json::Error> {
    let mut json = serde_json::to_value(super::TracardiInstallation::crd())?;
    drop_nullable(&mut json);
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

fn drop_nullable(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("nullable") == Some(&Value::Bool(true)) {
                map.shift_remove("nullable");
            }
            map.values_mut().for_each(drop_nullable);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nullable),
        _ => {}
    }
}
