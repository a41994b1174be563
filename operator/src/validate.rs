//! From the resource and what was observed to an [`Installation`], or to the one problem that a person has to solve first.
//! Pure. The schema's rules are checked again where a wrong value would end up in an object: an older CRD may be installed.

use ipnet::IpNet;
use semver::Version;
use tracardi_crds::TracardiInstallation;
use tracardi_crds::installation::{
    ConditionType, DeletionPolicy, Disruptions, Image as ImageSpec, Mode, Networking, Outbound,
    PublicApi as PublicApiSpec, Reason, ResourceAmounts, Resources, SecretKeyRef, TracardiInstallationSpec as Spec,
    defaults,
};
use tracardi_crds::outbound::Reach;

use crate::model::{
    Credential, Features, Identity, Image, Installation, Layout, Pods, PublicApi, Pulsar, Secrets, Server, Services,
    Storage, Trusted,
};
use crate::names::{Child, InstallationName};
use crate::observe::{Observed, SecretFact};
use crate::report::is_true;
use crate::secrets;

/// What the operator was told about itself.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Version of the operator, and of an installation that names none.
    pub version: Version,
    /// Image of an installation that names none.
    pub image_repository: String,
    /// Tag of an installation that names neither tag nor version; by default the version.
    pub image_tag: Option<String>,
}

/// Why nothing can be done until a person acts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// For programs.
    pub reason: Reason,
    /// For people: names the field and the remedy.
    pub message: String,
}

impl Problem {
    fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Turns a resource into an installation.
pub fn validate(
    resource: &TracardiInstallation,
    observed: &Observed,
    operator: &Defaults,
) -> Result<Installation, Problem> {
    let metadata = &resource.metadata;
    let spec = &resource.spec;
    let name = InstallationName::new(metadata.name.as_deref().unwrap_or_default())
        .map_err(|error| Problem::new(Reason::SpecInvalid, error.to_string()))?;
    let identity = Identity {
        name: name.clone(),
        namespace: metadata.namespace.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
    };
    let running = resource.status.as_ref().and_then(|status| status.version.as_deref());
    let version = version(spec.version.as_deref(), running, &operator.version)?;
    let networking = spec.networking.clone().unwrap_or_default();
    let features = spec.features.clone().unwrap_or_default();
    let logging = spec.logging.clone().unwrap_or_default();
    let resources = spec.resources.clone().unwrap_or_else(default_resources);
    let installation = Installation {
        image: image(spec.image.clone().unwrap_or_default(), spec.version.is_some(), &version, operator),
        layout: layout(spec, &resources, observed)?,
        version,
        admin_email: spec
            .admin
            .as_ref()
            .and_then(|admin| admin.email.clone())
            .unwrap_or_else(|| defaults::ADMIN_EMAIL.into()),
        secrets: credentials(resource, &name, observed)?,
        public_url: spec.public_url.clone(),
        public_api: public_api(spec.public_api.clone().unwrap_or_default())?,
        outbound: outbound(networking.outbound.clone().unwrap_or_default())?,
        server_ports: server_ports(networking.server_ports.as_deref().unwrap_or_default())?,
        trusted: trusted(networking)?,
        resources,
        node_selector: spec.node_selector.clone().unwrap_or_default(),
        tolerations: spec.tolerations.clone().unwrap_or_default(),
        block_disruptions: spec.disruptions.unwrap_or_default() == Disruptions::Block,
        log_format: logging.format.unwrap_or_default(),
        log_level: logging.level.unwrap_or_else(|| defaults::LOG_LEVEL.into()),
        features: Features {
            system_events: features.system_events.unwrap_or(true),
            disallow_bot_traffic: features.disallow_bot_traffic.unwrap_or(true),
            auto_profile_merging: features.auto_profile_merging.unwrap_or(true),
            track_debug: features.track_debug.unwrap_or(false),
            client_ip_header: features.client_ip_header,
        },
        retain: spec.deletion_policy.unwrap_or_default() == DeletionPolicy::Retain,
        paused: spec.paused.unwrap_or(false),
        identity,
    };
    let prepared = resource
        .status
        .as_ref()
        .is_some_and(|status| is_true(status, ConditionType::Initialized) || status.version.is_some());
    keepsakes(&installation, observed, prepared)?;
    Ok(installation)
}

/// How the services are laid out, and on what.
fn layout(spec: &Spec, resources: &Resources, observed: &Observed) -> Result<Layout, Problem> {
    let mode = spec.mode.unwrap_or_default();
    if mode == Mode::Standalone {
        let storage = spec.storage.clone().unwrap_or_default();
        return Ok(Layout::Standalone(Storage {
            size: storage.size.unwrap_or_else(|| defaults::STORAGE_SIZE.into()),
            class: storage.storage_class_name,
        }));
    }
    let missing = |field: &str| {
        let message =
            format!("spec.{field} is missing, which the mode {} needs: add it, with external.url", mode.as_str());
        Problem::new(Reason::SpecInvalid, message)
    };
    let elasticsearch = spec.elasticsearch.clone().ok_or_else(|| missing("elasticsearch"))?;
    let mysql = spec.mysql.clone().ok_or_else(|| missing("mysql"))?;
    let redis = spec.redis.clone().ok_or_else(|| missing("redis"))?;
    let pulsar = match (&spec.pulsar, mode) {
        (Some(pulsar), Mode::Distributed) => Some(pulsar.clone()),
        (None, Mode::Distributed) => return Err(missing("pulsar")),
        _ => None,
    };
    let references = secrets::references(spec);
    let of = |field: &str| {
        let brought = references.iter().find(|reference| reference.field == field);
        brought.map(|reference| adopted(reference, observed)).transpose()
    };
    let workers = spec.workers.clone().unwrap_or_default();
    let pods = |replicas: Option<i32>, default: i32, own: Option<Resources>| Pods {
        replicas: replicas.unwrap_or(default).clamp(1, 100),
        resources: own.unwrap_or_else(|| resources.clone()),
    };
    let service = |service: Option<tracardi_crds::installation::Service>, default| {
        let service = service.unwrap_or_default();
        pods(service.replicas, default, service.resources)
    };
    let single =
        |service: Option<tracardi_crds::installation::Singleton>| pods(None, 1, service.and_then(|s| s.resources));
    let public = spec.public_api.clone().unwrap_or_default();
    Ok(Layout::Services(Box::new(Services {
        elastic: Server {
            port: port_of("spec.elasticsearch.external.url", &elasticsearch.external.url)?,
            url: elasticsearch.external.url,
            username: elasticsearch.external.username,
            password: of(secrets::field::ELASTIC_PASSWORD)?,
            token: of(secrets::field::ELASTIC_API_KEY)?,
            authority: of(secrets::field::ELASTIC_CA)?,
        },
        index_prefix: elasticsearch.index_prefix.unwrap_or_else(|| defaults::INDEX_PREFIX.into()),
        index_shards: elasticsearch.shards.unwrap_or(defaults::INDEX_SHARDS),
        index_replicas: elasticsearch.replicas.unwrap_or(defaults::INDEX_REPLICAS),
        mysql: Server {
            port: port_of("spec.mysql.external.url", &mysql.external.url)?,
            url: mysql.external.url,
            username: mysql.external.username,
            password: of(secrets::field::MYSQL_PASSWORD)?,
            token: None,
            authority: of(secrets::field::MYSQL_CA)?,
        },
        database: mysql.database.unwrap_or_else(|| defaults::DATABASE.into()),
        redis: Server {
            port: port_of("spec.redis.external.url", &redis.external.url)?,
            url: redis.external.url,
            username: redis.external.username,
            password: of(secrets::field::REDIS_PASSWORD)?,
            token: None,
            authority: of(secrets::field::REDIS_CA)?,
        },
        pulsar: match pulsar {
            None => None,
            Some(pulsar) => Some(Pulsar {
                server: Server {
                    port: port_of("spec.pulsar.external.url", &pulsar.external.url)?,
                    url: pulsar.external.url,
                    token: of(secrets::field::PULSAR_TOKEN)?,
                    authority: of(secrets::field::PULSAR_CA)?,
                    ..Server::default()
                },
                admin_port: port_of("spec.pulsar.external.adminUrl", &pulsar.external.admin_url)?,
                admin_url: pulsar.external.admin_url,
                namespace: pulsar.namespace.unwrap_or_else(|| defaults::PULSAR_NAMESPACE.into()),
            }),
        },
        queue_replicas: spec.queue.as_ref().and_then(|queue| queue.replicas).filter(|replicas| *replicas > 0),
        partitions: spec.queue.as_ref().and_then(|queue| queue.partitions).unwrap_or(defaults::QUEUE_PARTITIONS),
        public_api: pods(public.replicas, defaults::PUBLIC_API_REPLICAS, public.resources),
        private_api: service(spec.private_api.clone(), 1),
        gui: service(spec.gui.clone(), 1),
        collector: service(workers.collector, defaults::COLLECTOR_REPLICAS),
        storage: single(workers.storage),
        outbound: single(workers.outbound),
    })))
}

/// The port that a server's URL names, or that its scheme stands for.
fn port_of(field: &str, url: &str) -> Result<u16, Problem> {
    let authority = url.split_once("://").map(|(scheme, rest)| (scheme, rest.split('/').next().unwrap_or_default()));
    let port = match authority {
        Some((_, host)) if host.contains(':') => host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()),
        Some(("http", _)) => Some(80),
        Some(("https", _)) => Some(443),
        Some(("mysql" | "mysqls", _)) => Some(3306),
        Some(("redis" | "rediss", _)) => Some(6379),
        Some(("pulsar", _)) => Some(6650),
        Some(("pulsar+ssl", _)) => Some(6651),
        _ => None,
    };
    port.filter(|port| *port > 0).ok_or_else(|| {
        let message =
            format!("{field} {url:?} names no server: give it as scheme://host:port, the port from 1 to 65535");
        Problem::new(Reason::SpecInvalid, message)
    })
}

/// What outlives pods must fit together: the data and the Secrets without which they cannot be read. Secrets are made
/// before the volume, and before servers are `prepared`; so data without them means that they were lost.
fn keepsakes(installation: &Installation, observed: &Observed, prepared: bool) -> Result<(), Problem> {
    let claim = installation.identity.name.child(Child::Data);
    let leftover =
        observed.generated.iter().find(|(_, fact)| fact.owned_by_another).map(|(name, _)| ("Secret", name.as_str()));
    let leftover = leftover.or_else(|| {
        observed.claim.as_ref().filter(|fact| fact.owned_by_another).map(|_| ("PersistentVolumeClaim", claim.as_str()))
    });
    if let Some((kind, name)) = leftover {
        return Err(Problem::new(
            Reason::AwaitingDeletion,
            format!(
                "{kind} {name:?} of a deleted installation of this name is still being deleted: it goes away by itself"
            ),
        ));
    }
    let lost = secrets::needed(installation)
        .into_iter()
        .find(|secret| secret.irreplaceable && !observed.generated.contains_key(&secret.name));
    match lost {
        Some(secret) if prepared && installation.storage().is_none() => Err(Problem::new(
            Reason::SecretLost,
            format!(
                "Secret {:?} is gone, but the data in the servers was made with it: restore it from a backup (keys {}), or delete the resource and the data to start anew",
                secret.name,
                secret.keys().join(", ")
            ),
        )),
        Some(secret) if observed.claim.is_some() => Err(Problem::new(
            Reason::SecretLost,
            format!(
                "Secret {:?} is gone, but the data on volume claim {claim:?} was made with it: restore it from a backup (keys {}), or delete the volume claim too to start anew",
                secret.name,
                secret.keys().join(", ")
            ),
        )),
        _ => Ok(()),
    }
}

/// The version to run: the wanted one, unless it is beyond what this operator knows or behind what runs. Patch releases of
/// a known minor version are taken on trust: they change no contract.
fn version(wanted: Option<&str>, running: Option<&str>, operator: &Version) -> Result<Version, Problem> {
    let wanted = match wanted {
        None => operator.clone(),
        Some(text) => Version::parse(text).map_err(|_| {
            Problem::new(
                Reason::SpecInvalid,
                format!("spec.version {text:?} must look like 1.2.3 or 1.2.3-rc.1: correct it or leave it out"),
            )
        })?,
    };
    if (wanted.major, wanted.minor) > (operator.major, operator.minor) {
        return Err(Problem::new(
            Reason::VersionUnsupported,
            format!(
                "spec.version {wanted} is newer than this operator ({operator}) knows: upgrade the operator first, or choose a version up to {}.{}.x",
                operator.major, operator.minor
            ),
        ));
    }
    if let Some(running) = running.and_then(|text| Version::parse(text).ok())
        && wanted < running
    {
        return Err(Problem::new(
            Reason::DowngradeRefused,
            format!(
                "version {wanted} is older than {running}, which runs and whose data it could not read: set spec.version to {running} or newer"
            ),
        ));
    }
    Ok(wanted)
}

fn image(spec: ImageSpec, version_named: bool, version: &Version, operator: &Defaults) -> Image {
    let repository = spec.repository.unwrap_or_else(|| operator.image_repository.clone());
    let default_tag = operator.image_tag.clone().filter(|_| !version_named);
    let tag = spec.tag.or(default_tag).unwrap_or_else(|| version.to_string());
    Image {
        reference: format!("{repository}:{tag}"),
        pull_policy: spec.pull_policy.unwrap_or_default(),
        pull_secrets: spec.pull_secrets.unwrap_or_default().into_iter().map(|secret| secret.name).collect(),
    }
}

fn public_api(spec: PublicApiSpec) -> Result<PublicApi, Problem> {
    let port = |field: &str, number: i32| {
        u16::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| {
            Problem::new(Reason::SpecInvalid, format!("spec.publicApi.{field} {number} must be between 1 and 65535"))
        })
    };
    Ok(PublicApi {
        service_type: spec.service_type.unwrap_or_default(),
        port: spec.port.map_or(Ok(defaults::PUBLIC_SERVICE_PORT), |number| port("port", number))?,
        node_port: spec.node_port.map(|number| port("nodePort", number)).transpose()?,
        external_traffic_policy: spec.external_traffic_policy,
        annotations: spec.annotations.unwrap_or_default(),
    })
}

fn trusted(spec: Networking) -> Result<Option<Trusted>, Problem> {
    let cidrs = spec.trusted_cidrs.unwrap_or_default();
    ranges("trustedCIDRs", &cidrs)?;
    Ok(spec.network_policy.unwrap_or(true).then(|| Trusted {
        namespaces: spec.trusted_namespaces.unwrap_or_default(),
        namespace_labels: spec.trusted_namespace_labels.unwrap_or_default(),
        cidrs,
    }))
}

fn outbound(spec: Outbound) -> Result<Reach, Problem> {
    Ok(Reach {
        allow: ranges("outbound.allow", &spec.allow.unwrap_or_default())?,
        deny: ranges("outbound.deny", &spec.deny.unwrap_or_default())?,
    })
}

fn server_ports(spec: &[i32]) -> Result<Vec<u16>, Problem> {
    let port = |number: &i32| {
        u16::try_from(*number).ok().filter(|number| *number > 0).ok_or_else(|| {
            let message = format!("spec.networking.serverPorts holds {number}, which is no port: give 1 to 65535");
            Problem::new(Reason::SpecInvalid, message)
        })
    };
    spec.iter().map(port).collect()
}

/// Address ranges, from a field below `spec.networking`.
fn ranges(field: &str, cidrs: &[String]) -> Result<Vec<IpNet>, Problem> {
    let range = |cidr: &String| {
        cidr.parse().map_err(|_| {
            Problem::new(
                Reason::SpecInvalid,
                format!("spec.networking.{field} holds {cidr:?}, which is no address range such as 10.8.0.0/16"),
            )
        })
    };
    cidrs.iter().map(range).collect()
}

fn default_resources() -> Resources {
    Resources {
        requests: Some(ResourceAmounts {
            cpu: Some(defaults::REQUEST_CPU.into()),
            memory: Some(defaults::REQUEST_MEMORY.into()),
        }),
        limits: Some(ResourceAmounts { cpu: None, memory: Some(defaults::LIMIT_MEMORY.into()) }),
    }
}

fn credentials(
    resource: &TracardiInstallation,
    name: &InstallationName,
    observed: &Observed,
) -> Result<Secrets, Problem> {
    let brought = secrets::references(&resource.spec);
    let credential = |field: &str, child: Child, key: &str| match brought.iter().find(|brought| brought.field == field)
    {
        Some(reference) => adopted(reference, observed),
        None => generated(&name.child(child), key, observed),
    };
    Ok(Secrets {
        admin_password: credential(secrets::field::PASSWORD, Child::AdminSecret, secrets::PASSWORD)?,
        installation_token: credential(secrets::field::TOKEN, Child::InstallationSecret, secrets::TOKEN)?,
        signing_key: credential(secrets::field::SIGNING_KEY, Child::KeysSecret, secrets::SIGNING_KEY)?,
        encryption_key: credential(secrets::field::ENCRYPTION_KEY, Child::KeysSecret, secrets::ENCRYPTION_KEY)?,
    })
}

fn adopted(reference: &secrets::Reference, observed: &Observed) -> Result<Credential, Problem> {
    let secrets::Reference { field, at: SecretKeyRef { name, key }, value } = reference;
    match observed.adopted.get(&(name.clone(), key.clone())) {
        Some(SecretFact::Usable { revision }) => {
            Ok(Credential { secret: name.clone(), key: key.clone(), revision: revision.clone(), generated: false })
        }
        Some(SecretFact::NoKey) => Err(Problem::new(
            Reason::SecretMissing,
            format!(
                "{field} names key {key:?} of Secret {name:?}, which has no such key: add it or correct the reference"
            ),
        )),
        Some(SecretFact::Unusable) => Err(Problem::new(
            Reason::SecretInvalid,
            format!("{field}: key {key:?} of Secret {name:?} must hold {}", value.demand()),
        )),
        Some(SecretFact::Absent) | None => Err(Problem::new(
            Reason::SecretMissing,
            format!(
                "{field} names Secret {name:?}, which does not exist in this namespace: create it or correct the reference"
            ),
        )),
    }
}

fn generated(secret: &str, key: &str, observed: &Observed) -> Result<Credential, Problem> {
    let revision = match observed.generated.get(secret) {
        Some(fact) if fact.foreign => {
            return Err(Problem::new(
                Reason::NameTaken,
                format!(
                    "Secret {secret:?} exists and was not made for this installation: remove it, or refer to it in the spec, or rename the installation"
                ),
            ));
        }
        // Only the uid: a generated Secret is immutable, and a change of its owner must not roll the pods.
        Some(fact) => fact.uid.clone(),
        None => String::new(),
    };
    Ok(Credential { secret: secret.to_owned(), key: key.to_owned(), revision, generated: true })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::GeneratedFact;
    use crate::testing::{resource, try_installation, with_secret};

    fn refused(spec: Value, observed: &Observed) -> (Reason, String) {
        let problem = try_installation(spec, observed).unwrap_err();
        (problem.reason, problem.message)
    }

    #[test]
    fn an_empty_spec_is_an_installation() {
        let installation = try_installation(json!({}), &Observed::default()).unwrap();
        assert_eq!(installation.image.reference, "registry.test/tracardi:1.2.3");
        assert!(installation.retain && !installation.paused);
        assert!(installation.trusted.is_some_and(|trusted| trusted.is_empty()));
    }

    #[test]
    fn ports_of_urls() {
        for (url, port) in [
            ("https://search.example.com:9200", Some(9200)),
            ("https://search.example.com", Some(443)),
            ("mysql://db", Some(3306)),
            ("rediss://cache/1", Some(6379)),
            ("pulsar+ssl://broker", Some(6651)),
            ("http://broker:8080/", Some(8080)),
            ("http://broker:99999", None),
            ("http://broker:0", None),
            ("ftp://x", None),
        ] {
            assert_eq!(port_of("spec.x", url).ok(), port, "{url}");
        }
    }

    #[test]
    fn versions() {
        let wanted = |version: &str| try_installation(json!({"version": version}), &Observed::default());
        assert_eq!(wanted("1.2.9").unwrap().image.reference, "registry.test/tracardi:1.2.9");
        assert_eq!(wanted("1.3.0").unwrap_err().reason, Reason::VersionUnsupported);
        assert_eq!(wanted("2").unwrap_err().reason, Reason::SpecInvalid);
        let mut running = resource(json!({"version": "1.2.0-rc.1"}));
        running.status = Some(tracardi_crds::installation::TracardiInstallationStatus {
            version: Some("1.2.0".into()),
            ..Default::default()
        });
        let problem = validate(&running, &Observed::default(), &crate::testing::defaults()).unwrap_err();
        assert_eq!(problem.reason, Reason::DowngradeRefused);
        assert!(problem.message.contains("1.2.0-rc.1 is older than 1.2.0"), "{problem}");
    }

    #[test]
    fn secrets_that_a_user_brings() {
        let spec = json!({"secrets": {"signingKeySecretRef": {"name": "mine", "key": "signing"}}});
        assert_eq!(refused(spec.clone(), &Observed::default()).0, Reason::SecretMissing);
        for (fact, reason) in [
            (SecretFact::Absent, Reason::SecretMissing),
            (SecretFact::NoKey, Reason::SecretMissing),
            (SecretFact::Unusable, Reason::SecretInvalid),
        ] {
            let mut observed = Observed::default();
            observed.adopted.insert(("mine".into(), "signing".into()), fact);
            let (is, message) = refused(spec.clone(), &observed);
            assert_eq!(is, reason);
            assert!(message.starts_with("spec.secrets.signingKeySecretRef"), "{message}");
        }
        let installation = try_installation(spec, &with_secret(&["signing"])).unwrap();
        assert!(!installation.secrets.signing_key.generated);
        assert!(installation.secrets.encryption_key.generated);
    }

    #[test]
    fn what_outlives_pods_must_fit_together() {
        let fact = GeneratedFact { uid: "u".into(), foreign: false, owned_by_another: false, owners: None };
        let all = |observed: &mut Observed| {
            for name in ["demo-admin", "demo-keys", "demo-installation"] {
                observed.generated.insert(name.into(), fact.clone());
            }
        };
        let claim = |another: bool| {
            let view = serde_json::from_value(json!({"metadata": {"name": "demo-data"}})).unwrap();
            Some(crate::observe::ClaimFact { owned_by_another: another, view: std::sync::Arc::new(view) })
        };
        let mut observed = Observed { claim: claim(false), ..Observed::default() };
        all(&mut observed);
        assert!(try_installation(json!({}), &observed).is_ok(), "a retained volume with its Secrets is taken up");
        observed.generated.remove("demo-installation");
        assert!(try_installation(json!({}), &observed).is_ok(), "the token can be made anew");
        observed.generated.remove("demo-keys");
        let (reason, message) = refused(json!({}), &observed);
        assert_eq!(reason, Reason::SecretLost);
        assert!(message.contains("encryption-key, signing-key"), "{message}");

        let mut observed = Observed { claim: claim(true), ..Observed::default() };
        all(&mut observed);
        assert_eq!(refused(json!({}), &observed).0, Reason::AwaitingDeletion);
        let foreign = GeneratedFact { foreign: true, ..fact.clone() };
        let mut observed = Observed::default();
        observed.generated.insert("demo-admin".into(), foreign);
        assert_eq!(refused(json!({}), &observed).0, Reason::NameTaken);
    }

    #[test]
    fn what_an_old_definition_lets_through_is_refused_here() {
        let wrong = [
            json!({"networking": {"trustedCIDRs": ["10.0.0.0/33"]}}),
            json!({"networking": {"trustedCIDRs": ["10.0.0.1"]}}),
            json!({"networking": {"outbound": {"allow": ["10.0.0.1"]}}}),
            json!({"networking": {"outbound": {"deny": ["fd00::/129"]}}}),
            json!({"publicApi": {"port": 0}}),
            json!({"publicApi": {"nodePort": 70000}}),
        ];
        for spec in wrong {
            assert_eq!(refused(spec, &Observed::default()).0, Reason::SpecInvalid);
        }
        let mut long = resource(json!({}));
        long.metadata.name = Some("a".repeat(41));
        let problem = validate(&long, &Observed::default(), &crate::testing::defaults()).unwrap_err();
        assert_eq!(problem.reason, Reason::SpecInvalid);
    }

    #[test]
    fn the_default_tag_gives_way_to_what_the_resource_says() {
        let operator = Defaults { image_tag: Some("build-7".into()), ..crate::testing::defaults() };
        let version = Version::new(1, 2, 3);
        let reference = |tag: Option<&str>, named| {
            image(ImageSpec { tag: tag.map(Into::into), ..ImageSpec::default() }, named, &version, &operator).reference
        };
        assert_eq!(reference(None, false), "registry.test/tracardi:build-7");
        assert_eq!(reference(None, true), "registry.test/tracardi:1.2.3");
        assert_eq!(reference(Some("mine"), false), "registry.test/tracardi:mine");
    }
}
