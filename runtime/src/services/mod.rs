//! One file for each service, and what they share.

pub(crate) mod app;
pub(crate) mod arguments;
pub(crate) mod gui;
pub(crate) mod init;
pub(crate) mod install;
pub(crate) mod private_api;
pub(crate) mod probe;
pub(crate) mod public_api;
pub(crate) mod public_url;
pub(crate) mod remove_tenant;
pub(crate) mod secrets;
pub(crate) mod shared;
pub(crate) mod standalone;
pub(crate) mod worker;

use prometheus_client::metrics::info::Info;
use tracardi_process::shutdown::Signals;
use tracardi_process::{Metrics, Supervisor};

/// Figures of a process, with its version.
pub(crate) fn metrics() -> Metrics {
    let metrics = Metrics::new();
    let build = Info::new([("version", tracardi_api::info::RUNTIME_VERSION)]);
    metrics.register("tracardi", |registry| registry.register("build", "What this program is", build));
    metrics
}

/// A setting that is not empty: an environment variable without content counts as absent.
pub(crate) fn given(setting: Option<&String>) -> Option<&String> {
    setting.filter(|text| !text.trim().is_empty())
}

/// Runs until SIGTERM or SIGINT, or until a task fails; then ends everything phase by phase. A second signal ends the
/// process at once.
pub(crate) async fn run_until_signalled(supervisor: &Supervisor, mut signals: Signals) -> anyhow::Result<()> {
    let first = tokio::sync::Notify::new();
    let watching = async {
        let signal = signals.next().await;
        tracing::info!("{signal}: no new connections; what is under way is finished");
        first.notify_one();
        let signal = signals.next().await;
        anyhow::anyhow!("a second {signal} came; left at once")
    };
    tokio::select! {
        ended = supervisor.run_until(first.notified()) => Ok(ended?),
        impatient = watching => Err(impatient),
    }
}
