//! From what was observed and done to the status. Pure: the time is passed in.

mod dependencies;
mod workload;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use tracardi_crds::TracardiInstallation;
use tracardi_crds::installation::{
    ComponentStatus, ConditionType, DependencyStatus, GeneratedSecret, ObjectKey, Phase, Reason, ServiceType,
    TracardiInstallationStatus as Status,
};

use crate::build::Kind;
use crate::model::Installation;
use crate::observe::Observed;
use crate::plan::{Component, Plan, awaits_load_balancer, load_balancer_url};
use crate::validate::Problem;
use workload::{Init, Workload};

/// How long a workload may be without a pod before that is worth a word.
pub const PATIENCE_FOR_PODS: SignedDuration = SignedDuration::from_secs(10);
/// Longest message of a condition.
const LONGEST: usize = 900;

/// How a pass ended.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// The plan was applied, apart from `errors`.
    Applied {
        /// The installation.
        installation: &'a Installation,
        /// Its plan.
        plan: &'a Plan,
        /// Generation of each workload after the pass.
        generations: &'a BTreeMap<String, i64>,
        /// Objects that are as they should be.
        done: &'a [ObjectKey],
        /// What could not be written.
        errors: Vec<(Reason, String)>,
    },
    /// Nothing was changed, because the resource is paused.
    Paused {
        /// The installation.
        installation: &'a Installation,
        /// Its plan.
        plan: &'a Plan,
        /// What waits.
        pending: Vec<String>,
    },
    /// Nothing was changed, because a person must act first.
    Refused(Problem),
}

/// Makes the status. `previous` is the last one; what it says about a condition's last change is kept where nothing changed.
#[must_use]
pub fn report(
    resource: &TracardiInstallation,
    observed: &Observed,
    outcome: &Outcome<'_>,
    previous: &Status,
    now: Timestamp,
) -> Status {
    let components = components(outcome, observed, previous);
    let waited = waited_for_pods(previous, now);
    let none = BTreeMap::new();
    let generations = if let Outcome::Applied { generations, .. } = outcome { *generations } else { &none };
    let gate = match outcome {
        Outcome::Applied { plan, .. } | Outcome::Paused { plan, .. } => plan.gate.as_deref(),
        Outcome::Refused(_) => None,
    };
    let workloads: Vec<_> = components
        .iter()
        .map(|component| {
            let generation = generations.get(&component.workload).copied();
            workload::judge(component, observed, generation, gate, waited)
        })
        .collect();
    let dependencies = dependencies::report(outcome, observed, previous);
    let verdict = Verdict::new(outcome, &workloads, dependencies.as_deref(), previous, observed);
    let generation = resource.metadata.generation;
    let conditions = ConditionType::ALL.into_iter();
    let conditions = conditions.filter_map(|kind| verdict.condition(kind, previous, generation, now)).collect();
    let desired: i32 = components.iter().map(|component| component.desired).sum();
    let ready: i32 = workloads.iter().map(|workload| workload.ready).sum();
    let mut status = Status {
        observed_generation: resource.metadata.generation,
        phase: Some(verdict.phase()),
        ready: Some(format!("{ready}/{desired}")),
        conditions,
        components: components
            .iter()
            .zip(&workloads)
            .map(|(component, workload)| ComponentStatus {
                name: component.name.to_owned(),
                desired: component.desired,
                ready: workload.ready,
                image: component.image.clone(),
                message: workload.message(),
            })
            .collect(),
        dependencies: dependencies.unwrap_or_default(),
        ..previous.clone()
    };
    match outcome {
        Outcome::Refused(_) => {}
        Outcome::Paused { installation, .. } => status.mode = Some(installation.mode()),
        Outcome::Applied { installation, plan, generations, done, errors } => {
            if let Some(storage) = installation.storage()
                && done.iter().any(|key| key.kind == Kind::PersistentVolumeClaim.as_str())
            {
                status.storage_size = Some(storage.size.clone());
            }
            status.mode = Some(installation.mode());
            status.urls = Some(urls(installation, plan, observed));
            if components.iter().all(|component| generations.contains_key(&component.workload)) {
                status.version = Some(installation.version.to_string());
            }
            status.generated_secrets = plan
                .secrets
                .iter()
                .map(|secret| GeneratedSecret { name: secret.name.clone(), keys: secret.keys() })
                .collect();
            status.inventory = inventory(plan, previous, !errors.is_empty());
            if let Some(gate) = plan.gate.as_ref().filter(|_| !plan.holds(&observed.completed)) {
                status.prepared = Some(gate.clone());
            }
        }
    }
    status
}

fn components(outcome: &Outcome<'_>, observed: &Observed, previous: &Status) -> Vec<Component> {
    match outcome {
        Outcome::Applied { plan, .. } if !plan.holds(&observed.completed) => plan.components.clone(),
        // Nothing was changed: the workloads are those of the last pass.
        Outcome::Applied { plan, .. } | Outcome::Paused { plan, .. } => plan
            .components
            .iter()
            .map(|component| {
                let running = previous.components.iter().find(|known| known.name == component.name);
                let image = running.map_or_else(|| component.image.clone(), |known| known.image.clone());
                Component { image, ..component.clone() }
            })
            .collect(),
        Outcome::Refused(_) => previous
            .components
            .iter()
            .filter_map(|known| {
                let name = crate::plan::components().find(|name| *name == known.name)?;
                let (kind, workload) = [Kind::StatefulSet, Kind::Deployment].into_iter().find_map(|kind| {
                    let is_it = |key: &&ObjectKey| key.kind == kind.as_str() && key.name.ends_with(&format!("-{name}"));
                    previous.inventory.iter().find(is_it).map(|key| (kind, key.name.clone()))
                })?;
                Some(Component { name, kind, workload, desired: known.desired, image: known.image.clone() })
            })
            .collect(),
    }
}

/// A workload has had time enough to get a pod.
fn waited_for_pods(previous: &Status, now: Timestamp) -> bool {
    let ready = previous.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str());
    ready.is_some_and(|ready| {
        ready.status == "False" && now.duration_since(ready.last_transition_time.0) >= PATIENCE_FOR_PODS
    })
}

fn urls(installation: &Installation, plan: &Plan, observed: &Observed) -> tracardi_crds::installation::Urls {
    let mut urls = plan.urls.clone();
    if awaits_load_balancer(installation)
        && let Some(service) = &observed.public_service
        && let Some(ingress) = service.part.status.load_balancer.ingress.first()
        && let Some(address) = ingress.hostname.as_ref().or(ingress.ip.as_ref())
    {
        urls.public_api = load_balancer_url(address, installation.public_api.port);
    }
    urls
}

/// What belongs to the installation now. After errors nothing is taken off the list: it may still be there.
fn inventory(plan: &Plan, previous: &Status, keep: bool) -> Vec<ObjectKey> {
    let secrets = plan.secrets.iter().map(|secret| ObjectKey { kind: "Secret".into(), name: secret.name.clone() });
    let mut inventory: Vec<_> = secrets.chain(plan.objects.iter().map(crate::build::Desired::key)).collect();
    if keep {
        inventory.extend(previous.inventory.iter().cloned());
    }
    inventory.sort_unstable();
    inventory.dedup();
    inventory
}

/// What the conditions say.
struct Verdict {
    ready: (bool, Reason, String),
    progressing: (bool, Reason, String),
    degraded: (bool, Reason, String),
    initialized: (bool, Reason, String),
    /// Nothing in an installation without servers.
    dependencies: Option<(bool, Reason, String)>,
    paused: bool,
    created: bool,
    served: bool,
}

impl Verdict {
    fn new(
        outcome: &Outcome<'_>,
        workloads: &[Workload],
        dependencies: Option<&[DependencyStatus]>,
        previous: &Status,
        observed: &Observed,
    ) -> Self {
        let created = workloads.iter().any(|workload| workload.exists);
        let served = is_true(previous, ConditionType::Initialized);
        let dependencies = dependencies.map(dependencies::verdict);
        let unavailable = dependencies
            .clone()
            .filter(|(_, reason, _)| *reason == Reason::DependencyUnavailable)
            .map(|(_, r, m)| (r, m));
        // A server that is away explains what its clients suffer.
        let trouble = unavailable.or_else(|| workloads.iter().find_map(|workload| workload.trouble.clone()));
        let refused = if let Outcome::Refused(problem) = outcome { Some(problem.clone()) } else { None };
        let serving = !workloads.is_empty() && workloads.iter().all(|workload| workload.serving);
        let initialized = initialized(workloads, served);
        let growing = growing(outcome, observed);

        let absent = workloads.iter().find(|workload| !workload.serving);
        let waiting = absent.or_else(|| workloads.iter().find(|workload| workload.rolling));
        let reason_not_ready = || match (&trouble, &refused, absent) {
            (Some((reason, message)), ..) => (false, *reason, message.clone()),
            (None, Some(problem), _) if !created => (false, problem.reason, problem.message.clone()),
            (None, _, Some(workload)) if workload.missing => (false, Reason::PodMissing, workload.note.clone()),
            (None, _, Some(workload)) if !initialized.0 => (false, Reason::Initializing, workload.note.clone()),
            (None, _, Some(workload)) if workload.rolling => (false, Reason::RollingOut, workload.note.clone()),
            (None, _, Some(workload)) => (false, Reason::Starting, workload.note.clone()),
            (None, _, None) => (false, Reason::Initializing, "nothing was created yet".to_owned()),
        };
        let ready =
            if serving { (true, Reason::Serving, "every component serves".to_owned()) } else { reason_not_ready() };

        let first_error = match outcome {
            Outcome::Applied { errors, .. } => errors.first().cloned(),
            _ => None,
        };
        let degraded = match (&refused, first_error.clone(), &trouble) {
            (Some(problem), ..) => (true, problem.reason, problem.message.clone()),
            (None, Some((reason, message)), _) => (true, reason, message),
            (None, None, Some((reason, message))) => (true, *reason, message.clone()),
            (None, None, None) => (false, Reason::Healthy, "nothing is wrong".to_owned()),
        };

        let progressing = match outcome {
            Outcome::Paused { pending, .. } if pending.is_empty() => {
                (false, Reason::Paused, "paused; nothing waits".to_owned())
            }
            Outcome::Paused { pending, .. } => {
                (false, Reason::Paused, format!("paused; waiting: {}", pending.join(", ")))
            }
            Outcome::Refused(_) => (false, Reason::Settled, "nothing is changed until Degraded is resolved".to_owned()),
            Outcome::Applied { .. } if first_error.is_some() => {
                (true, Reason::RollingOut, "trying again what failed".to_owned())
            }
            Outcome::Applied { installation, .. } => match (waiting, growing) {
                (Some(workload), _) if !initialized.0 => (true, Reason::Initializing, workload.note.clone()),
                (Some(workload), _) if workload.rolling => (true, Reason::RollingOut, workload.note.clone()),
                (Some(workload), _) => (true, Reason::Starting, workload.note.clone()),
                (None, Some(message)) => (true, Reason::RollingOut, message),
                (None, None) => match without_address(installation, observed) {
                    Some(message) => (true, Reason::AwaitingLoadBalancer, message),
                    None => (false, Reason::Settled, "nothing is being changed".to_owned()),
                },
            },
        };
        let paused = matches!(outcome, Outcome::Paused { .. });
        Self { ready, progressing, degraded, initialized, dependencies, paused, created, served }
    }

    fn phase(&self) -> Phase {
        match self {
            _ if self.paused => Phase::Paused,
            _ if self.degraded.0 => Phase::Degraded,
            _ if self.ready.0 && !self.progressing.0 => Phase::Ready,
            _ if !self.created => Phase::Pending,
            _ if !self.initialized.0 => Phase::Initializing,
            _ if self.served && self.progressing.1 == Reason::RollingOut => Phase::Updating,
            _ => Phase::Deploying,
        }
    }

    fn condition(
        &self,
        kind: ConditionType,
        previous: &Status,
        generation: Option<i64>,
        now: Timestamp,
    ) -> Option<Condition> {
        let (holds, reason, message) = match kind {
            ConditionType::Ready => &self.ready,
            ConditionType::Progressing => &self.progressing,
            ConditionType::Degraded => &self.degraded,
            ConditionType::Initialized => &self.initialized,
            ConditionType::DependenciesReady => self.dependencies.as_ref()?,
        };
        Some(condition(kind, (*holds, *reason, message), previous, generation, now))
    }
}

/// A condition, with the time of its last change of status.
#[must_use]
pub fn condition(
    kind: ConditionType,
    (holds, reason, message): (bool, Reason, &str),
    previous: &Status,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = if holds { "True" } else { "False" };
    let before = previous.conditions.iter().find(|condition| condition.type_ == kind.as_str());
    let since = before.filter(|before| before.status == status).map(|before| before.last_transition_time.clone());
    // The API server keeps whole seconds; more would make each status differ from what is stored.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Condition {
        type_: kind.as_str().to_owned(),
        status: status.to_owned(),
        reason: reason.as_str().to_owned(),
        message: shorten(message, LONGEST),
        observed_generation: generation,
        last_transition_time: since.unwrap_or(Time(now)),
    }
}

fn initialized(workloads: &[Workload], before: bool) -> (bool, Reason, String) {
    let done = || (true, Reason::InitCompleted, "the store is prepared and the first administrator exists".to_owned());
    for workload in workloads {
        match &workload.init {
            Init::Failed(Reason::InitFailed, message) => return (false, Reason::InitFailed, message.clone()),
            // The step could not even start; what it did before still holds.
            Init::Failed(reason, message) if !before => return (false, *reason, message.clone()),
            Init::Running if !before => return (false, Reason::Initializing, "the init step is running".to_owned()),
            Init::Unknown if !before => {
                let reason = if workload.missing { Reason::PodMissing } else { Reason::Initializing };
                return (false, reason, workload.note.clone());
            }
            Init::Failed(..) | Init::Running | Init::Unknown | Init::Done => {}
        }
    }
    if workloads.is_empty() && !before {
        return (false, Reason::Initializing, "nothing was created yet".to_owned());
    }
    done()
}

/// The Service of the public API asks for a load balancer and has no address from one.
fn without_address(installation: &Installation, observed: &Observed) -> Option<String> {
    let service = observed.public_service.as_ref()?;
    let waits = installation.public_api.service_type == ServiceType::LoadBalancer
        && service.part.status.load_balancer.ingress.is_empty();
    let name = service.metadata.name.as_deref().unwrap_or_default();
    waits.then(|| {
        format!(
            "everything serves, but Service {name} has no address outside the cluster yet: if the load balancer gives it none, this cluster has no load-balancer controller: install one, or set spec.publicApi.serviceType to NodePort or ClusterIP"
        )
    })
}

/// The volume is smaller than it shall be.
fn growing(outcome: &Outcome<'_>, observed: &Observed) -> Option<String> {
    let Outcome::Applied { installation, .. } = outcome else { return None };
    let is = observed.claim.as_ref()?.view.part.status.capacity.storage.clone();
    let shall = &installation.storage()?.size;
    (bytes(&is)? < bytes(shall)?).then(|| format!("the volume grows from {is} to {shall}"))
}

/// Bytes of a quantity such as `10Gi`; `None` for what is not written that way.
fn bytes(quantity: &str) -> Option<u128> {
    let digits = quantity.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u128 = match &quantity[digits.len()..] {
        "" => 1,
        "k" => 1000,
        "M" => 1000_u128.pow(2),
        "G" => 1000_u128.pow(3),
        "T" => 1000_u128.pow(4),
        "P" => 1000_u128.pow(5),
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        "Pi" => 1 << 50,
        _ => return None,
    };
    digits.parse::<u128>().ok()?.checked_mul(factor)
}

/// Whether a condition is True.
#[must_use]
pub fn is_true(status: &Status, kind: ConditionType) -> bool {
    status.conditions.iter().any(|condition| condition.type_ == kind.as_str() && condition.status == "True")
}

/// Cuts a text at a character's boundary, on one line.
#[must_use]
pub fn shorten(text: &str, longest: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= longest {
        return line;
    }
    let end = (0..=longest.saturating_sub(3)).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &line[..end])
}

#[cfg(test)]
mod tests;
