//! The stored session.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::leaf::Numbers;
use crate::record::lenient;
use crate::{Map, record, time, weight};

record! {
    /// Name and code of a country.
    pub struct Country { name: Option<String>, code: Option<String> }
}

record! {
    /// A place. `location` is `[longitude, latitude]`.
    pub struct Geo {
        country: Country, city: Option<String>, county: Option<String>, postal: Option<String>,
        latitude: Option<f64>, longitude: Option<f64>, location: Option<Numbers>,
    }
}

record! {
    /// The device of a session. `ip` is the header `x-forwarded-for` as sent.
    pub struct Device {
        name: Option<String>, brand: Option<String>, model: Option<String>, r#type: Option<String>, touch: bool,
        ip: Option<String>, resolution: Option<String>, geo: Geo, color_depth: Option<i64>, orientation: Option<String>,
    }
}

record! {
    /// Operating system.
    pub struct Os { name: Option<String>, version: Option<String> }
}

record! {
    /// The browser or other program.
    pub struct App {
        r#type: Option<String>, name: Option<String>, version: Option<String>, language: Option<String>, bot: bool,
        resolution: Option<String>,
    }
}

record! {
    /// Where a campaign sent the visitor from.
    pub struct Utm {
        source: Option<String>, medium: Option<String>, campaign: Option<String>, term: Option<String>, content: Option<String>,
    }
}

/// Whether a visit goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Events come in.
    Active,
    /// A visit was started by the last request.
    Started,
    /// The last event was `visit-ended`; the next request opens it again.
    Ended,
}

/// Reference to a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRef {
    /// The profile's id at the time of writing; resolves through the profile's `ids` after a merge.
    pub id: String,
    /// Key of the person in the customer's own systems.
    #[serde(default)]
    pub primary_id: Option<String>,
}

/// Times of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionTime {
    /// First contact.
    #[serde(with = "time::stamp")]
    pub insert: Timestamp,
    /// Reserved; null.
    #[serde(default, with = "time::optional")]
    pub create: Option<Timestamp>,
    /// Reserved; null.
    #[serde(default, with = "time::optional")]
    pub update: Option<Timestamp>,
    /// `insert` in unix seconds.
    #[serde(default)]
    pub timestamp: f64,
    /// Seconds; 0 until a visit is closed.
    #[serde(default)]
    pub duration: f64,
    /// Weekday of `insert`: Monday 0 to Sunday 6, UTC.
    #[serde(default)]
    pub weekday: u8,
}

impl SessionTime {
    /// A session that starts now.
    #[must_use]
    pub fn starting(now: Timestamp) -> Self {
        Self {
            insert: now,
            create: None,
            update: None,
            timestamp: time::seconds(now),
            duration: 0.0,
            weekday: time::weekday(now),
        }
    }
}

/// Facts about the session as a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionMetadata {
    /// Times.
    pub time: SessionTime,
    /// Channel of the event source that opened the session.
    #[serde(default)]
    pub channel: Option<String>,
    /// Free.
    #[serde(default, deserialize_with = "lenient")]
    pub aux: Map,
    /// State of the visit.
    #[serde(default)]
    pub status: Option<Status>,
}

/// A visit of somebody: what they use and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Chosen by the client.
    pub id: String,
    /// Times, channel, state.
    pub metadata: SessionMetadata,
    /// Whose session; null when profile-less.
    #[serde(default)]
    pub profile: Option<ProfileRef>,
    /// Device.
    #[serde(default, deserialize_with = "lenient")]
    pub device: Device,
    /// Operating system.
    #[serde(default, deserialize_with = "lenient")]
    pub os: Os,
    /// Browser.
    #[serde(default, deserialize_with = "lenient")]
    pub app: App,
    /// Campaign.
    #[serde(default, deserialize_with = "lenient")]
    pub utm: Utm,
    /// What the client said about itself.
    #[serde(default, deserialize_with = "lenient")]
    pub context: Map,
    /// Free.
    #[serde(default, deserialize_with = "lenient")]
    pub properties: Map,
    /// Free.
    #[serde(default, deserialize_with = "lenient")]
    pub traits: Map,
    /// Free.
    #[serde(default, deserialize_with = "lenient")]
    pub aux: Map,
}

impl Session {
    /// An empty session that starts now.
    #[must_use]
    pub fn starting(id: impl Into<String>, now: Timestamp) -> Self {
        Self {
            id: id.into(),
            metadata: SessionMetadata {
                time: SessionTime::starting(now),
                channel: None,
                aux: Map::new(),
                status: None,
            },
            profile: None,
            device: Device::default(),
            os: Os::default(),
            app: App::default(),
            utm: Utm::default(),
            context: Map::new(),
            properties: Map::new(),
            traits: Map::new(),
            aux: Map::new(),
        }
    }

    /// The key of the document.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Bytes of memory that it takes, roughly; `text` is the length of its JSON text.
    #[must_use]
    pub fn memory(&self, text: usize) -> usize {
        let free = [&self.context, &self.properties, &self.traits, &self.aux, &self.metadata.aux];
        size_of::<Self>() + text + free.into_iter().map(weight::behind_map).sum::<usize>()
    }

    /// First contact; the time field of range queries.
    #[must_use]
    pub fn insert(&self) -> Timestamp {
        self.metadata.time.insert
    }

    /// Whose session.
    #[must_use]
    pub fn profile_id(&self) -> Option<&str> {
        self.profile.as_ref().map(|profile| profile.id.as_str()).filter(|id| !id.is_empty())
    }

    /// Time zone that the client named (`context.time.tz`).
    #[must_use]
    pub fn time_zone(&self) -> Option<&str> {
        self.context.get("time")?.get("tz")?.as_str()
    }
}
