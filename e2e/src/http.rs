//! A small HTTP client: JSON in, JSON out, errors that say what was asked and answered.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::Json;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A client for one base URL; cheap to clone, keeps its connections.
#[derive(Clone)]
pub struct Http {
    base: String,
    token: Option<String>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// What was asked, as in `POST /track`.
    pub asked: String,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Http {
    /// A client for `base`, for example `http://127.0.0.1:8686`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { base: base.trim_end_matches('/').to_owned(), token: None, client }
    }

    /// The same client with a bearer token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None, Bytes::new()).await
    }

    /// `DELETE path`.
    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, None, Bytes::new()).await
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Json) -> Result<Answer> {
        self.send(Method::POST, path, Some("application/json"), body.to_string().into()).await
    }

    /// `POST path` with a form; names and values are percent-encoded.
    pub async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let pairs: Vec<_> = form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        self.send(Method::POST, path, Some("application/x-www-form-urlencoded"), pairs.join("&").into()).await
    }

    /// Sends a request and reads the whole answer. Errors are failures to get any answer.
    pub async fn send(&self, method: Method, path: &str, content: Option<&str>, body: Bytes) -> Result<Answer> {
        let asked = format!("{method} {path}");
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(content) = content {
            request = request.header(header::CONTENT_TYPE, content);
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(body)).with_context(|| format!("{asked} is no request"))?;
        let answered = async {
            let response = self.client.request(request).await?;
            let (head, body) = response.into_parts();
            anyhow::Ok((head, body.collect().await?.to_bytes()))
        };
        let (head, body) = tokio::time::timeout(PATIENCE, answered)
            .await
            .with_context(|| format!("{asked}: no answer within {} s", PATIENCE.as_secs()))?
            .with_context(|| format!("{asked}: no answer"))?;
        Ok(Answer { asked, status: head.status.as_u16(), headers: head.headers, body })
    }
}

impl Answer {
    /// The body as JSON, whatever the status.
    pub fn json(&self) -> Result<Json> {
        serde_json::from_slice(&self.body).with_context(|| format!("{}: no JSON: {}", self.asked, self.text()))
    }

    /// The body as text, shortened to what fits into a message.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(600).collect()
    }

    /// The body as JSON when the status is 200.
    pub fn ok(&self) -> Result<Json> {
        self.status(200)?.json()
    }

    /// Itself when the status is as expected.
    pub fn status(&self, expected: u16) -> Result<&Self> {
        if self.status != expected {
            bail!("{} answered {} instead of {expected}: {}", self.asked, self.status, self.text());
        }
        Ok(self)
    }
}

/// Percent-encodes everything but unreserved characters.
fn encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_survive_passwords_with_signs() {
        assert_eq!(encode("a+b&c=d %é"), "a%2Bb%26c%3Dd%20%25%C3%A9");
    }
}
