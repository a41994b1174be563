//! Where the database is, and how a connection to it is made.

use std::num::NonZeroU32;

use sqlx::ConnectOptions;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use tracardi_model::Tenant;
use tracardi_process::Endpoint;
use tracardi_store::StoreError;
use url::{Host, Url};

/// The port of MySQL and MariaDB, when the URL has none.
const PORT: u16 = 3306;

/// Where the tables are and whose rows are ours.
#[derive(Clone, Debug)]
pub struct MysqlSettings {
    /// The server. URL: `mysql://host:port`, or `mysqls://host:port` for an encrypted connection, which it is with an authority as
    /// well. Who we are there: name and password.
    pub endpoint: Endpoint,
    /// The database; it is there already, and it is nobody else's.
    pub database: String,
    /// Whose rows.
    pub tenant: Tenant,
    /// Connections at most.
    pub connections: NonZeroU32,
}

impl MysqlSettings {
    /// With as many connections as a process needs.
    #[must_use]
    pub fn new(endpoint: Endpoint, database: impl Into<String>, tenant: Tenant) -> Self {
        const CONNECTIONS: NonZeroU32 = NonZeroU32::new(8).unwrap();
        Self { endpoint, database: database.into(), tenant, connections: CONNECTIONS }
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.endpoint.url.starts_with("mysqls:") || self.endpoint.authority.is_some()
    }

    /// How a connection is made.
    pub(crate) fn options(&self) -> Result<MySqlConnectOptions, StoreError> {
        let Endpoint { url, username, password, token, authority } = &self.endpoint;
        let wrong = |setting: &str, problem: &str| StoreError::Setting(format!("mysql.{setting} {problem}"));
        if token.is_some() {
            return Err(wrong("token", "is not for MySQL; give mysql.username and mysql.password"));
        }
        if self.database.is_empty() {
            return Err(wrong("database", "is empty; give the name of the database"));
        }
        let form =
            "is no URL of a server; give mysql://host:port or mysqls://host:port, the rest in settings of its own";
        let url = Url::parse(url).map_err(|_| wrong("url", form))?;
        let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let (Some(host), true, true, "mysql" | "mysqls") =
            (url.host(), bare, matches!(url.path(), "" | "/"), url.scheme())
        else {
            return Err(wrong("url", form));
        };
        let host = match host {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        };
        let mut options = MySqlConnectOptions::new()
            .host(&host)
            .port(url.port().unwrap_or(PORT))
            .database(&self.database)
            .ssl_mode(if self.is_encrypted() { MySqlSslMode::VerifyIdentity } else { MySqlSslMode::Disabled })
            // How the server is to read statements is said in `connection.rs`.
            .pipes_as_concat(false)
            .no_engine_substitution(false)
            .disable_statement_logging();
        if let Some(authority) = authority {
            options = options.ssl_ca_from_pem(authority.clone().into_bytes());
        }
        if let Some(username) = username {
            options = options.username(username);
        }
        if let Some(password) = password {
            options = options.password(password.reveal());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use tracardi_process::Secret;

    use super::*;

    fn settings(url: &str) -> MysqlSettings {
        MysqlSettings::new(Endpoint::new(url), "tracardi", Tenant::only())
    }

    #[test]
    fn a_url_has_host_and_port() {
        let options = settings("mysql://db.example:3307").options().unwrap();
        assert_eq!((options.get_host(), options.get_port()), ("db.example", 3307));
        assert!(matches!(options.get_ssl_mode(), MySqlSslMode::Disabled));
        let options = settings("mysqls://[fd00::1]/").options().unwrap();
        assert_eq!((options.get_host(), options.get_port()), ("fd00::1", 3306));
        assert!(matches!(options.get_ssl_mode(), MySqlSslMode::VerifyIdentity));
    }

    #[test]
    fn what_is_not_taken_is_named() {
        for url in [
            "",
            "db:3306",
            "http://db",
            "mysql://u:p@db",
            "mysql://db/name",
            "mysql://db?ssl-mode=DISABLED",
            "mysql:///x",
        ] {
            let error = settings(url).options().unwrap_err().to_string();
            assert!(error.starts_with("mysql.url is no URL"), "{url}: {error}");
        }
        let mut with_token = settings("mysql://db");
        with_token.endpoint.token = Some(Secret::new("t"));
        assert!(with_token.options().unwrap_err().to_string().contains("mysql.token"));
        let nameless = MysqlSettings { database: String::new(), ..settings("mysql://db") };
        assert!(nameless.options().unwrap_err().to_string().contains("mysql.database"));
    }
}
