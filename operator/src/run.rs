//! `tracardi-operator run`: starts the parts and ends them in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kube::client::ClientBuilder;
use kube::{Client, Config};
use semver::Version;
use tower::util::MapRequestLayer;
use tracardi_process::{
    Health, Metrics as ProcessMetrics, Phase, Supervisor, SystemClock, health, listen, random, shutdown,
};

use crate::children;
use crate::controller::{self, Context, Parts};
use crate::lease::Elector;
use crate::metrics::Metrics;
use crate::probe::Prober;
use crate::validate::Defaults;

/// Settings of the operator; each is a flag and an environment variable.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Look after this namespace only; by default after all.
    #[arg(long, env = "TRACARDI_OPERATOR_NAMESPACE")]
    pub namespace: Option<String>,
    /// Image of installations that name none, without tag.
    #[arg(long, env = "TRACARDI_OPERATOR_IMAGE_REPOSITORY", default_value = "localhost/tracardi")]
    pub image_repository: String,
    /// Tag of installations that name neither tag nor version; by default the version.
    #[arg(long, env = "TRACARDI_OPERATOR_IMAGE_TAG")]
    pub image_tag: Option<String>,
    /// Version of installations that name none; by default the operator's own.
    #[arg(long, env = "TRACARDI_OPERATOR_DEFAULT_VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    pub default_version: Version,
    /// Namespace of the Lease by which replicas agree on a leader.
    #[arg(long, env = "TRACARDI_OPERATOR_LEASE_NAMESPACE", default_value = "default")]
    pub lease_namespace: String,
    /// Name of that Lease.
    #[arg(long, env = "TRACARDI_OPERATOR_LEASE_NAME", default_value = "tracardi-operator")]
    pub lease_name: String,
    /// Name of this replica in the Lease; a random part is appended.
    #[arg(long, env = "TRACARDI_OPERATOR_IDENTITY", default_value = "tracardi-operator")]
    pub identity: String,
    /// Address of health and metrics.
    #[arg(long, env = "TRACARDI_OPERATOR_LISTEN", default_value = "127.0.0.1:9091")]
    pub listen: String,
    /// Kubeconfig; by default as kubectl finds it, or the pod's service account.
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
}

/// Runs until a signal arrives.
pub async fn run(settings: Settings) -> Result<(), String> {
    let mut signals = shutdown::Signals::new().map_err(|error| format!("signals cannot be caught: {error}"))?;
    let config = cluster_config(&settings).await?;
    let cluster = config.cluster_url.to_string();
    let metrics = Metrics::default();
    let counter = metrics.clone();
    let client: Client = ClientBuilder::try_from(config)
        .map_err(|error| format!("no client for {cluster} can be made: {error}"))?
        .with_layer(&MapRequestLayer::new(move |request: http::Request<kube::client::Body>| {
            counter.requested(&request);
            request
        }))
        .build();

    let supervisor = Supervisor::new();
    let process_metrics = ProcessMetrics::new();
    metrics.register(&process_metrics);
    let health = Health::new();
    let clock = SystemClock::shared();
    let suffix = random::hex::<4>().map_err(|error| format!("no random bytes: {error}"))?;
    let identity = format!("{}-{suffix}", settings.identity);

    let (elector, leadership) =
        Elector::new(client.clone(), &settings.lease_namespace, &settings.lease_name, identity.clone(), clock.clone());
    let (children, changes) = children::watch(&client, settings.namespace.as_deref());
    let (news, mut told) = tokio::sync::mpsc::unbounded_channel();
    let prober = Prober::new(supervisor.clone(), news, metrics.clone());
    let told = futures::stream::poll_fn(move |context| told.poll_recv(context));
    let context = Arc::new(Context::new(Parts {
        client: client.clone(),
        children: children.clone(),
        leadership: leadership.clone(),
        identity,
        defaults: Defaults {
            version: settings.default_version.clone(),
            image_repository: settings.image_repository.clone(),
            image_tag: settings.image_tag.clone(),
        },
        clock,
        metrics,
        prober,
    }));
    // Passes end before the Lease is handed back: nobody else may lead while we still write.
    let (resources, work) = controller::run(
        client,
        settings.namespace.clone(),
        futures::stream::select(changes, told),
        leadership,
        context,
        supervisor.token(Phase::Drain).cancelled_owned(),
    );
    health.check(health::Kind::Ready, "watches", move || {
        let known = futures::FutureExt::now_or_never(resources.wait_until_ready()).is_some();
        (known && children.synced()).then_some(()).ok_or_else(|| "the caches are not filled yet".to_owned())
    });
    let bound = listen::bind("management", &settings.listen).await.map_err(|error| error.to_string())?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), %cluster, listen = %bound.address(),
        namespace = settings.namespace.as_deref().unwrap_or("all"), "operator starts"
    );
    listen::serve(&supervisor, bound, health::router(health, process_metrics), listen::Limits::default());
    supervisor.spawn("controller", Phase::Drain, work);
    supervisor.spawn("election", Phase::Flush, elector.run(supervisor.token(Phase::Flush).cancelled_owned()));
    let asked = async {
        let signal = signals.next().await;
        tracing::info!(signal, "operator leaves");
    };
    supervisor.run_until(asked).await.map_err(|failure| failure.to_string())
}

async fn cluster_config(settings: &Settings) -> Result<Config, String> {
    let mut config = match &settings.kubeconfig {
        Some(path) => {
            let file = kube::config::Kubeconfig::read_from(path)
                .map_err(|error| format!("kubeconfig {} cannot be read: {error}", path.display()))?;
            Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default())
                .await
                .map_err(|e| e.to_string())
        }
        None => Config::infer().await.map_err(|error| error.to_string()),
    }
    .map_err(|error| format!("no cluster is known: {error}: set KUBECONFIG or run in a pod with a service account"))?;
    config.connect_timeout = Some(Duration::from_secs(5));
    Ok(config)
}
