//! From an installation to the objects that should be. Pure: the same installation gives the same plan, byte for byte.
//! One file per component, over the shared parts in [`crate::build`].

mod standalone;

pub use standalone::INIT_CONTAINER;

use tracardi_crds::contract::{GUI, PRIVATE_API};
use tracardi_crds::installation::{Mode, ServiceType, Urls};

use crate::build::{Desired, Kind, sentinel};
use crate::model::Installation;
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
    /// Where the services are reached.
    pub urls: Urls,
}

/// A workload of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Name in status and in labels.
    pub name: &'static str,
    /// Name of the StatefulSet.
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
    let components = match installation.mode {
        Mode::Standalone => standalone::plan(installation, &mut draft)?,
    };
    let secrets = secrets::needed(installation);
    for secret in &secrets {
        if let Some(uid) = &secret.uid {
            let stands = sentinel::sentinel(installation, &secret.name, uid);
            draft.add(Kind::ConfigMap, &names::sentinel(&secret.name), &stands)?;
        }
    }
    draft.0.sort_by_key(|desired| desired.kind);
    Ok(Plan { secrets, objects: draft.0, components, urls: urls(installation) })
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
}

/// Addresses. A load balancer's is not known here: [`crate::report`] puts it in once there is one.
fn urls(installation: &Installation) -> Urls {
    let identity = &installation.identity;
    let inside = |child, port| format!("http://{}.{}.svc:{port}", identity.name.child(child), identity.namespace);
    Urls {
        public_api: installation
            .public_url
            .clone()
            .unwrap_or_else(|| inside(Child::PublicApi, installation.public_api.port)),
        private_api: inside(Child::PrivateApi, PRIVATE_API.number),
        gui: inside(Child::Gui, GUI.number),
    }
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
pub const COMPONENTS: [&str; 1] = [standalone::COMPONENT];

#[cfg(test)]
mod tests;
