//! Sentinels: how the operator learns that a Secret is gone without the right to watch Secrets, which would be the right to
//! read every one of them. Each generated Secret owns a ConfigMap, which the operator does watch; when the Secret is deleted,
//! the garbage collector of Kubernetes deletes the ConfigMap after it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource as _;

use crate::build::meta;
use crate::model::Installation;
use crate::names;

/// The ConfigMap that stands as long as the Secret with this uid does.
#[must_use]
pub fn sentinel(installation: &Installation, secret: &str, uid: &str) -> ConfigMap {
    let owner = OwnerReference {
        api_version: Secret::api_version(&()).into_owned(),
        kind: Secret::kind(&()).into_owned(),
        name: secret.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    };
    let mut metadata = meta::child(installation, names::sentinel(secret), None);
    metadata.owner_references = Some(vec![owner]);
    let purpose = format!(
        "Kubernetes deletes this ConfigMap when Secret {secret} is deleted; that is how the operator, which may not watch Secrets, learns of it."
    );
    let data = BTreeMap::from([("purpose".to_owned(), purpose)]);
    ConfigMap { metadata, data: Some(data), ..ConfigMap::default() }
}
