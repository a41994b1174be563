//! One HTTP/1.1 connection that is kept from request to request.
//!
//! Small on purpose: plain `http`, one request at a time, answers with a length, in chunks or up to the end of the
//! connection. Heads are limited to 64 KiB, bodies to 16 MiB, and each request to the client's patience. Nothing is
//! tried again here; [`crate::delivery`] does that.

use std::fmt::Write as _;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const HEAD_BYTES: usize = 64 * 1024;
const BODY_BYTES: usize = 16 * 1024 * 1024;

/// Where requests go: `http://host[:port][/prefix]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    prefix: String,
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is no address to send to: {problem}")]
pub struct TargetError {
    url: String,
    problem: &'static str,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(url: &str) -> Result<Self, TargetError> {
        let failed = |problem| TargetError { url: url.to_owned(), problem };
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(failed("write it as http://host:port (https is not spoken here)"));
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if authority.contains('@')
            || path.contains(['?', '#'])
            || url.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(failed("write it as http://host:port, without user, query or spaces"));
        }
        // The last colon divides host and port, unless it belongs to an IPv6 address in brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| failed("the port must be a number from 1 to 65535"))?)
            }
            _ => (authority, 80),
        };
        if host.is_empty() || port == 0 {
            return Err(failed("it names no host or no port"));
        }
        Ok(Self { host: host.to_owned(), port, prefix: path.trim_end_matches('/').to_owned() })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}:{}{}", self.host, self.port, self.prefix)
    }
}

/// What the server said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// How long the server asks to wait (`Retry-After` in seconds).
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body's `detail`, where errors are explained, or else the body itself; shortened to one line.
    #[must_use]
    pub fn detail(&self) -> String {
        let detail =
            serde_json::from_slice::<serde_json::Value>(&self.body).ok().and_then(|body| match body.get("detail")? {
                serde_json::Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            });
        let text = detail.unwrap_or_else(|| String::from_utf8_lossy(&self.body).into_owned());
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
    }
}

/// A client with at most one connection.
#[derive(Debug)]
pub struct Client {
    target: Target,
    patience: Duration,
    connection: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Client {
    /// A client without a connection yet. `patience` limits each request, connecting included.
    #[must_use]
    pub fn new(target: Target, patience: Duration) -> Self {
        Self { target, patience, connection: None, buffer: Vec::new() }
    }

    /// Where it sends to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Connects, if there is no connection: tells whether anybody is there without asking for anything.
    pub async fn connect(&mut self) -> io::Result<()> {
        if self.connection.is_none() {
            let connected = tokio::time::timeout(self.patience, connect(&self.target)).await;
            self.connection = Some(connected.map_err(|_| self.too_late())??);
        }
        Ok(())
    }

    fn too_late(&self) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {:?}", self.patience))
    }

    /// Sends one request and reads the answer. After an error the connection is given up; whether the server has seen
    /// the request is then unknown.
    pub async fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let message = message(&self.target, method, path, headers, body);
        let patience = self.patience;
        // Taken out, so that a request that is cancelled half-way leaves no half-read connection behind.
        let stream = self.connection.take();
        match tokio::time::timeout(patience, self.exchange(stream, &message)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.too_late()),
        }
    }

    async fn exchange(&mut self, stream: Option<TcpStream>, message: &[u8]) -> io::Result<Answer> {
        let mut stream = match stream {
            Some(stream) => stream,
            None => connect(&self.target).await?,
        };
        self.buffer.clear();
        let written = stream.write_all(message).await;
        // A server that refuses a body may answer and close before it has read all: look for the answer anyway.
        match read_answer(&mut stream, &mut self.buffer).await {
            Ok((answer, keep)) => {
                if keep && written.is_ok() {
                    self.connection = Some(stream);
                }
                Ok(answer)
            }
            Err(error) => Err(written.err().unwrap_or(error)),
        }
    }
}

async fn connect(target: &Target) -> io::Result<TcpStream> {
    let host = target.host.trim_start_matches('[').trim_end_matches(']');
    let mut last = None;
    for address in tokio::net::lookup_host((host, target.port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}

fn message(target: &Target, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {}{path} HTTP/1.1\r\nhost: {}:{}\r\n", target.prefix, target.host, target.port);
    for (name, value) in headers {
        // Writing into a String cannot fail.
        let _ = write!(head, "{name}: {value}\r\n");
    }
    if !body.is_empty() || method != "GET" {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    message
}

fn bad(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer is no HTTP/1.1: {problem}"))
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

#[derive(Debug)]
struct Head {
    answer: Answer,
    framing: Framing,
    keep: bool,
}

/// Reads an answer; also says whether the connection may be used again.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(Answer, bool)> {
    let mut head = loop {
        let end = loop {
            if let Some(at) = find(buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if buffer.len() > HEAD_BYTES {
                return Err(bad("its head is longer than 64 KiB"));
            }
            more(stream, buffer).await?;
        };
        let head = parse_head(&buffer[..end])?;
        buffer.drain(..end);
        // 1xx announces an answer that is still to come.
        if head.answer.status >= 200 {
            break head;
        }
    };
    match head.framing {
        Framing::Length(length) => {
            while buffer.len() < length {
                more(stream, buffer).await?;
            }
            head.answer.body = buffer.drain(..length).collect();
        }
        Framing::Chunked => head.answer.body = read_chunks(stream, buffer).await?,
        Framing::UntilClose => {
            while let Ok(()) = more(stream, buffer).await {
                if buffer.len() > BODY_BYTES {
                    return Err(bad("its body is longer than 16 MiB"));
                }
            }
            head.answer.body = std::mem::take(buffer);
        }
    }
    // Bytes that nobody asked for make the connection useless for the next request.
    let keep = head.keep && buffer.is_empty();
    Ok((head.answer, keep))
}

async fn read_chunks(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream, buffer).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| bad("a chunk has no size"))?;
        if size.saturating_add(body.len()) > BODY_BYTES {
            return Err(bad("its body is longer than 16 MiB"));
        }
        if size == 0 {
            // Trailers, up to an empty line.
            while !read_line(stream, buffer).await?.is_empty() {}
            return Ok(body);
        }
        while buffer.len() < size + 2 {
            more(stream, buffer).await?;
        }
        body.extend(buffer.drain(..size));
        if buffer.drain(..2).ne(*b"\r\n") {
            return Err(bad("a chunk is longer than its size"));
        }
    }
}

async fn read_line(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<String> {
    loop {
        if let Some(at) = find(buffer, b"\r\n") {
            let line = String::from_utf8_lossy(&buffer[..at]).into_owned();
            buffer.drain(..at + 2);
            return Ok(line);
        }
        if buffer.len() > HEAD_BYTES {
            return Err(bad("a line is longer than 64 KiB"));
        }
        more(stream, buffer).await?;
    }
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
        _ => Ok(()),
    }
}

fn find(buffer: &[u8], what: &[u8]) -> Option<usize> {
    buffer.windows(what.len()).position(|window| window == what)
}

fn parse_head(head: &[u8]) -> io::Result<Head> {
    let head = std::str::from_utf8(head).map_err(|_| bad("its head is not text"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ").or(line.strip_prefix("HTTP/1.0 ")));
    let status: u16 =
        status.and_then(|rest| rest.get(..3)).and_then(|digits| digits.parse().ok()).ok_or_else(|| bad("no status"))?;
    let mut answer = Answer { status, ..Answer::default() };
    let (mut framing, mut keep) = (Framing::UntilClose, head.starts_with("HTTP/1.1"));
    if matches!(status, 204 | 304) {
        framing = Framing::Length(0);
    }
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" if framing != Framing::Chunked => {
                let length = value.parse().map_err(|_| bad("its length is no number"))?;
                if length > BODY_BYTES {
                    return Err(bad("its body is longer than 16 MiB"));
                }
                framing = Framing::Length(length);
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => framing = Framing::Chunked,
            "connection" if value.eq_ignore_ascii_case("close") => keep = false,
            "retry-after" => answer.retry_after = value.parse().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    Ok(Head { answer, framing, keep: keep && framing != Framing::UntilClose })
}
