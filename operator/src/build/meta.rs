//! Metadata of children.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::ObjectMeta;
use tracardi_crds::TracardiInstallation;

use crate::model::Installation;
use crate::names::labels;

/// Metadata of a child that goes when the resource goes.
#[must_use]
pub fn child(installation: &Installation, name: String, component: Option<&str>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        labels: Some(labels(&installation.identity.name, component)),
        owner_references: Some(vec![owner(installation)]),
        ..ObjectMeta::default()
    }
}

/// Metadata of a child that holds data or what is needed to read it: `deletionPolicy` decides whether it is owned, and
/// thereby whether Kubernetes removes it together with the resource.
#[must_use]
pub fn data(installation: &Installation, name: String) -> ObjectMeta {
    let mut meta = child(installation, name, None);
    meta.owner_references = data_owners(installation);
    meta
}

/// Owners of a child that holds data.
#[must_use]
pub fn data_owners(installation: &Installation) -> Option<Vec<OwnerReference>> {
    (!installation.retain).then(|| vec![owner(installation)])
}

fn owner(installation: &Installation) -> OwnerReference {
    OwnerReference {
        api_version: TracardiInstallation::api_version(&()).into_owned(),
        kind: TracardiInstallation::kind(&()).into_owned(),
        name: installation.identity.name.as_str().to_owned(),
        uid: installation.identity.uid.clone(),
        controller: Some(true),
        // Deleting the resource in the foreground need not wait for each child; and setting this would demand a permission
        // on the resource's finalizers.
        block_owner_deletion: None,
    }
}
