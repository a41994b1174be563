//! What a receipt is worth with this server's settings.

use redis::{Cmd, Value};
use tracardi_redis::link::field;
use tracardi_redis::{Failure, Link};

use crate::{Durability, QueueError};

/// The settings that decide, as this server has them.
#[derive(Debug, Default)]
struct Server {
    appendonly: Option<String>,
    appendfsync: String,
    eviction: String,
    /// Zero: no limit.
    maxmemory: u64,
    replicas: u32,
    /// `min-replicas-to-write`.
    needed: u32,
}

/// Asks the server; `demanded` replicas are waited for.
pub(super) async fn read(link: &Link, demanded: u32) -> Result<Durability, QueueError> {
    let info: String = link.ask(&redis::cmd("INFO")).await?;
    let server = Server {
        appendonly: setting(link, "appendonly").await?,
        appendfsync: setting(link, "appendfsync").await?.unwrap_or_default(),
        eviction: field(&info, "maxmemory_policy").unwrap_or_default().to_owned(),
        maxmemory: field(&info, "maxmemory").and_then(|bytes| bytes.parse().ok()).unwrap_or_default(),
        replicas: field(&info, "connected_slaves").and_then(|number| number.parse().ok()).unwrap_or_default(),
        needed: setting(link, "min-replicas-to-write")
            .await?
            .and_then(|number| number.parse().ok())
            .unwrap_or_default(),
    };
    Ok(server.judge(demanded))
}

/// A setting; none where the server does not tell, as the managed ones do.
async fn setting(link: &Link, name: &str) -> Result<Option<String>, QueueError> {
    let mut question: Cmd = redis::cmd("CONFIG");
    question.arg("GET").arg(name);
    match link.ask::<Value>(&question).await {
        Ok(answer) => Ok(redis::from_redis_value::<Vec<String>>(answer).unwrap_or_default().into_iter().nth(1)),
        // No such command, or not for us: the connection works all the same.
        Err(Failure::Refused(_)) => Ok(None),
        Err(Failure::Unavailable(told)) if told.contains("answered ERR") => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

impl Server {
    fn judge(&self, demanded: u32) -> Durability {
        let mut warnings = Vec::new();
        let disk = match (self.appendonly.as_deref(), self.appendfsync.as_str()) {
            (Some("yes"), "always") => "is on the disk of Redis and survives its crash and a power failure",
            (Some("yes"), "everysec") => {
                warnings.push(
                    "a power failure loses up to the last second (appendfsync everysec): set appendfsync always"
                        .to_owned(),
                );
                "survives a crash of Redis, and a power failure after at most a second"
            }
            (Some("yes"), _) => {
                warnings.push(
                    "a power failure loses what the system had not written (appendfsync no): set appendfsync always"
                        .to_owned(),
                );
                "survives a crash of Redis, and a power failure after the system has written it, mostly within 30 seconds"
            }
            (Some(_), _) => {
                warnings.push(
                    "a crash of Redis loses messages (appendonly no): set appendonly yes and appendfsync always"
                        .to_owned(),
                );
                "is in the memory of Redis only"
            }
            (None, _) => {
                warnings.push(
                    "Redis does not tell appendonly and appendfsync: permit CONFIG GET, or look there yourself"
                        .to_owned(),
                );
                "survives what the settings of this Redis promise, which it does not tell"
            }
        };
        if self.maxmemory > 0
            && !["", "noeviction"].contains(&self.eviction.as_str())
            && !self.eviction.starts_with("volatile-")
        {
            warnings.push(format!(
                "Redis throws waiting messages away when its memory is full (maxmemory-policy {}): set maxmemory-policy noeviction",
                self.eviction
            ));
        }
        if self.maxmemory == 0 {
            warnings
                .push("Redis takes all memory of its machine before it says that it is full: set maxmemory".to_owned());
        }
        if demanded > self.replicas {
            warnings.push(format!(
                "{} replicas are connected, and {demanded} must have each message: nothing is accepted until they are there",
                self.replicas
            ));
        }
        if self.replicas > 0 && demanded == 0 && self.needed == 0 {
            warnings.push(
                "a switch to a replica may lose the last messages: demand that replicas have them before they count"
                    .to_owned(),
            );
        }
        let replicas = match (demanded, self.replicas) {
            (0, 0) => "; there is no replica, so it is as safe as that disk".to_owned(),
            (0, number) => format!("; {number} replicas get it a moment later"),
            (demanded, _) => format!("; {demanded} replicas have it in memory"),
        };
        Durability { words: format!("an accepted message {disk}{replicas}"), warnings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_keeps_everything_is_not_warned_of() {
        let safe = || Server {
            appendonly: Some("yes".to_owned()),
            appendfsync: "always".to_owned(),
            eviction: "noeviction".to_owned(),
            maxmemory: 1 << 30,
            ..Server::default()
        };
        assert_eq!(safe().judge(0).warnings, Vec::<String>::new());
        assert_eq!(Server { replicas: 1, ..safe() }.judge(1).warnings, Vec::<String>::new());
        for (server, remedy) in [
            (Server { appendfsync: "everysec".to_owned(), ..safe() }, "appendfsync always"),
            (Server { appendfsync: "no".to_owned(), ..safe() }, "appendfsync always"),
            (Server { appendonly: Some("no".to_owned()), ..safe() }, "appendonly yes"),
            (Server { appendonly: None, ..safe() }, "CONFIG GET"),
            (Server { eviction: "allkeys-lru".to_owned(), ..safe() }, "noeviction"),
            (Server { maxmemory: 0, ..safe() }, "set maxmemory"),
            (Server { replicas: 1, ..safe() }, "demand"),
        ] {
            let warnings = server.judge(0).warnings;
            assert!(warnings.len() == 1 && warnings.iter().all(|it| it.contains(remedy)), "{warnings:?}");
        }
        assert_eq!(safe().judge(1).warnings.len(), 1, "a replica that is demanded and not there");
    }
}
