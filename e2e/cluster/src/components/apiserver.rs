//! The API server: RBAC and node authorisation, pod security admission, aggregation; nobody is anonymous but for health.

use serde_json::json;

use super::{Context, config, etcd::CLIENT_URL, flags, text};
use crate::paths::{API_PORT, SERVICE_CIDR};
use crate::process::Component;

pub(crate) fn describe(context: &Context<'_>) -> Component {
    let node = context.layout.node(1);
    let pki = |file: &str| context.pki(file);
    let authentication = context.layout.etc().join("authentication.json");
    let arguments = flags(&[
        ("etcd-servers", CLIENT_URL),
        ("bind-address", "0.0.0.0"),
        ("advertise-address", &node.address.to_string()),
        ("secure-port", &API_PORT.to_string()),
        ("service-cluster-ip-range", SERVICE_CIDR),
        ("tls-cert-file", &pki("apiserver.crt")),
        ("tls-private-key-file", &pki("apiserver.key")),
        ("client-ca-file", &pki("ca.crt")),
        ("authentication-config", &text(&authentication)),
        ("authorization-mode", "Node,RBAC"),
        ("enable-admission-plugins", "NodeRestriction"),
        ("allow-privileged", "true"),
        ("kubelet-client-certificate", &pki("apiserver-kubelet.crt")),
        ("kubelet-client-key", &pki("apiserver-kubelet.key")),
        ("kubelet-certificate-authority", &pki("ca.crt")),
        ("kubelet-preferred-address-types", "InternalIP"),
        ("service-account-issuer", "https://kubernetes.default.svc.cluster.local"),
        ("service-account-key-file", &pki("sa.pub")),
        ("service-account-signing-key-file", &pki("sa.key")),
        ("requestheader-client-ca-file", &pki("front-proxy-ca.crt")),
        ("requestheader-allowed-names", "front-proxy-client"),
        ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        ("requestheader-group-headers", "X-Remote-Group"),
        ("requestheader-username-headers", "X-Remote-User"),
        ("proxy-client-cert-file", &pki("front-proxy.crt")),
        ("proxy-client-key-file", &pki("front-proxy.key")),
        // Extension servers are reached by their pods' addresses: this process is outside of the Service network's rules.
        ("enable-aggregator-routing", "true"),
    ]);
    Component {
        name: "kube-apiserver".into(),
        node,
        program: context.toolchain.file("kube-apiserver"),
        arguments,
        files: vec![(authentication, authentication_config())],
        remedy: "look whether etcd runs (`cluster status`); `cluster down` and `cluster up` start from nothing",
    }
}

fn authentication_config() -> String {
    let health = ["/livez", "/readyz", "/healthz"].map(|path| json!({"path": path}));
    config(&json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": {"enabled": true, "conditions": health},
    }))
}
