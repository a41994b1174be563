//! Everything a pass reads: the children's stores, and Secrets by name.
//!
//! Secrets are neither listed nor watched: both would need the right to read every Secret. Of generated ones the metadata
//! are read by name, once; that is good for as long as their sentinels ([`crate::build::sentinel`]) stand. Those that a spec
//! refers to, whose content may change, are read every [`FRESH`]; while one is missing or wrong, or a server cannot be used, all are
//! read every [`FRESH_PROBLEM`]. Values are checked where they arrive and go no further.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client};
use tokio::time::Instant;
use tracardi_crds::TracardiInstallation;
use tracardi_crds::installation::SecretKeyRef;

use crate::build::Kind;
use crate::children::{Children, is_labelled, is_owned, is_owned_by_another};
use crate::error::Error;
use crate::names::{self, Child, InstallationName};
use crate::probe::Fact;
use crate::secrets::{self, Reference, Value};
use crate::views::{ClaimPart, PodPart, ServicePart, View, WorkloadStatus};

/// How long what is known about a user's Secrets is good for, and longest time between two passes.
pub const FRESH: Duration = Duration::from_mins(1);
/// The same while one is missing or wrong, or a server cannot be used.
pub const FRESH_PROBLEM: Duration = Duration::from_secs(15);

/// What servers outside let us in with, and who vouches for them: by name and key of the Secret.
pub type Logins = BTreeMap<(String, String), tracardi_process::Secret>;

/// What is there.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Secrets under the names of generated ones.
    pub generated: BTreeMap<String, GeneratedFact>,
    /// Secrets that the spec refers to, by name and key.
    pub adopted: BTreeMap<(String, String), SecretFact>,
    /// What the spec lets us into servers with. Never written anywhere.
    pub logins: Logins,
    /// The data volume's claim.
    pub claim: Option<ClaimFact>,
    /// StatefulSets and Deployments by name.
    pub workloads: HashMap<String, WorkloadFact>,
    /// Jobs that have done their work, by name.
    pub completed: BTreeSet<String>,
    /// What a look at each server found. Of a server that is missing nothing is known yet.
    pub dependencies: Vec<Fact>,
    /// The Service of the public API.
    pub public_service: Option<Arc<View<ServicePart>>>,
    /// Pods.
    pub pods: Vec<Arc<View<PodPart>>>,
}

/// A Secret under the name of a generated one.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedFact {
    /// uid.
    pub uid: String,
    /// It was not made for this installation.
    pub foreign: bool,
    /// It belongs to a deleted installation of the same name, and is about to go.
    pub owned_by_another: bool,
    /// Owners, as `deletionPolicy` decides.
    pub owners: Option<Vec<OwnerReference>>,
}

/// A Secret that the spec refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFact {
    /// No such Secret.
    Absent,
    /// No such key in it.
    NoKey,
    /// The value cannot be used.
    Unusable,
    /// All is well; `revision` changes with the content.
    Usable {
        /// uid and resourceVersion.
        revision: String,
    },
}

/// A workload.
#[derive(Clone, Debug, Default)]
pub struct WorkloadFact {
    /// Generation of the object.
    pub generation: i64,
    /// How far its pods are.
    pub status: WorkloadStatus,
}

/// A volume claim.
#[derive(Clone, Debug)]
pub struct ClaimFact {
    /// It belongs to a deleted installation of the same name, and is about to go.
    pub owned_by_another: bool,
    /// What is known of it.
    pub view: Arc<View<ClaimPart>>,
}

/// Reads; remembers for a while what it read about Secrets.
pub struct Observer {
    client: Client,
    children: Children,
    secrets: Mutex<HashMap<String, Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    until: Instant,
    references: Vec<Reference>,
    generated: BTreeMap<String, GeneratedFact>,
    adopted: BTreeMap<(String, String), SecretFact>,
    logins: Logins,
    /// None is missing or wrong.
    complete: bool,
    /// Generated Secrets whose sentinel was seen standing.
    guarded: BTreeSet<String>,
}

impl Observer {
    /// Reads through `client` and from `children`.
    #[must_use]
    pub fn new(client: Client, children: Children) -> Self {
        Self { client, children, secrets: Mutex::default() }
    }

    /// Forgets what is known about an installation's Secrets, because we are about to change it or the installation went.
    pub fn forget(&self, uid: &str) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Trusts what is known about an installation's Secrets for [`FRESH_PROBLEM`] at most: a server does not let us in, and somebody may
    /// be about to correct what stands in them.
    pub fn doubt(&self, uid: &str) {
        if let Some(known) = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get_mut(uid) {
            known.until = known.until.min(Instant::now() + FRESH_PROBLEM);
        }
    }

    /// Looks around.
    pub async fn observe(&self, resource: &TracardiInstallation) -> Result<Observed, Error> {
        let name = resource.metadata.name.as_deref().unwrap_or_default();
        let namespace = resource.metadata.namespace.as_deref().unwrap_or_default();
        let uid = resource.metadata.uid.as_deref().unwrap_or_default();
        // A name that the rules refuse has no children.
        let Ok(checked) = InstallationName::new(name) else { return Ok(Observed::default()) };
        let secrets = self.secrets(resource, &checked, namespace, uid).await?;
        Ok(Observed {
            generated: secrets.generated,
            adopted: secrets.adopted,
            logins: secrets.logins,
            claim: self
                .children
                .claim(namespace, &checked.child(Child::Data))
                .map(|view| ClaimFact { owned_by_another: is_owned_by_another(&view.metadata, uid), view }),
            workloads: self.children.workloads(namespace, name),
            completed: self.children.completed(namespace, name),
            // Which they are is known only when the resource was validated.
            dependencies: Vec::new(),
            public_service: self.children.service(namespace, &checked.child(Child::PublicApi)),
            pods: self.children.pods(namespace, name),
        })
    }

    async fn secrets(
        &self,
        resource: &TracardiInstallation,
        name: &InstallationName,
        namespace: &str,
        uid: &str,
    ) -> Result<Remembered, Error> {
        let references = secrets::references(&resource.spec);
        if let Some(known) = self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get_mut(uid)
            && known.references == references
            && self.is_good(known, namespace)
        {
            return Ok(known.clone());
        }
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let read = |name: &str, source: kube::Error| Error::Read {
            kind: "Secret",
            name: name.to_owned(),
            source: Box::new(source),
        };
        let mut generated = BTreeMap::new();
        for child in [Child::InstallationSecret, Child::AdminSecret, Child::KeysSecret] {
            let secret = name.child(child);
            if let Some(there) = api.get_metadata_opt(&secret).await.map_err(|error| read(&secret, error))? {
                let fact = GeneratedFact {
                    uid: there.metadata.uid.clone().unwrap_or_default(),
                    foreign: !is_labelled(&there.metadata, name.as_str()),
                    owned_by_another: is_owned_by_another(&there.metadata, uid),
                    owners: there.metadata.owner_references,
                };
                generated.insert(secret, fact);
            }
        }
        let mut adopted = BTreeMap::new();
        let mut found: HashMap<&str, Option<Secret>> = HashMap::new();
        let mut logins = BTreeMap::new();
        for Reference { at: SecretKeyRef { name, key }, value, .. } in &references {
            if !found.contains_key(name.as_str()) {
                found.insert(name, api.get_opt(name).await.map_err(|error| read(name, error))?);
            }
            let secret = found.get(name.as_str()).and_then(Option::as_ref);
            let place = (name.clone(), key.clone());
            if matches!(value, Value::Login | Value::Certificates)
                && let Some(bytes) = secret.and_then(|secret| secret.data.as_ref()?.get(key))
                && let Ok(text) = std::str::from_utf8(&bytes.0)
            {
                logins.insert(place.clone(), tracardi_process::Secret::new(text.trim()));
            }
            adopted.insert(place, judge(secret, key, *value));
        }
        let ours = |reference: &&Reference| matches!(reference.value, Value::Password | Value::Token | Value::Key);
        let complete = generated.len() + references.iter().filter(ours).count() >= 3
            && adopted.values().all(|fact| matches!(fact, SecretFact::Usable { .. }));
        let fresh = if complete { FRESH } else { FRESH_PROBLEM };
        let until = Instant::now() + fresh;
        let known = Remembered { until, references, generated, adopted, logins, complete, guarded: BTreeSet::new() };
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), known.clone());
        Ok(known)
    }

    /// Whether what is known still holds: no sentinel that stood has fallen, and either all stand or it is not long ago.
    fn is_good(&self, known: &mut Remembered, namespace: &str) -> bool {
        let mut all_stand = known.complete && known.references.is_empty();
        for (secret, fact) in &known.generated {
            let sentinel = self.children.meta(Kind::ConfigMap, namespace, &names::sentinel(secret));
            if sentinel.is_some_and(|meta| meta.deletion_timestamp.is_none() && is_owned(&meta, &fact.uid)) {
                known.guarded.insert(secret.clone());
            } else if known.guarded.contains(secret) {
                return false;
            } else {
                all_stand = false;
            }
        }
        all_stand || Instant::now() < known.until
    }
}

fn judge(secret: Option<&Secret>, key: &str, value: Value) -> SecretFact {
    let Some(secret) = secret else { return SecretFact::Absent };
    match secret.data.as_ref().and_then(|data| data.get(key)) {
        None => SecretFact::NoKey,
        Some(bytes) if !value.accepts(&bytes.0) => SecretFact::Unusable,
        Some(_) => SecretFact::Usable {
            revision: format!(
                "{}/{}",
                secret.metadata.uid.as_deref().unwrap_or_default(),
                secret.metadata.resource_version.as_deref().unwrap_or_default()
            ),
        },
    }
}
