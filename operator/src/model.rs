//! The validated installation: what [`crate::validate`] makes of the resource, and all that plan and build know. No field
//! is optional that has a default, and no combination is representable that makes no sense.

use std::collections::BTreeMap;

use semver::Version;
use tracardi_crds::installation::{LogFormat, Mode, PullPolicy, Resources, ServiceType, Toleration, TrafficPolicy};
use tracardi_crds::outbound::Reach;

use crate::names::InstallationName;

/// A resource that can be turned into objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Installation {
    /// Who it is.
    pub identity: Identity,
    /// How the services are laid out.
    pub layout: Layout,
    /// Version of the services.
    pub version: Version,
    /// Image of the services.
    pub image: Image,
    /// First administrator's e-mail address.
    pub admin_email: String,
    /// The credentials.
    pub secrets: Secrets,
    /// URL that is shown in tracker snippets, if known.
    pub public_url: Option<String>,
    /// The Service of the public API.
    pub public_api: PublicApi,
    /// Who may reach what; `None` when no policies are wanted.
    pub trusted: Option<Trusted>,
    /// Where destinations may be.
    pub outbound: Reach,
    /// Ports of servers besides those in their URLs.
    pub server_ports: Vec<u16>,
    /// CPU and memory of each pod.
    pub resources: Resources,
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are put up with.
    pub tolerations: Vec<Toleration>,
    /// A drain of the node waits.
    pub block_disruptions: bool,
    /// Format of log lines.
    pub log_format: LogFormat,
    /// Directives of the log filter.
    pub log_level: String,
    /// Behaviour of the collection.
    pub features: Features,
    /// Volume and generated Secrets outlive the resource.
    pub retain: bool,
    /// Nothing may be changed.
    pub paused: bool,
}

impl Installation {
    /// The word for the layout.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match &self.layout {
            Layout::Standalone(_) => Mode::Standalone,
            Layout::Services(services) if services.pulsar.is_some() => Mode::Distributed,
            Layout::Services(_) => Mode::Open,
        }
    }

    /// The data volume, if there is one.
    #[must_use]
    pub fn storage(&self) -> Option<&Storage> {
        match &self.layout {
            Layout::Standalone(storage) => Some(storage),
            Layout::Services(_) => None,
        }
    }
}

/// How the services are laid out.
#[derive(Clone, Debug, PartialEq)]
pub enum Layout {
    /// One pod on a volume.
    Standalone(Storage),
    /// Each service in pods of its own, on servers outside.
    Services(Box<Services>),
}

/// The services of a larger installation, and the servers that they work with.
#[derive(Clone, Debug, PartialEq)]
pub struct Services {
    /// Elasticsearch or OpenSearch.
    pub elastic: Server,
    /// First part of the names of all indices.
    pub index_prefix: String,
    /// Primary shards of a new index.
    pub index_shards: i32,
    /// Copies of each shard.
    pub index_replicas: i32,
    /// MySQL or MariaDB.
    pub mysql: Server,
    /// Name of the database.
    pub database: String,
    /// Redis.
    pub redis: Server,
    /// Pulsar, when it is the queue.
    pub pulsar: Option<Pulsar>,
    /// Parts of the queue.
    pub partitions: i32,
    /// Replicas of Redis that must have a request; none where that is not demanded.
    pub queue_replicas: Option<i32>,
    /// Pods of the public API.
    pub public_api: Pods,
    /// Pods of the private API.
    pub private_api: Pods,
    /// Pods of the web application.
    pub gui: Pods,
    /// Pods of the worker that takes requests out of the queue.
    pub collector: Pods,
    /// Pod of the worker that looks after the indices.
    pub storage: Pods,
    /// Pod of the worker that sends to destinations.
    pub outbound: Pods,
}

/// A server outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub url: String,
    /// Its port, as the URL names it or its scheme implies it.
    pub port: u16,
    /// Name to log in with.
    pub username: Option<String>,
    /// Password that belongs to it.
    pub password: Option<Credential>,
    /// Token or API key instead.
    pub token: Option<Credential>,
    /// Certificates of the authorities that are believed.
    pub authority: Option<Credential>,
}

/// Pulsar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulsar {
    /// The brokers.
    pub server: Server,
    /// Where the administration is.
    pub admin_url: String,
    /// Its port.
    pub admin_port: u16,
    /// Tenant and namespace that hold the topics.
    pub namespace: String,
}

/// The pods of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Pods {
    /// How many.
    pub replicas: i32,
    /// CPU and memory of each.
    pub resources: Resources,
}

/// Name, namespace and uid.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Name.
    pub name: InstallationName,
    /// Namespace.
    pub namespace: String,
    /// uid of the resource, for owner references.
    pub uid: String,
}

/// Image of the services.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Repository and tag.
    pub reference: String,
    /// When it is fetched.
    pub pull_policy: PullPolicy,
    /// Secrets for private registries.
    pub pull_secrets: Vec<String>,
}

/// The data volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// Size as a quantity.
    pub size: String,
    /// Storage class; the cluster's default when absent.
    pub class: Option<String>,
}

/// The credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct Secrets {
    /// First administrator's password.
    pub admin_password: Credential,
    /// Token of the installation call.
    pub installation_token: Credential,
    /// Key of tokens and ids.
    pub signing_key: Credential,
    /// Key of stored credentials.
    pub encryption_key: Credential,
}

/// Where a credential is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Name of the Secret.
    pub secret: String,
    /// Key in its data.
    pub key: String,
    /// Identity of the Secret's content: a change rolls the pods. Empty until a generated Secret exists.
    pub revision: String,
    /// The operator made it, or will make it.
    pub generated: bool,
}

/// The Service of the public API.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicApi {
    /// Kind of Service.
    pub service_type: ServiceType,
    /// Port of the Service.
    pub port: u16,
    /// Port on every node, if fixed.
    pub node_port: Option<u16>,
    /// Where traffic from outside is sent.
    pub external_traffic_policy: Option<TrafficPolicy>,
    /// Annotations of the Service.
    pub annotations: BTreeMap<String, String>,
}

/// Who may reach the private API, the web application and the metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trusted {
    /// Namespaces by name.
    pub namespaces: Vec<String>,
    /// Namespaces by label.
    pub namespace_labels: BTreeMap<String, String>,
    /// Address ranges.
    pub cidrs: Vec<String>,
}

impl Trusted {
    /// Nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && self.namespace_labels.is_empty() && self.cidrs.is_empty()
    }
}

/// Behaviour of the collection of events.
#[allow(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")]
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Events of the platform itself.
    pub system_events: bool,
    /// Known bots are left out.
    pub disallow_bot_traffic: bool,
    /// Profiles that share an address, number or key become one.
    pub auto_profile_merging: bool,
    /// Answers may list the stored events.
    pub track_debug: bool,
    /// Header with the visitor's address.
    pub client_ip_header: Option<String>,
}
