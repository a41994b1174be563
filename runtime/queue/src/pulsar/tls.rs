//! Whom we believe, and what a failed handshake says.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tracardi_process::Endpoint;
use url::Url;

use crate::QueueError;

/// The certificates of the authorities that this endpoint's server is judged by.
pub(super) fn authorities(endpoint: &Endpoint, what: &str) -> Result<Vec<CertificateDer<'static>>, QueueError> {
    let Some(pem) = &endpoint.authority else { return Ok(webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec()) };
    match CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(QueueError::Refused(format!("the authority for Pulsar's {what} holds no certificate in PEM form"))),
    }
}

/// Encrypts a connection.
pub(super) async fn encrypt(
    stream: TcpStream,
    url: &Url,
    authorities: Vec<CertificateDer<'static>>,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities);
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// What is wrong with the certificate that a handshake failed by; none when it failed by something else. `whose`: as settings call the
/// server. There is no time in it: what does not change is said once.
pub(super) fn about_certificate(error: &(dyn Error + 'static), url: &Url, whose: &str) -> Option<String> {
    Some(match wrong_certificate(error)? {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the {whose} {url} has a certificate that has expired: renew it on the server")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the {whose} {url} has a certificate that is not valid yet: look at the clocks, there and here")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "the {whose} {url} has a certificate for another name: write the name that it has in the {whose}'s address"
        ),
        // The second: its authority was made anew under the name that it had.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("the certificate of {url} is not believed: give the {whose}'s authority (PEM) that issued it")
        }
        other => format!(
            "the certificate of {url} is not believed ({}): give the {whose}'s authority (PEM) that issued it",
            rustls::Error::InvalidCertificate(other.clone())
        ),
    })
}

fn wrong_certificate<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CertificateError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(wrong)) = error.downcast_ref() {
            return Some(wrong);
        }
        // An io::Error that is made of another error passes that over in `source`.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match within {
            Some(within) => Some(within),
            None => error.source(),
        };
    }
    None
}

/// Whether somebody at this address answers to a handshake, whatever the certificate.
pub(super) async fn is_spoken(url: &Url, port: u16, patience: Duration) -> bool {
    let asked = async {
        let stream = TcpStream::connect((url.host_str().unwrap_or_default().trim_matches(['[', ']']), port)).await?;
        encrypt(stream, url, Vec::new()).await
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok(_)) => true,
        // Nobody is believed here: whoever has a certificate fails by it.
        Ok(Err(error)) => wrong_certificate(&error).is_some(),
        Err(_) => false,
    }
}
