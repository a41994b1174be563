//! Metrics in the text format of Prometheus.

use anyhow::{Context, Result};
use kube::api::Api;

use crate::{Json, Namespace, field, text};

/// One scrape.
#[derive(Debug, Default)]
pub struct Metrics {
    samples: Vec<(String, f64)>,
}

impl Metrics {
    /// Scrapes the port named `management` or `metrics` of a pod, over the API server's proxy.
    pub(crate) async fn of_pod(namespace: &Namespace, pod: &Json) -> Result<Self> {
        let name = text(pod, "metadata.name");
        let containers = field(pod, "spec.containers").as_array().cloned().unwrap_or_default();
        let mut ports = containers.iter().flat_map(|container| container["ports"].as_array().into_iter().flatten());
        let port = ports
            .find(|port| ["management", "metrics"].contains(&text(port, "name")))
            .and_then(|port| port["containerPort"].as_u64())
            .with_context(|| format!("pod {name} has no port named management or metrics"))?;
        let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(namespace.client(), namespace.name());
        let port = u16::try_from(port)?;
        let mut forwarder = pods.portforward(name, &[port]).await?;
        let stream = forwarder.take_stream(port).context("no stream")?;
        let body = scrape(stream).await.with_context(|| format!("cannot scrape pod {name}"))?;
        Ok(Self::parse(&body))
    }

    /// Reads a scrape; lines that are no samples are left out.
    #[must_use]
    pub fn parse(body: &str) -> Self {
        let samples = body.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            // Labels may hold blanks, the value does not.
            let (series, value) = line.trim().rsplit_once(' ')?;
            Some((series.to_owned(), value.parse().ok()?))
        });
        Self { samples: samples.collect() }
    }

    /// The sum of all series of a metric whose labels hold every given text, for example `verb="PATCH"`; `None` when
    /// there is no such series.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let mut found = self
            .samples
            .iter()
            .filter(|(series, _)| series.split('{').next() == Some(name) && labels.iter().all(|l| series.contains(l)))
            .map(|(_, value)| *value)
            .peekable();
        found.peek()?;
        Some(found.sum())
    }

    /// Names of the metrics, without repetition.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.samples.iter().filter_map(|(series, _)| series.split('{').next()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

async fn scrape(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static) -> Result<String> {
    use http_body_util::BodyExt as _;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
    let request = http::Request::get("/metrics")
        .header(http::header::HOST, "localhost")
        .body(http_body_util::Empty::<bytes::Bytes>::new())?;
    // The connection's work is done by a task that ends with this function.
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { connection.await.is_ok() });
    let response = sender.send_request(request).await?;
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_summed_by_label() {
        let metrics = Metrics::parse(
            "# TYPE requests counter\nrequests_total{verb=\"GET\",code=\"200\"} 3\nrequests_total{verb=\"PATCH\"} 4\n\
             requests_total_more 9\nup 1\n",
        );
        assert_eq!(metrics.sum("requests_total", &[]), Some(7.0));
        assert_eq!(metrics.sum("requests_total", &["verb=\"PATCH\""]), Some(4.0));
        assert_eq!(metrics.sum("up", &[]), Some(1.0));
        assert_eq!(metrics.sum("down", &[]), None);
        assert_eq!(metrics.names(), ["requests_total", "requests_total_more", "up"]);
    }
}
