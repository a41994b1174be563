//! Types and wire formats: payloads, events, sessions, profiles, ids and times. No I/O, no clock, no randomness of its own.
//!
//! * [`payload`]: what a client sends, parsed and checked ([`TrackerPayload::parse`]);
//! * [`event`], [`session`], [`profile`]: the stored documents, which serialise to exactly their stored JSON;
//! * [`record`] and [`leaf`]: how a typed document is read and written by dotted [`path`];
//! * [`source`], [`configuration`], [`user`], [`answer`]: what users configure, and answers;
//! * [`delivery`]: what is to be sent to a destination; [`trail`]: what became of an event;
//! * [`canonical`]: hashing of JSON that does not depend on the order of keys;
//! * [`entropy`], [`time`]: randomness and time as values; [`weight`]: how much room a value takes.

pub mod answer;
pub mod canonical;
pub mod configuration;
pub mod delayed;
pub mod delivery;
pub mod entropy;
pub mod event;
pub mod field;
pub mod leaf;
pub mod original;
pub mod path;
pub mod payload;
mod per_context;
pub mod profile;
pub mod record;
pub mod session;
pub mod source;
pub mod tenant;
pub mod time;
pub mod trail;
pub mod user;
pub mod weight;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use answer::TrackAnswer;
pub use delayed::Delayed;
pub use delivery::Delivery;
pub use entropy::{Entropy, SeededEntropy};
pub use event::{Event, StoredEvent};
pub use field::{FieldError, Loc};
pub use original::{Original, Quarantine};
pub use path::Path;
pub use payload::{EventPayload, Limits, TrackerPayload};
pub use per_context::PerContext;
pub use profile::Profile;
pub use session::Session;
pub use source::{EventSource, SourceType};
pub use tenant::{Tenant, TenantError};
pub use trail::Trail;
pub use user::{Role, User};

/// A free JSON object; the order of keys is kept.
pub type Map = serde_json::Map<String, serde_json::Value>;

/// Which of the two worlds a request belongs to. Documents and configuration of one are invisible in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Context {
    /// Real visitors.
    Production,
    /// Tests of the customer.
    Staging,
}

impl Context {
    /// The name on the wire: `production` or `staging`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Context {
    type Err = UnknownContext;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "production" => Ok(Self::Production),
            "staging" => Ok(Self::Staging),
            _ => Err(UnknownContext),
        }
    }
}

/// The text names no [`Context`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownContext;

impl fmt::Display for UnknownContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a context is `production` or `staging`")
    }
}

impl std::error::Error for UnknownContext {}
