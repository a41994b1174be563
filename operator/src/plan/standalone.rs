//! The standalone mode: one pod, in which an init step prepares the embedded store and one process serves everything.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use tracardi_crds::contract::{GUI, MANAGEMENT, PRIVATE_API, PUBLIC_API, path};

use super::{Component, Draft, PlanError};
use crate::build::config::file;
use crate::build::{Kind, config, desired, disruption, network_policy, pod, service, volume, workload};
use crate::model::{Installation, Storage};
use crate::names::{CONFIG_HASH, Child, SECRETS_HASH};

/// Name of the component.
pub(super) const COMPONENT: &str = "standalone";
/// Name of the container with the init step; the status reads its fate.
pub const INIT_CONTAINER: &str = "init";

const DATA: &str = "data";
const TMP: &str = "tmp";
const SECRETS: &str = "secrets";
const ADMIN: &str = "admin";

pub(super) fn plan(
    installation: &Installation,
    storage: &Storage,
    draft: &mut Draft,
) -> Result<Vec<Component>, PlanError> {
    let name = |child: Child| installation.identity.name.child(child);

    if let Some(trusted) = &installation.trusted {
        super::ground_rules(installation, COMPONENT, draft)?;
        let open = name(Child::PublicApi);
        let policy = network_policy::open(installation, open.clone(), &[COMPONENT], &[PUBLIC_API]);
        draft.add(Kind::NetworkPolicy, &open, &policy)?;
        if !trusted.is_empty() {
            let inner = name(Child::Trusted);
            let (ports, peers) = ([PRIVATE_API, GUI, MANAGEMENT], network_policy::peers(trusted));
            let policy = network_policy::trusted(installation, inner.clone(), &[COMPONENT], &ports, peers);
            draft.add(Kind::NetworkPolicy, &inner, &policy)?;
        }
    }

    let environment = config::standalone(installation);
    let config_hash = config::hash(&environment);
    let config = name(Child::Config);
    draft.add(Kind::ConfigMap, &config, &config::config_map(installation, config.clone(), environment))?;

    let data = name(Child::Data);
    draft.add(Kind::PersistentVolumeClaim, &data, &volume::claim(installation, storage, data.clone()))?;

    let public = name(Child::PublicApi);
    let published = service::public(installation, public.clone(), COMPONENT, PUBLIC_API, &installation.public_api);
    draft.add(Kind::Service, &public, &published)?;
    for (child, port) in [(Child::PrivateApi, PRIVATE_API), (Child::Gui, GUI)] {
        let name = name(child);
        draft.add(Kind::Service, &name, &service::internal(installation, name.clone(), COMPONENT, port))?;
    }
    let management = name(Child::Management);
    let governing = service::headless(installation, management.clone(), Some(COMPONENT), MANAGEMENT);
    draft.add(Kind::Service, &management, &governing)?;

    let workload_name = name(Child::Standalone);
    if installation.block_disruptions {
        let budget = disruption::budget(installation, workload_name.clone(), COMPONENT, 0);
        draft.add(Kind::PodDisruptionBudget, &workload_name, &budget)?;
    }
    let annotations =
        BTreeMap::from([(CONFIG_HASH.to_owned(), config_hash), (SECRETS_HASH.to_owned(), secrets_hash(installation))]);
    let stateful_set = workload::single(
        installation,
        workload_name.clone(),
        COMPONENT,
        management,
        annotations,
        pod_spec(installation, &config, data),
    );
    draft.add(Kind::StatefulSet, &workload_name, &stateful_set)?;

    Ok(vec![Component {
        name: COMPONENT,
        kind: Kind::StatefulSet,
        workload: workload_name,
        desired: 1,
        image: installation.image.reference.clone(),
    }])
}

/// Changes when a credential of the running process changes. The administrator's password is not among them: the init
/// step reads it once, and replacing the pod for it would do nothing.
fn secrets_hash(installation: &Installation) -> String {
    let of = &installation.secrets;
    desired::hash(
        [&of.installation_token, &of.signing_key, &of.encryption_key]
            .into_iter()
            .flat_map(|credential| [&credential.secret, &credential.key, &credential.revision]),
    )
}

fn pod_spec(installation: &Installation, config: &str, claim: String) -> PodSpec {
    let secrets = &installation.secrets;
    let mounts = [
        pod::mount(DATA, path::DATA, false),
        pod::mount(TMP, path::TMP, false),
        pod::mount(SECRETS, path::SECRETS, true),
    ];
    let environment = vec![pod::environment(config)];

    let mut init = pod::container(installation, INIT_CONTAINER, &["init"], &installation.resources);
    init.env_from = Some(environment.clone());
    init.env = Some(super::administrator(installation));
    init.volume_mounts = Some([mounts.to_vec(), vec![pod::mount(ADMIN, path::ADMIN, true)]].concat());

    let serve = Container {
        env_from: Some(environment),
        volume_mounts: Some(mounts.to_vec()),
        ports: Some([PUBLIC_API, PRIVATE_API, GUI, MANAGEMENT].map(pod::port).to_vec()),
        // A large journal may need long to be read; until then only the startup probe asks.
        startup_probe: Some(pod::probe("/readyz", MANAGEMENT, 1, 300)),
        readiness_probe: Some(pod::probe("/readyz", MANAGEMENT, 2, 2)),
        liveness_probe: Some(pod::probe("/livez", MANAGEMENT, 10, 3)),
        ..pod::container(installation, COMPONENT, &["standalone"], &installation.resources)
    };

    PodSpec {
        init_containers: Some(vec![init]),
        containers: vec![serve],
        volumes: Some(vec![
            pod::claimed(DATA, claim),
            pod::scratch(TMP, "64Mi"),
            pod::secret_files(
                SECRETS,
                &[
                    (&secrets.installation_token, file::TOKEN),
                    (&secrets.signing_key, file::SIGNING_KEY),
                    (&secrets.encryption_key, file::ENCRYPTION_KEY),
                ],
            ),
            pod::secret_files(ADMIN, &[(&secrets.admin_password, file::PASSWORD)]),
        ]),
        ..pod::spec(installation)
    }
}
