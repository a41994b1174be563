//! One look, and its error in the words of the resource.

use std::time::Duration;

use tracardi_process::{Endpoint, Secret, Setting, Sighting, setting};

use super::{Dependency, LOOK, Target};
use crate::report::shorten;

/// What the services' code is told to take at most: less than [`LOOK`], because it knows what an answer that stays out means.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longest name of a product or a version: a stranger may answer anything.
const NAME: usize = 64;
/// Longest message.
const LONGEST: usize = 600;

/// Looks at a server. The error begins with the fields that it concerns; no secret is in it, nor in a warning.
pub(super) async fn look(target: Target) -> Result<Sighting, String> {
    let found = match &target {
        Target::Elasticsearch(endpoint) => told(tracardi_elastic::look(endpoint, PATIENCE).await),
        Target::Mysql { endpoint, database } => told(tracardi_mysql::look(endpoint, database, PATIENCE).await),
        Target::Redis { endpoint, queue: false } => told(tracardi_redis::look(endpoint, PATIENCE).await),
        Target::Redis { endpoint, queue: true } => told(tracardi_queue::redis::look(endpoint, PATIENCE).await),
        Target::Pulsar { broker, admin, namespace } => {
            told(tracardi_queue::pulsar::look(broker, admin, namespace, PATIENCE).await)
        }
    };
    match found {
        Ok(seen) => Ok(Sighting {
            product: shorten(&target.presentable(&seen.product), NAME),
            version: shorten(&target.presentable(&seen.version), NAME),
            warnings: seen.warnings.iter().map(|warning| target.presentable(warning)).collect(),
        }),
        Err(error) => Err(target.trouble(&error)),
    }
}

/// The error when a look took too long.
pub(super) fn silent(target: &Target) -> String {
    target.trouble(&format!("{} does not answer within {} s", target.dependency().as_str(), LOOK.as_secs()))
}

fn told<E: ToString>(found: Result<Sighting, E>) -> Result<Sighting, String> {
    found.map_err(|error| error.to_string())
}

/// The field that holds a setting, where there is one.
fn field(dependency: Dependency, setting: Setting) -> Option<String> {
    use Dependency::{Elasticsearch, Mysql, Pulsar};
    let name = match (dependency, setting) {
        (_, Setting::Url) => "external.url",
        (Pulsar, Setting::AdminUrl) => "external.adminUrl",
        (Pulsar, Setting::Token) => "external.tokenSecretRef",
        (Pulsar, Setting::Namespace) => "namespace",
        (Elasticsearch, Setting::Token) => "external.apiKeySecretRef",
        (Mysql, Setting::Database) => "database",
        (_, Setting::Authority) => "external.caSecretRef",
        (Pulsar, _) => return None,
        (_, Setting::Username) => "external.username",
        (_, Setting::Password) => "external.passwordSecretRef",
        _ => return None,
    };
    Some(format!("spec.{}.{name}", dependency.as_str()))
}

impl Target {
    fn endpoints(&self) -> Vec<&Endpoint> {
        match self {
            Self::Elasticsearch(endpoint) | Self::Mysql { endpoint, .. } | Self::Redis { endpoint, .. } => {
                vec![endpoint]
            }
            Self::Pulsar { broker, admin, .. } => vec![broker, admin],
        }
    }

    /// An error with the fields that it concerns in front.
    fn trouble(&self, error: &str) -> String {
        format!("{}: {}", self.fields(error).join(", "), self.presentable(error))
    }

    /// The fields that an error concerns; that of the URL when it names no setting.
    fn fields(&self, error: &str) -> Vec<String> {
        setting::concerned(error, &self.endpoints(), |setting| field(self.dependency(), setting))
    }

    /// One line of bounded length without secrets.
    fn presentable(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for endpoint in self.endpoints() {
            let secrets = [&endpoint.password, &endpoint.token].into_iter().flatten().map(Secret::reveal);
            // They do not belong there; who wrote them there does not want them shown all the same.
            let in_url = endpoint.url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(who, _)| who);
            for secret in secrets.chain(in_url).filter(|secret| !secret.is_empty()) {
                // The second is how it looks in quotes.
                text = text.replace(secret, "…").replace(&secret.escape_debug().to_string(), "…");
            }
        }
        shorten(&text, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new("geheim")
    }

    fn with_password(url: &str) -> Endpoint {
        Endpoint { username: Some("shop".to_owned()), password: Some(secret()), ..Endpoint::new(url) }
    }

    fn pulsar(broker: &str, admin: &str) -> Target {
        let endpoint = |url: &str| Endpoint { token: Some(secret()), ..Endpoint::new(url) };
        Target::Pulsar { broker: endpoint(broker), admin: endpoint(admin), namespace: "public/default".to_owned() }
    }

    fn targets(host: &str) -> [Target; 4] {
        [
            Target::Elasticsearch(with_password(&format!("http://{host}"))),
            Target::Mysql { endpoint: with_password(&format!("mysql://{host}")), database: "tracardi".to_owned() },
            Target::Redis { endpoint: with_password(&format!("redis://{host}")), queue: true },
            pulsar(&format!("pulsar://{host}"), &format!("http://{host}")),
        ]
    }

    #[tokio::test]
    async fn trouble_names_a_field_and_no_secret() {
        // Nobody listens on that port of loopback, credentials in a URL are refused, and the last is no URL at all.
        for host in ["127.0.0.1:1", "me:geheim@127.0.0.1:1", "me:geheim@127.0.0.1:x"] {
            for target in targets(host) {
                let trouble = look(target.clone()).await.unwrap_err();
                let field = format!("spec.{}.external.url", target.dependency().as_str());
                assert!(trouble.starts_with(&field), "{trouble}");
                assert!(!trouble.contains("geheim") && !trouble.contains('\n'), "{trouble}");
            }
        }
    }

    #[test]
    fn what_an_error_calls_a_setting_becomes_the_field() {
        let [elastic, mysql, redis, pulsar] = targets("url.token:1");
        let keyed = Target::Elasticsearch(Endpoint { token: Some(secret()), ..Endpoint::new("https://search") });
        let refused = "does not accept the credentials; check username and password, or the API key (token)";
        for (target, error, fields) in [
            (&elastic, refused, "elasticsearch.external.username, elasticsearch.external.passwordSecretRef"),
            (&keyed, refused, "elasticsearch.external.apiKeySecretRef"),
            (&keyed, "the user of the search server lacks a privilege", "elasticsearch.external.apiKeySecretRef"),
            (&elastic, "give the authority's certificate (PEM) as `authority`", "elasticsearch.external.caSecretRef"),
            (
                &mysql,
                "correct mysql.username and mysql.password",
                "mysql.external.username, mysql.external.passwordSecretRef",
            ),
            (&mysql, "has no database \"x\"; create it, or correct mysql.database", "mysql.database"),
            (&mysql, "MySQL at mysql://url.token:1 gives up", "mysql.external.url"),
            (&redis, "correct the number after the address", "redis.external.url"),
            (&redis, "the authority that it comes from", "redis.external.caSecretRef"),
            (&pulsar, "write http:// in the admin API's address", "pulsar.external.adminUrl"),
            (&pulsar, "write pulsar:// in the broker's address", "pulsar.external.url"),
            (&pulsar, "does not let us in with the admin API's token", "pulsar.external.tokenSecretRef"),
            (&pulsar, "Pulsar has no tenant \"x\"", "pulsar.namespace"),
        ] {
            let expected: Vec<String> = fields.split(", ").map(|field| format!("spec.{field}")).collect();
            assert_eq!(target.fields(error), expected, "{error}");
        }
    }

    #[test]
    fn secrets_and_lines_are_taken_out() {
        let odd = Endpoint { password: Some(Secret::new("ge\"heim")), ..Endpoint::new("redis://h") };
        let target = Target::Redis { endpoint: odd, queue: false };
        assert_eq!(target.presentable("a ge\"heim b\n\"ge\\\"heim\""), "a … b \"…\"");
        assert!(target.presentable(&"long ".repeat(1000)).len() < LONGEST + 4);
    }
}
