//! Local addresses that lead to a port of a Service, over the API server (as `kubectl port-forward` does).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::{Json, Namespace, field, http::Http, text};

/// A forwarded port; ends when it is dropped. Connections break when the pod goes, and new ones find the next ready pod.
pub struct Forward {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

/// Where a Service sends its connections.
struct Target {
    namespace: Namespace,
    service: String,
    selector: String,
    /// Name or number of the container's port.
    port: Json,
}

impl Forward {
    pub(crate) async fn start(namespace: &Namespace, service: &str, port: u16) -> Result<Self> {
        let object = namespace.get("Service", service).await?;
        let (selector, target_port) = target(&object, port)?;
        let target =
            Arc::new(Target { namespace: namespace.clone(), service: service.to_owned(), selector, port: target_port });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen on loopback")?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target));
        Ok(Self { address, _tasks: tasks })
    }

    /// The local address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The local address as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An HTTP client for it.
    #[must_use]
    pub fn http(&self) -> Http {
        Http::new(&self.url())
    }
}

/// Label selector and target port of a Service's port.
fn target(service: &Json, port: u16) -> Result<(String, Json)> {
    let name = text(service, "metadata.name");
    let ports = field(service, "spec.ports").as_array().cloned().unwrap_or_default();
    let Some(found) = ports.iter().find(|known| known["port"] == port) else {
        let known: Vec<_> = ports.iter().map(|port| port["port"].to_string()).collect();
        bail!("Service {name} has no port {port}; it has {}", known.join(", "));
    };
    let selector = field(service, "spec.selector").as_object().cloned().unwrap_or_default();
    let labels: Vec<_> =
        selector.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if labels.is_empty() {
        bail!("Service {name} selects no pods");
    }
    let target = if found["targetPort"].is_null() { found["port"].clone() } else { found["targetPort"].clone() };
    Ok((labels.join(","), target))
}

async fn accept(listener: TcpListener, target: Arc<Target>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let target = target.clone();
        // The client sees a closed connection, which is what a Service without a pod looks like, too.
        connections.spawn(async move { target.serve(socket).await.is_ok() });
        while connections.try_join_next().is_some() {}
    }
}

impl Target {
    async fn serve(&self, mut socket: TcpStream) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.namespace.client(), self.namespace.name());
        let listed = pods.list(&ListParams::default().labels(&self.selector)).await?;
        let pod = listed.items.into_iter().find(is_ready);
        let pod = pod.with_context(|| format!("Service {} has no ready pod", self.service))?;
        let name = pod.metadata.name.clone().unwrap_or_default();
        let port = self.container_port(&pod)?;
        let mut forwarder = pods.portforward(&name, &[port]).await?;
        let mut stream = forwarder.take_stream(port).context("no stream")?;
        let copied = tokio::io::copy_bidirectional(&mut socket, &mut stream).await;
        stream.shutdown().await.ok();
        drop(stream);
        forwarder.abort();
        copied?;
        Ok(())
    }

    fn container_port(&self, pod: &Pod) -> Result<u16> {
        if let Some(number) = self.port.as_u64() {
            return Ok(u16::try_from(number)?);
        }
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
        let port = ports.find(|port| port.name.as_deref() == self.port.as_str());
        let port = port.with_context(|| format!("the pod has no port named {}", self.port))?;
        Ok(u16::try_from(port.container_port)?)
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_names_its_pods_and_ports() {
        let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "a", "part": "b"},
            "ports": [{"port": 80, "targetPort": "http"}, {"port": 81}]}});
        assert_eq!(target(&service, 80).unwrap(), ("app=a,part=b".to_owned(), json!("http")));
        assert_eq!(target(&service, 81).unwrap().1, json!(81));
        assert_eq!(target(&service, 82).unwrap_err().to_string(), "Service web has no port 82; it has 80, 81");
    }
}
