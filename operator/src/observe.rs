//! Everything a pass reads: the children's stores, and Secrets by name.
//!
//! Secrets are neither listed nor watched: both would need the right to read every Secret. Of generated ones the metadata
//! are read by name, once; that is good for as long as their sentinels ([`crate::build::sentinel`]) stand. Those that a spec
//! refers to, whose content may change, are read every [`FRESH`]; while one is missing or wrong, all are read every
//! [`FRESH_PROBLEM`]. Values are checked where they arrive and go no further.

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
use crate::secrets::Value;
use crate::views::{ClaimPart, PodPart, ServicePart, View, WorkloadPart};

/// How long what is known about a user's Secrets is good for, and longest time between two passes.
pub const FRESH: Duration = Duration::from_mins(1);
/// How long what is known about Secrets is good for while one is missing or wrong.
pub const FRESH_PROBLEM: Duration = Duration::from_secs(15);

/// What is there.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Secrets under the names of generated ones.
    pub generated: BTreeMap<String, GeneratedFact>,
    /// Secrets that the spec refers to, by name and key.
    pub adopted: BTreeMap<(String, String), SecretFact>,
    /// The data volume's claim.
    pub claim: Option<ClaimFact>,
    /// StatefulSet by name.
    pub workloads: HashMap<String, Arc<View<WorkloadPart>>>,
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
    references: Vec<(SecretKeyRef, Value)>,
    generated: BTreeMap<String, GeneratedFact>,
    adopted: BTreeMap<(String, String), SecretFact>,
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

    /// Looks around.
    pub async fn observe(&self, resource: &TracardiInstallation) -> Result<Observed, Error> {
        let name = resource.metadata.name.as_deref().unwrap_or_default();
        let namespace = resource.metadata.namespace.as_deref().unwrap_or_default();
        let uid = resource.metadata.uid.as_deref().unwrap_or_default();
        // A name that the rules refuse has no children.
        let Ok(checked) = InstallationName::new(name) else { return Ok(Observed::default()) };
        let secrets = self.secrets(resource, &checked, namespace, uid).await?;
        let workload = checked.child(Child::Standalone);
        Ok(Observed {
            generated: secrets.generated,
            adopted: secrets.adopted,
            claim: self
                .children
                .claim(namespace, &checked.child(Child::Data))
                .map(|view| ClaimFact { owned_by_another: is_owned_by_another(&view.metadata, uid), view }),
            workloads: self.children.workload(namespace, &workload).map(|view| (workload, view)).into_iter().collect(),
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
        let references = references(resource);
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
            if let Some(found) = api.get_metadata_opt(&secret).await.map_err(|error| read(&secret, error))? {
                let fact = GeneratedFact {
                    uid: found.metadata.uid.clone().unwrap_or_default(),
                    foreign: !is_labelled(&found.metadata, name.as_str()),
                    owned_by_another: is_owned_by_another(&found.metadata, uid),
                    owners: found.metadata.owner_references,
                };
                generated.insert(secret, fact);
            }
        }
        let mut adopted = BTreeMap::new();
        let mut secrets: HashMap<&str, Option<Secret>> = HashMap::new();
        for (reference, value) in &references {
            let SecretKeyRef { name, key } = reference;
            if !secrets.contains_key(name.as_str()) {
                secrets.insert(name, api.get_opt(name).await.map_err(|error| read(name, error))?);
            }
            let found = secrets.get(name.as_str()).and_then(Option::as_ref);
            adopted.insert((name.clone(), key.clone()), judge(found, key, *value));
        }
        let complete = generated.len() + references.len() >= 3
            && adopted.values().all(|fact| matches!(fact, SecretFact::Usable { .. }));
        let fresh = if complete { FRESH } else { FRESH_PROBLEM };
        let until = Instant::now() + fresh;
        let known = Remembered { until, references, generated, adopted, complete, guarded: BTreeSet::new() };
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

fn references(resource: &TracardiInstallation) -> Vec<(SecretKeyRef, Value)> {
    let secrets = resource.spec.secrets.clone().unwrap_or_default();
    let password = resource.spec.admin.as_ref().and_then(|admin| admin.password_secret_ref.clone());
    [
        (password, Value::Password),
        (secrets.installation_token_secret_ref, Value::Token),
        (secrets.signing_key_secret_ref, Value::Key),
        (secrets.encryption_key_secret_ref, Value::Key),
    ]
    .into_iter()
    .filter_map(|(reference, value)| Some((reference?, value)))
    .collect()
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
