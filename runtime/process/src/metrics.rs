//! The registry of figures, and figures of the process itself.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The registry of a process; a cheap handle.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A registry that tells memory, open files and processor time of the process, under the names that Prometheus' own
    /// clients use.
    #[must_use]
    pub fn new() -> Self {
        let mut root = Registry::default();
        root.register_collector(Box::new(ProcessFigures));
        Self(Arc::new(Mutex::new(root)))
    }

    /// Registers figures: `metrics.register("tracardi", |registry| registry.register("requests", "…", family.clone()))`.
    /// Names get `prefix` and an underscore in front.
    pub fn register<T>(&self, prefix: &str, register: impl FnOnce(&mut Registry) -> T) -> T {
        let mut root = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        register(root.sub_registry_with_prefix(prefix))
    }

    /// All figures in the OpenMetrics text format ([`CONTENT_TYPE`]).
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let root = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &root)?;
        Ok(text)
    }
}

/// Figures of the process, read when asked for; what cannot be read is left out.
#[derive(Debug)]
struct ProcessFigures;

impl Collector for ProcessFigures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        if let Some(bytes) = resident_bytes() {
            let gauge = encoder.encode_descriptor(
                "process_resident_memory_bytes",
                "Memory of the process that is in RAM",
                None,
                MetricType::Gauge,
            )?;
            ConstGauge::new(bytes).encode(gauge)?;
        }
        if let Some(files) = open_files() {
            let gauge =
                encoder.encode_descriptor("process_open_fds", "Open files and sockets", None, MetricType::Gauge)?;
            ConstGauge::new(files).encode(gauge)?;
        }
        if let Some(seconds) = processor_seconds() {
            let counter = encoder.encode_descriptor(
                "process_cpu_seconds",
                "Processor time spent, user and system",
                None,
                MetricType::Counter,
            )?;
            ConstCounter::new(seconds).encode(counter)?;
        }
        Ok(())
    }
}

/// Memory of the process in RAM, in bytes.
#[must_use]
pub fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn open_files() -> Option<i64> {
    i64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets and may hold anything; user and system time are the 14th and
    // 15th field, in ticks of a hundredth second (fixed in the kernel's interface on every platform we build for).
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::*;

    #[test]
    fn figures_of_process_and_program() {
        let metrics = Metrics::new();
        let requests: Counter = Counter::default();
        metrics.register("test", |registry| registry.register("requests", "Requests", requests.clone()));
        requests.inc();
        let text = metrics.encode().unwrap();
        assert!(text.contains("test_requests_total 1"), "{text}");
        for name in ["process_resident_memory_bytes ", "process_open_fds ", "process_cpu_seconds_total "] {
            assert!(text.contains(name), "{name} in {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
