//! The reasons of the conditions: one enum, from which the table in docs/operator.md is made.

use super::status::ConditionType;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident: $($condition:ident)|+;)+) => {
        /// Why a condition has its status. The words are stable: alerts and scripts may rely on them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in the resource.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }

            /// What it means and what to do, for the documentation.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }

            /// The conditions that carry it.
            #[must_use]
            pub fn conditions(self) -> &'static [ConditionType] {
                match self { $(Self::$variant => &[$(ConditionType::$condition),+],)+ }
            }
        }
    };
}

reasons! {
    /// Every component serves.
    Serving: Ready;
    /// Nothing is being changed.
    Settled: Progressing;
    /// Nothing is wrong.
    Healthy: Degraded;
    /// The init step prepared the store and the first administrator exists.
    InitCompleted: Initialized;
    /// Every server that the services work with was reached, let the services in and is of a version that will do.
    Reachable: DependenciesReady;
    /// The operator has not looked at every server yet.
    Looking: DependenciesReady;
    /// A server that the services work with cannot be used; the message names it, the field and the remedy. Running pods are left alone: they wait for it and go on by themselves.
    DependencyUnavailable: Ready | Degraded | DependenciesReady;
    /// The pod does not exist yet or its init step has not ended yet.
    Initializing: Ready | Progressing | Initialized;
    /// Everything serves, but the Service of the public API has no address outside the cluster yet. A load-balancer controller of the cluster gives it one; a cluster without such a controller never does.
    AwaitingLoadBalancer: Progressing;
    /// The pod is starting and not ready yet.
    Starting: Ready | Progressing;
    /// A change is being rolled out to the pods.
    RollingOut: Ready | Progressing;
    /// The init step ended with an error, which the message quotes; it is repeated until it succeeds. Read `kubectl logs POD -c init`, or `kubectl logs job/NAME-install-HASH` in the modes open and distributed.
    InitFailed: Ready | Degraded | Initialized;
    /// The kubelet cannot get the image. Check spec.image and spec.version, and spec.image.pullSecrets for a private registry.
    ImagePullFailed: Ready | Degraded | Initialized;
    /// A container ends again and again, or cannot be created; the message quotes the kubelet. Read `kubectl logs POD --previous`.
    ContainerFailing: Ready | Degraded | Initialized;
    /// No node takes the pod; the message quotes the scheduler (resources, taints, selector, or a volume that is not bound).
    Unschedulable: Ready | Degraded | Initialized;
    /// A workload has no pod although it should; the message says what its controller reports.
    PodMissing: Ready | Initialized;
    /// The spec contradicts itself or the cluster in a way that the schema cannot express. Nothing was changed; the message names field and remedy.
    SpecInvalid: Ready | Degraded;
    /// The resource cannot be read with this operator's schema, usually because of an older CRD. Apply the operator's CRD and correct the field that the message names.
    Unreadable: Ready | Degraded;
    /// spec.version is newer than the operator knows how to run. Nothing was changed. Upgrade the operator first.
    VersionUnsupported: Ready | Degraded;
    /// spec.version is older than the version that runs, whose data it could not read. Nothing was changed. Set the version back.
    DowngradeRefused: Ready | Degraded;
    /// A Secret or key that the spec refers to does not exist. Nothing was changed. Create it; the operator looks again every 15 seconds.
    SecretMissing: Ready | Degraded;
    /// A Secret that the spec refers to holds a value that cannot be used. Nothing was changed. Correct it; the message says how.
    SecretInvalid: Ready | Degraded;
    /// A generated Secret was deleted although data depends on it; a new value would not fit the data, so none is made. Nothing was changed and running pods are left alone. Restore the Secret from a backup, or delete the volume claim too to start anew.
    SecretLost: Ready | Degraded;
    /// An object with a name that the installation needs exists and belongs to somebody else. Rename the installation or remove the object.
    NameTaken: Ready | Degraded;
    /// The volume or a Secret of a deleted installation of the same name is still being deleted. It goes away by itself.
    AwaitingDeletion: Ready | Degraded;
    /// The API server refused a change; the message quotes it. The operator tries again with growing pauses.
    ApplyFailed: Degraded;
    /// The API server refused to enlarge the volume; the message quotes it. Mostly the storage class cannot (its allowVolumeExpansion): set spec.storage.size back to status.storageSize.
    ResizeRefused: Degraded;
    /// spec.paused is set; the message lists the changes that wait.
    Paused: Progressing;
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The reasons as a table in Markdown, for docs/operator.md.
#[must_use]
pub fn markdown_table() -> String {
    let rows = Reason::ALL.iter().map(|reason| {
        let conditions: Vec<_> = reason.conditions().iter().map(|condition| condition.as_str()).collect();
        format!("| `{reason}` | {} | {} |\n", conditions.join(", "), reason.meaning())
    });
    let head = "| Reason | Conditions | Meaning and remedy |\n|---|---|---|\n";
    std::iter::once(head.to_owned()).chain(rows).collect()
}
