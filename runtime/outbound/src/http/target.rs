//! Where to and how: read from the credentials of a resource and the settings (`init`) of a destination. Pure.

use std::fmt;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING, UPGRADE,
};
use serde_json::{Map, Value};
use url::Url;

use crate::settings::{filled, flag, text, timeout};

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
/// Headers that belong to the connection.
const OURS: [HeaderName; 5] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE];

/// An address with everything that is said to it. Shows no secret when printed.
#[derive(Clone)]
pub struct Target {
    pub(super) url: Url,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) content_type: HeaderValue,
    pub(super) cookies: Option<HeaderValue>,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) timeout: Duration,
    pub(super) ssl_check: bool,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Target {
    /// `credentials`: `{"url", "username"?, "password"?}`; `init`: `{"timeout": 30, "method": "get", "headers": {},
    /// "cookies": {}, "ssl_check": true}`, each with that default. The error names the field.
    pub fn read(credentials: &Value, init: &Value) -> Result<Self, String> {
        let url = filled(credentials, "url").ok_or("the resource's credentials have no `url`")?;
        let url = Url::parse(&url).map_err(|error| format!("`url` of the resource is no URL: {error}"))?;
        let mut headers = headers(init.get("headers"))?;
        let content_type = headers.remove(CONTENT_TYPE).unwrap_or(HeaderValue::from_static("application/json"));
        let given = |key: &str| text(credentials.get(key)).filter(|text| !text.is_empty());
        let authorization = match (given("username"), given("password")) {
            (Some(user), Some(password)) => Some(basic(&user, &password)?),
            _ => headers.remove(AUTHORIZATION),
        };
        Ok(Self {
            url,
            method: method(init.get("method"))?,
            headers,
            content_type,
            cookies: cookies(init.get("cookies"))?,
            authorization,
            timeout: timeout(init)?,
            ssl_check: flag(init, "ssl_check")?,
        })
    }

    /// Where to.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn is_json(&self) -> bool {
        let kind = self.content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    }
}

fn method(value: Option<&Value>) -> Result<Method, String> {
    let Some(name) = text(value).filter(|name| !name.trim().is_empty()) else { return Ok(Method::GET) };
    let method = METHODS.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(name.trim()));
    method.ok_or_else(|| format!("`method` {name:?}: expected get, post, put, patch or delete"))
}

/// The fields of an object; none when it is absent.
fn fields<'a>(value: Option<&'a Value>, name: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => Ok(Some(fields)),
        Some(_) => Err(format!("`{name}` must be an object of names and values")),
    }
}

fn headers(value: Option<&Value>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields(value, "headers")?.into_iter().flatten() {
        let key: HeaderName = name.trim().parse().map_err(|_| format!("`headers`: {name:?} is no name of a header"))?;
        if OURS.contains(&key) {
            return Err(format!("`headers`: {name} is set by the connection itself; leave it out"));
        }
        let value = text(Some(value)).and_then(|text| secret(&text));
        headers.insert(key, value.ok_or_else(|| format!("`headers`: the value of {name} fits into no header"))?);
    }
    Ok(headers)
}

fn cookies(value: Option<&Value>) -> Result<Option<HeaderValue>, String> {
    let mut pairs = Vec::new();
    for (name, value) in fields(value, "cookies")?.into_iter().flatten() {
        let value = text(Some(value)).ok_or_else(|| format!("`cookies`: the value of {name} must be a text"))?;
        if name.contains(['=', ';', ' ']) || value.contains(';') {
            return Err(format!("`cookies`: {name:?} or its value has a character that no cookie may have"));
        }
        pairs.push(format!("{name}={value}"));
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    secret(&pairs.join("; ")).map(Some).ok_or_else(|| format!("`{COOKIE}s` fit into no header"))
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, String> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    secret(&format!("Basic {encoded}")).ok_or_else(|| "`username` and `password` fit into no header".to_owned())
}

/// A header that is not printed.
fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text.trim()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults() {
        let target = Target::read(&json!({"url": "https://a.example"}), &json!({})).unwrap();
        assert_eq!((target.method.as_str(), target.timeout, target.ssl_check), ("GET", Duration::from_secs(30), true));
        assert!(target.is_json() && target.headers.is_empty());
        assert_eq!((target.cookies, target.authorization), (None, None));
    }

    #[test]
    fn everything_given_and_nothing_shown() {
        let credentials = json!({"url": "https://a.example/?token=geheim", "username": "u", "password": "geheim"});
        let init = json!({"timeout": "5", "method": "pOsT", "ssl_check": false, "cookies": {"a": "geheim", "b": 1},
            "headers": {"X-Key": "geheim", "content-type": "Application/JSON; charset=utf-8", "Authorization": "geheim"}});
        let target = Target::read(&credentials, &init).unwrap();
        assert_eq!((target.method.as_str(), target.timeout, target.ssl_check), ("POST", Duration::from_secs(5), false));
        assert!(target.is_json());
        assert_eq!(target.cookies.as_ref().unwrap(), "a=geheim; b=1");
        assert_eq!(target.authorization.as_ref().unwrap(), "Basic dTpnZWhlaW0=");
        assert_eq!(target.headers["x-key"], "geheim");
        assert!(!format!("{target:?} {:?}", target.headers).contains("geheim"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = json!({"url": "https://a.example"});
        for (credentials, init, named) in [
            (json!({}), json!({}), "url"),
            (json!({"url": "a.example"}), json!({}), "url"),
            (good.clone(), json!({"method": "brew"}), "method"),
            (good.clone(), json!({"timeout": "soon"}), "timeout"),
            (good.clone(), json!({"timeout": 0}), "timeout"),
            (good.clone(), json!({"timeout": 1e9}), "timeout"),
            (good.clone(), json!({"timeout": "NaN"}), "timeout"),
            (good.clone(), json!({"headers": []}), "headers"),
            (good.clone(), json!({"headers": {"a b": "c"}}), "headers"),
            (good.clone(), json!({"headers": {"a": "c\r\nd: e"}}), "headers"),
            (good.clone(), json!({"headers": {"Host": "internal"}}), "headers"),
            (good.clone(), json!({"cookies": {"a": "b; c=d"}}), "cookies"),
            (good.clone(), json!({"ssl_check": "perhaps"}), "ssl_check"),
        ] {
            let refused = Target::read(&credentials, &init).unwrap_err();
            assert!(refused.contains(named), "{init}: {refused}");
        }
    }
}
