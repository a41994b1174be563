//! What `/metrics` tells of deliveries, by destination. There are as many series as destinations; those of a destination
//! that was deleted go with it.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tracardi_process::Metrics;

use crate::Key;

/// How attempts end.
const OUTCOMES: [&str; 3] = ["delivered", "retried", "dead"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Destination {
    context: &'static str,
    destination: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    context: &'static str,
    destination: String,
    outcome: &'static str,
}

/// The figures; a cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    attempts: Family<Attempt, Counter>,
    waiting: Family<Destination, Gauge>,
    open: Family<Destination, Gauge>,
    seconds: Family<Destination, Histogram, fn() -> Histogram>,
}

fn label((context, destination): &Key) -> Destination {
    Destination { context: context.as_str(), destination: destination.clone() }
}

fn attempt((context, destination): &Key, outcome: &'static str) -> Attempt {
    Attempt { context: context.as_str(), destination: destination.clone(), outcome }
}

impl Figures {
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let buckets = || Histogram::new([0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        let figures = Self {
            attempts: Family::default(),
            waiting: Family::default(),
            open: Family::default(),
            seconds: Family::new_with_constructor(buckets as fn() -> Histogram),
        };
        metrics.register("tracardi_outbound", |registry| {
            let help = "Attempts to deliver by how they ended: delivered, retried later, dead";
            registry.register("attempts", help, figures.attempts.clone());
            registry.register("waiting", "Deliveries that wait, about", figures.waiting.clone());
            registry.register("breaker_open", "1 while a destination is left in peace", figures.open.clone());
            registry.register("attempt_seconds", "Time of an attempt", figures.seconds.clone());
        });
        figures
    }

    /// An attempt has ended.
    pub(crate) fn ended(&self, key: &Key, outcome: &'static str) {
        self.attempts.get_or_create(&attempt(key, outcome)).inc();
        if outcome != "retried" {
            self.waiting.get_or_create(&label(key)).dec();
        }
    }

    /// An attempt took so long.
    pub(crate) fn took(&self, key: &Key, time: Duration) {
        self.seconds.get_or_create(&label(key)).observe(time.as_secs_f64());
    }

    /// So many wait.
    pub(crate) fn wait(&self, key: &Key, number: u64) {
        self.waiting.get_or_create(&label(key)).set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// So many have joined.
    pub(crate) fn joined(&self, key: &Key, number: u64) {
        self.waiting.get_or_create(&label(key)).inc_by(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// The breaker is open, or closed again.
    pub(crate) fn breaker(&self, key: &Key, open: bool) {
        self.open.get_or_create(&label(key)).set(i64::from(open));
    }

    /// The destination is no more.
    pub(crate) fn forget(&self, key: &Key) {
        let label = label(key);
        self.waiting.remove(&label);
        self.open.remove(&label);
        self.seconds.remove(&label);
        for outcome in OUTCOMES {
            self.attempts.remove(&attempt(key, outcome));
        }
    }
}
