//! The few HTTP/1.1 requests that the demo makes through a port-forward; one connection each, bodies of known size.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// One API behind a local address.
pub(crate) struct Api {
    address: SocketAddr,
    token: Option<String>,
}

impl Api {
    /// An API at a local address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, token: None }
    }

    /// Logs in and keeps the token for what follows.
    pub(crate) fn login(&mut self, email: &str, password: &str) -> Result<()> {
        let form = format!("username={}&password={}", encode(email), encode(password));
        let answer = self.send("POST", "/user/token", "application/x-www-form-urlencoded", &form)?;
        let token = answer["access_token"].as_str().context("the login's answer has no access_token")?;
        self.token = Some(token.to_owned());
        Ok(())
    }

    /// `GET`, answer as JSON.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", path, "application/json", "")
    }

    /// `POST` of JSON, answer as JSON.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send("POST", path, "application/json", &body.to_string())
    }

    fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> Result<Value> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))
            .with_context(|| format!("{method} {path}: cannot connect to {}", self.address))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let authorization =
            self.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {content_type}\r\n{authorization}Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).with_context(|| format!("{method} {path}: the connection broke"))?;
        let (status, body) = split(&answer).with_context(|| format!("{method} {path}: not an HTTP answer"))?;
        if !(200..300).contains(&status) {
            bail!("{method} {path}: status {status}: {}", String::from_utf8_lossy(&body).trim());
        }
        serde_json::from_slice(&body).with_context(|| format!("{method} {path}: the answer is not JSON"))
    }
}

/// Status and body of an answer whose connection was closed after it.
fn split(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(answer.get(..end)?).to_ascii_lowercase();
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    let body = answer.get(end + 4..)?;
    let chunked = head.lines().any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked"));
    Some((status, if chunked { dechunk(body)? } else { body.to_vec() }))
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(rest.get(..line)?).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 4 + size..)?;
    }
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_both_framings_are_read() {
        assert_eq!(split(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"), Some((200, b"{}".to_vec())));
        let chunked = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        assert_eq!(split(chunked), Some((404, b"abcde".to_vec())));
        assert_eq!(split(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"), None);
    }

    #[test]
    fn form_values_are_encoded() {
        assert_eq!(encode("a+b@c.d &"), "a%2Bb%40c.d%20%26");
    }
}
