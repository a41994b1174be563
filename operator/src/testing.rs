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
    try_installation(spec, &with_secret(&["password", "token", "signing", "encryption", "login", "ca"])).unwrap()
}

/// A spec of the mode open, with as little as possible.
pub(crate) fn open() -> Value {
    json!({
        "mode": "open",
        "elasticsearch": {"external": {"url": "http://search:9200"}},
        "mysql": {"external": {"url": "mysql://database:3306", "username": "tracardi"}},
        "redis": {"external": {"url": "redis://cache:6379"}},
    })
}

/// A spec of the mode distributed, with everything set that belongs to it.
pub(crate) fn distributed() -> Value {
    let reference = |key: &str| json!({"name": "mine", "key": key});
    let resources = json!({"requests": {"cpu": "1", "memory": "256Mi"}, "limits": {"memory": "1Gi"}});
    json!({
        "mode": "distributed",
        "elasticsearch": {
            "external": {"url": "https://search.example.com:9200", "apiKeySecretRef": reference("login"), "caSecretRef": reference("ca")},
            "indexPrefix": "shop", "shards": 3, "replicas": 2
        },
        "mysql": {
            "external": {"url": "mysqls://database.example.com", "username": "shop", "passwordSecretRef": reference("login"), "caSecretRef": reference("ca")},
            "database": "shop"
        },
        "redis": {"external": {"url": "rediss://cache.example.com:6380", "username": "shop", "passwordSecretRef": reference("login"), "caSecretRef": reference("ca")}},
        "pulsar": {
            "external": {"url": "pulsar+ssl://broker.example.com:6651", "adminUrl": "https://broker.example.com:8443", "tokenSecretRef": reference("login"), "caSecretRef": reference("ca")},
            "namespace": "shop/collect"
        },
        "queue": {"partitions": 32},
        "publicApi": {"replicas": 4, "resources": resources},
        "privateApi": {"replicas": 2, "resources": resources},
        "gui": {"replicas": 2},
        "workers": {"collector": {"replicas": 8, "resources": resources}, "storage": {"resources": resources}, "outbound": {"resources": resources}},
        "networking": {"trustedNamespaces": ["office"], "serverPorts": [8080]},
        "disruptions": "Block",
    })
}
