//! Where Redis is.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisConnectionInfo, TlsCertificates};
use tracardi_process::Endpoint;

use crate::Failure;

/// Seconds within which a connection must stand.
const CONNECT: Duration = Duration::from_secs(5);

/// A Redis and who we are there.
#[derive(Clone, Debug)]
pub struct Server {
    client: Client,
    place: String,
}

impl Server {
    /// `redis://host:port/database` or `rediss://…` (TLS), port and database may be left out.
    pub fn at(endpoint: &Endpoint) -> Result<Self, Failure> {
        let Endpoint { url, username, password, token, authority } = endpoint;
        let wrong = |what: String| {
            Failure::Refused(format!(
                "the URL of Redis: {what}: write redis://host:port/database, or rediss:// for TLS"
            ))
        };
        let parsed = redis::parse_redis_url(url).ok_or_else(|| wrong(format!("{url:?} is none")))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(wrong("name and password do not belong into it, they have settings of their own".to_owned()));
        }
        if parsed.fragment().is_some() || parsed.query().is_some() || !["redis", "rediss"].contains(&parsed.scheme()) {
            return Err(wrong(format!("{url:?} has parts that are not known")));
        }
        if token.is_some() {
            return Err(Failure::Refused("Redis takes no token: give username and password".to_owned()));
        }
        let tls = parsed.scheme() == "rediss";
        if authority.is_some() && !tls {
            return Err(Failure::Refused(
                "an authority is given for Redis, and the URL is without TLS: write rediss://".to_owned(),
            ));
        }
        let info = parsed.into_connection_info().map_err(|error| wrong(error.to_string()))?;
        let mut settings = RedisConnectionInfo::default().set_db(info.redis_settings().db()).set_skip_set_lib_name();
        if let Some(username) = username {
            settings = settings.set_username(username);
        }
        if let Some(password) = password {
            settings = settings.set_password(password.reveal());
        }
        let info = info.set_redis_settings(settings);
        let client = if tls {
            // Another one may have been first; it is the same for the whole process.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let root_cert = authority.as_ref().map(|pem| pem.clone().into_bytes());
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
        } else {
            Client::open(info)
        };
        let client = client.map_err(|error| Failure::Refused(format!("the URL or the authority of Redis: {error}")))?;
        Ok(Self { client, place: url.clone() })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The URL, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// A new connection; what is asked over it is answered within `patience`, or the connection has failed.
    pub async fn connect(&self, patience: Option<Duration>) -> Result<MultiplexedConnection, Failure> {
        let within = patience.map_or(CONNECT, |patience| patience.min(CONNECT));
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(within))
            .set_response_timeout(patience)
            .set_pipeline_buffer_size(1024);
        let connected = self.client.get_multiplexed_async_connection_with_config(&config).await;
        connected.map_err(|error| self.failure(&error))
    }

    /// The failure when there was no answer within this time.
    #[must_use]
    pub fn silent(&self, patience: Duration) -> Failure {
        let (place, seconds) = (&self.place, patience.as_secs_f64());
        Failure::Unavailable(format!(
            "Redis at {place} does not answer within {seconds} s: it hangs, or something else listens there; look at the URL"
        ))
    }

    /// What an error of the client means.
    #[must_use]
    pub fn failure(&self, error: &redis::RedisError) -> Failure {
        Failure::of(&self.place, error)
    }
}

#[cfg(test)]
mod tests {
    use tracardi_process::Secret;

    use super::*;

    #[test]
    fn an_endpoint_that_does_not_fit_is_refused_with_its_remedy() {
        let plain = Endpoint::new("redis://localhost:6379/3");
        assert!(Server::at(&plain).is_ok());
        for (endpoint, named) in [
            (Endpoint::new("localhost"), "redis://host"),
            (Endpoint::new("http://localhost"), "redis://host"),
            (Endpoint::new("redis://me:geheim@localhost"), "settings of their own"),
            (Endpoint::new("redis://localhost/x"), "database"),
            (Endpoint::new("rediss://localhost/#insecure"), "not known"),
            (Endpoint { token: Some(Secret::new("t")), ..plain.clone() }, "no token"),
            (Endpoint { authority: Some("pem".to_owned()), ..plain }, "rediss://"),
        ] {
            let refusal = Server::at(&endpoint).unwrap_err();
            assert!(matches!(refusal, Failure::Refused(_)), "{refusal}");
            assert!(refusal.to_string().contains(named) && !refusal.to_string().contains("geheim"), "{refusal}");
        }
    }
}
