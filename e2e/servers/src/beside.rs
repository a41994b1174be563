//! The servers of a larger installation of Tracardi, for one that runs in a cluster beside them: what they are started with, and what
//! the installation is told of them.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tracardi_machine::run::run;
use tracardi_machine::{Error, Result};

use crate::http;
use crate::kind::Kind;
use crate::recipe::{Login, Options};

/// Name of the Secret that the resource refers to.
pub const SECRET: &str = "tracardi-servers";

/// What is started: Pulsar only for the mode distributed.
#[must_use]
pub fn kinds(distributed: bool) -> Vec<Kind> {
    let broker = distributed.then_some(Kind::Pulsar);
    [Kind::OpenSearchSecured, Kind::MariaDb, Kind::Redis].into_iter().chain(broker).collect()
}

/// Who may use the servers.
#[must_use]
pub fn login() -> Login {
    Login::new("tracardi", "besides")
}

/// How each is started: with the login, on an address of its own out of 256 that the cluster reaches.
#[must_use]
pub fn options(network: Ipv4Addr) -> Options {
    Options { login: Some(login()), network: Some(network), ..Options::default() }
}

/// The way to the servers of one installation.
#[derive(Clone, Debug)]
pub struct Access {
    /// OpenSearch.
    pub search: SocketAddr,
    /// MariaDB.
    pub database: SocketAddr,
    /// Redis.
    pub cache: SocketAddr,
    /// Pulsar, in the mode distributed: the broker, and its administration.
    pub broker: Option<(SocketAddr, SocketAddr)>,
}

impl Access {
    /// Servers of [`kinds`], each at the address that `address` has for it.
    pub fn new(distributed: bool, address: impl Fn(Kind) -> Result<Ipv4Addr>) -> Result<Self> {
        let at = |kind: Kind, port: usize| {
            let (_, number) = kind.ports().get(port).copied().unwrap_or_default();
            address(kind).map(|address| SocketAddr::from((address, number)))
        };
        Ok(Self {
            search: at(Kind::OpenSearchSecured, 0)?,
            database: at(Kind::MariaDb, 0)?,
            cache: at(Kind::Redis, 0)?,
            broker: if distributed { Some((at(Kind::Pulsar, 0)?, at(Kind::Pulsar, 1)?)) } else { None },
        })
    }

    /// The texts of [`SECRET`], by their keys.
    #[must_use]
    pub fn secret(&self) -> Value {
        let Login { name, password } = &login();
        json!({"search": password, "database": password, "cache": password, "pulsar-token": login().token(name)})
    }

    /// Writes the servers into the spec of an installation, whose indices, tables and topics are named after it. One Redis knows
    /// installations apart by the number of its database.
    pub fn write_into(&self, spec: &mut Value, name: &str, number: u8) {
        let external = |scheme: &str, address: SocketAddr, path: &str, key: &str| {
            let password = json!({"name": SECRET, "key": key});
            json!({"url": format!("{scheme}://{address}{path}"), "username": login().name, "passwordSecretRef": password})
        };
        spec["elasticsearch"]["external"] = external("http", self.search, "", "search");
        spec["elasticsearch"]["indexPrefix"] = json!(name);
        // One node has no place for copies.
        spec["elasticsearch"]["replicas"] = json!(0);
        spec["mysql"]["external"] = external("mysql", self.database, "", "database");
        spec["mysql"]["database"] = json!(name);
        spec["redis"]["external"] = external("redis", self.cache, &format!("/{number}"), "cache");
        if let Some((broker, administration)) = self.broker {
            spec["pulsar"] = json!({"namespace": format!("tracardi/{name}"), "external": {
                "url": format!("pulsar://{broker}"), "adminUrl": format!("http://{administration}"),
                "tokenSecretRef": {"name": SECRET, "key": "pulsar-token"}}});
        }
    }

    /// Makes what must exist before an installation of this name: the database, and Pulsar's tenant and namespace.
    pub fn prepare(&self, name: &str) -> Result<()> {
        self.sql(&format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4"))?;
        let Some((_, administration)) = self.broker else { return Ok(()) };
        let authorization = format!("Bearer {}", login().token(&login().name));
        let tenant = json!({"adminRoles": [login().name], "allowedClusters": ["standalone"]}).to_string();
        for (path, body) in
            [("tenants/tracardi".to_owned(), tenant), (format!("namespaces/tracardi/{name}"), "{}".into())]
        {
            // It may be there already.
            if !matches!(
                http::put(administration, &format!("/admin/v2/{path}"), &authorization, &body),
                Some(200..300 | 409)
            ) {
                return Err(Error::unmet(format!("Pulsar at {administration} did not make {path}"), "see its log"));
            }
        }
        Ok(())
    }

    /// Runs a statement in the database server.
    pub fn sql(&self, statement: &str) -> Result<String> {
        let (host, Login { name, password }) = (self.database.ip().to_string(), login());
        let login = [format!("--host={host}"), format!("--user={name}"), format!("--password={password}")];
        run("mariadb", ["--no-defaults".to_owned()].into_iter().chain(login).chain([format!("--execute={statement}")]))
    }

    /// Runs a command in Redis.
    pub fn redis(&self, command: &[&str]) -> Result<String> {
        let (host, Login { name, password }) = (self.cache.ip().to_string(), login());
        let login = ["-e", "--no-auth-warning", "-h", &host, "--user", &name, "--pass", &password];
        run("redis-cli", login.iter().chain(command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_names_every_server_and_its_secret() {
        let access = Access::new(true, |_| Ok(Ipv4Addr::new(198, 19, 0, 7))).unwrap();
        let mut spec = json!({"mode": "distributed", "elasticsearch": {"external": {"caSecretRef": {}}, "shards": 3}});
        access.write_into(&mut spec, "shop", 2);
        assert_eq!(spec["elasticsearch"]["shards"], 3);
        assert_eq!(spec["elasticsearch"]["external"]["url"], "http://198.19.0.7:9200");
        assert!(spec["elasticsearch"]["external"]["caSecretRef"].is_null());
        assert_eq!(spec["mysql"]["external"]["url"], "mysql://198.19.0.7:3306");
        assert_eq!(spec["redis"]["external"]["url"], "redis://198.19.0.7:6379/2");
        assert_eq!(spec["pulsar"]["external"]["adminUrl"], "http://198.19.0.7:8080");
        for (server, field) in
            [("elasticsearch", "password"), ("mysql", "password"), ("redis", "password"), ("pulsar", "token")]
        {
            let reference = &spec[server]["external"][format!("{field}SecretRef")];
            assert_eq!(reference["name"], SECRET);
            assert!(access.secret()[reference["key"].as_str().unwrap()].is_string(), "{server}");
        }
    }

    #[test]
    fn a_server_that_is_not_needed_is_not_asked_for() {
        assert!(!kinds(false).contains(&Kind::Pulsar) && kinds(true).contains(&Kind::Pulsar));
        let access = Access::new(false, |kind| {
            assert_ne!(kind, Kind::Pulsar);
            Ok(Ipv4Addr::LOCALHOST)
        });
        assert!(access.unwrap().broker.is_none());
    }
}
