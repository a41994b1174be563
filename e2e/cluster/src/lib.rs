//! A real Kubernetes from packages, in network and mount namespaces of its own.
//!
//! [`Ground::detect`] decides which cluster to work on: the one that this crate makes ([`Cluster`]) or somebody's own,
//! named by `KUBECONFIG`. [`Cluster::up`] is idempotent: it installs missing Debian packages, builds Kubernetes and its
//! companions from the Go modules pinned in `go/`, makes certificates and namespaces, starts what does not run and
//! applies the add-ons. [`Cluster::down`] ends every process and removes every trace outside the cache.
//!
//! How a node is made (`node.rs`): a network namespace without a route out, and a mount namespace in which
//! `/var/lib/kubelet`, `/run/containerd` and the other paths that these programs have built in lie over folders of the
//! instance. So two instances, and whatever Kubernetes the machine runs already, do not meet, and most of what there is
//! to clean up ends with the last process.
//!
//! To look around inside node 1 of instance 0:
//! `nsenter --net=/run/tracardi-0/node-1/net --mount=/run/tracardi-0/node-1/mnt bash` (then `ip`, `iptables-save`, `ctr`
//! see what the node sees). Logs of the components are in `~/.cache/tracardi-operator/cluster/0/log`; those of the run
//! before end in `.log.before`.

mod addons;
mod archive;
mod cgroups;
mod cluster;
mod components;
mod ground;
mod leftovers;
mod net;
mod node;
mod packages;
mod paths;
mod pki;
mod process;
mod shared;
mod status;
mod toolchain;

pub mod images;

pub use cluster::{Cluster, Options};
pub use ground::{Foreign, Ground, Provider};
pub use paths::Instance;
pub use status::{ComponentStatus, Status};
pub use toolchain::{Tool, tools};
pub use tracardi_machine::{Error, Plain, Progress, Result, Silent, cache};
