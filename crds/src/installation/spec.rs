//! The part of the resource that a user writes.
//!
//! (The derive makes helper types that trip `unreachable_pub`.)
#![allow(unreachable_pub)]
#![allow(clippy::struct_field_names, reason = "the names are those of the resource's fields")]

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::choice::{
    DeletionPolicy, Disruptions, LogFormat, Mode, PullPolicy, ServiceType, TaintEffect, TolerationOperator,
    TrafficPolicy,
};
use super::servers::{Elasticsearch, Mysql, Pulsar, Queue, Redis};
use super::status::TracardiInstallationStatus;

/// The rule that a field below `spec.$parent` keeps its value, `$default` where it is not set.
macro_rules! fixed {
    ($parent:literal, $field:literal, $default:literal) => {
        concat!(fixed!("self", $parent, $field, $default), " == ", fixed!("oldSelf", $parent, $field, $default))
    };
    ($of:literal, $parent:literal, $field:literal, $default:literal) => {
        concat!(
            "(has(",
            $of,
            ".spec.",
            $parent,
            ") && has(",
            $of,
            ".spec.",
            $parent,
            ".",
            $field,
            ") ? ",
            $of,
            ".spec.",
            $parent,
            ".",
            $field,
            " : ",
            $default,
            ")"
        )
    };
}

/// A complete Tracardi installation: the customer data platform's services, their volume, their credentials and the
/// network rules around them. `spec: {}` is valid and gives a standalone installation on a 10Gi volume.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "tracardi.io",
    version = "v1alpha1",
    kind = "TracardiInstallation",
    plural = "tracardiinstallations",
    shortname = "tci",
    category = "all",
    category = "tracardi",
    namespaced,
    status = "TracardiInstallationStatus",
    derive = "Default",
    derive = "PartialEq",
    doc = "A complete Tracardi installation: services, volume, credentials and network rules. `spec: {}` is valid and gives a standalone installation on a 10Gi volume.",
    printcolumn(name = "Phase", json_path = ".status.phase", type_ = "string", description = "Where the installation stands"),
    printcolumn(name = "Mode", json_path = ".status.mode", type_ = "string", description = "How the services are laid out"),
    printcolumn(name = "Version", json_path = ".status.version", type_ = "string", description = "Version of the services"),
    printcolumn(name = "Ready", json_path = ".status.ready", type_ = "string", description = "Ready pods of wanted pods"),
    printcolumn(name = "Public URL", json_path = ".status.urls.publicApi", type_ = "string", description = "Where events are sent to"),
    printcolumn(name = "Age", json_path = ".metadata.creationTimestamp", type_ = "date"),
    validation = Rule::new("self.metadata.name.size() <= 40")
        .message("metadata.name must have at most 40 characters, because the names of the installation's objects start with it: choose a shorter name"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must start with a lower case letter and hold only lower case letters, digits and '-', because Services are named after it: choose another name"),
    validation = Rule::new(
        "quantity(has(self.spec.storage) && has(self.spec.storage.size) ? self.spec.storage.size : '10Gi')\
         .compareTo(quantity(has(self.status) && has(self.status.storageSize) && \
         quantity(self.status.storageSize).isLessThan(quantity(has(oldSelf.spec.storage) && has(oldSelf.spec.storage.size) ? oldSelf.spec.storage.size : '10Gi')) \
         ? self.status.storageSize \
         : (has(oldSelf.spec.storage) && has(oldSelf.spec.storage.size) ? oldSelf.spec.storage.size : '10Gi'))) >= 0"
    )
        .message("spec.storage.size cannot shrink, because volumes cannot: keep the old size (10Gi when it was not set) or choose a larger one")
        .field_path(".spec.storage.size"),
    validation = Rule::new(fixed!("storage", "storageClassName", "''"))
        .message("spec.storage.storageClassName cannot change, because a volume stays in its class: restore the old value or create a new installation")
        .field_path(".spec.storage.storageClassName"),
    validation = Rule::new("has(self.spec.admin) == has(oldSelf.spec.admin) && (!has(self.spec.admin) || self.spec.admin == oldSelf.spec.admin)")
        .message("spec.admin cannot change, because it is read once, when the first administrator is created: restore it and manage accounts in the application")
        .field_path(".spec.admin"),
    validation = Rule::new(
        "(has(self.spec.secrets) && has(self.spec.secrets.signingKeySecretRef)) == (has(oldSelf.spec.secrets) && has(oldSelf.spec.secrets.signingKeySecretRef)) && \
         (!has(self.spec.secrets) || !has(self.spec.secrets.signingKeySecretRef) || self.spec.secrets.signingKeySecretRef == oldSelf.spec.secrets.signingKeySecretRef)"
    )
        .message("spec.secrets.signingKeySecretRef cannot change, because stored ids and tokens depend on the key: restore the old value")
        .field_path(".spec.secrets"),
    validation = Rule::new(
        "(has(self.spec.secrets) && has(self.spec.secrets.encryptionKeySecretRef)) == (has(oldSelf.spec.secrets) && has(oldSelf.spec.secrets.encryptionKeySecretRef)) && \
         (!has(self.spec.secrets) || !has(self.spec.secrets.encryptionKeySecretRef) || self.spec.secrets.encryptionKeySecretRef == oldSelf.spec.secrets.encryptionKeySecretRef)"
    )
        .message("spec.secrets.encryptionKeySecretRef cannot change, because stored credentials are encrypted with the key: restore the old value")
        .field_path(".spec.secrets"),
    validation = Rule::new(
        "(has(self.spec.mode) ? self.spec.mode : 'standalone') == (has(oldSelf.spec.mode) ? oldSelf.spec.mode : 'standalone')"
    )
        .message("spec.mode cannot change, because each mode keeps its data elsewhere: restore the old value or create a new installation")
        .field_path(".spec.mode"),
    validation = Rule::new(
        "!has(self.spec.mode) || self.spec.mode == 'standalone' || \
         (has(self.spec.elasticsearch) && has(self.spec.mysql) && has(self.spec.redis))"
    )
        .message("spec.elasticsearch, spec.mysql and spec.redis are needed in the modes open and distributed: add the missing ones, each with external.url")
        .field_path(".spec"),
    validation = Rule::new("has(self.spec.pulsar) == (has(self.spec.mode) && self.spec.mode == 'distributed')")
        .message("spec.pulsar belongs to the mode distributed, which needs it: add it there and remove it elsewhere")
        .field_path(".spec"),
    validation = Rule::new(
        "(has(self.spec.mode) && self.spec.mode != 'standalone') || \
         !(has(self.spec.elasticsearch) || has(self.spec.mysql) || has(self.spec.redis) || has(self.spec.queue) || \
         has(self.spec.privateApi) || has(self.spec.gui) || has(self.spec.workers))"
    )
        .message("spec.elasticsearch, mysql, redis, queue, privateApi, gui and workers belong to the modes open and distributed: set spec.mode or remove them")
        .field_path(".spec"),
    validation = Rule::new("!has(self.spec.mode) || self.spec.mode == 'standalone' || !has(self.spec.storage)")
        .message("spec.storage belongs to the mode standalone, the other modes keep their data in servers: remove it")
        .field_path(".spec.storage"),
    validation = Rule::new(fixed!("queue", "partitions", "16"))
        .message("spec.queue.partitions cannot change, because the place of a profile's requests depends on it: restore the old value (16 when it was not set)")
        .field_path(".spec.queue"),
    validation = Rule::new(
        "!has(self.spec.queue) || !has(self.spec.queue.replicas) || (has(self.spec.mode) && self.spec.mode == 'open')"
    )
        .message("spec.queue.replicas belongs to the mode open, where Redis is the queue: remove it (Pulsar's copies are set at its namespace)")
        .field_path(".spec.queue"),
    validation = Rule::new(fixed!("elasticsearch", "indexPrefix", "'tracardi'"))
        .message("spec.elasticsearch.indexPrefix cannot change, because the indices bear it: restore the old value (tracardi when it was not set)")
        .field_path(".spec.elasticsearch.indexPrefix"),
    validation = Rule::new(fixed!("mysql", "database", "'tracardi'"))
        .message("spec.mysql.database cannot change, because the data would stay behind: restore the old value (tracardi when it was not set)")
        .field_path(".spec.mysql.database"),
    // `namespace` is a reserved word there, which Kubernetes wants written like this.
    validation = Rule::new(fixed!("pulsar", "__namespace__", "'public/default'"))
        .message("spec.pulsar.namespace cannot change, because what waits in the queue would stay behind: restore the old value (public/default when it was not set)")
        .field_path(".spec.pulsar.namespace"),
    validation = Rule::new(
        "(has(self.spec.mode) && self.spec.mode != 'standalone') || !has(self.spec.publicApi) || \
         !(has(self.spec.publicApi.replicas) || has(self.spec.publicApi.resources))"
    )
        .message("spec.publicApi.replicas and resources belong to the modes open and distributed, standalone is one pod (spec.resources): remove them")
        .field_path(".spec.publicApi"),
)]
#[serde(rename_all = "camelCase")]
pub struct TracardiInstallationSpec {
    /// Version of the services, MAJOR.MINOR.PATCH; it is also the tag of the image unless image.tag is set. Default: the
    /// version of the operator, so that upgrading the operator upgrades the installation. A version newer than the
    /// operator's and a downgrade are refused in status.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^(0|[1-9][0-9]{0,5})[.](0|[1-9][0-9]{0,5})[.](0|[1-9][0-9]{0,5})(-[0-9A-Za-z]([0-9A-Za-z.-]{0,30}[0-9A-Za-z])?)?$')")
        .message("spec.version must look like 1.2.3 or 1.2.3-rc.1: MAJOR.MINOR.PATCH with an optional pre-release; use spec.image.tag for any other tag"))]
    pub version: Option<String>,

    /// How the services are laid out; fixed once the installation exists. `standalone` (the default): one pod with all services
    /// and an embedded store on a volume; for a first start, development and small sites. `open`: each service in pods of its own,
    /// on Elasticsearch or OpenSearch, MySQL or MariaDB, and Redis. `distributed`: the same, with Apache Pulsar as the queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,

    /// Elasticsearch or OpenSearch, which holds events, sessions and profiles in the modes open and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elasticsearch: Option<Elasticsearch>,

    /// MySQL or MariaDB, which holds configuration, accounts and deliveries in the modes open and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mysql: Option<Mysql>,

    /// Redis, which remembers sessions in the modes open and distributed, and is the queue of the mode open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,

    /// Apache Pulsar, the queue of the mode distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulsar: Option<Pulsar>,

    /// The queue between the public API and the workers, in the modes open and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<Queue>,

    /// The container image of the services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,

    /// The volume that holds the data, in the mode standalone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,

    /// The first administrator. Read once, when the installation is created; accounts are managed in the application
    /// afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<Admin>,

    /// Credentials that you bring along. What is left out is generated once and kept in Secrets that are named in
    /// status.generatedSecrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Secrets>,

    /// URL under which visitors' browsers reach the public API, for example https://collect.example.com; it is shown in
    /// tracker snippets. No path, query or trailing slash.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$')")
        .message("spec.publicUrl must be http:// or https://, a host name and optionally a port, without path or trailing slash, for example https://collect.example.com"))]
    pub public_url: Option<String>,

    /// The Service of the public API, which collects events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_api: Option<PublicApi>,

    /// The private API, which serves configuration and queries, in the modes open and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_api: Option<Service>,

    /// The web application, in the modes open and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gui: Option<Service>,

    /// The workers behind the queue, in the modes open and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<Workers>,

    /// Who may reach what. The public API is open to everyone; the private API, the web application and the metrics only
    /// to what is trusted here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networking: Option<Networking>,

    /// CPU and memory of each pod. Setting it replaces the defaults (requests: 100m CPU and 128Mi memory, limits: 512Mi
    /// memory, no CPU limit) as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// Labels that a node must have to run the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: Option<BTreeMap<String, String>>,

    /// Taints of nodes that the pods put up with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub tolerations: Option<Vec<Toleration>>,

    /// What happens when a node with a pod of the installation is drained. `Allow` (the default): the pod is evicted and
    /// starts elsewhere; a standalone installation is away for that time. `Block`: a PodDisruptionBudget makes
    /// `kubectl drain` wait until somebody decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disruptions: Option<Disruptions>,

    /// How the services write their logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging: Option<Logging>,

    /// Behaviour of the collection of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,

    /// What happens to the data volume, and to the generated Secrets without which the data cannot be read, when the
    /// resource is deleted. `Retain` (the default): they stay, and a resource of the same name takes them up again.
    /// `Delete`: they go too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// true: the operator changes nothing; status stays live and names the changes that wait. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

/// The container image of the services.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Registry and name without tag, for example registry.example.com/tracardi. Default: what the operator was installed
    /// with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([a-z0-9._/:-]*[a-z0-9])?$') && !self.matches(':[^/]*$')")
        .message("spec.image.repository must be a lower case image name without tag or digest, for example registry.example.com:5000/tracardi; the tag belongs into spec.image.tag"))]
    pub repository: Option<String>,
    /// Tag of the image. Default: the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_][A-Za-z0-9_.-]*$')")
        .message("spec.image.tag must hold only letters, digits, '_', '.' and '-' and start with none of '.' and '-'"))]
    pub tag: Option<String>,
    /// When the kubelet fetches the image. Default: IfNotPresent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_policy: Option<PullPolicy>,
    /// Secrets of type kubernetes.io/dockerconfigjson in the same namespace, used to fetch the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    pub pull_secrets: Option<Vec<LocalName>>,
}

/// The name of an object in the namespace of the installation.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct LocalName {
    /// Name of the object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// The volume that holds the data.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size of the volume, for example 10Gi (the default). It can grow, when the storage class allows it, and never
    /// shrink.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,11}(M|G|T|P|Mi|Gi|Ti|Pi)$')")
        .message("spec.storage.size must be a whole number with one of the units M, G, T, P, Mi, Gi, Ti, Pi, for example 10Gi"))]
    pub size: Option<String>,
    /// Storage class of the volume; fixed once the installation exists. Default: the cluster's default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')")
        .message("spec.storage.storageClassName must be the name of a StorageClass (kubectl get storageclass)"))]
    pub storage_class_name: Option<String>,
}

/// The first administrator.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Admin {
    /// E-mail address to log in with. Default: admin@tracardi.local.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 254))]
    #[x_kube(validation = Rule::new("self.matches('^[^@ ]+@[^@ ]+$')")
        .message("spec.admin.email must be an e-mail address, for example admin@example.com"))]
    pub email: Option<String>,
    /// Where the password is. Default: a generated one, in the Secret NAME-admin under the key `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret_ref: Option<SecretKeyRef>,
}

/// Credentials that a user brings along.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Secrets {
    /// The token that the installation call of the API demands; at least 16 characters. Default: generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installation_token_secret_ref: Option<SecretKeyRef>,
    /// The key under which login tokens are kept and ids are derived: 64 hexadecimal characters (32 bytes), for example
    /// from `openssl rand -hex 32`. Fixed once the installation exists. Default: generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key_secret_ref: Option<SecretKeyRef>,
    /// The key that encrypts stored credentials: 64 hexadecimal characters (32 bytes). Fixed once the installation
    /// exists. Default: generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key_secret_ref: Option<SecretKeyRef>,
}

/// One value in a Secret of the same namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')")
        .message("name must be the name of a Secret in the same namespace"))]
    pub name: String,
    /// Key in the Secret's data.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[-._a-zA-Z0-9]+$')")
        .message("key must be a key of the Secret: letters, digits, '-', '_' and '.'"))]
    pub key: String,
}

/// The Service of the public API.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.nodePort) || (has(self.serviceType) && self.serviceType != 'ClusterIP')")
    .message("spec.publicApi.nodePort needs spec.publicApi.serviceType NodePort or LoadBalancer: set the type or remove nodePort"))]
#[x_kube(validation = Rule::new("!has(self.externalTrafficPolicy) || (has(self.serviceType) && self.serviceType != 'ClusterIP')")
    .message("spec.publicApi.externalTrafficPolicy needs spec.publicApi.serviceType NodePort or LoadBalancer: set the type or remove externalTrafficPolicy"))]
pub struct PublicApi {
    /// ClusterIP (the default; put an Ingress or a Gateway in front), NodePort, or LoadBalancer (the cluster needs a load-balancer controller).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// Port of the Service. Default: 8585.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// Port on every node. Default: the cluster chooses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub node_port: Option<i32>,
    /// `Local` keeps the visitors' addresses; `Cluster` (Kubernetes' default) spreads evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<TrafficPolicy>,
    /// Annotations of the Service, such as those that cloud load balancers read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Number of pods, in the modes open and distributed. Default: 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: Option<i32>,
    /// CPU and memory of each pod instead of spec.resources, in the modes open and distributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// Pods of one service.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Number of pods. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: Option<i32>,
    /// CPU and memory of each pod instead of spec.resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// The workers behind the queue.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Workers {
    /// Takes requests out of the queue and stores what follows from them. More pods than spec.queue.partitions find no work.
    /// Default: 2 pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collector: Option<Service>,
    /// Looks after the indices and merges profiles that wait for it; one pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<Singleton>,
    /// Sends to destinations; one pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Singleton>,
}

/// The pod of a service of which there is one.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Singleton {
    /// CPU and memory of the pod instead of spec.resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// Who may reach what.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Networking {
    /// false: no NetworkPolicies are made, and whoever reaches the pod network reaches every port. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_policy: Option<bool>,
    /// Names of the namespaces whose pods may reach the private API, the web application and the metrics. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Set)]
    #[x_kube(validation = Rule::new("self.all(n, n.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'))")
        .message("spec.networking.trustedNamespaces must hold names of namespaces: lower case letters, digits and '-'"))]
    pub trusted_namespaces: Option<Vec<String>>,
    /// Labels of namespaces that are trusted in the same way; a namespace must carry all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 16))]
    pub trusted_namespace_labels: Option<BTreeMap<String, String>>,
    /// Address ranges that are trusted in the same way, such as that of a VPN, for example 10.8.0.0/16.
    #[serde(rename = "trustedCIDRs", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 49)))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Set)]
    #[x_kube(validation = Rule::new("self.all(c, isCIDR(c))")
        .message("spec.networking.trustedCIDRs must hold address ranges such as 10.8.0.0/16 or 2001:db8::/32"))]
    pub trusted_cidrs: Option<Vec<String>>,
    /// TCP ports, besides those in the URLs of spec.elasticsearch, mysql, redis and pulsar, at which the services reach these
    /// servers: when a URL names a Service of the cluster whose pods listen on another port, that one. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(range(min = 1, max = 65535)))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Set)]
    pub server_ports: Option<Vec<i32>>,
    /// Where destinations may be. Besides the servers that the spec names they are all that the services call. Default: the
    /// public internet and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Outbound>,
}

/// Where destinations may be. Of several ranges that hold an address the narrowest decides, of equal ones that of `deny`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Outbound {
    /// Address ranges besides the public internet, such as that of a company's network, for example 10.20.0.0/16. For a
    /// destination behind a Service of the cluster, both the Service's address and those of its pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 49)))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Set)]
    #[x_kube(validation = Rule::new("self.all(c, isCIDR(c))")
        .message("spec.networking.outbound.allow must hold address ranges such as 10.20.0.0/16 or fd00:20::/32"))]
    pub allow: Option<Vec<String>>,
    /// Address ranges that are out of reach all the same, be they on the public internet or in a range of `allow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 49)))]
    #[x_kube(merge_strategy = kube::core::ListMerge::Set)]
    #[x_kube(validation = Rule::new("self.all(c, isCIDR(c))")
        .message("spec.networking.outbound.deny must hold address ranges such as 10.20.30.0/24 or fd00:20:30::/48"))]
    pub deny: Option<Vec<String>>,
}

/// CPU and memory of a pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// What the scheduler sets aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceAmounts>,
    /// What the containers may use at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceAmounts>,
}

/// Amounts of CPU and memory.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct ResourceAmounts {
    /// Cores, for example 250m or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = Rule::new("self.matches('^([0-9]{1,6}([.][0-9]{1,3})?|[0-9]{1,9}m)$')")
        .message("cpu must be a number of cores such as 0.5 or 2, or of thousandths such as 250m"))]
    pub cpu: Option<String>,
    /// Bytes, for example 256Mi.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]{0,11}(M|G|T|Mi|Gi|Ti)$')")
        .message("memory must be a whole number with one of the units M, G, T, Mi, Gi, Ti, for example 256Mi"))]
    pub memory: Option<String>,
}

/// A taint that the pods put up with; as in a pod.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// Key of the taint; left out together with operator Exists, it means all keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316))]
    pub key: Option<String>,
    /// Equal (the default) or Exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<TolerationOperator>,
    /// Value of the taint, with operator Equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// NoSchedule, PreferNoSchedule or NoExecute; left out, it means all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<TaintEffect>,
    /// How long a NoExecute taint is put up with. Default: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toleration_seconds: Option<i64>,
}

/// How the services write their logs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Logging {
    /// `json` (the default) for log collectors or `text` for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<LogFormat>,
    /// Directives of the log filter, for example `info` (the default) or `info,tracardi_collector=debug`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^([a-z_0-9:]+=)?(off|error|warn|info|debug|trace)(,([a-z_0-9:]+=)?(off|error|warn|info|debug|trace))*$')")
        .message("spec.logging.level must be off, error, warn, info, debug or trace, or a list such as info,tracardi_collector=debug"))]
    pub level: Option<String>,
}

/// Behaviour of the collection of events.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Features {
    /// Add events of the platform itself, such as profile-created and visit-started. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_events: Option<bool>,
    /// Leave out what known bots send. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disallow_bot_traffic: Option<bool>,
    /// Make profiles that share an e-mail address, a phone number or a customer's key one. Switch it off when strangers can
    /// send events that name such values. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_profile_merging: Option<bool>,
    /// Let the answer to a tracking call list the stored events when the call asks for it; for development. Default:
    /// false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub track_debug: Option<bool>,
    /// Name of the header in which your proxy puts the visitor's address, for example x-forwarded-for. Set it only when
    /// nobody can reach the public API except through that proxy. Default: none, the address of the connection counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9-]+$')")
        .message("spec.features.clientIpHeader must be the name of an HTTP header: letters, digits and '-', for example x-forwarded-for"))]
    pub client_ip_header: Option<String>,
}
