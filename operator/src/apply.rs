//! The only module that changes objects of the cluster (status apart, which [`crate::controller`] writes through
//! [`Applier::status`]). Leadership is asked before each request.
//!
//! **Memo.** For each object the applier remembers what it sent and the marker of what the API server answered
//! ([`ownership::marker`]). An object is sent again only when it should be different, or when the cluster's marker is
//! another one than ours: a stranger's edit of what is ours, or a deletion. An unchanged world costs no request.
//!
//! **Crash points.** Every write can be the last one. Secrets come first and are create-only, so a repeated pass finds
//! them; the volume comes before the pods; applying is idempotent; what should not be is found by owner in the stores, not
//! only in the inventory, so an object created just before a crash is pruned all the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::{Instant, timeout};
use tracardi_crds::TracardiInstallation;
use tracardi_crds::installation::{ObjectKey, TracardiInstallationStatus};

use crate::FIELD_MANAGER;
use crate::build::{Desired, Kind, meta};
use crate::children::{self, Children, is_labelled, is_owned};
use crate::error::{Error, is_leaving};
use crate::lease::Leadership;
use crate::metrics::{Metrics, WriteResult};
use crate::model::Installation;
use crate::names::APPLIED;
use crate::observe::Observed;
use crate::ownership;
use crate::plan::Plan;

/// Patience with one write; below the margin that [`crate::lease`] leaves between two leaders.
const WRITE: Duration = Duration::from_secs(3);
/// How long a store may lag behind a write of ours.
const LAG: Duration = Duration::from_secs(2);

/// What a pass did.
#[derive(Debug, Default)]
pub struct Applied {
    /// Objects that are as they should be.
    pub done: Vec<ObjectKey>,
    /// Generation of each workload after the pass, by name.
    pub generations: BTreeMap<String, i64>,
    /// What could not be written. The rest was.
    pub errors: Vec<Error>,
    /// Secrets were created: facts about them are stale, so another pass follows before anything else is written.
    pub secrets_changed: bool,
    /// A store lags behind a write of ours: look again after this long.
    pub look_again: Option<Duration>,
}

type MemoKey = (String, Kind, String);

#[derive(Clone, Debug)]
struct Memo {
    hash: String,
    marker: String,
    /// What the store showed just before we wrote.
    before: Option<String>,
    at: Instant,
    generation: Option<i64>,
}

/// Writes.
pub struct Applier {
    client: Client,
    children: Children,
    leadership: Leadership,
    metrics: Metrics,
    memo: Mutex<HashMap<MemoKey, Memo>>,
}

impl Applier {
    /// Writes through `client` while `leadership` holds.
    #[must_use]
    pub fn new(client: Client, children: Children, leadership: Leadership, metrics: Metrics) -> Self {
        Self { client, children, leadership, metrics, memo: Mutex::default() }
    }

    /// Forgets an installation that is gone.
    pub fn forget(&self, uid: &str) {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, ..), _| of != uid);
    }

    /// Forgets everything: another leader may have written.
    pub fn forget_all(&self) {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Makes the cluster what the plan says. Problems with single objects are collected; only lost leadership and a namespace that
    /// is being deleted end a pass.
    pub async fn apply(
        &self,
        installation: &Installation,
        plan: &Plan,
        observed: &Observed,
        inventory: &[ObjectKey],
    ) -> Result<Applied, Error> {
        let mut applied = Applied::default();
        self.create_secrets(installation, plan, observed, &mut applied).await?;
        if applied.secrets_changed || !applied.errors.is_empty() {
            return Ok(applied);
        }
        let held = plan.holds(&observed.completed);
        for desired in plan.objects.iter().filter(|desired| !(held && desired.waits)) {
            let result = self.apply_one(installation, desired, &mut applied).await;
            collect(&mut applied.errors, result)?;
        }
        for (kind, name) in self.superfluous(installation, plan, inventory) {
            let result = self.prune(installation, kind, &name).await;
            collect(&mut applied.errors, result)?;
        }
        Ok(applied)
    }

    async fn create_secrets(
        &self,
        installation: &Installation,
        plan: &Plan,
        observed: &Observed,
        applied: &mut Applied,
    ) -> Result<(), Error> {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &installation.identity.namespace);
        for generated in &plan.secrets {
            let name = &generated.name;
            let Some(fact) = observed.generated.get(name) else {
                let secret = generated.make(installation).map_err(Error::Randomness)?;
                let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
                match self.write("create", "Secret", name, api.create(&parameters, &secret)).await {
                    Ok(_) => tracing::info!(secret = %name, "secret generated"),
                    // Somebody made it since we looked: the next pass sees whose it is.
                    Err(Error::Write { source, .. }) if is_conflict(&source) => {}
                    Err(error) => {
                        collect(&mut applied.errors, Err(error))?;
                        continue;
                    }
                }
                applied.secrets_changed = true;
                continue;
            };
            let wanted = meta::data_owners(installation);
            if fact.owners.clone().unwrap_or_default() != wanted.clone().unwrap_or_default() {
                // A merge patch of the owners alone: the uid makes it fail, not create, should the Secret be gone.
                let body = json!({"metadata": {"uid": fact.uid, "ownerReferences": wanted}});
                let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
                let patch = Patch::Merge(&body);
                match self.write("patch", "Secret", name, api.patch_metadata(name, &parameters, &patch)).await {
                    Ok(_) => applied.secrets_changed = true,
                    // Somebody deleted or replaced it since we looked: the next pass sees.
                    Err(Error::Write { source, .. }) if is_gone(&source) || is_conflict(&source) => {
                        applied.secrets_changed = true;
                    }
                    Err(error) => collect(&mut applied.errors, Err(error))?,
                }
            }
        }
        Ok(())
    }

    async fn apply_one(
        &self,
        installation: &Installation,
        desired: &Desired,
        applied: &mut Applied,
    ) -> Result<(), Error> {
        let identity = &installation.identity;
        let key = (identity.uid.clone(), desired.kind, desired.name.clone());
        let seen = self.children.meta(desired.kind, &identity.namespace, &desired.name);
        let shown = seen.as_ref().and_then(children::marker).cloned();
        let known = self.memo.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let wanted_before = known.as_ref().is_some_and(|known| known.hash == desired.hash);
        if let Some(known) = known.as_ref().filter(|_| wanted_before) {
            let lags = shown == known.before && known.at.elapsed() < LAG;
            if lags || shown.as_ref() == Some(&known.marker) {
                if lags {
                    applied.look_again = Some(LAG);
                }
                self.metrics.wrote(desired.kind, WriteResult::Skipped);
                record(applied, desired, known.generation);
                return Ok(());
            }
        }
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &identity.namespace, &desired.kind.api_resource());
        let kind = desired.kind.as_str();
        match &shown {
            None => self.not_taken(installation, &api, desired).await?,
            // A change that we did not make can have left foreign fields; a new process cannot know.
            Some(shown) if known.as_ref().map(|known| &known.marker) != Some(shown) => {
                self.take_over(&api, desired).await?;
            }
            Some(_) => {}
        }
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&desired.body);
        let request = api.patch_metadata(&desired.name, &parameters, &patch);
        let answer = self.write("apply", kind, &desired.name, request).await.map_err(|error| match error {
            Error::Write { name, source, .. }
                if desired.kind == Kind::PersistentVolumeClaim && shown.is_some() && is_refused(&source) =>
            {
                let size = installation.storage().map(|storage| storage.size.clone()).unwrap_or_default();
                Error::ResizeRefused { name, size, source }
            }
            error => error,
        })?;
        let memo = Memo {
            hash: desired.hash.clone(),
            marker: ownership::marker(desired.kind, &answer.metadata),
            before: shown,
            at: Instant::now(),
            generation: answer.metadata.generation,
        };
        // A store that lags shows what was before our own last write; then the apply changes nothing.
        if wanted_before && memo.before.as_ref() != Some(&memo.marker) {
            self.metrics.wrote(desired.kind, WriteResult::Healed);
            tracing::info!(kind, name = %desired.name, "changed or deleted by somebody else; restored");
        } else {
            self.metrics.wrote(desired.kind, WriteResult::Applied);
        }
        record(applied, desired, memo.generation);
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).insert(key, memo);
        Ok(())
    }

    /// Fails when an object of this name exists and is not ours. (Ours may be missing from the store because somebody took
    /// its labels away.)
    async fn not_taken(
        &self,
        installation: &Installation,
        api: &Api<DynamicObject>,
        desired: &Desired,
    ) -> Result<(), Error> {
        let identity = &installation.identity;
        let kind = desired.kind.as_str();
        let there = self.read(kind, &desired.name, api.get_metadata_opt(&desired.name)).await?;
        let Some(there) = there else { return Ok(()) };
        if is_labelled(&there.metadata, identity.name.as_str()) || is_owned(&there.metadata, &identity.uid) {
            return self.take_over(api, desired).await;
        }
        Err(Error::NameTaken { kind, name: desired.name.clone() })
    }

    /// Makes foreign fields ours, so that the apply that follows removes them.
    async fn take_over(&self, api: &Api<DynamicObject>, desired: &Desired) -> Result<(), Error> {
        let (kind, name) = (desired.kind.as_str(), desired.name.as_str());
        let Some(there) = self.read(kind, name, api.get_metadata_opt(name)).await? else { return Ok(()) };
        let entries = there.metadata.managed_fields.unwrap_or_default();
        let Some(entries) = ownership::take_over(desired.kind, &entries) else { return Ok(()) };
        let body = json!({"metadata": {
            "resourceVersion": there.metadata.resource_version,
            "uid": there.metadata.uid,
            "managedFields": entries,
        }});
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let patch = Patch::Merge(&body);
        match self.write("take over", kind, name, api.patch_metadata(name, &parameters, &patch)).await {
            // Deleted since we looked: the apply that follows makes it anew.
            Err(Error::Write { source, .. }) if is_gone(&source) => Ok(()),
            taken => taken.map(drop),
        }
    }

    /// What belongs to the installation and is not in the plan.
    fn superfluous(&self, installation: &Installation, plan: &Plan, inventory: &[ObjectKey]) -> Vec<(Kind, String)> {
        let identity = &installation.identity;
        let mut names = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.holds_data()) {
            let listed = inventory.iter().filter(|key| key.kind == kind.as_str()).map(|key| key.name.clone());
            let mut of_kind = self.children.owned(kind, &identity.namespace, &identity.uid);
            of_kind.extend(listed.filter(|name| self.children.meta(kind, &identity.namespace, name).is_some()));
            of_kind.sort_unstable();
            of_kind.dedup();
            of_kind.retain(|name| !plan.objects.iter().any(|desired| desired.kind == kind && desired.name == *name));
            names.extend(of_kind.into_iter().map(|name| (kind, name)));
        }
        names
    }

    async fn prune(&self, installation: &Installation, kind: Kind, name: &str) -> Result<(), Error> {
        let identity = &installation.identity;
        let Some(seen) = self.children.meta(kind, &identity.namespace, name) else { return Ok(()) };
        if seen.deletion_timestamp.is_some() || !is_owned(&seen, &identity.uid) {
            return Ok(());
        }
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &identity.namespace, &kind.api_resource());
        // The uid keeps us from deleting an object that took the name since we looked.
        let exactly = Preconditions { uid: seen.uid, resource_version: None };
        let parameters = DeleteParams::background().preconditions(exactly);
        match self.write("delete", kind.as_str(), name, api.delete(name, &parameters)).await {
            Ok(_) => {}
            Err(Error::Write { source, .. }) if is_gone(&source) || is_conflict(&source) => {}
            Err(error) => return Err(error),
        }
        self.metrics.wrote(kind, WriteResult::Pruned);
        tracing::info!(kind = kind.as_str(), name, "removed, because the installation does not need it any more");
        let key = (identity.uid.clone(), kind, name.to_owned());
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        Ok(())
    }

    /// What a paused installation would do: `update StatefulSet/demo-standalone` and the like. Reads the stores only.
    #[must_use]
    pub fn pending(&self, installation: &Installation, plan: &Plan, observed: &Observed) -> Vec<String> {
        let namespace = &installation.identity.namespace;
        let secrets = plan.secrets.iter().filter(|secret| !observed.generated.contains_key(&secret.name));
        let mut pending: Vec<_> = secrets.map(|secret| format!("create Secret/{}", secret.name)).collect();
        for desired in &plan.objects {
            let action = match self.children.meta(desired.kind, namespace, &desired.name) {
                None => "create",
                Some(meta) => {
                    let hash = meta.annotations.as_ref().and_then(|annotations| annotations.get(APPLIED));
                    if hash == Some(&desired.hash) {
                        continue;
                    }
                    "update"
                }
            };
            pending.push(format!("{action} {}/{}", desired.kind.as_str(), desired.name));
        }
        let superfluous = self.superfluous(installation, plan, &[]);
        pending.extend(superfluous.iter().map(|(kind, name)| format!("delete {}/{name}", kind.as_str())));
        pending
    }

    /// Writes the status of a resource, the whole of it. Gives the resource's new version.
    pub async fn status(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        status: &TracardiInstallationStatus,
    ) -> Result<Option<String>, Error> {
        let resource = kube::api::ApiResource::erase::<TracardiInstallation>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        let body = json!({
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            // Should the resource have been replaced by another of the same name, this status is not the new one's.
            "metadata": {"name": name, "uid": uid},
            "status": status,
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&body);
        match self
            .write("patch status of", "TracardiInstallation", name, api.patch_status(name, &parameters, &patch))
            .await
        {
            Ok(answer) => Ok(answer.metadata.resource_version),
            Err(Error::Write { source, .. }) if is_gone(&source) || is_conflict(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether writing is allowed now.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.leadership.holds()
    }

    /// Whether writing was allowed a moment ago and may be again without notice; see [`Leadership::lapsed`].
    #[must_use]
    pub fn leadership_lapsed(&self) -> bool {
        self.leadership.lapsed()
    }

    async fn write<T>(
        &self,
        action: &'static str,
        kind: &'static str,
        name: &str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        if !self.leadership.holds() {
            return Err(Error::NotLeader);
        }
        let answer = timeout(WRITE, request).await.map_err(|_| Error::Timeout(action, WRITE.as_secs()))?;
        answer.map_err(|source| match source {
            source if is_leaving(&source) => Error::NamespaceLeaves,
            source => Error::Write { action, kind, name: name.to_owned(), source: Box::new(source) },
        })
    }

    async fn read<T>(
        &self,
        kind: &'static str,
        name: &str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, Error> {
        let answer = timeout(WRITE, request).await.map_err(|_| Error::Timeout("reading", WRITE.as_secs()))?;
        answer.map_err(|source| Error::Read { kind, name: name.to_owned(), source: Box::new(source) })
    }
}

fn record(applied: &mut Applied, desired: &Desired, generation: Option<i64>) {
    applied.done.push(desired.key());
    if let Some(generation) = generation.filter(|_| desired.kind.is_workload()) {
        applied.generations.insert(desired.name.clone(), generation);
    }
}

/// Keeps an error of one object; passes on what ends a pass.
fn collect(errors: &mut Vec<Error>, result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error @ (Error::NotLeader | Error::NamespaceLeaves)) => Err(error),
        Err(error) => {
            errors.push(error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// Forbidden (the storage class cannot, a quota) or invalid; not an API server in trouble.
fn is_refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403 || status.code == 422)
}

fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}
