//! Names and labels. All strings that end up as names in Kubernetes are made here, and are known to fit.

use std::collections::BTreeMap;

/// Name of an installation: a DNS label of at most [`InstallationName::LIMIT`] characters that starts with a letter, so
/// that every child's name is a valid name of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstallationName(String);

/// Why a name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No room for the names of the children.
    #[error("metadata.name has {0} characters, at most {limit} fit: choose a shorter name", limit = InstallationName::LIMIT)]
    TooLong(usize),
    /// Not the name of a Service.
    #[error(
        "metadata.name must start with a lower case letter and hold only lower case letters, digits and '-': choose another name"
    )]
    NotALabel,
}

impl InstallationName {
    /// Longest name; with the longest suffix a child's name still has room for what controllers append (a StatefulSet's
    /// name may have 52 characters, because its pods carry a label made of the name and a hash).
    pub const LIMIT: usize = 40;

    /// Checks a name. The custom resource's rules say the same; they may be missing where an old CRD is installed.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let bytes = name.as_bytes();
        match (bytes.first(), bytes.last()) {
            _ if name.len() > Self::LIMIT => Err(NameError::TooLong(name.len())),
            (Some(first), Some(last))
                if first.is_ascii_lowercase() && *last != b'-' && bytes.iter().all(|b| inner(*b)) =>
            {
                Ok(Self(name.to_owned()))
            }
            _ => Err(NameError::NotALabel),
        }
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name of a child.
    #[must_use]
    pub fn child(&self, child: Child) -> String {
        format!("{}-{}", self.0, child.suffix())
    }

    /// Name of the Job that prepares the servers, as `hash` (16 digits) demands.
    #[must_use]
    pub fn install(&self, hash: &str) -> String {
        format!("{}-{}", self.child(Child::Install), &hash[..hash.len().min(8)])
    }
}

/// The children that carry a fixed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// Secret with the token of the installation call.
    InstallationSecret,
    /// Secret with the first administrator's credential.
    AdminSecret,
    /// Secret with the signing and the encryption key.
    KeysSecret,
    /// ConfigMap with the environment of the services.
    Config,
    /// Volume of the embedded store.
    Data,
    /// StatefulSet of the standalone mode, and its PodDisruptionBudget.
    Standalone,
    /// Job that prepares the servers of a larger installation; a hash follows.
    Install,
    /// Service of the public API, its NetworkPolicy, and in larger installations its Deployment and PodDisruptionBudget.
    PublicApi,
    /// Service of the private API, and in larger installations its NetworkPolicy, Deployment and PodDisruptionBudget.
    PrivateApi,
    /// Service of the web application, and in larger installations its NetworkPolicy, Deployment and PodDisruptionBudget.
    Gui,
    /// Deployment of the worker that takes requests out of the queue, and its PodDisruptionBudget.
    WorkerCollector,
    /// Deployment of the worker that looks after the indices.
    WorkerStorage,
    /// Deployment of the worker that sends to destinations.
    WorkerOutbound,
    /// Headless Service of health and metrics.
    Management,
    /// NetworkPolicy that closes everything.
    DefaultDeny,
    /// NetworkPolicy that opens what is not public to whom the spec trusts.
    Trusted,
    /// NetworkPolicy that lets names be resolved.
    Dns,
    /// NetworkPolicy that lets destinations be reached.
    Outbound,
    /// NetworkPolicy that lets the servers of a larger installation be reached.
    Servers,
    /// NetworkPolicy that lets the web application reach the private API.
    GuiToApi,
}

impl Child {
    /// What follows the installation's name and a dash.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::InstallationSecret => "installation",
            Self::AdminSecret => "admin",
            Self::KeysSecret => "keys",
            Self::Config => "config",
            Self::Data => "data",
            Self::Standalone => "standalone",
            Self::Install => "install",
            Self::PublicApi => "public-api",
            Self::PrivateApi => "private-api",
            Self::Gui => "gui",
            Self::WorkerCollector => "worker-collector",
            Self::WorkerStorage => "worker-storage",
            Self::WorkerOutbound => "worker-outbound",
            Self::Management => "management",
            Self::DefaultDeny => "default-deny",
            Self::Trusted => "trusted",
            Self::Dns => "dns",
            Self::Outbound => "outbound",
            Self::Servers => "servers",
            Self::GuiToApi => "gui-to-api",
        }
    }
}

/// Name of the ConfigMap that stands as long as a generated Secret does; see [`crate::build::sentinel`].
#[must_use]
pub fn sentinel(secret: &str) -> String {
    format!("{secret}-sentinel")
}

/// Label with the installation's name.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label with the component's name.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Label by which the operator finds its objects.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY`].
pub const MANAGER: &str = crate::FIELD_MANAGER;
/// Annotation with the hash of what was last applied to an object; it tells what waits while an installation is paused.
pub const APPLIED: &str = "tracardi.io/applied";
/// Annotation that exists only in the operator's memory; see [`crate::children::marker`].
pub const MARKER: &str = "tracardi.io/marker";
/// Annotation of a pod with the hash of its configuration; a new hash rolls the pod.
pub const CONFIG_HASH: &str = "tracardi.io/config-hash";
/// Annotation of a pod with the hash of the identity of its Secrets; a new hash rolls the pod.
pub const SECRETS_HASH: &str = "tracardi.io/secrets-hash";

/// Labels of every object of an installation.
#[must_use]
pub fn labels(name: &InstallationName, component: Option<&str>) -> BTreeMap<String, String> {
    let mut labels = selector(name, component);
    labels.insert("app.kubernetes.io/part-of".into(), "tracardi".into());
    labels.insert(MANAGED_BY.into(), MANAGER.into());
    labels
}

/// Labels by which pods are selected; never changed, because selectors are immutable.
#[must_use]
pub fn selector(name: &InstallationName, component: Option<&str>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        ("app.kubernetes.io/name".to_owned(), "tracardi".to_owned()),
        (INSTANCE.to_owned(), name.as_str().to_owned()),
    ]);
    if let Some(component) = component {
        labels.insert(COMPONENT.to_owned(), component.to_owned());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "demo", "shop-1", &"a".repeat(40)] {
            assert!(InstallationName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "-a", "a-", "a.b", "A", "ä", &"a".repeat(41)] {
            assert!(InstallationName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_longest_child_of_the_longest_name_fits() {
        let name = InstallationName::new(&"a".repeat(InstallationName::LIMIT)).unwrap();
        for child in [
            Child::InstallationSecret,
            Child::Standalone,
            Child::PrivateApi,
            Child::Management,
            Child::DefaultDeny,
            Child::Trusted,
            Child::WorkerCollector,
        ] {
            assert!(name.child(child).len() <= 63, "{child:?}");
        }
        assert!(name.install("0123456789abcdef").len() <= 63, "a Job's pods carry its name in a label");
        assert!(name.child(Child::Standalone).len() <= 52, "a StatefulSet's pods carry a label of name, dash and hash");
    }
}
