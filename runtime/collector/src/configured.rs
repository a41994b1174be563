//! Keeps the engine's settings up to date with the configuration: whenever the store's snapshot changes, its records are
//! compiled (those that are new in it, that is) and a new, immutable [`Settings`] takes the place of the old one. The hot path only ever reads the newest.

use std::sync::Arc;

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracardi_engine::{Configurations, Settings};
use tracardi_model::Context;
use tracardi_model::configuration::Kind;
use tracardi_process::{Metrics, Phase, Supervisor};
use tracardi_store::ConfigurationSnapshot;

/// Starts the task `configuration` and gives the settings, compiled for the first time before this returns.
///
/// `base` holds the switches and tables; its configurations are replaced.
#[must_use]
pub fn follow(
    supervisor: &Supervisor,
    base: &Settings,
    mut snapshots: watch::Receiver<Arc<ConfigurationSnapshot>>,
    metrics: &Metrics,
) -> watch::Receiver<Arc<Settings>> {
    let problems = Gauge::default();
    metrics.register("tracardi", |registry| {
        let help = "Configuration records that do not compile and therefore do nothing";
        registry.register("configuration_problems", help, problems.clone());
    });
    let first = compiled(base, &snapshots.borrow_and_update(), &problems);
    let (sender, receiver) = watch::channel(Arc::new(first));
    let task = keep_up(snapshots, sender, problems, supervisor.token(Phase::Flush));
    supervisor.spawn("configuration", Phase::Flush, task);
    receiver
}

async fn keep_up(
    mut snapshots: watch::Receiver<Arc<ConfigurationSnapshot>>,
    sender: watch::Sender<Arc<Settings>>,
    problems: Gauge,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = snapshots.changed() => if changed.is_err() {
                // The store is gone: the last settings stay.
                return stop.cancelled().await;
            },
        }
        let snapshot = snapshots.borrow_and_update().clone();
        let known = sender.borrow().clone();
        sender.send_replace(Arc::new(compiled(&known, &snapshot, &problems)));
    }
}

/// The settings that follow those of before. Only a record that was no problem before is told in the log.
fn compiled(before: &Settings, snapshot: &ConfigurationSnapshot, problems: &Gauge) -> Settings {
    let mut configurations = Configurations::default();
    let mut broken = 0;
    for context in [Context::Production, Context::Staging] {
        let records = Kind::ALL
            .into_iter()
            .flat_map(|kind| snapshot.records(context, kind).map(move |(id, document)| (kind, id, document)));
        let mut configuration = before.configurations[context].followed_by(records);
        if let Some(workflows) = before.workflows.as_deref() {
            configuration = configuration.without_rule_loops(workflows);
        }
        let known = before.configurations[context].problems();
        for problem in configuration.problems().iter().filter(|problem| !known.contains(problem)) {
            let (kind, id) = (problem.kind, &problem.id);
            for error in &problem.errors {
                tracing::warn!(%context, %kind, %id, %error, "a configuration record is not used; save it again to see and mend it");
            }
        }
        broken += configuration.problems().len();
        configurations[context] = Arc::new(configuration);
    }
    problems.set(i64::try_from(broken).unwrap_or(i64::MAX));
    Settings { configurations, version: snapshot.version, ..before.clone() }
}
