//! One request, one answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracardi_process::Endpoint;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

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

/// The connection to a server; requests may be made side by side. It goes where its URL says and nowhere else: a redirect is an
/// answer like any other.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// Ends with a slash: paths are joined to it.
    base: Url,
    /// As it was given, for messages.
    url: String,
    /// Bytes of an answer, at most.
    largest: usize,
    requests: AtomicU64,
    /// Breaks on purpose, in tests.
    #[cfg(test)]
    pub(crate) fuse: crate::tests::Fuse,
}

#[derive(Deserialize)]
struct Failed {
    error: Value,
}

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
/// No connection takes longer to be had: who waits for more is told of it sooner.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes for which room is made before they have come.
const ANNOUNCED: usize = 16 << 20;

/// What every request carries: who we are.
fn headers(endpoint: &Endpoint) -> Result<HeaderMap, ElasticError> {
    let wrong = |setting, reason: &str| ElasticError::Setting { setting, reason: reason.to_owned() };
    let Endpoint { username, password, token, .. } = endpoint;
    let credentials = match (username, password, token) {
        (None, None, None) => None,
        (Some(name), Some(password), None) => {
            let both = format!("{name}:{}", password.reveal());
            Some(HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(both))))
        }
        (None, None, Some(key)) => Some(HeaderValue::from_str(&format!("ApiKey {}", key.reveal()))),
        _ => return Err(wrong("username", "give username and password, or a token, or nothing of them")),
    };
    let credentials = credentials.transpose();
    let mut credentials = credentials.map_err(|_| wrong("token", "it holds characters that no API key has"))?;
    if let Some(value) = &mut credentials {
        value.set_sensitive(true);
    }
    let credentials = credentials.map(|value| (AUTHORIZATION, value));
    Ok([(ACCEPT, HeaderValue::from_static(JSON))].into_iter().chain(credentials).collect())
}

/// Whom we believe: the authorities that are given and nobody else, or the web's.
fn authorities(endpoint: &Endpoint) -> Result<Vec<Certificate>, ElasticError> {
    let given = match &endpoint.authority {
        Some(pem) => Certificate::from_pem_bundle(pem.as_bytes()),
        None => TLS_SERVER_ROOT_CERTS.iter().map(|der| Certificate::from_der(der)).collect(),
    };
    let reason = match given {
        Ok(authorities) if !authorities.is_empty() => return Ok(authorities),
        Ok(_) => "there is none in it; give certificates in PEM".to_owned(),
        Err(error) => format!("{error}; give certificates in PEM"),
    };
    Err(ElasticError::Setting { setting: "authority", reason })
}

impl Client {
    /// Looks at the settings; asks the server nothing. A request takes no longer than `timeout`, an answer has at most `largest`
    /// bytes.
    pub(crate) fn new(endpoint: &Endpoint, timeout: Duration, largest: usize) -> Result<Self, ElasticError> {
        let wrong = |setting, reason: &str| ElasticError::Setting { setting, reason: reason.to_owned() };
        let mut base = Url::parse(&endpoint.url)
            .map_err(|error| wrong("url", &format!("{error}; give it as https://host:9200")))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(wrong("url", "it is not of the form https://host:9200"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("url", "it holds credentials; give them as username and password"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // Another one may have been first; it is the same for the whole process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .default_headers(headers(endpoint)?)
            .tls_certs_only(authorities(endpoint)?)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(timeout))
            .timeout(timeout)
            .build()
            .map_err(|error| wrong("authority", &error.to_string()))?;
        Ok(Self {
            http,
            base,
            url: endpoint.url.clone(),
            largest,
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
        let url = self.base.join(path).map_err(|error| ElasticError::Setting {
            setting: "url",
            reason: format!("{error}; give it as https://host:9200"),
        })?;
        let mut request = self.http.request(method, url);
        request = match body {
            Body::Nothing => request,
            Body::Json(json) => request.header(CONTENT_TYPE, JSON).body(json),
            Body::Lines(lines) => request.header(CONTENT_TYPE, LINES).body(lines),
        };
        let failed = |error: reqwest::Error| ElasticError::unanswered(&self.url, &error);
        let mut answer = request.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        // What is announced is taken at once, unless it is a stranger's word.
        let announced = answer.content_length().and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
        let mut body = BytesMut::with_capacity(announced.min(self.largest).min(ANNOUNCED));
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > self.largest {
                return Err(ElasticError::Garbled(format!("it has more than {} bytes", self.largest)));
            }
            body.extend_from_slice(&piece);
        }
        let body = body.freeze();
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

/// Reads an answer. The error says where it is odd, and nothing of what stands there.
pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ElasticError> {
    serde_json::from_slice(body).map_err(|error| {
        ElasticError::Garbled(format!(
            "{:?} error in line {}, column {}",
            error.classify(),
            error.line(),
            error.column()
        ))
    })
}
