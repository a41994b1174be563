//! What a client sent for an event that could not be taken as it came: kept in quarantine until somebody replays it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::Entity;
use crate::payload::{ProfileEntity, tree};
use crate::{FieldError, Limits, Map, SourceType, TrackerPayload, time};

/// Why an event is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quarantine {
    /// It does not look as its type must.
    Invalid,
    /// The program failed on it.
    Panic,
}

/// What a client sent for one event, with everything that is needed to process it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Original {
    /// The event's id.
    pub id: String,
    /// When it was received.
    #[serde(with = "time::stamp")]
    pub at: Timestamp,
    /// Why it was not taken.
    pub reason: Quarantine,
    /// The same in words.
    pub why: String,
    /// Its type, in lower case with dashes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event source.
    pub source: String,
    /// The way in.
    pub endpoint: SourceType,
    /// The session under which it was collected.
    pub session: Option<String>,
    /// The profile under which it was collected, as it was called then.
    pub profile: Option<String>,
    /// Whether no profile was wanted.
    pub profile_less: bool,
    /// Whether something was taken out of it, or hashed, for which a consent was missing: then `event` is not what the client
    /// sent but what may be kept of it.
    pub altered: bool,
    /// Address of the client.
    pub client_ip: String,
    /// Headers of the request, without credentials.
    pub headers: Map,
    /// What the client sent around its events, as it was sent.
    pub request: Box<RawValue>,
    /// What the client sent for the event, as it was sent.
    pub event: Box<RawValue>,
}

/// What was admitted once is within the limits of that time.
const LIMITS: Limits = Limits {
    body_bytes: usize::MAX,
    depth: usize::MAX,
    values: usize::MAX,
    events: 1,
    id_bytes: usize::MAX,
    tags: usize::MAX,
};

impl Original {
    /// The request with this one event, for the session and the profile under which it was collected.
    pub fn payload(&self) -> Result<TrackerPayload, Vec<FieldError>> {
        let parse = |text: &RawValue| tree::parse(text.get().as_bytes()).map_err(|error| vec![*error]);
        let (mut request, event) = (parse(&self.request)?, parse(&self.event)?);
        if let Some(members) = request.as_object_mut() {
            members.insert("events".to_owned(), vec![event].into());
        }
        let mut payload = TrackerPayload::read(request, &LIMITS)?;
        if let Some(id) = self.session.clone() {
            payload.session = Some(Entity { id });
        }
        if let Some(id) = self.profile.clone() {
            let primary_id = payload.profile.take().and_then(|profile| profile.primary_id);
            payload.profile = Some(ProfileEntity { id, primary_id });
        }
        Ok(payload)
    }
}
