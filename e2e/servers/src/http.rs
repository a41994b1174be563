//! Asking a server over HTTP whether it is ready, and for the little that is to be made before it is used.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::recipe::Login;

/// The body of a `GET` that was answered with 2xx. `authorization` is the header of this name; `authority` is the PEM text that
/// an encrypted server is verified with.
pub(crate) fn get(
    address: SocketAddr,
    path: &str,
    authorization: Option<&str>,
    authority: Option<&str>,
) -> Option<String> {
    let mut tls = TlsConfig::builder();
    if let Some(pem) = authority {
        tls = tls.root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(pem.as_bytes()).ok()?]));
    }
    let scheme = if authority.is_some() { "https" } else { "http" };
    let mut request = ureq::get(format!("{scheme}://{address}{path}"));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request.config().tls_config(tls.build()).timeout_global(Some(Duration::from_secs(5))).build();
    request.call().ok()?.body_mut().read_to_string().ok()
}

/// The value of an `Authorization` header.
pub(crate) fn basic(login: &Login) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", login.name, login.password)))
}

/// The status with which a `PUT` of JSON was answered.
pub(crate) fn put(address: SocketAddr, path: &str, authorization: &str, body: &str) -> Option<u16> {
    let request = ureq::put(format!("http://{address}{path}"))
        .header("authorization", authorization)
        .header("content-type", "application/json");
    let request = request.config().http_status_as_error(false).timeout_global(Some(Duration::from_secs(15))).build();
    request.send(body).ok().map(|answer| answer.status().as_u16())
}
