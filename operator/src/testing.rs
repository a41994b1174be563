//! What the tests of several modules share.

use semver::Version;
use serde_json::{Value, json};
use tracardi_crds::TracardiInstallation;

use crate::model::Installation;
use crate::observe::{Observed, SecretFact};
use crate::validate::{Defaults, Problem, validate};

/// A resource `demo` in namespace `shop` with this spec.
#[allow(clippy::needless_pass_by_value, reason = "reads well with json!")]
pub(crate) fn resource(spec: Value) -> TracardiInstallation {
    serde_json::from_value(json!({
        "apiVersion": "tracardi.io/v1alpha1",
        "kind": "TracardiInstallation",
        "metadata": {"name": "demo", "namespace": "shop", "uid": "0000-demo", "generation": 1},
        "spec": spec,
    }))
    .unwrap()
}

/// The operator's settings.
pub(crate) fn defaults() -> Defaults {
    Defaults { version: Version::new(1, 2, 3), image_repository: "registry.test/tracardi".into(), image_tag: None }
}

/// Where every Secret `mine` has all keys.
pub(crate) fn with_secret(keys: &[&str]) -> Observed {
    let usable = SecretFact::Usable { revision: "uid/1".into() };
    let adopted = keys.iter().map(|key| (("mine".to_owned(), (*key).to_owned()), usable.clone()));
    Observed { adopted: adopted.collect(), ..Observed::default() }
}

/// Validates a spec.
pub(crate) fn try_installation(spec: Value, observed: &Observed) -> Result<Installation, Problem> {
    validate(&resource(spec), observed, &defaults())
}

/// A valid installation.
pub(crate) fn installation(spec: Value) -> Installation {
    try_installation(spec, &with_secret(&["password", "token", "signing", "encryption"])).unwrap()
}
