//! What can go wrong in a pass, and what follows from it.

use tracardi_crds::installation::Reason;

/// Why a pass did not reach its end. Problems of the resource are no errors: they are reported in status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another operator leads now; it does the work.
    #[error("leadership was lost; the write was dropped")]
    NotLeader,
    /// An object could not be written.
    #[error("{action} {kind} {name:?}: {}", said(source))]
    Write {
        /// What was tried: create, apply, delete, patch.
        action: &'static str,
        /// Kind of the object.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// An object with our name belongs to somebody else.
    #[error("{kind} {name:?} exists and belongs to somebody else: remove it or rename the installation")]
    NameTaken {
        /// Kind of the object.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The namespace is being deleted, or is gone: nothing can be created in it any more, and all that is in it goes.
    #[error("the namespace is being deleted")]
    NamespaceLeaves,
    /// The volume claim exists and could not be changed.
    #[error(
        "volume claim {name:?} cannot be made to hold {size}: {}: if the storage class cannot enlarge volumes (allowVolumeExpansion), set spec.storage.size back to status.storageSize",
        said(source)
    )]
    ResizeRefused {
        /// Its name.
        name: String,
        /// The size that spec.storage.size asks for.
        size: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// An object could not be read.
    #[error("read {kind} {name:?}: {}", said(source))]
    Read {
        /// Kind of the object.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server took too long.
    #[error("{0} took longer than {1} seconds")]
    Timeout(&'static str, u64),
    /// The operating system gave no randomness.
    #[error("no random bytes from the operating system: {0}")]
    Randomness(std::io::Error),
    /// The plan could not be written down.
    #[error(transparent)]
    Plan(#[from] crate::plan::PlanError),
}

impl Error {
    /// The reason to show in status.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NameTaken { .. } => Reason::NameTaken,
            Self::ResizeRefused { .. } => Reason::ResizeRefused,
            _ => Reason::ApplyFailed,
        }
    }

    /// A label for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::NotLeader => "not_leader",
            Self::Write { .. } => "write",
            Self::NameTaken { .. } => "name_taken",
            Self::NamespaceLeaves => "namespace_leaves",
            Self::ResizeRefused { .. } => "resize_refused",
            Self::Read { .. } => "read",
            Self::Timeout(..) => "timeout",
            Self::Randomness(_) => "randomness",
            Self::Plan(_) => "plan",
        }
    }
}

/// Whether the API server refused because the namespace is being deleted or does not exist any more.
#[must_use]
pub fn is_leaving(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let details = status.details.as_ref();
    let terminates = || details.is_some_and(|of| of.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"));
    let is_gone = || details.is_some_and(|of| of.kind == "namespaces");
    (status.code == 403 && terminates()) || (status.code == 404 && is_gone())
}

/// What the API server said, without the structure around it.
fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        error => error.to_string(),
    }
}
