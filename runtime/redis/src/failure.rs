//! What goes wrong with Redis.

use redis::{ErrorKind, RedisError};

/// Why Redis did not do what it was asked to. One line for people; names the server and, where a setting is at fault, the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No memory or no disk for more. Nothing was done. Passes.
    #[error("{0}")]
    Full(String),
    /// Cannot be reached, does not answer, starts, is being switched over. Of what was under way nobody knows whether it was done.
    /// Passes.
    #[error("{0}")]
    Unavailable(String),
    /// What was configured does not fit. Stays until somebody changes it, here or there.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    /// What an error of the client means; `place` is the server's URL.
    pub(crate) fn of(place: &str, error: &RedisError) -> Self {
        let server = error.clone().into_server_errors();
        if let Some((_, error)) = server.as_deref().and_then(<[_]>::first) {
            return Self::answered(place, error.code(), error.details().unwrap_or_default());
        }
        // What cannot be parsed is told in several lines.
        let told = error.to_string().lines().collect::<Vec<_>>().join(" ");
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::answered(place, "WRONGPASS", &told),
            _ if told.contains("DB index is out of range") => Self::answered(place, "ERR", &told),
            // What it says instead is not told: it may be meant for others.
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
                Self::Refused(format!("what answers at {place} is not Redis: correct the URL{}", encrypted(place)))
            }
            _ if told.contains("certificate") || told.contains("UnknownIssuer") => {
                let (what, remedy) = certificate(&told);
                // What follows is different each time that one looks.
                let told = told.split(": verification time").next().unwrap_or_default();
                Self::Refused(format!("the certificate of Redis at {place} {what} ({told}): {remedy}"))
            }
            _ if told.contains("corrupt message") || told.contains("InvalidContentType") => Self::Refused(format!(
                "what answers at {place} does not speak TLS: write redis:// instead of rediss://, or switch TLS on there"
            )),
            ErrorKind::InvalidClientConfig | ErrorKind::Client => {
                Self::Refused(format!("Redis at {place} cannot be used: {told}"))
            }
            // A server without TLS waits for the end of what it takes for a command.
            _ if error.is_timeout() && place.starts_with("rediss:") => Self::Unavailable(format!(
                "Redis at {place}: {told}; if it is there and does not speak TLS, write redis:// instead of rediss://"
            )),
            _ if error.is_connection_refusal() => Self::Unavailable(format!(
                "Redis at {place} cannot be reached ({told}): look whether it runs, and at the URL"
            )),
            _ if error.is_io_error() => Self::Unavailable(format!(
                "Redis at {place} cannot be reached ({told}): look whether it runs, and at the URL{}",
                encrypted(place)
            )),
            _ => Self::Unavailable(format!("Redis at {place}: {told}")),
        }
    }

    /// What an answer of the server means.
    fn answered(place: &str, code: &str, details: &str) -> Self {
        let told = format!("Redis at {place} answered {code} {details}");
        match code {
            "OOM" => Self::Full(format!("{told}: raise its `maxmemory`, or let those who read catch up")),
            "MISCONF" => Self::Full(format!("{told}: make space on its volume")),
            "NOAUTH" | "WRONGPASS" => Self::Refused(format!("{told}: correct username and password")),
            "NOPERM" => Self::Refused(format!("{told}: give the user the command and the keys that it names")),
            "NOREPLICAS" => Self::Unavailable(format!(
                "{told} It writes when as many replicas keep up as its `min-replicas-to-write` says: look at them"
            )),
            "WRONGTYPE" => {
                Self::Refused(format!("{told}: another program uses our keys; choose another prefix or database"))
            }
            "ERR" if details.contains("DB index") => {
                Self::Refused(format!("{told}: correct the number after the address"))
            }
            "ERR" if details.contains("AUTH") => Self::Refused(format!("{told}: correct username and password")),
            _ => Self::Unavailable(told),
        }
    }

    /// Whether the connection may be used on: the server answered, and the answer says nothing about its scripts and its role.
    pub(crate) fn leaves_the_connection(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

/// What may be wrong besides with a server that ends an unencrypted connection.
fn encrypted(place: &str) -> &'static str {
    if place.starts_with("redis:") { ", and write rediss:// if it speaks TLS" } else { "" }
}

/// What is wrong with a certificate, and the remedy.
fn certificate(told: &str) -> (&'static str, &'static str) {
    if told.contains("xpired") {
        ("has expired", "renew it on the server")
    } else if told.contains("not valid for name") {
        ("is for another name", "write the name that it has in the URL, or have this one in it")
    } else {
        ("is not believed", "give the authority (PEM) that it comes from")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_certificate_has_its_own_remedy() {
        for (told, remedy) in [
            ("invalid peer certificate: certificate expired: verification time 5 (UNIX)", "renew it"),
            ("certificate not valid for name \"a\"; certificate is only valid for \"b\"", "the name that it has"),
            ("invalid peer certificate: UnknownIssuer", "authority"),
        ] {
            assert!(certificate(told).1.contains(remedy), "{told}");
        }
    }

    #[test]
    fn answers_say_what_to_do() {
        for (code, details, remedy) in [
            ("OOM", "command not allowed", "maxmemory"),
            ("MISCONF", "errors writing to the AOF file", "space"),
            ("NOAUTH", "Authentication required.", "username"),
            ("NOPERM", "this user has no permissions", "user"),
            ("NOREPLICAS", "Not enough good replicas to write.", "min-replicas-to-write"),
            ("WRONGTYPE", "", "prefix"),
            ("ERR", "DB index is out of range", "number"),
        ] {
            let failure = Failure::answered("redis://h:6379", code, details);
            assert!(failure.to_string().contains(remedy), "{failure}");
            assert_eq!(matches!(failure, Failure::Full(_)), ["OOM", "MISCONF"].contains(&code));
        }
        assert!(matches!(Failure::answered("h", "LOADING", ""), Failure::Unavailable(_)));
    }
}
