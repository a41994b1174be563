//! Why a request was not collected.

use tracardi_engine::Rejected;

/// Nothing of the request was stored (or, after [`CollectError::Unavailable`], perhaps all of it: sending it again is
/// harmless, because its events have the same ids).
#[derive(Clone, Debug, thiserror::Error)]
pub enum CollectError {
    /// The request itself is refused.
    #[error("{0}")]
    Rejected(Rejected),
    /// More requests are waiting than the queue holds: 503 with `Retry-After`.
    #[error("too many requests are waiting to be stored; send again in {retry_after_s} s")]
    Full {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The store cannot take it now: 503 with `Retry-After`.
    #[error("{reason}; send again in {retry_after_s} s")]
    Unavailable {
        /// For people.
        reason: String,
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The process is leaving: 503 with `Retry-After: 1`; another replica, or its successor, will take it.
    #[error("the service is stopping; send again in 1 s")]
    Stopping,
}

impl CollectError {
    /// Value of the `Retry-After` header in seconds; none when sending again would not help.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Rejected(_) => None,
            Self::Full { retry_after_s } | Self::Unavailable { retry_after_s, .. } => Some(*retry_after_s),
            Self::Stopping => Some(1),
        }
    }
}
