//! Dials brokers: every address that is dialled, be it configured or announced by a broker, was judged by the [`Guard`]
//! first, and it is the address that was judged that is dialled.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Host;

use crate::access::{Place, Security};
use crate::guard::Guard;
use crate::resolve::{Forbidden, Resolver};
use crate::sent::Sent;

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(10);
/// A broker's answer has at most so many bytes.
const ANSWER_BYTES: usize = 1 << 20;
/// What a broker says is told up to here, in characters.
const TOLD: usize = 500;

/// Why a message was not handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection does not work (any more).
    Broken(String),
    /// The broker cannot take it at the moment.
    Later(String),
    /// The same would happen again.
    Dead(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(format!("the connection broke: {error}"))
    }
}

impl From<Failure> for Sent {
    fn from(failure: Failure) -> Self {
        let told = |error: String| error.chars().take(TOLD).collect();
        match failure {
            Failure::Broken(error) | Failure::Later(error) => Self::later(told(error)),
            Failure::Dead(error) => Self::Dead(told(error)),
        }
    }
}

/// Makes connections; cheap to clone.
#[derive(Clone)]
pub(crate) struct Dialer {
    guard: Arc<Guard>,
    resolver: Resolver,
    /// For the authorities that the web knows; made when it is needed.
    web: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

impl Dialer {
    pub(crate) fn new(guard: Arc<Guard>, resolver: Resolver) -> Self {
        Self { guard, resolver, web: Arc::default() }
    }

    /// A connection to the first of these places that takes one.
    pub(crate) async fn dial_any(&self, places: &[Place], security: &Security) -> Result<(Place, Wire), Failure> {
        let mut failure = Failure::Dead("the resource names no host".to_owned());
        for place in places {
            match self.dial(place, security).await {
                Ok(wire) => return Ok((place.clone(), wire)),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// A connection to this place, with TLS if that is wanted.
    pub(crate) async fn dial(&self, place: &Place, security: &Security) -> Result<Wire, Failure> {
        let stream = self.connect(place).await?;
        let stream: Box<dyn Stream> = match security {
            Security::Plain => Box::new(stream),
            Security::Tls { authorities } => {
                let config = self.config(authorities.as_deref()).map_err(Failure::Dead)?;
                let name = ServerName::try_from(place.host.to_string().trim_matches(['[', ']']).to_owned());
                let name = name.map_err(|_| Failure::Dead(format!("{place}: no certificate can be for this name")))?;
                let encrypted = TlsConnector::from(config).connect(name, stream).await;
                Box::new(encrypted.map_err(|error| Failure::Broken(format!("{place}: no TLS: {error}")))?)
            }
        };
        Ok(Wire { stream, read: BytesMut::new() })
    }

    async fn connect(&self, place: &Place) -> Result<TcpStream, Failure> {
        let mut failure = Failure::Broken(format!("{place}: the name has no address"));
        for address in self.addresses(&place.host).await? {
            let stream = tokio::time::timeout(CONNECT, TcpStream::connect(SocketAddr::new(address, place.port))).await;
            match stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(stream) => {
                    // Answers are waited for: nothing is gained by collecting.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => failure = Failure::Broken(format!("{place} cannot be reached: {error}")),
            }
        }
        Err(failure)
    }

    /// Those that may be dialled.
    async fn addresses(&self, host: &Host<String>) -> Result<Vec<IpAddr>, Failure> {
        self.guard.host(host).map_err(Failure::Dead)?;
        let name = match host {
            Host::Ipv4(address) => return Ok(vec![(*address).into()]),
            Host::Ipv6(address) => return Ok(vec![(*address).into()]),
            Host::Domain(name) => name,
        };
        self.resolver.addresses(name).await.map_err(|error| match error.downcast::<Forbidden>() {
            Ok(forbidden) => Failure::Dead(forbidden.to_string()),
            Err(error) => Failure::Broken(format!("{name}: {error}")),
        })
    }

    fn config(&self, authorities: Option<&str>) -> Result<Arc<ClientConfig>, String> {
        match authorities {
            None => Ok(self.web.get_or_init(|| configured(webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec())).clone()),
            Some(pem) => {
                let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
                match read {
                    Ok(certificates) if !certificates.is_empty() => Ok(configured(certificates)),
                    _ => Err("`ca` of the resource holds no certificate in PEM form".to_owned()),
                }
            }
        }
    }
}

fn configured(authorities: Vec<CertificateDer<'static>>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities);
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection, and what was read of it but not yet understood.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    read: BytesMut,
}

impl Wire {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next message: `decode` takes it off the bytes, or says that they do not hold all of it yet, or why they are none.
    pub(crate) async fn read<T>(
        &mut self,
        mut decode: impl FnMut(&mut BytesMut) -> Result<Option<T>, String>,
    ) -> Result<T, Failure> {
        loop {
            let decoded = decode(&mut self.read);
            let decoded = decoded.map_err(|error| Failure::Broken(format!("the broker is not understood: {error}")))?;
            if let Some(message) = decoded {
                return Ok(message);
            }
            if self.read.len() > ANSWER_BYTES {
                return Err(Failure::Broken(format!("the broker's answer has more than {ANSWER_BYTES} bytes")));
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(Failure::Broken("the broker closed the connection".to_owned()));
            }
        }
    }
}

/// Takes a message off the bytes that begins with its length (32 bits, big-endian, itself not counted).
pub(crate) fn framed(read: &mut BytesMut) -> Result<Option<BytesMut>, String> {
    let Some(length) = read.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)) else { return Ok(None) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > ANSWER_BYTES {
        return Err(format!("a message of {length} bytes is announced"));
    }
    if read.len() < length.saturating_add(4) {
        return Ok(None);
    }
    let _ = read.split_to(4);
    Ok(Some(read.split_to(length)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// In whatever pieces it comes, what was written is read; and no more is waited for than an answer may have.
        #[test]
        fn messages_come_out_of_whatever_pieces(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6),
            piece in 1..50_usize,
        ) {
            let length = |message: &Vec<u8>| u32::try_from(message.len()).unwrap().to_be_bytes();
            let all: Vec<u8> = messages.iter().flat_map(|message| [&length(message)[..], message].concat()).collect();
            let (mut read, mut found) = (BytesMut::new(), Vec::new());
            for piece in all.chunks(piece) {
                read.extend_from_slice(piece);
                while let Some(message) = framed(&mut read).unwrap() {
                    found.push(message.to_vec());
                }
            }
            prop_assert_eq!(found, messages);
            prop_assert!(read.is_empty());
        }

        #[test]
        fn an_announced_length_is_bounded(length in any::<u32>(), rest in prop::collection::vec(any::<u8>(), 0..9)) {
            let mut read = BytesMut::from(&[&length.to_be_bytes()[..], &rest].concat()[..]);
            let (announced, held) = (usize::try_from(length).unwrap(), read.capacity());
            let framed = framed(&mut read);
            prop_assert_eq!(framed.is_err(), announced > ANSWER_BYTES);
            prop_assert!(read.capacity() <= held, "nothing is set aside for what is only announced");
        }
    }

    #[test]
    fn what_a_broker_says_is_told_shortly() {
        let long = "ü".repeat(TOLD + 1);
        let short: String = "ü".repeat(TOLD);
        assert_eq!(Sent::from(Failure::Later(long.clone())), Sent::later(short.clone()));
        assert_eq!(Sent::from(Failure::Dead(long)), Sent::Dead(short));
    }
}
