//! What `/metrics` tells of the queue.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tracardi_process::Metrics;

/// How a request ended: for an API process `queued`, `rejected`, `queue_full`, `unavailable`, `too_large`; for a worker `done`,
/// `buried`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Ended {
    outcome: &'static str,
}

/// With what a client was answered that waited for the outcome: `told`, or `foreseen` because it was not known in time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Waited {
    answer: &'static str,
}

/// Of the sending side.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    requests: Family<Ended, Counter>,
    waited: Family<Waited, Counter>,
    pub(crate) receipt: Histogram,
}

impl Sent {
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        // 100 microseconds to 6.5 seconds.
        let receipt = Histogram::new(exponential_buckets(0.0001, 4.0, 9));
        let figures = Self { requests: Family::default(), waited: Family::default(), receipt };
        metrics.register("tracardi_dispatcher", |registry| {
            registry.register("requests", "Requests by how they ended", figures.requests.clone());
            registry.register("awaited", "Requests whose clients waited for the outcome", figures.waited.clone());
            registry.register("receipt_seconds", "Until the queue had it, durably", figures.receipt.clone());
        });
        figures
    }

    pub(crate) fn ended(&self, outcome: &'static str) {
        self.requests.get_or_create(&Ended { outcome }).inc();
    }

    pub(crate) fn waited(&self, answer: &'static str) {
        self.waited.get_or_create(&Waited { answer }).inc();
    }
}

/// Of the receiving side.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    requests: Family<Ended, Counter>,
    pub(crate) failures: Counter,
    pub(crate) underway: Gauge,
    pub(crate) age: Histogram,
}

impl Taken {
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let figures = Self {
            requests: Family::default(),
            failures: Counter::default(),
            underway: Gauge::default(),
            // A millisecond to 18 hours.
            age: Histogram::new(exponential_buckets(0.001, 4.0, 14)),
        };
        metrics.register("tracardi_worker", |registry| {
            registry.register("requests", "Requests by how they ended", figures.requests.clone());
            registry.register("queue_errors", "Calls of the queue that failed", figures.failures.clone());
            registry.register("underway", "Requests received and not acknowledged yet", figures.underway.clone());
            registry.register("age_seconds", "From being accepted to being stored", figures.age.clone());
        });
        figures
    }

    pub(crate) fn ended(&self, outcome: &'static str) {
        self.requests.get_or_create(&Ended { outcome }).inc();
    }
}
