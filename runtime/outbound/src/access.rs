//! Where a broker is and how to get in: read from the credentials of a resource. Pure.

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Host;

use crate::guard::Guard;
use crate::settings::{Secret, filled, number, timeout};

/// What is peculiar to a kind of broker.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The field of the credentials that holds the address, or several, separated by commas.
    pub(crate) field: &'static str,
    /// Schemes of addresses, and the port when none is named.
    pub(crate) plain: (&'static str, u16),
    /// The same for TLS.
    pub(crate) tls: (&'static str, u16),
}

/// Something to dial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Security {
    /// Not at all.
    Plain,
    /// The broker shows a certificate for its name, by one of these authorities (PEM), or by one that the web knows.
    Tls { authorities: Option<String> },
}

/// Where a broker is and how to get in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Access {
    /// At least one; they are tried in this order.
    pub(crate) places: Vec<Place>,
    pub(crate) security: Security,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    /// What follows the address, decoded: a virtual host, the number of a database.
    pub(crate) path: Option<String>,
    /// How long an attempt may take.
    pub(crate) timeout: Duration,
}

impl Access {
    /// `credentials`: the address in the dialect's field; `port`, `username` or `user`, and `password` beside it count where
    /// the address says nothing; `ca`: certificates of authorities (PEM) instead of those of the web. TLS is spoken
    /// when the scheme, `protocol` or `security_protocol` says so, or authorities are given. `init`: `timeout` in seconds.
    pub(crate) fn read(dialect: &Dialect, credentials: &Value, init: &Value) -> Result<Self, String> {
        let Dialect { field, plain, tls } = dialect;
        let list = filled(credentials, field).ok_or_else(|| format!("the resource's credentials have no `{field}`"))?;
        // A list has one scheme, in front of all.
        let (scheme, list) = list.split_once("://").map_or((None, &*list), |(scheme, rest)| (Some(scheme), rest));
        let authorities = filled(credentials, "ca");
        let protocol = filled(credentials, "protocol").or_else(|| filled(credentials, "security_protocol"));
        let is_tls = match scheme.map(str::to_ascii_lowercase) {
            None => authorities.is_some() || protocol.is_some_and(|name| is_encrypted(&name, tls.0)),
            Some(scheme) if scheme == plain.0 => authorities.is_some(),
            Some(scheme) if scheme == tls.0 => true,
            Some(_) => {
                return Err(format!(
                    "`{field}` of the resource begins with {}:// or {}://, if with any",
                    plain.0, tls.0
                ));
            }
        };
        let port = number(credentials, "port")?.unwrap_or(if is_tls { tls.1 } else { plain.1 });
        let parts = Parts::of(list).map_err(|error| format!("`{field}` of the resource: {error}"))?;
        let place = |text| place(text, port).map_err(|error| format!("`{field}` of the resource: {error}"));
        Ok(Self {
            places: parts
                .hosts
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(place)
                .collect::<Result<Vec<_>, _>>()?,
            security: if is_tls { Security::Tls { authorities } } else { Security::Plain },
            user: parts.user.or_else(|| filled(credentials, "username")).or_else(|| filled(credentials, "user")),
            password: parts.password.or_else(|| filled(credentials, "password")).map(Secret),
            path: parts.path,
            timeout: timeout(init)?,
        })
    }

    /// User and password, as far as they are known.
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        let user = self.user.as_deref()?;
        Some((user, self.password.as_ref().map_or("", |password| &password.0)))
    }

    /// Refuses addresses that must not be dialled, as far as that is seen without asking for names.
    pub(crate) fn check(&self, guard: &Guard) -> Result<(), String> {
        self.places.iter().try_for_each(|place| guard.host(&place.host))
    }
}

fn is_encrypted(protocol: &str, scheme: &str) -> bool {
    protocol.eq_ignore_ascii_case(scheme) || protocol.to_ascii_uppercase().ends_with("SSL")
}

/// `user:password@hosts/path`, without its scheme.
struct Parts<'a> {
    user: Option<String>,
    password: Option<String>,
    hosts: &'a str,
    path: Option<String>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, String> {
        let (before, hosts) = text.rsplit_once('@').map_or((None, text), |(login, hosts)| (Some(login), hosts));
        let (hosts, path) = hosts.split_once('/').map_or((hosts, None), |(hosts, path)| (hosts, Some(path)));
        let (user, password) = before.map_or((None, None), |login| {
            login.split_once(':').map_or((Some(login), None), |(user, password)| (Some(user), Some(password)))
        });
        let decoded = |text: Option<&str>| match text.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => match percent_decode_str(text).decode_utf8() {
                Ok(text) => Ok(Some(text.into_owned())),
                Err(_) => Err("what is written with % is no text".to_owned()),
            },
        };
        if hosts.trim().trim_matches(',').is_empty() {
            return Err("it names no host".to_owned());
        }
        Ok(Self { user: decoded(user)?, password: decoded(password)?, hosts, path: decoded(path)? })
    }
}

/// `host` or `host:port`; an IPv6 address stands in brackets.
pub(crate) fn place(text: &str, port: u16) -> Result<Place, String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, number)) if !number.ends_with(']') => {
            (host, number.parse().map_err(|_| format!("{text:?} does not end in a port"))?)
        }
        _ => (text, port),
    };
    let host = Host::parse(host).map_err(|error| format!("{text:?} names no host: {error}"))?;
    Ok(Place { host, port })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DIALECT: Dialect = Dialect { field: "url", plain: ("x", 10), tls: ("xs", 11) };

    fn read(credentials: &Value) -> Result<Access, String> {
        Access::read(&DIALECT, credentials, &json!({}))
    }

    fn places(access: &Access) -> String {
        access.places.iter().map(Place::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("broker", "broker:10"),
            (" broker:99 ", "broker:99"),
            ("x://broker", "broker:10"),
            ("XS://broker", "broker:11"),
            ("[::1]", "[::1]:10"),
            ("[::1]:7", "[::1]:7"),
            ("0x7f.1", "127.0.0.1:10"),
            ("a:1, b ,c:3", "a:1 b:10 c:3"),
            ("x://u:p@a:1,b/path", "a:1 b:10"),
        ] {
            assert_eq!(places(&read(&json!({"url": url})).unwrap()), expected, "{url}");
        }
        for wrong in ["", "<url>", "http://a", "a:b", "a:70000", "::1", "x://", "u@", "a b", "x://u:%ff@a"] {
            let refused = read(&json!({"url": wrong})).unwrap_err();
            assert!(refused.contains("url"), "{refused}");
        }
        assert_eq!(places(&read(&json!({"url": "a", "port": "12"})).unwrap()), "a:12");
        assert!(read(&json!({"url": "a", "port": "soon"})).unwrap_err().contains("port"));
    }

    #[test]
    fn who_gets_in_and_how() {
        let inside = read(&json!({"url": "xs://u%40v:geheim%2f@a/v%2fh"})).unwrap();
        assert_eq!((inside.login(), inside.path.as_deref()), (Some(("u@v", "geheim/")), Some("v/h")));
        assert_eq!(inside.security, Security::Tls { authorities: None });
        assert!(!format!("{inside:?}").contains("geheim"));
        let beside = read(&json!({"url": "a", "username": "u", "password": "geheim"})).unwrap();
        assert_eq!((beside.login(), &beside.security), (Some(("u", "geheim")), &Security::Plain));
        for (credentials, is_tls) in [
            (json!({"url": "a", "protocol": "xs"}), true),
            (json!({"url": "a", "protocol": "x"}), false),
            (json!({"url": "a", "security_protocol": "SASL_SSL"}), true),
            (json!({"url": "a", "security_protocol": "SASL_PLAINTEXT"}), false),
            (json!({"url": "a", "ca": "PEM"}), true),
            (json!({"url": "x://a", "ca": "PEM"}), true),
        ] {
            assert_eq!(read(&credentials).unwrap().security != Security::Plain, is_tls, "{credentials}");
        }
    }

    #[test]
    fn what_must_not_be_dialled() {
        for (url, is_open) in [("a.example", true), ("1.1.1.1", true), ("a,127.0.0.1", false), ("localhost", false)] {
            let checked = read(&json!({"url": url})).unwrap().check(&Guard::default());
            assert_eq!(checked.is_ok(), is_open, "{url}");
        }
    }
}
