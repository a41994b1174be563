//! Asking a server over HTTP whether it is ready.

use std::net::SocketAddr;
use std::time::Duration;

use crate::recipe::Login;

/// The body of a `GET` that was answered with 2xx.
pub(crate) fn get(address: SocketAddr, path: &str, login: Option<&Login>) -> Option<String> {
    let url = match login {
        Some(Login { name, password }) => format!("http://{name}:{password}@{address}{path}"),
        None => format!("http://{address}{path}"),
    };
    let request = ureq::get(url).config().timeout_global(Some(Duration::from_secs(5))).build();
    request.call().ok()?.body_mut().read_to_string().ok()
}
