//! Visitors who come from another site of the same installation: a link carries their profile over as
//! `context.tracardi.pass` (spec/pipeline.md 2.5).

use serde_json::Value;
use tracardi_model::{EventSource, SourceType, TrackerPayload};

use crate::{Rejected, admit};

/// Longer ids than this exist nowhere; in bytes.
const MAX_ID: usize = 512;

/// From where a visitor comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    /// The profile that the visitor has there: any of its ids.
    pub profile_id: String,
    /// The event source of that site.
    pub source_id: String,
}

impl Referral {
    /// What a payload says of it; none when it says nothing, or names the profile that the payload has anyway.
    #[must_use]
    pub fn of(payload: &TrackerPayload) -> Option<Self> {
        let pass = payload.context.get("tracardi")?.get("pass")?;
        let id = |name| {
            let text = pass.get(name).and_then(Value::as_str)?.trim();
            (!text.is_empty() && text.len() <= MAX_ID).then(|| text.to_owned())
        };
        let referral = Self { profile_id: id("profile")?, source_id: id("source")? };
        let known = payload.profile.as_ref().is_some_and(|profile| profile.id == referral.profile_id);
        (!known).then_some(referral)
    }

    /// The profile, unless its event source is not admitted. A source that does not exist (any more) is no obstacle.
    pub(crate) fn admit(self, source: Option<&EventSource>, endpoint: SourceType) -> Result<String, Rejected> {
        match admit(&self.source_id, source, endpoint) {
            Ok(()) | Err(Rejected::UnknownSource { .. }) => Ok(self.profile_id),
            Err(rejected) => Err(rejected),
        }
    }
}
