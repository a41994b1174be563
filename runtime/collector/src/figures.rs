//! What `/metrics` tells of the collector.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tracardi_process::Metrics;

/// How a request ended: `stored`, `nothing_new`, `erased`, `rejected`, `queue_full`, `unavailable`, `stopping`, `failed`; a refusal
/// with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Ended {
    outcome: &'static str,
    reason: &'static str,
}

/// Which call of the store failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Operation {
    operation: &'static str,
}

/// The figures; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    requests: Family<Ended, Counter>,
    store_errors: Family<Operation, Counter>,
    pub(crate) events: Counter,
    pub(crate) invalid: Counter,
    pub(crate) warned: Counter,
    pub(crate) failed: Counter,
    pub(crate) quarantined: Counter,
    pub(crate) loads: Counter,
    pub(crate) repeats: Counter,
    pub(crate) conflicts: Counter,
    pub(crate) panics: Counter,
    pub(crate) merged_profiles: Counter,
    pub(crate) merge_events: Counter,
    pub(crate) merges_waiting: Gauge,
    pub(crate) waiting: Gauge,
    pub(crate) waiting_bytes: Gauge,
    pub(crate) cached_bytes: Gauge,
    pub(crate) group: Histogram,
    pub(crate) commit: Histogram,
}

impl Figures {
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let figures = Self {
            requests: Family::default(),
            store_errors: Family::default(),
            events: Counter::default(),
            invalid: Counter::default(),
            warned: Counter::default(),
            failed: Counter::default(),
            quarantined: Counter::default(),
            loads: Counter::default(),
            repeats: Counter::default(),
            conflicts: Counter::default(),
            panics: Counter::default(),
            merged_profiles: Counter::default(),
            merge_events: Counter::default(),
            merges_waiting: Gauge::default(),
            waiting: Gauge::default(),
            waiting_bytes: Gauge::default(),
            cached_bytes: Gauge::default(),
            // 1 to 512 requests; 100 microseconds to 6.5 seconds.
            group: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            commit: Histogram::new(exponential_buckets(0.0001, 4.0, 9)),
        };
        metrics.register("tracardi_collector", |registry| {
            registry.register("requests", "Requests by how they ended", figures.requests.clone());
            registry.register("events_stored", "Events on disk", figures.events.clone());
            registry.register("events_invalid", "Of these, events that a check complained of", figures.invalid.clone());
            let warned = figures.warned.clone();
            registry.register("events_warned", "Of these, events of which a part could not be processed", warned);
            let quarantined = figures.quarantined.clone();
            registry.register("events_quarantined", "Events that were not taken and can be replayed", quarantined);
            let failed = figures.failed.clone();
            registry.register("events_failed", "Of these, events of which a workflow failed", failed);
            registry.register("store_errors", "Calls of the store that failed", figures.store_errors.clone());
            registry.register("loads", "Groups that had to read from the store", figures.loads.clone());
            registry.register(
                "group_repeats",
                "Groups that were run again because one of their events was stored already",
                figures.repeats.clone(),
            );
            registry.register(
                "group_conflicts",
                "Groups that were run again because another process had changed a session or profile meanwhile",
                figures.conflicts.clone(),
            );
            registry.register(
                "engine_panics",
                "Requests and workflows on which the engine panicked",
                figures.panics.clone(),
            );
            let merged = figures.merged_profiles.clone();
            registry.register("merged_profiles", "Profiles that were merged into another one", merged);
            let events = figures.merge_events.clone();
            registry.register("merge_events", "Events that were led to another profile after a merge", events);
            let waiting = figures.merges_waiting.clone();
            registry.register("merges_waiting", "Profiles that wait to be merged", waiting);
            registry.register("waiting_requests", "Requests that wait or are being stored", figures.waiting.clone());
            registry.register("waiting_bytes", "Memory of these requests", figures.waiting_bytes.clone());
            registry.register("cached_bytes", "Memory of cached sessions and profiles", figures.cached_bytes.clone());
            registry.register("group_requests", "Requests in a group", figures.group.clone());
            registry.register("commit_seconds", "Time of a durable commit", figures.commit.clone());
        });
        figures
    }

    pub(crate) fn ended(&self, outcome: &'static str, reason: &'static str) {
        self.requests.get_or_create(&Ended { outcome, reason }).inc();
    }

    pub(crate) fn store_failed(&self, operation: &'static str) {
        self.store_errors.get_or_create(&Operation { operation }).inc();
    }
}
