//! What a workload's pods tell.

use std::sync::Arc;

use tracardi_crds::installation::Reason;

use super::shorten;
use crate::build::Kind;
use crate::names::COMPONENT;
use crate::observe::Observed;
use crate::plan::{Component, INIT_CONTAINER, INSTALL};
use crate::views::{ContainerStatus, PodPart, View};

/// How a workload is.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Workload {
    /// The StatefulSet or Deployment exists.
    pub(super) exists: bool,
    /// Pods that serve what was last applied.
    pub(super) ready: i32,
    /// As many as wanted.
    pub(super) serving: bool,
    /// Pods of an older template are being replaced.
    pub(super) rolling: bool,
    /// There should be a pod, and there is none.
    pub(super) missing: bool,
    /// The fate of the init step.
    pub(super) init: Init,
    /// What does not go away by waiting.
    pub(super) trouble: Option<(Reason, String)>,
    /// What is being waited for.
    pub(super) note: String,
}

/// The fate of the init step.
#[derive(Clone, Debug, Default)]
pub(super) enum Init {
    /// There is no pod to ask.
    #[default]
    Unknown,
    /// Waiting or running.
    Running,
    /// Ended well.
    Done,
    /// Ended badly, or cannot start.
    Failed(Reason, String),
}

impl Workload {
    /// For the component's line in status; nothing when all is well.
    pub(super) fn message(&self) -> Option<String> {
        match &self.trouble {
            Some((reason, message)) => Some(shorten(&format!("{reason}: {message}"), 500)),
            None if self.serving => None,
            None => Some(self.note.clone()),
        }
    }
}

/// Looks at a component. `applied` is the generation that the last apply gave: an older one in the store means that the
/// store lags. `gate`: the Job that must have done its work before workloads are made.
pub(super) fn judge(
    component: &Component,
    observed: &Observed,
    applied: Option<i64>,
    gate: Option<&str>,
    waited: bool,
) -> Workload {
    let gated = gate.map(|job| installing(job, observed, waited));
    let Some(fact) = observed.workloads.get(&component.workload) else {
        let mut workload = Workload { note: "the pod is being created".into(), ..Workload::default() };
        if let Some((init, note)) = gated.filter(|(init, _)| !matches!(init, Init::Done)) {
            workload.trouble = failure(&init);
            workload.init = init;
            workload.note = note;
        }
        return workload;
    };
    let status = &fact.status;
    let current = fact.generation >= applied.unwrap_or_default() && status.observed_generation >= fact.generation;
    let old = (status.replicas - status.updated_replicas).max(0);
    let updated = current && status.updated_replicas >= component.desired;
    let ready = if updated { (status.ready_replicas - old).clamp(0, component.desired) } else { 0 };
    // While pods of a Deployment are replaced one by one, the old ones serve.
    let serving = if component.kind == Kind::Deployment { status.ready_replicas } else { ready } >= component.desired;
    let pods: Vec<_> = observed.pods.iter().filter(|pod| is_of(pod, component.name)).collect();
    let staying = newest_first(&pods);
    let mut workload = Workload { exists: true, ready, serving, rolling: !updated || old > 0, ..Workload::default() };
    if let Some((init, note)) = gated {
        // A change that waits for its servers is a change under way, however well the pods of before serve.
        if !matches!(init, Init::Done) {
            workload.rolling = true;
            workload.trouble = failure(&init);
            workload.init = init;
            workload.note = note;
            return workload;
        }
        workload.init = init;
    }
    let Some(pod) = staying.first() else {
        workload.missing = waited && pods.is_empty();
        workload.note = if workload.missing {
            let (kind, name) = (component.kind.as_str(), &component.workload);
            let lower = kind.to_lowercase();
            format!("there is no pod; the events of the {kind} say why: kubectl describe {lower} {name}")
        } else if pods.is_empty() {
            "the pod is being created".into()
        } else {
            "the old pod is leaving".into()
        };
        return workload;
    };
    if gate.is_none() {
        workload.init = init(pod);
    }
    if !workload.serving || workload.rolling {
        // What became of a pod that another one has replaced is past.
        let counts = |at: usize, pod: &View<PodPart>| at == 0 || pod.part.status.phase != "Failed";
        let of_pods =
            || staying.iter().enumerate().filter(|(at, pod)| counts(*at, pod)).find_map(|(_, pod)| trouble(pod));
        workload.trouble = failure(&workload.init).or_else(of_pods);
    }
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let unbound = observed.claim.as_ref().filter(|claim| claim.view.part.status.phase == "Pending");
    workload.note = if let (Some(claim), true) = (unbound, pod.part.status.init_container_statuses.is_empty()) {
        let claim = claim.view.metadata.name.as_deref().unwrap_or_default();
        format!("volume claim {claim} has no volume yet; its events say why: kubectl describe pvc {claim}")
    } else if workload.rolling {
        format!("pod {name} is being replaced")
    } else {
        match workload.init {
            Init::Done => format!("pod {name} is starting"),
            _ => format!("pod {name} runs its init step or is about to"),
        }
    };
    workload
}

/// Whether a pod is one of this component's.
fn is_of(pod: &View<PodPart>, component: &str) -> bool {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(COMPONENT)).is_some_and(|label| label == component)
}

/// Those that are not leaving.
fn newest_first<'a>(pods: &[&'a Arc<View<PodPart>>]) -> Vec<&'a Arc<View<PodPart>>> {
    let mut staying: Vec<_> = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).copied().collect();
    staying.sort_by_key(|pod| std::cmp::Reverse(pod.metadata.creation_timestamp.as_ref().map(|time| time.0)));
    staying
}

/// How far the Job is that prepares the servers, and what is being waited for.
fn installing(job: &str, observed: &Observed, waited: bool) -> (Init, String) {
    if observed.completed.contains(job) {
        return (Init::Done, String::new());
    }
    let of_job = |pod: &&Arc<View<PodPart>>| {
        is_of(pod, INSTALL) && pod.metadata.name.as_deref().is_some_and(|name| name.starts_with(job))
    };
    let pods: Vec<_> = observed.pods.iter().filter(of_job).collect();
    let Some(pod) = newest_first(&pods).first().copied() else {
        let why = if waited { "its events say why it has no pod" } else { "its pod is being created" };
        return (Init::Running, format!("job {job} is to prepare the servers; {why}: kubectl describe job {job}"));
    };
    let note = format!(
        "job {job} prepares the servers: kubectl logs job/{job} (if it waits for one that DependenciesReady calls reachable, see spec.networking.serverPorts)"
    );
    let init = match trouble(pod) {
        Some((Reason::ContainerFailing, message)) => Init::Failed(Reason::InitFailed, message),
        Some((reason, message)) => Init::Failed(reason, message),
        None => Init::Running,
    };
    (init, note)
}

fn failure(init: &Init) -> Option<(Reason, String)> {
    if let Init::Failed(reason, message) = init { Some((*reason, message.clone())) } else { None }
}

fn init(pod: &View<PodPart>) -> Init {
    let Some(container) =
        pod.part.status.init_container_statuses.iter().find(|container| container.name == INIT_CONTAINER)
    else {
        return Init::Running;
    };
    if container.state.terminated.as_ref().is_some_and(|end| end.exit_code == 0) {
        return Init::Done;
    }
    match container_trouble(pod, container) {
        Some((Reason::ContainerFailing, message)) => Init::Failed(Reason::InitFailed, message),
        Some((reason, message)) => Init::Failed(reason, message),
        None => Init::Running,
    }
}

fn trouble(pod: &View<PodPart>) -> Option<(Reason, String)> {
    let status = &pod.part.status;
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let unscheduled = status.conditions.iter().find(|condition| {
        condition.kind == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(condition) = unscheduled {
        let message = condition.message.as_deref().unwrap_or_default();
        return Some((Reason::Unschedulable, format!("pod {name}: {message}")));
    }
    if status.phase == "Failed" {
        let reason = status.reason.as_deref().unwrap_or("Failed");
        let message = status.message.as_deref().unwrap_or_default();
        return Some((Reason::ContainerFailing, format!("pod {name}: {reason}: {message}")));
    }
    status.container_statuses.iter().find_map(|container| container_trouble(pod, container))
}

/// What keeps a container from working, in the kubelet's words and the container's last ones.
fn container_trouble(pod: &View<PodPart>, container: &ContainerStatus) -> Option<(Reason, String)> {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let at = format!("pod {name}, container {}", container.name);
    let last_words = || {
        let end = container.state.terminated.as_ref().or(container.last_state.terminated.as_ref())?;
        let reason = end.reason.as_deref().unwrap_or("Error");
        let message = end.message.as_deref().unwrap_or_default();
        Some(format!("{reason}, exit code {}: {message}", end.exit_code))
    };
    if let Some(waiting) = &container.state.waiting {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        return match reason {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable" => Some((Reason::ImagePullFailed, format!("{at}: {reason}: {message}"))),
            "CrashLoopBackOff" => {
                let words = last_words().unwrap_or_else(|| message.to_owned());
                Some((Reason::ContainerFailing, format!("{at}: CrashLoopBackOff: {words}")))
            }
            "" | "ContainerCreating" | "PodInitializing" => None,
            _ => Some((Reason::ContainerFailing, format!("{at}: {reason}: {message}"))),
        };
    }
    if let Some(end) = &container.state.terminated {
        let is_step = container.name == INIT_CONTAINER || container.name == INSTALL;
        return (end.exit_code != 0 || !is_step)
            .then(|| (Reason::ContainerFailing, format!("{at}: {}", last_words().unwrap_or_default())));
    }
    // Running again after a failure: still trouble until it is ready, or the status would flicker with each restart.
    (container.restart_count > 0 && !container.ready)
        .then(|| last_words().map(|words| (Reason::ContainerFailing, format!("{at}: started again after {words}"))))
        .flatten()
}
