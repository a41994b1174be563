//! From an installation to the objects that should be. Pure: the same installation gives the same plan, byte for byte.
//! One file per component, over the shared parts in [`crate::build`].

mod services;
mod standalone;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::EnvVar;
pub use services::INSTALL;
pub use standalone::INIT_CONTAINER;
use tracardi_crds::contract::{GUI, PRIVATE_API, env, path};
use tracardi_crds::installation::{ServiceType, Urls};

use crate::build::config::file;
use crate::build::{Desired, Kind, network_policy, pod, sentinel};
use crate::model::{Installation, Layout};
use crate::names::{self, Child};
use crate::secrets::{self, Generated};

/// What should be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Secrets to create where they do not exist.
    pub secrets: Vec<Generated>,
    /// Objects to apply, in order.
    pub objects: Vec<Desired>,
    /// The workloads among them, for the status.
    pub components: Vec<Component>,
    /// The Job that must have done its work before what waits for it is made or changed.
    pub gate: Option<String>,
    /// Where the services are reached.
    pub urls: Urls,
}

impl Plan {
    /// Whether what waits must go on waiting, when these Jobs have done their work.
    #[must_use]
    pub fn holds(&self, completed: &BTreeSet<String>) -> bool {
        self.gate.as_ref().is_some_and(|gate| !completed.contains(gate))
    }
}

/// A workload of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Name in status and in labels.
    pub name: &'static str,
    /// StatefulSet or Deployment.
    pub kind: Kind,
    /// Its name.
    pub workload: String,
    /// Pods wanted.
    pub desired: i32,
    /// Image of the pods.
    pub image: String,
}

/// A plan could not be written down. No installation is known for which this happens.
#[derive(Debug, thiserror::Error)]
#[error("{kind} {name:?} cannot be written as JSON: {source}", kind = kind.as_str())]
pub struct PlanError {
    kind: Kind,
    name: String,
    source: serde_json::Error,
}

/// Makes the plan.
pub fn plan(installation: &Installation) -> Result<Plan, PlanError> {
    let mut draft = Draft::default();
    let (components, gate) = match &installation.layout {
        Layout::Standalone(storage) => (standalone::plan(installation, storage, &mut draft)?, None),
        Layout::Services(services) => services::plan(installation, services, &mut draft)?,
    };
    let secrets = secrets::needed(installation);
    for secret in &secrets {
        if let Some(uid) = &secret.uid {
            let stands = sentinel::sentinel(installation, &secret.name, uid);
            draft.add(Kind::ConfigMap, &names::sentinel(&secret.name), &stands)?;
        }
    }
    draft.0.sort_by_key(|desired| desired.kind);
    Ok(Plan { secrets, objects: draft.0, components, gate, urls: urls(installation) })
}

/// Objects so far.
#[derive(Default)]
struct Draft(Vec<Desired>);

impl Draft {
    fn add(&mut self, kind: Kind, name: &str, object: &impl serde::Serialize) -> Result<(), PlanError> {
        let desired =
            Desired::new(kind, name, object).map_err(|source| PlanError { kind, name: name.to_owned(), source })?;
        self.0.push(desired);
        Ok(())
    }

    /// The same, of what waits for the gate.
    fn add_waiting(&mut self, kind: Kind, name: &str, object: &impl serde::Serialize) -> Result<(), PlanError> {
        self.add(kind, name, object)?;
        if let Some(last) = self.0.last_mut() {
            last.waits = true;
        }
        Ok(())
    }
}

/// The rules of the network that every layout has: all is closed; names are resolved; `sender` reaches destinations.
fn ground_rules(installation: &Installation, sender: &str, draft: &mut Draft) -> Result<(), PlanError> {
    let name = |child: Child| installation.identity.name.child(child);
    let deny = name(Child::DefaultDeny);
    draft.add(Kind::NetworkPolicy, &deny, &network_policy::deny(installation, deny.clone()))?;
    let dns = name(Child::Dns);
    draft.add(Kind::NetworkPolicy, &dns, &network_policy::dns(installation, dns.clone()))?;
    let blocks = installation.outbound.blocks();
    if !blocks.is_empty() {
        let outbound = name(Child::Outbound);
        let policy = network_policy::outbound(installation, outbound.clone(), sender, blocks);
        draft.add(Kind::NetworkPolicy, &outbound, &policy)?;
    }
    Ok(())
}

/// What the init step is told of the first administrator.
fn administrator(installation: &Installation) -> Vec<EnvVar> {
    vec![
        pod::variable(env::ADMIN_EMAIL, installation.admin_email.clone()),
        pod::variable(env::ADMIN_PASSWORD_FILE, format!("{}/{}", path::ADMIN, file::PASSWORD)),
    ]
}

/// Addresses. A load balancer's is not known here: [`crate::report`] puts it in once there is one.
fn urls(installation: &Installation) -> Urls {
    let inside = |child, port| inside(installation, child, port);
    Urls {
        public_api: installation
            .public_url
            .clone()
            .unwrap_or_else(|| inside(Child::PublicApi, installation.public_api.port)),
        private_api: inside(Child::PrivateApi, PRIVATE_API.number),
        gui: inside(Child::Gui, GUI.number),
    }
}

/// The URL of a Service inside the cluster.
fn inside(installation: &Installation, child: Child, port: u16) -> String {
    format!("http://{}.{}.svc:{port}", installation.identity.name.child(child), installation.identity.namespace)
}

/// Whether a load balancer's address shall be shown as the public URL.
#[must_use]
pub fn awaits_load_balancer(installation: &Installation) -> bool {
    installation.public_url.is_none() && installation.public_api.service_type == ServiceType::LoadBalancer
}

/// The URL of the public API at a load balancer's address.
#[must_use]
pub fn load_balancer_url(address: &str, port: u16) -> String {
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    match port {
        80 => format!("http://{host}"),
        443 => format!("https://{host}"),
        port => format!("http://{host}:{port}"),
    }
}

/// Names of all components of all modes.
pub fn components() -> impl Iterator<Item = &'static str> {
    std::iter::once(standalone::COMPONENT).chain(services::components())
}

#[cfg(test)]
mod tests;
