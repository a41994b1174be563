//! Asking a server over HTTP whether it is ready.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::recipe::Login;

/// The body of a `GET` that was answered with 2xx; `authorization` is the header of this name.
pub(crate) fn get(address: SocketAddr, path: &str, authorization: Option<&str>) -> Option<String> {
    let mut request = ureq::get(format!("http://{address}{path}"));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let request = request.config().timeout_global(Some(Duration::from_secs(5))).build();
    request.call().ok()?.body_mut().read_to_string().ok()
}

/// The value of an `Authorization` header.
pub(crate) fn basic(login: &Login) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", login.name, login.password)))
}
