//! Figures of the HTTP side: requests by route and status, and how long they took.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tracardi_process::Metrics;

/// Labels of a request. The route is its pattern, so the number of series is bounded.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RequestLabels {
    /// `public` or `private`.
    pub port: &'static str,
    /// Pattern of the route, for example `/event/{id}`; `other` when none fits.
    pub route: String,
    /// Status of the answer.
    pub status: u16,
}

/// Labels of a duration.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct RouteLabels {
    /// `public` or `private`.
    pub port: &'static str,
    /// Pattern of the route.
    pub route: String,
}

/// The figures; a cheap handle.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Requests answered.
    pub requests: Family<RequestLabels, Counter>,
    /// Seconds until the answer's head was there.
    pub seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    /// Handlers that panicked.
    pub panics: Counter,
    /// Clients that listen to the live stream.
    pub listeners: Gauge,
}

impl Figures {
    /// Registers them.
    #[must_use]
    pub fn new(metrics: &Metrics) -> Self {
        let figures = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(buckets as fn() -> Histogram),
            panics: Counter::default(),
            listeners: Gauge::default(),
        };
        metrics.register("tracardi", |registry| {
            registry.register("http_requests", "Requests answered", figures.requests.clone());
            registry.register("http_request_seconds", "Time until the head of the answer", figures.seconds.clone());
            registry.register("http_panics", "Handlers that panicked; each was answered 503", figures.panics.clone());
            registry.register("live_listeners", "Clients of the live stream of events", figures.listeners.clone());
        });
        figures
    }
}

fn buckets() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}
