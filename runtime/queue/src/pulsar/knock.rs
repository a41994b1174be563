//! Knocks at the broker's door before the client does: one connection, one greeting, closed again. The client's own errors do
//! not say whether it was the token, the certificate or another product; the greeting does. And only the greeting says how large
//! a message may be.

use std::time::Duration;

use bytes::BytesMut;
use pulsar::error::ConnectionError;
use pulsar::message::{Codec, Message};
use pulsar::proto::{BaseCommand, CommandConnect, ServerError, base_command};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::codec::{Decoder as _, Encoder as _};
use tracardi_process::Endpoint;
use url::Url;

use super::tls;
use crate::QueueError;

/// What a broker takes that does not say it.
const USUAL_LARGEST: usize = 5 << 20;
/// Bytes of the longest greeting that is read.
const GREETING: usize = 64 << 10;

/// What a broker says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// Bytes of the largest message, its metadata included.
    pub(super) largest: usize,
    /// As in `Pulsar Server v4.2.4`.
    pub(super) version: String,
}

/// What went wrong at the door.
enum Failure {
    /// For people, and final.
    Told(QueueError),
    /// It closed the connection instead of answering.
    Closed,
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe
            | std::io::ErrorKind::ConnectionAborted => Self::Closed,
            _ => Self::Told(QueueError::Unavailable(format!("the broker: {error}"))),
        }
    }
}

/// Asks a broker who it is, with our token.
pub(super) async fn knock(broker: &Endpoint, url: &Url, patience: Duration) -> Result<Greeting, QueueError> {
    let encrypted = url.scheme() == "pulsar+ssl";
    let port = url.port().unwrap_or(if encrypted { 6651 } else { 6650 });
    let asked = tokio::time::timeout(patience, greet(broker, url, port, encrypted)).await;
    match asked {
        Ok(Ok(greeting)) => Ok(greeting),
        Ok(Err(Failure::Told(error))) => Err(error),
        Ok(Err(Failure::Closed)) => Err(closed(broker, url, port, encrypted, patience).await),
        Err(_) => {
            let seconds = patience.as_secs_f64();
            Err(QueueError::Unavailable(format!(
                "{url} does not answer within {seconds} s: it hangs, or is no Pulsar broker; look at the address"
            )))
        }
    }
}

async fn greet(broker: &Endpoint, url: &Url, port: u16, encrypted: bool) -> Result<Greeting, Failure> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(|error| {
        Failure::Told(QueueError::Unavailable(format!(
            "the broker {url} cannot be reached ({error}): look whether it runs, and at the address"
        )))
    })?;
    if !encrypted {
        return talk(stream, broker, url).await;
    }
    let authorities = tls::authorities(broker, "broker").map_err(Failure::Told)?;
    match tls::encrypt(stream, url, authorities).await {
        Ok(stream) => talk(stream, broker, url).await,
        Err(error) => Err(match tls::about_certificate(&error, url, "broker") {
            Some(told) => Failure::Told(QueueError::Refused(told)),
            // Whoever answers something else does not speak TLS.
            None if error.kind() == std::io::ErrorKind::InvalidData => Failure::Closed,
            None => error.into(),
        }),
    }
}

/// Says who it is that knocks, and reads the answer.
async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    broker: &Endpoint,
    url: &Url,
) -> Result<Greeting, Failure> {
    // What a stranger answers is not told: it may be meant for others.
    let stranger = || {
        let text = format!("{url} is no Pulsar broker: give the address of its port 6650 or 6651");
        Failure::Told(QueueError::Refused(text))
    };
    let mut bytes = BytesMut::new();
    let garbled = |error: ConnectionError| Failure::Told(QueueError::Unavailable(format!("{url}: {error}")));
    Codec.encode(hello(broker), &mut bytes).map_err(garbled)?;
    stream.write_all(&bytes).await?;
    stream.flush().await?;
    bytes.clear();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            // Few bytes may be all that another product says.
            return Err(if bytes.is_empty() { Failure::Closed } else { stranger() });
        }
        let length = bytes.first_chunk().map(|length| u32::from_be_bytes(*length));
        if length.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > GREETING)) {
            return Err(stranger());
        }
        match Codec.decode(&mut bytes) {
            Ok(None) => {}
            Ok(Some(message)) => return understood(message.command, broker, url),
            Err(_) => return Err(stranger()),
        }
    }
}

fn hello(broker: &Endpoint) -> Message {
    let token = broker.token.as_ref();
    let connect = CommandConnect {
        client_version: "tracardi".to_owned(),
        auth_method_name: token.map(|_| "token".to_owned()),
        auth_data: token.map(|token| token.reveal().as_bytes().to_vec()),
        protocol_version: Some(12),
        ..CommandConnect::default()
    };
    let command =
        BaseCommand { r#type: base_command::Type::Connect.into(), connect: Some(connect), ..BaseCommand::default() };
    Message { command, payload: None }
}

fn understood(answer: BaseCommand, broker: &Endpoint, url: &Url) -> Result<Greeting, Failure> {
    if let Some(connected) = answer.connected {
        let largest =
            connected.max_message_size.and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        return Ok(Greeting { largest: largest.unwrap_or(USUAL_LARGEST), version: connected.server_version });
    }
    let Some(error) = answer.error else {
        return Err(Failure::Told(QueueError::Unavailable(format!("{url} answers to a greeting with something else"))));
    };
    let said = one_line(&error.message);
    Err(Failure::Told(match ServerError::try_from(error.error) {
        Ok(ServerError::AuthenticationError | ServerError::AuthorizationError) => {
            let remedy =
                if broker.token.is_some() { "give one that it issued" } else { "it asks for one, none is set" };
            QueueError::Refused(format!("{url} does not let us in with the broker's token ({said}): {remedy}"))
        }
        Ok(ServerError::UnsupportedVersionError) => QueueError::Refused(format!(
            "{url} has another version of the protocol ({said}): Pulsar 2.10 or newer is needed"
        )),
        _ => QueueError::Unavailable(format!("{url}: {said}")),
    }))
}

/// Why somebody closed the connection: mostly because he speaks TLS and we do not, or the other way round.
async fn closed(broker: &Endpoint, url: &Url, port: u16, encrypted: bool, patience: Duration) -> QueueError {
    if encrypted {
        let plain = tokio::time::timeout(patience, greet(broker, url, port, false)).await;
        if matches!(plain, Ok(Ok(_) | Err(Failure::Told(QueueError::Refused(_))))) {
            return QueueError::Refused(format!(
                "the port of {url} does not speak TLS: write pulsar:// in the broker's address, or give its encrypted port"
            ));
        }
    } else if tls::is_spoken(url, port, patience).await {
        return QueueError::Refused(format!(
            "the port of {url} speaks TLS: write pulsar+ssl:// in the broker's address, or give its plain port"
        ));
    }
    QueueError::Unavailable(format!(
        "{url} closed the connection without an answer: look whether it is Pulsar's broker, and well"
    ))
}

/// What somebody else said, so that it fits into a line.
pub(super) fn one_line(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
    line.trim().to_owned()
}
