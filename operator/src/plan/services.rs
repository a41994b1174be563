//! The modes open and distributed: each service in pods of its own, on servers outside. A Job prepares the servers; workloads are
//! made when it has.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume, VolumeMount};
use tracardi_crds::contract::{GUI, MANAGEMENT, PRIVATE_API, PUBLIC_API, Port, path};

use super::{Component, Draft, PlanError};
use crate::build::config::{Environment, file};
use crate::build::workload::Replacement;
use crate::build::{Kind, config, desired, disruption, network_policy, pod, service, workload};
use crate::model::{Credential, Installation, Pods, Services};
use crate::names::{CONFIG_HASH, Child, SECRETS_HASH};

/// Label of the pods that prepare the servers.
pub const INSTALL: &str = "install";

const TMP: &str = "tmp";
const SECRETS: &str = "secrets";
const ADMIN: &str = "admin";

/// A service.
struct Row {
    /// Its component's name is that of the child.
    child: Child,
    /// What the program is told to be.
    arguments: &'static [&'static str],
    /// What it listens on besides the management.
    port: Option<Port>,
    /// How many there are.
    pods: fn(&Services) -> &Pods,
    /// How they are replaced.
    replacement: Replacement,
    /// It works with the servers.
    on_servers: bool,
}

/// The services.
const ROWS: [Row; 6] = [
    Row {
        child: Child::PublicApi,
        arguments: &["public-api"],
        port: Some(PUBLIC_API),
        pods: |services| &services.public_api,
        replacement: Replacement::OneByOne,
        on_servers: true,
    },
    Row {
        child: Child::PrivateApi,
        arguments: &["private-api"],
        port: Some(PRIVATE_API),
        pods: |services| &services.private_api,
        replacement: Replacement::OneByOne,
        on_servers: true,
    },
    Row {
        child: Child::Gui,
        arguments: &["gui"],
        port: Some(GUI),
        pods: |services| &services.gui,
        replacement: Replacement::OneByOne,
        on_servers: false,
    },
    Row {
        child: Child::WorkerCollector,
        arguments: &["worker", "collector"],
        port: None,
        pods: |services| &services.collector,
        replacement: Replacement::OneByOne,
        on_servers: true,
    },
    Row {
        child: Child::WorkerStorage,
        arguments: &["worker", "storage"],
        port: None,
        pods: |services| &services.storage,
        replacement: Replacement::OneByOne,
        on_servers: true,
    },
    Row {
        child: Child::WorkerOutbound,
        arguments: &["worker", "outbound"],
        port: None,
        pods: |services| &services.outbound,
        // Two at a time would send the same delivery twice.
        replacement: Replacement::Alone,
        on_servers: true,
    },
];

/// Names of the components.
pub(super) fn components() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.child.suffix())
}

/// The workloads, and the Job that they wait for.
pub(super) fn plan(
    installation: &Installation,
    services: &Services,
    draft: &mut Draft,
) -> Result<(Vec<Component>, Option<String>), PlanError> {
    let name = |child: Child| installation.identity.name.child(child);
    network_policies(installation, services, draft)?;

    let environment = config::services(installation, services);
    let config = name(Child::Config);
    let config_hash = config::hash(&environment);
    draft.add(Kind::ConfigMap, &config, &config::config_map(installation, config.clone(), environment))?;

    let gate = install(installation, services, &config, &config_hash, draft)?;
    addresses(installation, draft)?;

    let components = ROWS.iter().map(|row| {
        let component = row.child.suffix();
        let workload = name(row.child);
        let Pods { replicas, resources } = (row.pods)(services);
        let away = if installation.block_disruptions { Some(0) } else { (*replicas > 1).then_some(1) };
        if let Some(away) = away {
            let budget = disruption::budget(installation, workload.clone(), component, away);
            draft.add(Kind::PodDisruptionBudget, &workload, &budget)?;
        }
        let mut container = Container {
            ports: Some(row.port.into_iter().chain([MANAGEMENT]).map(pod::port).collect()),
            // A process that waits for a server lives; it is ready when the server is there.
            startup_probe: Some(pod::probe("/livez", MANAGEMENT, 1, 60)),
            readiness_probe: Some(pod::probe("/readyz", MANAGEMENT, 2, 2)),
            liveness_probe: Some(pod::probe("/livez", MANAGEMENT, 10, 3)),
            ..pod::container(installation, component, row.arguments, resources)
        };
        let (annotations, volumes) = if row.on_servers {
            let credentials = credentials(installation, services);
            container.env_from = Some(vec![pod::environment(&config)]);
            container.volume_mounts = Some(mounts());
            (annotations(&config_hash, Some(&credentials)), volumes(&credentials))
        } else {
            let api = super::inside(installation, Child::PrivateApi, PRIVATE_API.number);
            let environment: Environment = config::gui(installation, api);
            let hash = config::hash(&environment);
            container.env = Some(environment.into_iter().map(|(name, value)| pod::variable(&name, value)).collect());
            container.volume_mounts = Some(vec![pod::mount(TMP, path::TMP, false)]);
            (annotations(&hash, None), vec![pod::scratch(TMP, "16Mi")])
        };
        let pod = PodSpec { containers: vec![container], volumes: Some(volumes), ..pod::spec(installation) };
        let deployment = workload::deployment(
            installation,
            workload.clone(),
            component,
            *replicas,
            row.replacement,
            annotations,
            pod,
        );
        draft.add(Kind::Deployment, &workload, &deployment)?;
        let image = installation.image.reference.clone();
        Ok(Component { name: component, kind: Kind::Deployment, workload, desired: *replicas, image })
    });
    Ok((components.collect::<Result<_, PlanError>>()?, Some(gate)))
}

/// The Job that prepares the servers. Its name changes with everything that it depends on, so that it runs again when one of them
/// does; repeating it changes nothing.
fn install(
    installation: &Installation,
    services: &Services,
    config: &str,
    config_hash: &str,
    draft: &mut Draft,
) -> Result<String, PlanError> {
    let credentials = credentials(installation, services);
    let container = Container {
        env_from: Some(vec![pod::environment(config)]),
        env: Some(super::administrator(installation)),
        volume_mounts: Some([mounts(), vec![pod::mount(ADMIN, path::ADMIN, true)]].concat()),
        ..pod::container(installation, INSTALL, &["install"], &installation.resources)
    };
    let mut volumes = volumes(&credentials);
    volumes.push(pod::secret_files(ADMIN, &[(&installation.secrets.admin_password, file::PASSWORD)]));
    let pod = PodSpec { containers: vec![container], volumes: Some(volumes), ..pod::spec(installation) };
    let written = serde_json::to_string(&pod).map_err(|source| PlanError {
        kind: Kind::Job,
        name: installation.identity.name.child(Child::Install),
        source,
    })?;
    let version = installation.version.to_string();
    let secrets = secrets_hash(&credentials);
    let name = installation.identity.name.install(&desired::hash([&written, &version, config_hash, &secrets]));
    draft.add(Kind::Job, &name, &workload::job(installation, name.clone(), INSTALL, pod))?;
    Ok(name)
}

fn addresses(installation: &Installation, draft: &mut Draft) -> Result<(), PlanError> {
    let name = |child: Child| installation.identity.name.child(child);
    let public = name(Child::PublicApi);
    let component = Child::PublicApi.suffix();
    let published = service::public(installation, public.clone(), component, PUBLIC_API, &installation.public_api);
    draft.add(Kind::Service, &public, &published)?;
    for (child, port) in [(Child::PrivateApi, PRIVATE_API), (Child::Gui, GUI)] {
        let name = name(child);
        draft.add(Kind::Service, &name, &service::internal(installation, name.clone(), child.suffix(), port))?;
    }
    let management = name(Child::Management);
    draft.add(Kind::Service, &management, &service::headless(installation, management.clone(), None, MANAGEMENT))
}

fn network_policies(installation: &Installation, services: &Services, draft: &mut Draft) -> Result<(), PlanError> {
    let Some(trusted) = &installation.trusted else { return Ok(()) };
    let name = |child: Child| installation.identity.name.child(child);
    let (public, private, gui) = (Child::PublicApi.suffix(), Child::PrivateApi.suffix(), Child::Gui.suffix());
    super::ground_rules(installation, Child::WorkerOutbound.suffix(), draft)?;
    let mut add = |child: Child, policy: &dyn Fn(String) -> k8s_openapi::api::networking::v1::NetworkPolicy| {
        let name = name(child);
        draft.add(Kind::NetworkPolicy, &name, &policy(name.clone()))
    };
    add(Child::PublicApi, &|name| network_policy::open(installation, name, &[public], &[PUBLIC_API]))?;
    let peers = network_policy::peers(trusted);
    let of_gui = network_policy::pods_of(installation, gui);
    let callers = [vec![of_gui], peers.clone()].concat();
    add(Child::PrivateApi, &|name| {
        network_policy::trusted(installation, name, &[private], &[PRIVATE_API], callers.clone())
    })?;
    let api = network_policy::pods_of(installation, private);
    add(Child::GuiToApi, &|name| network_policy::towards(installation, name, &[gui], PRIVATE_API, vec![api.clone()]))?;
    if !trusted.is_empty() {
        add(Child::Gui, &|name| network_policy::trusted(installation, name, &[gui], &[GUI], peers.clone()))?;
        add(Child::Trusted, &|name| network_policy::trusted(installation, name, &[], &[MANAGEMENT], peers.clone()))?;
    }
    let on_servers = ROWS.iter().filter(|row| row.on_servers).map(|row| row.child.suffix());
    let on_servers: Vec<_> = on_servers.chain([INSTALL]).collect();
    let ports = ports(services).chain(installation.server_ports.iter().copied()).collect();
    add(Child::Servers, &|name| network_policy::servers(installation, name, &on_servers, &ports))
}

/// The ports in the servers' URLs.
fn ports(services: &Services) -> impl Iterator<Item = u16> {
    let Services { elastic, mysql, redis, pulsar, .. } = services;
    let urls = [&elastic.url, &mysql.url, &redis.url];
    let of_pulsar = pulsar.iter().flat_map(|pulsar| [&pulsar.server.url, &pulsar.admin_url]);
    let ports: BTreeSet<_> = urls.into_iter().chain(of_pulsar).filter_map(|url| port_of(url)).collect();
    ports.into_iter()
}

/// The port that a URL names, or that its scheme stands for.
fn port_of(url: &str) -> Option<u16> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    match host.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None => match scheme {
            "http" => Some(80),
            "https" => Some(443),
            "mysql" | "mysqls" => Some(3306),
            "redis" | "rediss" => Some(6379),
            "pulsar" => Some(6650),
            "pulsar+ssl" => Some(6651),
            _ => None,
        },
    }
}

/// What the processes are given as files.
fn credentials<'a>(installation: &'a Installation, services: &'a Services) -> Vec<(&'a Credential, &'static str)> {
    let own = &installation.secrets;
    let keys = [
        (&own.installation_token, file::TOKEN),
        (&own.signing_key, file::SIGNING_KEY),
        (&own.encryption_key, file::ENCRYPTION_KEY),
    ];
    let logins = config::logins(services).into_iter().map(|(_, file, credential)| (credential, file));
    keys.into_iter().chain(logins).collect()
}

/// Changes when one of the credentials does.
fn secrets_hash(credentials: &[(&Credential, &'static str)]) -> String {
    let parts = credentials.iter().flat_map(|(of, file)| [*file, &of.secret, &of.key, &of.revision]);
    desired::hash(parts)
}

fn annotations(config_hash: &str, credentials: Option<&[(&Credential, &'static str)]>) -> BTreeMap<String, String> {
    let config = (CONFIG_HASH.to_owned(), config_hash.to_owned());
    let secrets = credentials.map(|credentials| (SECRETS_HASH.to_owned(), secrets_hash(credentials)));
    [config].into_iter().chain(secrets).collect()
}

fn mounts() -> Vec<VolumeMount> {
    vec![pod::mount(TMP, path::TMP, false), pod::mount(SECRETS, path::SECRETS, true)]
}

fn volumes(credentials: &[(&Credential, &'static str)]) -> Vec<Volume> {
    vec![pod::scratch(TMP, "64Mi"), pod::secret_files(SECRETS, credentials)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_urls() {
        for (url, port) in [
            ("https://search.example.com:9200", Some(9200)),
            ("https://search.example.com", Some(443)),
            ("mysql://db", Some(3306)),
            ("rediss://cache/1", Some(6379)),
            ("pulsar+ssl://broker", Some(6651)),
            ("http://broker:8080/", Some(8080)),
            ("ftp://x", None),
        ] {
            assert_eq!(port_of(url), port, "{url}");
        }
    }
}
