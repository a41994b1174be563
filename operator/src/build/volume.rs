//! The data volume. It is a claim of its own and not a template of the StatefulSet: a template cannot grow, and
//! `deletionPolicy` may change at any time.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::build::meta;
use crate::model::{Installation, Storage};

/// The claim.
#[must_use]
pub fn claim(installation: &Installation, storage: &Storage, name: String) -> PersistentVolumeClaim {
    let size = Quantity(storage.size.clone());
    PersistentVolumeClaim {
        metadata: meta::data(installation, name),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), size)])),
                limits: None,
            }),
            storage_class_name: storage.class.clone(),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}
