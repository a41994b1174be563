//! One request, one answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracardi_process::Endpoint;

use crate::error::{ElasticError, Said};

/// What a request carries.
#[derive(Debug)]
pub(crate) enum Body {
    Nothing,
    Json(Bytes),
    /// Lines of JSON, each with its end.
    Lines(Bytes),
}

impl From<&Value> for Body {
    fn from(value: &Value) -> Self {
        Self::Json(value.to_string().into())
    }
}

/// The connection to a server; requests may be made side by side.
#[derive(Debug)]
pub(crate) struct Client {
    transport: Transport,
    url: String,
    timeout: Duration,
    requests: AtomicU64,
    /// Breaks on purpose, in tests.
    #[cfg(test)]
    pub(crate) fuse: crate::tests::Fuse,
}

#[derive(Deserialize)]
struct Failed {
    error: Value,
}

impl Client {
    /// Looks at the settings; asks the server nothing.
    pub(crate) fn new(endpoint: &Endpoint, timeout: Duration) -> Result<Self, ElasticError> {
        let wrong = |setting, reason: &str| ElasticError::Setting { setting, reason: reason.to_owned() };
        let url = Url::parse(&endpoint.url)
            .map_err(|error| wrong("url", &format!("{error}; give it as https://host:9200")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("url", "it is not of the form https://host:9200"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("url", "it holds credentials; give them as username and password"));
        }
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url))
            .disable_proxy()
            .enable_meta_header(false)
            .timeout(timeout);
        let Endpoint { username, password, token, authority, .. } = endpoint;
        let credentials = match (username, password, token) {
            (None, None, None) => None,
            (Some(name), Some(password), None) => Some(Credentials::Basic(name.clone(), password.reveal().to_owned())),
            (None, None, Some(key)) => {
                let key = key.reveal();
                if HeaderValue::from_str(key).is_err() {
                    return Err(wrong("token", "it holds characters that no API key has"));
                }
                Some(Credentials::EncodedApiKey(key.to_owned()))
            }
            _ => return Err(wrong("username", "give username and password, or a token, or nothing of them")),
        };
        if let Some(credentials) = credentials {
            builder = builder.auth(credentials);
        }
        if let Some(pem) = authority {
            let authority = Certificate::from_pem(pem.as_bytes())
                .map_err(|error| wrong("authority", &format!("{error}; give certificates in PEM")))?;
            builder = builder.cert_validation(CertificateValidation::Full(authority));
        }
        let transport = builder.build().map_err(|error| wrong("authority", &error.to_string()))?;
        Ok(Self {
            transport,
            url: endpoint.url.clone(),
            timeout,
            requests: AtomicU64::new(0),
            #[cfg(test)]
            fuse: crate::tests::Fuse::default(),
        })
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How many requests were made.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Makes a request; gives status and body, whatever the status.
    pub(crate) async fn answer(&self, method: Method, path: &str, body: Body) -> Result<(u16, Bytes), ElasticError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        #[cfg(test)]
        self.fuse.before(&self.url).await?;
        let mut headers = HeaderMap::new();
        let body = match body {
            Body::Nothing => None,
            Body::Json(json) => Some(json),
            Body::Lines(lines) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
                Some(lines)
            }
        };
        let failed = |error: elasticsearch::Error| ElasticError::unanswered(&self.url, &error);
        let sent = self.transport.send(method, path, headers, None::<&()>, body, Some(self.timeout));
        let answer = sent.await.map_err(failed)?;
        let status = answer.status_code().as_u16();
        let body = answer.bytes().await.map_err(failed)?;
        #[cfg(test)]
        self.fuse.after(&self.url)?;
        Ok((status, body))
    }

    /// Makes a request that should succeed; gives the body.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Body) -> Result<Bytes, ElasticError> {
        let (status, body) = self.answer(method, path, body).await?;
        if (200..300).contains(&status) { Ok(body) } else { Err(self.refusal(status, &body)) }
    }

    /// Makes a request that should succeed, and reads the answer.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, ElasticError> {
        read(&self.send(method, path, body).await?)
    }

    /// What an answer says that is no success.
    pub(crate) fn refusal(&self, status: u16, body: &[u8]) -> ElasticError {
        let said = serde_json::from_slice::<Failed>(body).map(|failed| match failed.error {
            Value::String(reason) => Said { reason: Some(reason), ..Said::default() },
            error => serde_json::from_value(error).unwrap_or_default(),
        });
        let said = said.unwrap_or_else(|_| Said {
            reason: Some(crate::error::one_line(&String::from_utf8_lossy(body))),
            ..Said::default()
        });
        ElasticError::answered(&self.url, status, &said)
    }
}

/// Reads an answer.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ElasticError> {
    serde_json::from_slice(body).map_err(|error| ElasticError::Garbled(error.to_string()))
}
