//! What the engine is told once: switches and tables.

use std::sync::Arc;

use crate::configuration::Configurations;
use crate::free_mail::FreeMail;
use crate::languages::Languages;
use crate::workflows::Workflows;
use crate::{EventTypes, GeoIp};

/// Default of the original for the key of hashed ids (`AUTO_PROFILE_MERGING`); installations set their own.
pub const DEFAULT_MERGING_KEY: &str = "s>a.d-kljsa87^5adh";

/// From what the id of a new profile follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NewProfiles {
    /// From the request, its time in front: the profiles of strangers who come at the same time stand together in a store that
    /// keeps its rows in order. For a single process, which carries out one request after the other.
    ByRequest,
    /// From the session, under this key: two requests of a session that begins lead to the same profile even if neither knows of
    /// the other. For several processes, which have to agree on whom a request is about before anything is stored.
    BySession([u8; 32]),
}

impl std::fmt::Debug for NewProfiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ByRequest => "ByRequest",
            Self::BySession(_) => "BySession(…)",
        })
    }
}

/// Switches and tables of the engine. Make it with [`Settings::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether `profile-created`, `visit-started` and `session-opened` are made.
    pub system_events: bool,
    /// Whether robots are refused.
    pub disallow_bot_traffic: bool,
    /// Whether clients may ask for the ids of stored events.
    pub track_debug: bool,
    /// Id of this process; kept with events.
    pub instance: String,
    /// Key of the ids that are hashed from e-mail addresses and the like; none switches them off (`APM=no`).
    pub merging_key: Option<String>,
    /// From what the ids of new profiles follow.
    pub new_profiles: NewProfiles,
    /// The predefined event types.
    pub event_types: Arc<EventTypes>,
    /// Languages and markets.
    pub languages: Arc<Languages>,
    /// Free mail providers.
    pub free_mail: Arc<FreeMail>,
    /// Runs workflows; none: events for which one should run say so.
    pub workflows: Option<Arc<dyn Workflows>>,
    /// Places by address; none leaves the place of a session to what its client says.
    pub geoip: Option<Arc<GeoIp>>,
    /// What users have configured, compiled.
    pub configurations: Configurations,
    /// Version of the store's snapshot that `configurations` was compiled from.
    pub version: u64,
}

/// A table that the binary carries cannot be read: a defect of the build.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the built-in tables are damaged, this build cannot run: {0}")]
pub struct InvalidTables(String);

impl Settings {
    /// The defaults, for a process with this id.
    pub fn new(instance: impl Into<String>) -> Result<Self, InvalidTables> {
        Ok(Self {
            system_events: true,
            disallow_bot_traffic: true,
            track_debug: false,
            instance: instance.into(),
            merging_key: Some(DEFAULT_MERGING_KEY.to_owned()),
            new_profiles: NewProfiles::ByRequest,
            event_types: Arc::new(EventTypes::load().map_err(|error| InvalidTables(error.to_string()))?),
            languages: Arc::new(Languages::load().map_err(|error| InvalidTables(error.to_string()))?),
            free_mail: Arc::new(FreeMail::load()),
            workflows: None,
            geoip: None,
            configurations: Configurations::default(),
            version: 0,
        })
    }
}
