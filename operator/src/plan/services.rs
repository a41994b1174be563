//! The modes open and distributed: each service in pods of its own, on servers outside. A Job prepares the servers; workloads are
//! made when it has.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec, Volume, VolumeMount};
use tracardi_crds::contract::{GUI, MANAGEMENT, PRIVATE_API, PUBLIC_API, Port, path};

use super::{Component, Draft, PlanError};
use crate::build::config::{Environment, file};
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
    /// There must never be two, not even while a node is lost: a StatefulSet sees to that.
    alone: bool,
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
        alone: false,
        on_servers: true,
    },
    Row {
        child: Child::PrivateApi,
        arguments: &["private-api"],
        port: Some(PRIVATE_API),
        pods: |services| &services.private_api,
        alone: false,
        on_servers: true,
    },
    Row {
        child: Child::Gui,
        arguments: &["gui"],
        port: Some(GUI),
        pods: |services| &services.gui,
        alone: false,
        on_servers: false,
    },
    Row {
        child: Child::WorkerCollector,
        arguments: &["worker", "collector"],
        port: None,
        pods: |services| &services.collector,
        alone: false,
        on_servers: true,
    },
    Row {
        child: Child::WorkerStorage,
        arguments: &["worker", "storage"],
        port: None,
        pods: |services| &services.storage,
        alone: false,
        on_servers: true,
    },
    Row {
        child: Child::WorkerOutbound,
        arguments: &["worker", "outbound"],
        port: None,
        pods: |services| &services.outbound,
        // Two at a time would send the same delivery twice.
        alone: true,
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
    draft.add_waiting(Kind::ConfigMap, &config, &config::config_map(installation, config.clone(), environment))?;

    let gate = install(installation, services, draft)?;
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
        let kind = if row.alone { Kind::StatefulSet } else { Kind::Deployment };
        let named = workload.clone();
        if row.alone {
            let governing = name(Child::Management);
            let set = workload::single(installation, named, component, governing, annotations, pod);
            draft.add_waiting(kind, &workload, &set)?;
        } else {
            let deployment = workload::deployment(installation, named, component, *replicas, annotations, pod);
            draft.add_waiting(kind, &workload, &deployment)?;
        }
        Ok(Component {
            name: component,
            kind,
            workload,
            desired: *replicas,
            image: installation.image.reference.clone(),
        })
    });
    Ok((components.collect::<Result<_, PlanError>>()?, Some(gate)))
}

/// The Job that prepares the servers. Its name changes with everything that it depends on, so that it runs again when one of them
/// does; repeating it changes nothing.
fn install(installation: &Installation, services: &Services, draft: &mut Draft) -> Result<String, PlanError> {
    let credentials = credentials(installation, services);
    let settings = config::install(services).into_iter().map(|(name, value)| pod::variable(&name, value));
    let container = Container {
        env: Some(settings.chain(super::administrator(installation)).collect()),
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
    let name = installation.identity.name.install(&desired::hash([&written, &version, &secrets]));
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
    // What prepares new servers needs them at once; who runs keeps the old ones until they are prepared.
    let ports = ports(installation, services);
    add(Child::Install, &|name| network_policy::servers(installation, name, &[INSTALL], &ports))?;
    let on_servers: Vec<_> = ROWS.iter().filter(|row| row.on_servers).map(|row| row.child.suffix()).collect();
    let servers = name(Child::Servers);
    let policy = network_policy::servers(installation, servers.clone(), &on_servers, &ports);
    draft.add_waiting(Kind::NetworkPolicy, &servers, &policy)
}

/// The ports in the servers' URLs, and those that the spec names besides.
fn ports(installation: &Installation, services: &Services) -> BTreeSet<u16> {
    let Services { elastic, mysql, redis, pulsar, .. } = services;
    let of_pulsar = pulsar.iter().flat_map(|pulsar| [pulsar.server.port, pulsar.admin_port]);
    let of_all = [elastic.port, mysql.port, redis.port].into_iter().chain(of_pulsar);
    of_all.chain(installation.server_ports.iter().copied()).collect()
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
