//! Which servers of an installation are looked at, and with what.

use tracardi_process::Endpoint;

use super::Target;
use crate::model::{Credential, Server, Services};
use crate::observe::Logins;

/// The servers of a larger installation, with the credentials that were read.
#[must_use]
pub fn targets(services: &Services, logins: &Logins) -> Vec<Target> {
    let Services { elastic, mysql, database, redis, pulsar, .. } = services;
    let pulsar_target = pulsar.as_ref().map(|pulsar| {
        let broker = endpoint(&pulsar.server, logins);
        let admin = Endpoint { url: pulsar.admin_url.clone(), ..broker.clone() };
        Target::Pulsar { broker, admin, namespace: pulsar.namespace.clone() }
    });
    [
        Target::Elasticsearch(endpoint(elastic, logins)),
        Target::Mysql { endpoint: endpoint(mysql, logins), database: database.clone() },
        Target::Redis { endpoint: endpoint(redis, logins), queue: pulsar.is_none() },
    ]
    .into_iter()
    .chain(pulsar_target)
    .collect()
}

fn endpoint(server: &Server, logins: &Logins) -> Endpoint {
    let value = |credential: &Option<Credential>| {
        let Credential { secret, key, .. } = credential.as_ref()?;
        logins.get(&(secret.clone(), key.clone())).cloned()
    };
    Endpoint {
        url: server.url.clone(),
        username: server.username.clone(),
        password: value(&server.password),
        token: value(&server.token),
        authority: value(&server.authority).map(|certificates| certificates.reveal().to_owned()),
    }
}
