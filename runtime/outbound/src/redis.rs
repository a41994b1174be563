//! Sends to a stream of Redis (`XADD`). The receipt is the id that the entry got.
//!
//! An entry has the fields `id` (the delivery's, for who wants to know repetitions), `profile` and `body`.

use std::time::Duration;

use bytes::BytesMut;
use serde_json::Value;

use crate::access::{Access, Dialect};
use crate::dial::{Dialer, Failure, Wire};
use crate::pool::{self, Destination};
use crate::sent::Message;
use crate::settings::{filled, needed, number};

const DIALECT: Dialect = Dialect { field: "url", plain: ("redis", 6379), tls: ("rediss", 6379) };
/// Refusals that another attempt may not meet: the server starts, is full, is being switched over, is busy.
const PASSING: [&str; 9] =
    ["LOADING", "OOM", "MISCONF", "READONLY", "MASTERDOWN", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "NOREPLICAS"];

/// A stream and how to get at it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Target {
    pub(crate) access: Access,
    database: u32,
    stream: String,
    /// About how many entries are kept; all, if nothing is said.
    length: Option<u64>,
}

impl Target {
    /// `credentials`: `{"url", "user"?, "password"?, "protocol": "redis"|"rediss", "database": 0, "ca"?}`; `init`:
    /// `{"stream", "max_length"?, "timeout": 30}`. The error names the field.
    pub fn read(credentials: &Value, init: &Value) -> Result<Self, String> {
        let access = Access::read(&DIALECT, credentials, init)?;
        let in_path = access.path.as_deref().map(str::parse).transpose();
        let in_path = in_path.map_err(|_| "`url` of the resource: after the address comes a database's number")?;
        let database = in_path.or(number(credentials, "database")?).unwrap_or(0);
        let stream = needed(init, "stream", "the name of a stream")?;
        let length = filled(init, "max_length").map_or(Ok(None), |_| number(init, "max_length"))?;
        Ok(Self { access, database, stream, length })
    }
}

impl Destination for Target {
    fn timeout(&self) -> Duration {
        self.access.timeout
    }
}

/// A connection that got in.
pub struct Link(Wire);

impl pool::Link for Link {
    type Target = Target;

    async fn open(dialer: &Dialer, target: &Target) -> Result<Self, Failure> {
        let Access { places, security, user, password, .. } = &target.access;
        let mut link = Self(dialer.dial_any(places, security).await?.1);
        if let Some(password) = password {
            let login = user.iter().map(String::as_str).chain([&*password.0]);
            link.ask(&["AUTH"].into_iter().chain(login).collect::<Vec<_>>()).await?;
        }
        if target.database > 0 {
            link.ask(&["SELECT", &target.database.to_string()]).await?;
        }
        Ok(link)
    }

    async fn send(&mut self, _: &Dialer, target: &Target, message: Message<'_>) -> Result<(), Failure> {
        let length = target.length.map(|length| length.to_string());
        let mut command = vec!["XADD", &target.stream];
        command.extend(length.iter().flat_map(|length| ["MAXLEN", "~", length]));
        command.extend(["*", "id", message.id]);
        command.extend(message.profile.iter().flat_map(|profile| ["profile", profile]));
        command.extend(["body", message.body.get()]);
        self.ask(&command).await
    }
}

impl Link {
    async fn ask(&mut self, command: &[&str]) -> Result<(), Failure> {
        self.0.write(&written(command)).await?;
        self.0.read(reply).await?.map_err(|error| {
            let passes = PASSING.contains(&error.split(' ').next().unwrap_or_default());
            let told = format!("Redis answered {error}");
            if passes { Failure::Later(told) } else { Failure::Dead(told) }
        })
    }
}

/// A command in the protocol's form.
fn written(command: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
    for part in command {
        bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Takes an answer off the bytes, which is one line or one text: well, or the server's complaint.
fn reply(read: &mut BytesMut) -> Result<Option<Result<(), String>>, String> {
    let Some(end) = read.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
    let line = String::from_utf8_lossy(read.get(..end).unwrap_or_default()).into_owned();
    let mut length = end.saturating_add(2);
    let answer = match (line.get(..1), line.get(1..).unwrap_or_default()) {
        (Some("+" | ":"), _) => Ok(()),
        (Some("-"), error) => Err(error.to_owned()),
        (Some("$"), count) => {
            let count: usize = count.parse().map_err(|_| format!("{line:?}"))?;
            length = length.saturating_add(count).saturating_add(2);
            Ok(())
        }
        _ => return Err(format!("{line:?}")),
    };
    if read.len() < length {
        return Ok(None);
    }
    let _ = read.split_to(length);
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings() {
        let target = Target::read(
            &json!({"url": "h", "database": "3", "password": "geheim", "protocol": "redis"}),
            &json!({"stream": "s", "max_length": 7}),
        );
        let target = target.unwrap();
        assert_eq!((target.database, target.stream.as_str(), target.length), (3, "s", Some(7)));
        assert!(!format!("{target:?}").contains("geheim"));
        assert_eq!(Target::read(&json!({"url": "redis://h/5"}), &json!({"stream": "s"})).unwrap().database, 5);
        for (credentials, init, named) in [
            (json!({}), json!({"stream": "s"}), "url"),
            (json!({"url": "redis://h/x"}), json!({"stream": "s"}), "url"),
            (json!({"url": "h", "database": "x"}), json!({"stream": "s"}), "database"),
            (json!({"url": "h"}), json!({"stream": " "}), "stream"),
            (json!({"url": "h"}), json!({"stream": "s", "max_length": -1}), "max_length"),
            (json!({"url": "h"}), json!({"stream": "s", "timeout": 0}), "timeout"),
        ] {
            assert!(Target::read(&credentials, &init).unwrap_err().contains(named), "{credentials} {init}");
        }
    }

    #[test]
    fn commands_and_answers() {
        assert_eq!(written(&["SELECT", "ü"]), "*2\r\n$6\r\nSELECT\r\n$2\r\nü\r\n".as_bytes());
        let all = b"+OK\r\n$3\r\n1-0\r\n-ERR no\r\n:5\r\n";
        let mut read = BytesMut::new();
        let mut answers = Vec::new();
        for byte in all {
            read.extend_from_slice(&[*byte]);
            answers.extend(reply(&mut read).unwrap());
        }
        assert_eq!(answers, [Ok(()), Ok(()), Err("ERR no".to_owned()), Ok(())]);
        assert!(read.is_empty());
        for odd in ["HTTP/1.1 400\r\n", "$-\r\n", "\r\n", "ü\r\n"] {
            assert!(reply(&mut BytesMut::from(odd)).is_err(), "{odd}");
        }
    }
}
