//! The operator's memory of its children: one watch and one store per kind, of metadata and a few fields each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource as _};
use tracardi_crds::TracardiInstallation;

use crate::build::Kind;
use crate::names::{INSTANCE, MANAGED_BY, MANAGER, MARKER};
use crate::observe::WorkloadFact;
use crate::ownership;
use crate::views::{
    ClaimPart, DeploymentPart, JobPart, Kept, PodPart, ServicePart, StatefulSetPart, View, WorkloadStatus, prune,
};

/// Something that may need a pass: the installation that a changed child belongs to.
pub type Trigger = ObjectRef<kube::core::DeserializeGuard<TracardiInstallation>>;

/// The stores. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Children {
    policies: Store<PartialObjectMeta<NetworkPolicy>>,
    config_maps: Store<PartialObjectMeta<ConfigMap>>,
    claims: Store<View<ClaimPart>>,
    services: Store<View<ServicePart>>,
    budgets: Store<PartialObjectMeta<PodDisruptionBudget>>,
    jobs: Store<View<JobPart>>,
    deployments: Store<View<DeploymentPart>>,
    stateful_sets: Store<View<StatefulSetPart>>,
    pods: Store<View<PodPart>>,
    synced: Arc<AtomicUsize>,
}

/// Kinds that are watched.
const WATCHES: usize = 9;

/// Starts a watch per kind, in one namespace or in all; gives the stores and a stream of what changed, which must be
/// polled for the stores to fill.
pub fn watch(client: &Client, namespace: Option<&str>) -> (Children, impl Stream<Item = Trigger> + Send + 'static) {
    let synced = Arc::new(AtomicUsize::new(0));
    let mut changes = futures::stream::SelectAll::new();
    let children = Children {
        policies: store(client, namespace, Some(Kind::NetworkPolicy), &synced, &mut changes),
        config_maps: store(client, namespace, Some(Kind::ConfigMap), &synced, &mut changes),
        claims: store(client, namespace, Some(Kind::PersistentVolumeClaim), &synced, &mut changes),
        services: store(client, namespace, Some(Kind::Service), &synced, &mut changes),
        budgets: store(client, namespace, Some(Kind::PodDisruptionBudget), &synced, &mut changes),
        jobs: store(client, namespace, Some(Kind::Job), &synced, &mut changes),
        deployments: store(client, namespace, Some(Kind::Deployment), &synced, &mut changes),
        stateful_sets: store(client, namespace, Some(Kind::StatefulSet), &synced, &mut changes),
        pods: store(client, namespace, None, &synced, &mut changes),
        synced,
    };
    (children, changes)
}

type Changes = futures::stream::SelectAll<futures::stream::BoxStream<'static, Trigger>>;

/// A watch and its store. Of what the operator applies (`applied`), the marker of [`ownership`] is kept in place of
/// `managedFields`, which are large.
fn store<K: Kept + kube::Resource<Scope = kube::core::NamespaceResourceScope>>(
    client: &Client,
    namespace: Option<&str>,
    applied: Option<Kind>,
    synced: &Arc<AtomicUsize>,
    changes: &mut Changes,
) -> Store<K> {
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let ours = watcher::Config::default().any_semantic().labels(&format!("{MANAGED_BY}={MANAGER}"));
    let (store, writer) = reflector::store::<K>();
    let synced = synced.clone();
    let mut counted = false;
    let stream = watcher(api, ours)
        .modify(move |child| {
            let marker = applied.map(|kind| ownership::marker(kind, child.meta()));
            prune(child);
            if let Some(marker) = marker {
                child.meta_mut().annotations.get_or_insert_default().insert(MARKER.to_owned(), marker);
            }
        })
        .default_backoff()
        .reflect(writer)
        .inspect(move |event| {
            if !counted && matches!(event, Ok(watcher::Event::InitDone)) {
                counted = true;
                synced.fetch_add(1, Ordering::Release);
            }
        })
        .touched_objects()
        .filter_map(|child| async move {
            match child {
                Ok(child) => installation_of(child.meta()),
                Err(error) => {
                    tracing::warn!(kind = %K::kind(&()), %error, "watch was interrupted; it is started again");
                    None
                }
            }
        })
        .boxed();
    changes.push(stream);
    store
}

/// The installation that a child names in its labels. (Not its owner: a retained volume has none.)
fn installation_of(meta: &ObjectMeta) -> Option<Trigger> {
    let name = meta.labels.as_ref()?.get(INSTANCE)?;
    Some(ObjectRef::new(name).within(meta.namespace.as_ref()?))
}

impl Children {
    /// All stores hold what the cluster holds.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.synced.load(Ordering::Acquire) >= WATCHES
    }

    /// Metadata of a child.
    #[must_use]
    pub fn meta(&self, kind: Kind, namespace: &str, name: &str) -> Option<ObjectMeta> {
        fn of<K: Kept>(store: &Store<K>, namespace: &str, name: &str) -> Option<ObjectMeta> {
            store.get(&ObjectRef::new(name).within(namespace)).map(|child| child.meta().clone())
        }
        match kind {
            Kind::NetworkPolicy => of(&self.policies, namespace, name),
            Kind::ConfigMap => of(&self.config_maps, namespace, name),
            Kind::PersistentVolumeClaim => of(&self.claims, namespace, name),
            Kind::Service => of(&self.services, namespace, name),
            Kind::PodDisruptionBudget => of(&self.budgets, namespace, name),
            Kind::Job => of(&self.jobs, namespace, name),
            Kind::Deployment => of(&self.deployments, namespace, name),
            Kind::StatefulSet => of(&self.stateful_sets, namespace, name),
        }
    }

    /// Names of the children of an installation that belong to it by uid.
    #[must_use]
    pub fn owned(&self, kind: Kind, namespace: &str, uid: &str) -> Vec<String> {
        fn of<K: Kept>(store: &Store<K>, namespace: &str, uid: &str) -> Vec<String> {
            let ours = |child: &K| child.meta().namespace.as_deref() == Some(namespace) && is_owned(child.meta(), uid);
            store.state_filter(ours).iter().filter_map(|child| child.meta().name.clone()).collect()
        }
        match kind {
            Kind::NetworkPolicy => of(&self.policies, namespace, uid),
            Kind::ConfigMap => of(&self.config_maps, namespace, uid),
            Kind::PersistentVolumeClaim => of(&self.claims, namespace, uid),
            Kind::Service => of(&self.services, namespace, uid),
            Kind::PodDisruptionBudget => of(&self.budgets, namespace, uid),
            Kind::Job => of(&self.jobs, namespace, uid),
            Kind::Deployment => of(&self.deployments, namespace, uid),
            Kind::StatefulSet => of(&self.stateful_sets, namespace, uid),
        }
    }

    /// The StatefulSets and Deployments of an installation, by name.
    #[must_use]
    pub fn workloads(&self, namespace: &str, installation: &str) -> HashMap<String, WorkloadFact> {
        let fact = |meta: &ObjectMeta, status: &WorkloadStatus| {
            let fact = WorkloadFact { generation: meta.generation.unwrap_or_default(), status: status.clone() };
            (meta.name.clone().unwrap_or_default(), fact)
        };
        let sets = self.stateful_sets.state_filter(|set| belongs(&set.metadata, namespace, installation));
        let deployments = self.deployments.state_filter(|one| belongs(&one.metadata, namespace, installation));
        let sets = sets.iter().map(|set| fact(&set.metadata, &set.part.status));
        sets.chain(deployments.iter().map(|one| fact(&one.metadata, &one.part.status))).collect()
    }

    /// The Jobs of an installation that have done their work, by name.
    #[must_use]
    pub fn completed(&self, namespace: &str, installation: &str) -> BTreeSet<String> {
        let done =
            |job: &View<JobPart>| job.part.status.succeeded > 0 && belongs(&job.metadata, namespace, installation);
        self.jobs.state_filter(done).iter().filter_map(|job| job.metadata.name.clone()).collect()
    }

    /// A volume claim.
    #[must_use]
    pub fn claim(&self, namespace: &str, name: &str) -> Option<Arc<View<ClaimPart>>> {
        self.claims.get(&ObjectRef::new(name).within(namespace))
    }

    /// A Service.
    #[must_use]
    pub fn service(&self, namespace: &str, name: &str) -> Option<Arc<View<ServicePart>>> {
        self.services.get(&ObjectRef::new(name).within(namespace))
    }

    /// The pods of an installation.
    #[must_use]
    pub fn pods(&self, namespace: &str, installation: &str) -> Vec<Arc<View<PodPart>>> {
        self.pods.state_filter(|pod| belongs(&pod.metadata, namespace, installation))
    }
}

/// Whether an object is one of this installation's, by its labels.
fn belongs(meta: &ObjectMeta, namespace: &str, installation: &str) -> bool {
    let label = meta.labels.as_ref().and_then(|labels| labels.get(INSTANCE)).map(String::as_str);
    meta.namespace.as_deref() == Some(namespace) && label == Some(installation)
}

/// The marker (see [`ownership::marker`]) of a child as its store shows it.
#[must_use]
pub fn marker(meta: &ObjectMeta) -> Option<&String> {
    meta.annotations.as_ref()?.get(MARKER)
}

/// Whether an object has the object with this uid among its owners.
#[must_use]
pub fn is_owned(meta: &ObjectMeta, uid: &str) -> bool {
    meta.owner_references.iter().flatten().any(|owner| owner.uid == uid)
}

/// Whether an object is owned by an installation with another uid: one of the same name that was deleted.
#[must_use]
pub fn is_owned_by_another(meta: &ObjectMeta, uid: &str) -> bool {
    let kind = TracardiInstallation::kind(&());
    meta.owner_references.iter().flatten().any(|owner| owner.kind == kind && owner.uid != uid)
}

/// Whether an object carries the labels of the installation's objects.
#[must_use]
pub fn is_labelled(meta: &ObjectMeta, installation: &str) -> bool {
    let label = |name: &str| meta.labels.as_ref().and_then(|labels| labels.get(name)).map(String::as_str);
    label(MANAGED_BY) == Some(MANAGER) && label(INSTANCE) == Some(installation)
}
