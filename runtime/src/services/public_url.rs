//! `--public-url`: the address that is written into the pages of a shop.

use std::net::Ipv6Addr;

use anyhow::bail;
use axum::http::Uri;
use axum::http::uri::Authority;
use tracardi_crds::contract::env;

/// Checks the URL and takes slashes at its end away: http or https, a host, perhaps port and path, nothing else.
pub(crate) fn normalised(text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    let wrong = |problem: &str| {
        format!(
            "--public-url ({}): `{text}` {problem}; write the address at which browsers reach the public API, such as \
             https://collect.example.com",
            env::PUBLIC_URL
        )
    };
    // The parser of URIs drops a fragment in silence.
    if text.contains(['?', '#']) {
        bail!(wrong("has a query or a fragment"));
    }
    let Ok(uri) = text.parse::<Uri>() else { bail!(wrong("is no URL")) };
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        bail!(wrong("does not begin with http:// or https:// and a host"));
    };
    if authority.as_str().contains('@') {
        bail!(wrong("names a user"));
    }
    if !is_host(authority.host()) || !is_complete(authority) {
        bail!(wrong("has no proper host and port"));
    }
    // It is written into pages; the parser lets quotes through.
    if !uri.path().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte)) {
        bail!(wrong("is no URL"));
    }
    Ok(format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/')))
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    }
}

/// Host and port are all that there is, and the port is a number.
fn is_complete(authority: &Authority) -> bool {
    let port = authority.as_str().strip_prefix(authority.host());
    port.is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_browsers_reach() {
        for (text, expected) in [
            ("https://collect.example.com", "https://collect.example.com"),
            (" http://shop.local:8585/ ", "http://shop.local:8585"),
            ("HTTPS://a/base//", "https://a/base"),
            ("http://[::1]:80/x", "http://[::1]:80/x"),
        ] {
            assert_eq!(normalised(text).unwrap(), expected, "{text}");
        }
        for (text, problem) in [
            ("javascript:alert(1)", "does not begin with"),
            ("javascript://a/%0Aalert(1)", "does not begin with"),
            ("ftp://a", "does not begin with"),
            ("collect.example.com", "does not begin with"),
            ("/path", "does not begin with"),
            ("http://", ""),
            ("http://:80", ""),
            ("http://a:port", "has no proper host"),
            ("http://a:99999", "has no proper host"),
            ("http://a$b", ""),
            ("http://user:secret@a", "names a user"),
            ("http://a/?x=1", "has a query"),
            ("http://a/#x", "has a query"),
            ("http://a b", ""),
            ("http://a/\"><script>", "is no URL"),
            ("http://a/\"'", "is no URL"),
        ] {
            let error = normalised(text).unwrap_err().to_string();
            assert!(error.starts_with("--public-url") && error.contains(problem), "{text}: {error}");
        }
    }
}
