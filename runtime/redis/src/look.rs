//! A look at a server that changes nothing on it, and what is seen of one that will do.

use std::time::Duration;

use tokio::time::timeout;
use tracardi_process::{Endpoint, Sighting};

use crate::link::field;
use crate::{Failure, Link, Server};

/// The oldest version that has what the scripts need: flags, so that none fails halfway for want of memory.
const OLDEST: (u64, u64) = (7, 0);

/// Logs in and looks whether the server will do. Takes no longer than `patience`. The error names the setting that is wrong and the
/// remedy.
pub async fn look(endpoint: &Endpoint, patience: Duration) -> Result<Sighting, Failure> {
    // Half of it: what an answer that stays out may mean is known by the one who waits for it.
    let link = Link::new(Server::at(endpoint)?, &[], patience / 2);
    timeout(patience, link.look()).await.unwrap_or_else(|_| Err(link.server().silent(patience)))
}

/// Whether what answers at `place` is a Redis that can be used, by its answer to `INFO`.
pub(crate) fn judge(place: &str, info: &str) -> Result<Sighting, Failure> {
    let version = field(info, "redis_version").unwrap_or_default();
    let mut parts = version.split('.').map(|part| part.parse::<u64>().unwrap_or_default());
    if (parts.next().unwrap_or_default(), parts.next().unwrap_or_default()) < OLDEST {
        return Err(Failure::Refused(format!(
            "Redis at {place} has version {version:?}, and {}.{} or newer is needed: upgrade it, or give the URL of another one",
            OLDEST.0, OLDEST.1
        )));
    }
    if field(info, "cluster_enabled") == Some("1") {
        return Err(Failure::Refused(format!(
            "Redis at {place} is a Redis Cluster, which is not supported: give a single primary, with replicas if you like"
        )));
    }
    if field(info, "loading") == Some("1") {
        return Err(Failure::Unavailable(format!("Redis at {place} is reading its data")));
    }
    if field(info, "role") == Some("slave") {
        return Err(Failure::Unavailable(format!(
            "Redis at {place} is a replica now: it is waited until the URL leads to the primary"
        )));
    }
    // Valkey tells the version of Redis that it is like, and its own.
    let (product, version) = match field(info, "valkey_version") {
        Some(own) => ("Valkey", own),
        None => ("Redis", version),
    };
    Ok(Sighting { product: product.to_owned(), version: version.to_owned(), warnings: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_will_not_do_is_refused() {
        let told =
            |info: &str| judge("redis://h", info).map(|seen| seen.to_string()).map_err(|error| error.to_string());
        assert_eq!(told("redis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n").as_deref(), Ok("Redis 7.0.15"));
        assert_eq!(told("redis_version:7.2.4\r\nvalkey_version:8.1.0\r\n").as_deref(), Ok("Valkey 8.1.0"));
        for (info, named) in [
            ("", "7.0 or newer"),
            ("redis_version:6.2.14", "7.0 or newer"),
            ("redis_version:7.0.0\ncluster_enabled:1", "Cluster"),
            ("redis_version:7.0.0\nloading:1", "reading"),
            ("redis_version:7.0.0\nrole:slave", "the URL leads to the primary"),
        ] {
            assert!(told(info).unwrap_err().contains(named), "{info}");
        }
    }
}
