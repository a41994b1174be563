//! Who owns which field of an object, and how to take foreign fields over.
//!
//! Server-side apply reverts what others did to fields that we set, and leaves alone what they added beside them: a port in
//! a Service, a rule in a NetworkPolicy, a container in a pod. But an object of ours is ours as a whole. So after a foreign
//! edit the foreign entries of `managedFields` are merged into our own: the next apply does not name these fields, and the
//! API server, taking them for ours, removes them. Pure; [`crate::apply`] sends the result.
//!
//! The same entries tell whether there is anything to restore ([`marker`]): whoever changes a field of ours takes it out of
//! our entry, and what others do elsewhere (a volume that is bound, a finalizer, a status) leaves our entry as it is.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use kube::api::ObjectMeta;
use serde_json::{Map, Value};

use crate::FIELD_MANAGER;
use crate::build::{Kind, desired};

/// Parts of an object that are ours as a whole. Not metadata: others may add labels, annotations and finalizers.
fn parts(kind: Kind) -> &'static [&'static str] {
    match kind {
        // Volume controllers write into the spec of a claim; the Job controller into that of a Job, in which what decides cannot
        // be changed.
        Kind::PersistentVolumeClaim | Kind::Job => &[],
        Kind::ConfigMap => &["f:data", "f:binaryData", "f:immutable"],
        Kind::NetworkPolicy | Kind::Service | Kind::PodDisruptionBudget | Kind::Deployment | Kind::StatefulSet => {
            &["f:spec"]
        }
    }
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(FIELD_MANAGER) && entry.operation.as_deref() == Some("Apply")
}

/// Status is written by controllers through a subresource.
fn is_status(entry: &ManagedFieldsEntry) -> bool {
    entry.subresource.as_deref() == Some("status")
}

/// Changes exactly when the object becomes another one, begins to go, or somebody else touches what is ours: a field that
/// we applied, or a part that is ours as a whole.
#[must_use]
pub fn marker(kind: Kind, meta: &ObjectMeta) -> String {
    let entries = meta.managed_fields.as_deref().unwrap_or_default();
    let ours = entries.iter().filter(|entry| is_ours(entry)).map(|entry| {
        // The time moves when a value is changed in our name.
        let time = entry.time.as_ref().map(|time| time.0.to_string()).unwrap_or_default();
        let fields = entry.fields_v1.as_ref().map(|fields| fields.0.to_string()).unwrap_or_default();
        format!("{time} {fields}")
    });
    let theirs = entries.iter().filter(|entry| !is_ours(entry) && !is_status(entry)).flat_map(|entry| {
        let manager = entry.manager.as_deref().unwrap_or_default();
        parts(kind).iter().filter_map(move |part| {
            let taken = entry.fields_v1.as_ref()?.0.get(*part)?;
            Some(format!("{manager} {part} {taken}"))
        })
    });
    let mut touched: Vec<_> = ours.chain(theirs).collect();
    touched.sort_unstable();
    let leaves = if meta.deletion_timestamp.is_some() { "-" } else { "" };
    format!("{}/{}{leaves}", meta.uid.as_deref().unwrap_or_default(), desired::hash(touched))
}

/// The entries as they should be, if somebody else owns fields that should be ours.
#[must_use]
pub fn take_over(kind: Kind, entries: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let mut entries = entries.to_vec();
    let ours = entries.iter().position(is_ours)?;
    let mut taken = Map::new();
    for (at, entry) in entries.iter_mut().enumerate() {
        if at == ours || is_status(entry) {
            continue;
        }
        let Some(FieldsV1(Value::Object(fields))) = &mut entry.fields_v1 else { continue };
        for part in parts(kind) {
            if let Some(field) = fields.remove(*part) {
                merge(taken.entry(*part).or_insert(Value::Object(Map::new())), field);
            }
        }
    }
    if taken.is_empty() {
        return None;
    }
    let own = entries[ours].fields_v1.get_or_insert(FieldsV1(Value::Object(Map::new())));
    merge(&mut own.0, Value::Object(taken));
    entries.retain(|entry| !matches!(&entry.fields_v1, Some(FieldsV1(Value::Object(fields))) if fields.is_empty()));
    Some(entries)
}

/// Union of two sets of fields.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (name, field) in from {
            merge(into.entry(name).or_insert(Value::Object(Map::new())), field);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, subresource: Option<&str>, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.into()),
            operation: Some(operation.into()),
            subresource: subresource.map(Into::into),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    #[test]
    fn foreign_fields_become_ours_and_foreign_metadata_stays() {
        let ours = entry(FIELD_MANAGER, "Apply", None, json!({"f:spec": {"f:type": {}}}));
        let theirs = entry(
            "kubectl-patch",
            "Update",
            None,
            json!({"f:metadata": {"f:labels": {"f:team": {}}}, "f:spec": {"f:ports": {"k:{\"port\":1}": {".": {}}}}}),
        );
        let edit = entry("kubectl-edit", "Update", None, json!({"f:spec": {"f:type": {}, "f:x": {}}}));
        let status = entry("cloud", "Update", Some("status"), json!({"f:status": {}, "f:spec": {"f:never": {}}}));
        let taken = take_over(Kind::Service, &[theirs, ours, edit, status.clone()]).unwrap();
        assert_eq!(taken.len(), 3);
        assert_eq!(taken[0].fields_v1.as_ref().unwrap().0, json!({"f:metadata": {"f:labels": {"f:team": {}}}}));
        assert_eq!(
            taken[1].fields_v1.as_ref().unwrap().0,
            json!({"f:spec": {"f:type": {}, "f:ports": {"k:{\"port\":1}": {".": {}}}, "f:x": {}}})
        );
        assert_eq!(taken[2], status);
    }

    #[test]
    fn only_a_touch_of_what_is_ours_moves_the_marker() {
        let marker = |kind, entries: &[ManagedFieldsEntry]| {
            let meta = ObjectMeta { managed_fields: Some(entries.to_vec()), ..ObjectMeta::default() };
            super::marker(kind, &meta)
        };
        let claimed = json!({"f:spec": {"f:resources": {"f:requests": {"f:storage": {}}}}});
        let ours = entry(FIELD_MANAGER, "Apply", None, claimed);
        let before = marker(Kind::PersistentVolumeClaim, std::slice::from_ref(&ours));
        let binder = json!({"f:metadata": {"f:annotations": {"f:bound": {}}, "f:finalizers": {}}, "f:spec": {"f:volumeName": {}}});
        let binder = entry("kube-controller-manager", "Update", None, binder);
        let status = entry("kubelet", "Update", Some("status"), json!({"f:status": {"f:capacity": {}}}));
        let bound = [binder.clone(), ours.clone(), status];
        assert_eq!(marker(Kind::PersistentVolumeClaim, &bound), before, "volume controllers do not touch what is ours");
        assert_ne!(marker(Kind::Service, &bound), marker(Kind::Service, std::slice::from_ref(&ours)));
        let less = entry(FIELD_MANAGER, "Apply", None, json!({"f:spec": {}}));
        assert_ne!(marker(Kind::PersistentVolumeClaim, &[less]), before, "a field was taken from us");
        let mut later = ours;
        later.time =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time("2026-01-01T00:00:00Z".parse().unwrap()));
        assert_ne!(marker(Kind::PersistentVolumeClaim, &[later]), before, "somebody used our name");
    }

    #[test]
    fn nothing_is_done_when_all_is_ours_or_nothing_is() {
        let ours = entry(FIELD_MANAGER, "Apply", None, json!({"f:spec": {}}));
        let binder = entry("kube-controller-manager", "Update", None, json!({"f:spec": {"f:volumeName": {}}}));
        assert_eq!(take_over(Kind::Service, std::slice::from_ref(&ours)), None);
        assert_eq!(take_over(Kind::PersistentVolumeClaim, &[ours, binder.clone()]), None);
        assert_eq!(take_over(Kind::Service, &[binder]), None, "an object that we never applied is not taken over");
    }
}
