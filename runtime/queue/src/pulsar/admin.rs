//! Pulsar's admin API: one request, and what its failures mean for people.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Method, StatusCode};
use serde_json::Value;
use tracardi_process::Endpoint;
use url::Url;

use super::knock::one_line;
use super::tls;
use crate::QueueError;

/// Brokers send one another's clients on, to the one who owns a topic.
const REDIRECTS: usize = 5;
/// Bytes of an answer that are read.
const LARGEST: usize = 16 << 20;

/// Asks the admin API. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    client: Client,
    endpoint: Endpoint,
    url: Url,
    patience: Duration,
}

/// What was answered, where the request made sense.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    /// It was done, or here it is (null where there is nothing to tell).
    Done(Value),
    /// There is no such thing; why, as the broker says.
    Absent(String),
    /// It is there already.
    Present,
    /// Somebody else is at it at this moment.
    Busy,
    /// This token has no right to it; why, as the broker says.
    Forbidden(String),
}

impl Admin {
    /// Of a checked address. Asks nobody.
    pub(super) fn new(endpoint: &Endpoint, url: &Url, patience: Duration) -> Result<Self, QueueError> {
        // This client and the crate's take the process's provider of encryption; somebody else may have set it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificates = tls::authorities(endpoint, "admin API")?;
        let certificates = certificates.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
        let client = certificates.and_then(|certificates| {
            Client::builder()
                .tls_certs_only(certificates)
                // Followed here: the token goes along to the broker that owns the topic.
                .redirect(Policy::none())
                .no_proxy()
                .timeout(patience)
                .build()
        });
        let client = client.map_err(|error| QueueError::Refused(format!("the admin API cannot be asked: {error}")))?;
        Ok(Self { client, endpoint: endpoint.clone(), url: url.clone(), patience })
    }

    /// Asks for something below `/admin/v2/`.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, QueueError> {
        self.ask(Method::GET, path, None).await
    }

    /// Makes something below `/admin/v2/`.
    pub(super) async fn put(&self, path: &str, body: Option<Value>) -> Result<Answer, QueueError> {
        self.ask(Method::PUT, path, body).await
    }

    /// Removes something below `/admin/v2/`.
    pub(super) async fn delete(&self, path: &str) -> Result<Answer, QueueError> {
        self.ask(Method::DELETE, path, None).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Answer, QueueError> {
        let unusable = || QueueError::Refused(format!("the address {} of the admin API is unusable", self.url));
        let mut url = self.url.join(&format!("/admin/v2/{path}")).map_err(|_| unusable())?;
        for _ in 0..=REDIRECTS {
            let mut request = self.client.request(method.clone(), url.clone());
            if let Some(token) = &self.endpoint.token {
                request = request.bearer_auth(token.reveal());
            }
            if let Some(body) = &body {
                request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
            }
            let mut answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) => return Err(self.failed(&error).await),
            };
            if answer.status().is_redirection() {
                let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| url.join(to).ok()).ok_or_else(|| self.stranger(answer.status()))?;
                if url.scheme() == "https" && to.scheme() != "https" {
                    let text = format!(
                        "the admin API {} leads on to where nothing is encrypted, which is not followed: look at its address",
                        self.url
                    );
                    return Err(QueueError::Refused(text));
                }
                url = to;
                continue;
            }
            let status = answer.status();
            let mut bytes = Vec::new();
            while bytes.len() < LARGEST {
                match answer.chunk().await {
                    Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                    Ok(None) => break,
                    Err(error) => return Err(self.failed(&error).await),
                }
            }
            return self.judge(status, &bytes);
        }
        Err(QueueError::Unavailable(format!("the admin API {} leads elsewhere more than {REDIRECTS} times", self.url)))
    }

    fn judge(&self, status: StatusCode, bytes: &[u8]) -> Result<Answer, QueueError> {
        let value: Option<Value> = serde_json::from_slice(bytes).ok();
        let reason = value.as_ref().and_then(|value| value.get("reason")).and_then(Value::as_str);
        // Without a reason it may be a stranger; what he answers is not told, it may be meant for others.
        let told = reason.map_or_else(|| format!("status {}", status.as_u16()), one_line);
        let busy = || {
            let text = String::from_utf8_lossy(bytes);
            ["Busy", "active producers"].iter().any(|word| text.contains(word))
        };
        match status {
            StatusCode::NO_CONTENT => Ok(Answer::Done(Value::Null)),
            _ if status.is_success() => value.map(Answer::Done).ok_or_else(|| self.stranger(status)),
            StatusCode::CONFLICT => Ok(Answer::Present),
            StatusCode::PRECONDITION_FAILED if busy() => Ok(Answer::Busy),
            StatusCode::NOT_FOUND if reason.is_some() => Ok(Answer::Absent(told)),
            // A right that is missing has a reason; a token that is not understood does not get that far.
            StatusCode::FORBIDDEN => Ok(Answer::Forbidden(told)),
            StatusCode::UNAUTHORIZED if reason.is_some() => Ok(Answer::Forbidden(told)),
            StatusCode::UNAUTHORIZED => {
                let given = self.endpoint.token.is_some();
                let remedy = if given { "give one that it issued" } else { "it asks for one, none is set" };
                let text = format!("{} does not let us in with the admin API's token: {remedy}", self.url);
                Err(QueueError::Refused(text))
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                let text = format!("the admin API {} cannot do it now ({told}): look whether it is well", self.url);
                Err(QueueError::Unavailable(text))
            }
            _ if reason.is_some() => {
                Err(QueueError::Refused(format!("the admin API {} refuses: {status} {told}", self.url)))
            }
            _ => Err(self.stranger(status)),
        }
    }

    fn stranger(&self, status: StatusCode) -> QueueError {
        QueueError::Refused(format!(
            "{} is not Pulsar's admin API (it answers with status {}): give the broker's web port, 8080 or 8443",
            self.url,
            status.as_u16()
        ))
    }

    async fn failed(&self, error: &reqwest::Error) -> QueueError {
        let mut told = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            told = error.to_string();
            cause = error.source();
        }
        let url = &self.url;
        if let Some(told) = tls::about_certificate(error, url, "admin API") {
            return QueueError::Refused(told);
        }
        let refused = told.contains("refused") || error.is_timeout();
        if !refused && url.scheme() == "https" && (told.contains("corrupt message") || told.contains("eof")) {
            return QueueError::Refused(format!(
                "the port of {url} does not speak TLS: write http:// in the admin API's address, or give its encrypted port"
            ));
        }
        let port = url.port_or_known_default().unwrap_or(80);
        if !refused && url.scheme() == "http" && tls::is_spoken(url, port, self.patience).await {
            return QueueError::Refused(format!(
                "the port of {url} speaks TLS: write https:// in the admin API's address, or give its plain port"
            ));
        }
        let what = if error.is_timeout() {
            let seconds = self.patience.as_secs_f64();
            format!("does not answer within {seconds} s")
        } else if error.is_connect() {
            format!("cannot be reached ({told})")
        } else {
            // Which of its words the client stumbles over is a matter of chance: that is not told.
            "breaks the connection off, or does not speak HTTP".to_owned()
        };
        QueueError::Unavailable(format!("the admin API {url} {what}: look whether it runs, and at the address"))
    }
}
