//! What can go wrong between us and the server, each as one line that says what to do.

use std::error::Error;
use std::io;

use rustls::CertificateError;
use serde::Deserialize;
use tracardi_store::StoreError;

/// A failed request, or a server that is not the one we need.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ElasticError {
    /// A setting cannot be used.
    #[error("the setting {setting} of the search server cannot be used: {reason}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What is wrong, and how it should be.
        reason: String,
    },
    /// Nobody answers.
    #[error("the search server at {url} cannot be reached: {reason}; check its URL and whether it runs")]
    Unreachable {
        /// Where.
        url: String,
        /// What the client said.
        reason: String,
        /// Whether somebody took the connection, and then did not answer.
        connected: bool,
    },
    /// Whoever answers does not prove to be the server.
    #[error("the certificate of the search server at {url} is not accepted: {reason}")]
    Certificate {
        /// Where.
        url: String,
        /// Why, and the remedy.
        reason: String,
    },
    /// 401.
    #[error(
        "the search server at {url} does not accept the credentials; check username and password, or the API key (token)"
    )]
    Credentials {
        /// Where.
        url: String,
    },
    /// 403.
    #[error(
        "the user of the search server at {url} lacks a privilege: {reason}; grant it (docs: manage and write on the indices, cluster monitor and manage_index_templates)"
    )]
    Privilege {
        /// Where.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// Something else listens there.
    #[error("{url} is no Elasticsearch or OpenSearch: {reason}; check host and port of the URL")]
    Foreign {
        /// Where.
        url: String,
        /// What it is.
        reason: String,
    },
    /// It is too old.
    #[error("the search server at {url} is {found}; at least {least} is needed: upgrade it")]
    TooOld {
        /// Where.
        url: String,
        /// Product and version.
        found: String,
        /// What is needed.
        least: &'static str,
    },
    /// Some of its data are out of reach.
    #[error(
        "the search server at {url} has lost sight of a part of its data (cluster health is red): `GET _cluster/allocation/explain` says what is missing and why; bring its nodes back, or restore it"
    )]
    Red {
        /// Where.
        url: String,
    },
    /// A newer program has made the indices.
    #[error("the indices have schema {found}, this program knows up to {known}; start the newer version of tracardi")]
    NewerSchema {
        /// In the templates.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The server takes no writes.
    #[error("the search server at {url} takes no writes: {reason}; {remedy}")]
    Blocked {
        /// Where.
        url: String,
        /// What it said.
        reason: String,
        /// What to do about that.
        remedy: &'static str,
    },
    /// 429, 502, 503, 504: it has too much to do, or is not ready.
    #[error(
        "the search server at {url} has too much to do ({status}): {reason}; look at its load and its log, it is asked again"
    )]
    Busy {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// Any other refusal.
    #[error("the search server at {url} refuses a request ({status} {kind}): {reason}; look at its log")]
    Refused {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// Type of the error.
        kind: String,
        /// What it said.
        reason: String,
    },
    /// An answer that makes no sense.
    #[error("the search server gives an answer that cannot be read: {0}")]
    Garbled(String),
}

impl From<ElasticError> for StoreError {
    fn from(error: ElasticError) -> Self {
        match error {
            ElasticError::NewerSchema { found, known } => Self::NewerSchema { found, known },
            ElasticError::Refused { status, .. } if status < 500 && status != 404 => {
                Self::Corrupt { what: "request".to_owned(), reason: error.to_string() }
            }
            // All of them pass when somebody mends what they name.
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// How an error looks in an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Said {
    /// Such as `version_conflict_engine_exception`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// A sentence.
    pub(crate) reason: Option<String>,
    /// What it comes from.
    pub(crate) caused_by: Option<Box<Said>>,
}

impl Said {
    /// The sentence and what it comes from; one line of bounded length.
    pub(crate) fn line(&self) -> String {
        let own = self.reason.as_deref().unwrap_or(&self.kind);
        let line = match &self.caused_by {
            Some(cause) => format!("{own} ({})", cause.line()),
            None => own.to_owned(),
        };
        one_line(&line)
    }
}

/// At most 300 characters of a text, without line breaks.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect()
}

impl ElasticError {
    /// What a status and its body mean, of a request or of one item of it.
    pub(crate) fn answered(url: &str, status: u16, said: &Said) -> Self {
        let (url, reason) = (url.to_owned(), said.line());
        match status {
            401 => Self::Credentials { url },
            403 | 429 if said.kind == "cluster_block_exception" => {
                // Which of the indices comes first is different each time.
                let reason = reason.split_once("blocked by: ").map_or(&*reason, |(_, block)| block).to_owned();
                Self::Blocked { url, remedy: unblocked(&reason), reason }
            }
            403 => Self::Privilege { url, reason },
            408 | 429 | 502..=504 => Self::Busy { url, status, reason },
            _ => Self::Refused { url, status, kind: said.kind.clone(), reason },
        }
    }

    /// Why there is no answer at all.
    pub(crate) fn unanswered(url: &str, error: &(dyn Error + 'static)) -> Self {
        let url = url.to_owned();
        let of_client = error.downcast_ref::<reqwest::Error>();
        let connected = of_client.is_some_and(|error| !error.is_connect() && !error.is_timeout());
        let (mut reason, mut next) = (error.to_string(), Some(error));
        while let Some(error) = next {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::Certificate { url, reason: certificate(tls) };
            }
            reason = error.to_string();
            // An `io::Error` hides what it was made of from `source`.
            next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        Self::Unreachable { url, reason: one_line(&reason), connected }
    }
}

/// The remedy for a block, by what is said of it: those of full disks have the numbers 12 and 13.
fn unblocked(reason: &str) -> &'static str {
    if reason.contains("/12/") || reason.contains("/13/") {
        "make space on its disks (and set index.blocks.read_only_allow_delete of the indices to null unless it does so by itself)"
    } else {
        "take the block off (index.blocks.* in `PUT INDEX/_settings`, cluster.blocks.* in `PUT _cluster/settings`, set to null)"
    }
}

fn certificate(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "it has expired; give the server a new one".to_owned()
        }
        // The second: its authority was made anew under the name that it had.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "its authority is not known here; give the authority's certificate (PEM) as `authority`".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "it is for another name; use the name of the certificate in the URL".to_owned(),
        rustls::Error::InvalidMessage(_) => "it does not speak TLS; check whether the URL should be http://".to_owned(),
        other => one_line(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_told_with_its_remedy() {
        let said =
            |kind: &str, reason: &str| Said { kind: kind.to_owned(), reason: Some(reason.to_owned()), caused_by: None };
        let (why, full) = ("why\nand how", "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded]");
        let table = [
            (401, "", why, "username and password"),
            (403, "security_exception", why, "grant it"),
            (403, "cluster_block_exception", "FORBIDDEN/5/index read-only (api)", "take the block off"),
            (429, "cluster_block_exception", full, "make space"),
            (429, "es_rejected_execution_exception", why, "too much to do"),
            (503, "", why, "too much to do"),
            (400, "mapper_parsing_exception", why, "400 mapper_parsing_exception"),
        ];
        for (status, kind, reason, expected) in table {
            let error = ElasticError::answered("https://search:9200", status, &said(kind, reason)).to_string();
            assert!(error.contains(expected) && error.contains("search:9200") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn each_fault_of_a_certificate_has_its_remedy() {
        let table = [
            (CertificateError::Expired, "give the server a new one"),
            (CertificateError::UnknownIssuer, "as `authority`"),
            (CertificateError::BadSignature, "as `authority`"),
            (CertificateError::NotValidForName, "the name of the certificate"),
        ];
        for (error, expected) in table {
            let inner = io::Error::other(rustls::Error::InvalidCertificate(error));
            let error = ElasticError::unanswered("https://search:9200", &inner).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
