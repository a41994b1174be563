//! Requests with all their headers, and answers with all of theirs.

#![allow(dead_code, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// How long an answer may take. Far longer than it does: a busy machine is no failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request under construction.
pub(crate) struct Call(Request<Body>);

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A request to a URL.
pub(crate) fn call(method: &str, url: impl AsRef<str>) -> Call {
    let method: Method = method.parse().unwrap();
    Call(Request::builder().method(method).uri(url.as_ref()).body(Body::empty()).unwrap())
}

/// The token of the tests' administrator, from the private API below this URL.
pub(crate) async fn admin_token(api: &str) -> String {
    let login = call("POST", format!("{api}/user/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("username=admin%40example.com&password=correct-horse-battery-7")
        .send()
        .await;
    assert_eq!(login.status, 200, "{}", login.text);
    login.json()["access_token"].as_str().unwrap().to_owned()
}

/// The tests' administrator at the private API of a server. What a test needs besides it adds itself.
pub(crate) struct Api {
    pub(crate) public: String,
    pub(crate) private: String,
    pub(crate) token: String,
}

impl Api {
    /// Logs in; by the URLs of the two APIs.
    pub(crate) async fn open(public: String, private: String) -> Self {
        let token = admin_token(&private).await;
        Self { public, private, token }
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let request = call(method, format!("{}{path}", self.private)).bearer(&self.token);
        match body {
            Some(body) => request.json(body).send().await,
            None => request.send().await,
        }
    }

    /// `POST`; the answer must be 200.
    pub(crate) async fn save(&self, path: &str, body: &Value) -> Value {
        let reply = self.send("POST", path, Some(body)).await;
        assert_eq!(reply.status, 200, "{path} {body}: {}", reply.text);
        reply.json()
    }
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers_mut().append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.headers_mut().remove(name);
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        *self.0.body_mut() = body.into();
        self
    }

    pub(crate) async fn send(self) -> Reply {
        self.try_send().await.unwrap()
    }

    /// The answer, or why there is none.
    pub(crate) async fn try_send(self) -> Result<Reply, String> {
        let url = self.0.uri().to_string();
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        let answer = tokio::time::timeout(PATIENCE, client.request(self.0)).await;
        let answer = answer.map_err(|_| format!("{url}: no answer within {PATIENCE:?}"))?;
        let answer = answer.map_err(|error| {
            let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            causes.fold(format!("{url}: {error}"), |text, cause| format!("{text}: {cause}"))
        })?;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.map_err(|error| format!("{url}: {error}"))?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Reply { status: parts.status, headers: parts.headers, text })
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status and body, with everything that differs from run to run replaced by what it is.
    pub(crate) fn shape(&self) -> Value {
        let body = serde_json::from_str(&self.text).map_or_else(|_| Value::String(self.text.clone()), redacted);
        serde_json::json!({"status": self.status.as_u16(), "body": body})
    }
}

/// Times, ids and tokens replaced by their kind.
pub(crate) fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(kind(&text).map_or(text, str::to_owned)),
        Value::Array(items) => items.into_iter().map(redacted).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| {
                // Seconds of the clock, weekday and the like.
                let passing =
                    ["timestamp", "weekday", "duration", "total_time", "process_time"].contains(&key.as_str());
                let value = if key == "runtime" {
                    Value::String("[version]".to_owned())
                } else if key == "host" {
                    Value::String("[host]".to_owned())
                } else if passing && value.is_number() {
                    Value::String("[number]".to_owned())
                } else {
                    redacted(value)
                };
                (key, value)
            })
            .collect(),
        other => other,
    }
}

fn kind(text: &str) -> Option<&'static str> {
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    if parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part)) {
        return Some("[uuid]");
    }
    if text.len() == 40 && is_hex(text) {
        return Some("[token]");
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = text.get(..4).is_some_and(digits)
        && text.get(4..5) == Some("-")
        && text.get(10..11).is_some_and(|c| c == "T" || c == " ");
    date.then_some("[time]")
}
