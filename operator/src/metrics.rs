//! The operator's figures.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use kube::client::Body;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::build::Kind;
use crate::children::Trigger;
use crate::probe::Dependency;

/// What became of an object in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum WriteResult {
    /// Sent, because it should be different.
    Applied,
    /// Not sent, because nothing changed.
    Skipped,
    /// Sent, because somebody else changed or deleted it.
    Healed,
    /// Deleted, because it is not needed any more.
    Pruned,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ObjectLabels {
    kind: &'static str,
    result: WriteResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    resource: String,
    watch: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DependencyLabels {
    namespace: String,
    installation: String,
    dependency: &'static str,
}

impl DependencyLabels {
    fn new(of: &Trigger, dependency: Dependency) -> Self {
        let namespace = of.namespace.clone().unwrap_or_default();
        Self { namespace, installation: of.name.clone(), dependency: dependency.as_str() }
    }
}

/// The figures. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Figures>);

struct Figures {
    objects: Family<ObjectLabels, Counter>,
    requests: Family<RequestLabels, Counter>,
    passes: Family<OutcomeLabels, Counter>,
    duration: Histogram,
    leading: Gauge,
    installations: Gauge,
    dependency_up: Family<DependencyLabels, Gauge>,
    dependency_look_seconds: Family<DependencyLabels, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];
        Self(Arc::new(Figures {
            objects: Family::default(),
            requests: Family::default(),
            passes: Family::default(),
            duration: Histogram::new(buckets),
            leading: Gauge::default(),
            installations: Gauge::default(),
            dependency_up: Family::default(),
            dependency_look_seconds: Family::default(),
        }))
    }
}

impl Metrics {
    /// Puts the figures into the registry of the process.
    pub fn register(&self, process: &tracardi_process::Metrics) {
        process.register("tracardi_operator", |registry| {
            let of = &self.0;
            registry.register("objects", "Objects looked at, by what was done about them", of.objects.clone());
            registry.register("api_requests", "Requests to the API server", of.requests.clone());
            registry.register("reconciles", "Passes over a resource, by outcome", of.passes.clone());
            registry.register("reconcile_seconds", "Duration of a pass", of.duration.clone());
            registry.register("leading", "1 while this replica leads", of.leading.clone());
            registry.register("installations", "Resources that exist", of.installations.clone());
            let up = "1 when the last look at a server that an installation depends on found that it can be used, 0 otherwise";
            registry.register("dependency_up", up, of.dependency_up.clone());
            let seconds = "Duration of that look";
            registry.register("dependency_look_seconds", seconds, of.dependency_look_seconds.clone());
        });
    }

    pub(crate) fn wrote(&self, kind: Kind, result: WriteResult) {
        self.0.objects.get_or_create(&ObjectLabels { kind: kind.as_str(), result }).inc();
    }

    /// Counts a request to the API server.
    pub fn requested(&self, request: &http::Request<Body>) {
        let watch = request.uri().query().is_some_and(|query| query.contains("watch=true")).to_string();
        let labels =
            RequestLabels { method: request.method().to_string(), resource: resource(request.uri().path()), watch };
        self.0.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn passed(&self, outcome: &'static str, seconds: f64) {
        self.0.passes.get_or_create(&OutcomeLabels { outcome }).inc();
        self.0.duration.observe(seconds);
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.0.leading.set(i64::from(leads));
    }

    pub(crate) fn installations(&self, count: usize) {
        self.0.installations.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn looked(&self, of: &Trigger, dependency: Dependency, up: bool, seconds: f64) {
        let labels = DependencyLabels::new(of, dependency);
        self.0.dependency_up.get_or_create(&labels).set(i64::from(up));
        self.0.dependency_look_seconds.get_or_create(&labels).set(seconds);
    }

    pub(crate) fn looks_no_more(&self, of: &Trigger, dependency: Dependency) {
        let labels = DependencyLabels::new(of, dependency);
        self.0.dependency_up.remove(&labels);
        self.0.dependency_look_seconds.remove(&labels);
    }
}

/// What a path of the API server is about: the plural of a kind, or the first word of another path.
fn resource(path: &str) -> String {
    let mut parts = path.trim_matches('/').split('/');
    let behind_version = match parts.next() {
        Some("api") => 1,
        Some("apis") => 2,
        other => return other.unwrap_or_default().to_owned(),
    };
    let mut parts = parts.skip(behind_version);
    let first = parts.next().unwrap_or_default();
    let inner = if first == "namespaces" { parts.nth(1) } else { None };
    inner.unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::resource;

    #[test]
    fn a_request_is_counted_under_its_resource() {
        for (path, wanted) in [
            ("/apis/tracardi.io/v1alpha1/namespaces/shop/tracardiinstallations/demo/status", "tracardiinstallations"),
            ("/api/v1/namespaces/shop/secrets", "secrets"),
            ("/api/v1/configmaps", "configmaps"),
            ("/api/v1/namespaces/shop", "namespaces"),
            ("/version", "version"),
            ("/", ""),
        ] {
            assert_eq!(resource(path), wanted, "{path}");
        }
    }
}
