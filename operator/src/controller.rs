//! One pass over one resource, and the wiring that starts passes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Action, Config, Controller, Error as RunError};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource as _};
use tokio::time::{Instant, timeout};
use tracardi_crds::TracardiInstallation;
use tracardi_crds::installation::{ConditionType, Phase, Reason, TracardiInstallationStatus as Status};
use tracardi_process::SharedClock;

use crate::apply::Applier;
use crate::children::{Children, Trigger};
use crate::error::Error;
use crate::events::{Publisher, transitions};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::model::Layout;
use crate::observe::{FRESH, FRESH_PROBLEM, Observer};
use crate::plan::plan;
use crate::probe::{Prober, targets};
use crate::report::{Outcome, condition, report};
use crate::validate::{Defaults, validate};

/// Longest time of a pass.
const PASS: Duration = Duration::from_secs(30);
/// Passes at a time.
const CONCURRENCY: u16 = 8;
/// How soon a pass is tried again that a late renewal prevented.
const LAPSED: Duration = Duration::from_secs(1);
/// Changes that arrive within this time make one pass.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// The resource as it is watched: one that cannot be read is passed on as such and disturbs no other.
pub type Guarded = DeserializeGuard<TracardiInstallation>;

/// What a pass needs.
pub struct Context {
    /// Reads.
    pub observer: Observer,
    /// Writes.
    pub applier: Applier,
    /// Tells.
    pub events: Publisher,
    /// What the operator was told about itself.
    pub defaults: Defaults,
    /// Tells the time.
    pub clock: SharedClock,
    /// Counts.
    pub metrics: Metrics,
    /// The stores.
    pub children: Children,
    /// Looks at servers.
    pub prober: Prober,
    written: Mutex<HashMap<String, Written>>,
    failures: Mutex<HashMap<String, u32>>,
    /// Installations whose namespace is being deleted, which nothing can stop.
    leaving: Mutex<HashSet<String>>,
}

/// What a context is made of.
pub struct Parts {
    /// The cluster.
    pub client: Client,
    /// The stores.
    pub children: Children,
    /// When writing is allowed.
    pub leadership: Leadership,
    /// Name of this replica.
    pub identity: String,
    /// What the operator was told about itself.
    pub defaults: Defaults,
    /// Tells the time.
    pub clock: SharedClock,
    /// Counts.
    pub metrics: Metrics,
    /// Looks at servers.
    pub prober: Prober,
}

/// The status that was last written, and the resource's version that came of it.
#[derive(Clone)]
struct Written {
    status: Status,
    version: Option<String>,
}

impl Context {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { client, children, leadership, identity, defaults, clock, metrics, prober } = parts;
        Self {
            observer: Observer::new(client.clone(), children.clone()),
            applier: Applier::new(client.clone(), children.clone(), leadership, metrics.clone()),
            events: Publisher::new(client, identity),
            defaults,
            clock,
            metrics,
            children,
            prober,
            written: Mutex::default(),
            failures: Mutex::default(),
            leaving: Mutex::default(),
        }
    }

    /// Forgets what only a leader knows.
    pub fn forget_all(&self) {
        self.applier.forget_all();
        self.prober.forget_all();
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn forget(&self, uid: &str) {
        self.applier.forget(uid);
        self.observer.forget(uid);
        self.prober.forget(uid);
        self.written.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// The status to compare with: ours, if the store still shows an older resource than our last write made.
    fn previous(&self, resource: &TracardiInstallation) -> Status {
        let uid = resource.metadata.uid.as_deref().unwrap_or_default();
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).get(uid).cloned();
        match written {
            Some(written) if written.version != resource.metadata.resource_version => written.status,
            _ => resource.status.clone().unwrap_or_default(),
        }
    }

    async fn write_status(&self, resource: &TracardiInstallation, before: &Status, after: Status) -> Result<(), Error> {
        if *before == after {
            return Ok(());
        }
        let meta = &resource.metadata;
        let uid = meta.uid.as_deref().unwrap_or_default();
        let (namespace, name) =
            (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
        let Some(version) = self.applier.status(namespace, name, uid, &after).await? else { return Ok(()) };
        let notices = transitions(before, &after);
        let written = Written { status: after, version: Some(version) };
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), written);
        self.events.publish(resource, notices).await;
        Ok(())
    }
}

/// One pass: observe, validate, plan, apply, report.
async fn pass(resource: &TracardiInstallation, context: &Context) -> Result<Action, Error> {
    let meta = &resource.metadata;
    let uid = meta.uid.as_deref().unwrap_or_default();
    let mut look_again = None;
    // A second round follows when Secrets were created: only then is known what the pods mount.
    for _ in 0..3 {
        let mut observed = context.observer.observe(resource).await?;
        let previous = context.previous(resource);
        observed.completed.extend(previous.prepared.clone());
        let now = context.clock.now();
        let installation = match validate(resource, &observed, &context.defaults) {
            Ok(installation) => installation,
            Err(problem) => {
                let waits = match problem.reason {
                    Reason::SecretMissing | Reason::SecretInvalid | Reason::SecretLost | Reason::NameTaken => {
                        FRESH_PROBLEM
                    }
                    Reason::AwaitingDeletion => {
                        context.observer.forget(uid);
                        Duration::from_secs(2)
                    }
                    _ => FRESH,
                };
                let status = report(resource, &observed, &Outcome::Refused(problem), &previous, now);
                context.write_status(resource, &previous, status).await?;
                return Ok(Action::requeue(waits));
            }
        };
        if let Layout::Services(services) = &installation.layout
            && context.applier.leads()
        {
            let targets = targets(services, &observed.logins);
            observed.dependencies = context.prober.facts(&trigger(resource), uid, &targets);
        }
        let plan = plan(&installation)?;
        if installation.paused {
            let pending = context.applier.pending(&installation, &plan, &observed);
            let outcome = Outcome::Paused { installation: &installation, plan: &plan, pending };
            let status = report(resource, &observed, &outcome, &previous, now);
            context.write_status(resource, &previous, status).await?;
            return Ok(Action::requeue(FRESH));
        }
        let applied = context.applier.apply(&installation, &plan, &observed, &previous.inventory).await?;
        if applied.secrets_changed {
            context.observer.forget(uid);
            continue;
        }
        look_again = applied.look_again.or(look_again);
        let failed = !applied.errors.is_empty();
        let errors = applied.errors.iter().map(|error| (error.reason(), error.to_string())).collect();
        let outcome = Outcome::Applied {
            installation: &installation,
            plan: &plan,
            generations: &applied.generations,
            done: &applied.done,
            errors,
        };
        let status = report(resource, &observed, &outcome, &previous, now);
        let without_pod = observed.pods.is_empty();
        let troubled = observed.dependencies.iter().any(|fact| fact.trouble.is_some());
        context.write_status(resource, &previous, status).await?;
        if failed {
            return Ok(Action::requeue(backoff(context, uid)));
        }
        context.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        let waits = look_again.unwrap_or(if without_pod { Duration::from_secs(11) } else { FRESH });
        if troubled {
            context.observer.doubt(uid);
            return Ok(Action::requeue(waits.min(FRESH_PROBLEM)));
        }
        return Ok(Action::requeue(waits));
    }
    // Secrets change under our hands; somebody is at it too.
    Ok(Action::requeue(Duration::from_secs(1)))
}

/// The installation as what starts a pass names it.
fn trigger(resource: &TracardiInstallation) -> Trigger {
    let meta = &resource.metadata;
    let named = ObjectRef::new(meta.name.as_deref().unwrap_or_default());
    named.within(meta.namespace.as_deref().unwrap_or_default())
}

/// A resource that this operator's types do not fit: said in its status, as far as one can without knowing it.
async fn unreadable(meta: &kube::api::ObjectMeta, error: &str, context: &Context) -> Result<Action, Error> {
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let uid = meta.uid.as_deref().unwrap_or_default();
    let previous = context.written.lock().unwrap_or_else(PoisonError::into_inner).get(uid).map(|w| w.status.clone());
    let previous = previous.unwrap_or_default();
    let message = format!(
        "the resource does not fit this operator's schema: {error}: install the operator's CRD, then correct the field"
    );
    let now = context.clock.now();
    let say = |kind, holds| condition(kind, (holds, Reason::Unreadable, &message), &previous, meta.generation, now);
    let status = Status {
        observed_generation: meta.generation,
        phase: Some(Phase::Degraded),
        conditions: vec![say(ConditionType::Ready, false), say(ConditionType::Degraded, true)],
        ..Status::default()
    };
    if status != previous {
        let version = context.applier.status(namespace, name, uid, &status).await?;
        let written = Written { status, version };
        context.written.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned(), written);
    }
    Ok(Action::await_change())
}

async fn reconcile(resource: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    if resource.meta().deletion_timestamp.is_some() {
        context.prober.forget(resource.meta().uid.as_deref().unwrap_or_default());
        return Ok(Action::await_change());
    }
    if !context.applier.leads() {
        return Ok(not_leading(&context));
    }
    let uid = resource.meta().uid.as_deref().unwrap_or_default();
    if context.leaving.lock().unwrap_or_else(PoisonError::into_inner).contains(uid) {
        return Ok(Action::await_change());
    }
    let began = Instant::now();
    let work = async {
        match &resource.0 {
            Ok(resource) => pass(resource, &context).await,
            Err(invalid) => unreadable(&invalid.metadata, &invalid.error, &context).await,
        }
    };
    let result = timeout(PASS, work).await.unwrap_or(Err(Error::Timeout("a pass", PASS.as_secs())));
    let outcome = result.as_ref().map_or_else(Error::label, |_| "done");
    context.metrics.passed(outcome, began.elapsed().as_secs_f64());
    result
}

/// What becomes of a pass that a replica without office may not make: the leader makes it. But when the renewal is merely late,
/// no election follows that would start the pass again, so this replica looks again itself.
fn not_leading(context: &Context) -> Action {
    if context.applier.leadership_lapsed() { Action::requeue(LAPSED) } else { Action::await_change() }
}

/// 1, 2, 4 ... 60 seconds.
fn backoff(context: &Context, uid: &str) -> Duration {
    let mut failures = context.failures.lock().unwrap_or_else(PoisonError::into_inner);
    let count = failures.entry(uid.to_owned()).or_default();
    *count = count.saturating_add(1);
    Duration::from_secs(1 << (*count - 1).min(6)).min(Duration::from_mins(1))
}

#[expect(clippy::needless_pass_by_value, reason = "the controller's signature")]
fn on_error(resource: Arc<Guarded>, error: &Error, context: Arc<Context>) -> Action {
    let name = resource.meta().name.as_deref().unwrap_or_default();
    let namespace = resource.meta().namespace.as_deref().unwrap_or_default();
    if matches!(error, Error::NotLeader) {
        tracing::info!(namespace, name, "left to the leader");
        return not_leading(&context);
    }
    let uid = resource.meta().uid.as_deref().unwrap_or_default();
    if matches!(error, Error::NamespaceLeaves) {
        tracing::info!(namespace, name, "left alone from now on, because its namespace is being deleted");
        context.leaving.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned());
        return Action::await_change();
    }
    let pause = backoff(&context, uid);
    tracing::warn!(namespace, name, %error, again_in = ?pause, "a pass failed");
    Action::requeue(pause)
}

/// Runs passes until `stop` completes; passes under way are finished. Gives the store of resources at once, and the future
/// to await.
pub fn run(
    client: Client,
    namespace: Option<String>,
    changes: impl futures::Stream<Item = Trigger> + Send + 'static,
    leadership: Leadership,
    context: Arc<Context>,
    stop: impl Future<Output = ()> + Send + Sync + 'static,
) -> (Store<Guarded>, impl Future<Output = ()> + Send) {
    let api: Api<Guarded> = match namespace {
        Some(namespace) => Api::namespaced(client, &namespace),
        None => Api::all(client),
    };
    let controller = Controller::new(api, watcher::Config::default().any_semantic())
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE));
    let store = controller.store();
    // A new leader looks at everything; before, passes ended at once.
    let followed = context.clone();
    let elections = futures::stream::unfold(leadership, |mut leadership| async move {
        let change = leadership.changed().await?;
        Some((change, leadership))
    });
    let elected = elections.filter_map(move |leads| {
        followed.metrics.leads(leads);
        followed.forget_all();
        async move { leads.then_some(()) }
    });
    // Children may arrive before their resources; a pass before the stores are full would take what exists for missing.
    let children = context.children.clone();
    let counted = store.clone();
    let work = controller
        .reconcile_on(changes)
        .reconcile_all_on(elected)
        .graceful_shutdown_on(stop)
        .run(
            move |resource, context| {
                let children = children.clone();
                async move {
                    if !children.synced() {
                        return Ok(Action::requeue(Duration::from_millis(100)));
                    }
                    reconcile(resource, context).await
                }
            },
            on_error,
            context.clone(),
        )
        .for_each(move |result| {
            context.metrics.installations(counted.len());
            match result {
                Ok(_) | Err(RunError::ReconcilerFailed(..)) => {}
                // A child of a resource that is gone.
                Err(RunError::ObjectNotFound(_)) => {
                    let alive: HashSet<_> =
                        counted.state().iter().filter_map(|resource| resource.meta().uid.clone()).collect();
                    let written = context.written.lock().unwrap_or_else(PoisonError::into_inner);
                    let known: HashSet<_> = written.keys().cloned().chain(context.prober.installations()).collect();
                    drop(written);
                    let gone = known.difference(&alive);
                    for uid in gone {
                        context.forget(uid);
                    }
                    context.leaving.lock().unwrap_or_else(PoisonError::into_inner).retain(|uid| alive.contains(uid));
                }
                Err(error) => tracing::warn!(%error, "the watch of resources was interrupted; it is started again"),
            }
            futures::future::ready(())
        });
    (store, work)
}
