//! Why a request is refused.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracardi_model::FieldError;

/// A refusal, with the status and text that the client gets. Nothing was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejected {
    /// There is no such event source.
    UnknownSource {
        /// The id as sent.
        id: String,
    },
    /// The event source is switched off.
    Disabled,
    /// The event source does not admit events from this way in.
    WrongType {
        /// The way in.
        endpoint: String,
        /// Id of the source.
        id: String,
        /// Name of the source.
        name: String,
        /// The ways in that it admits.
        admits: String,
    },
    /// Internal sources are not for clients.
    InternalSource,
    /// The visitor is a robot.
    Bot,
    /// The id that the client chose for an event belongs to another event.
    EventIdTaken {
        /// Which event of the payload.
        index: usize,
        /// The id.
        id: String,
    },
    /// The events would take up too much room with what is kept with each of them.
    TooLarge {
        /// How many events.
        events: usize,
    },
    /// The source keeps the profile ids that clients choose, and the payload has none.
    ProfileIdMissing,
    /// An event in quarantine is still not to be taken, or there is nothing to be replayed.
    NotReplayed {
        /// In words.
        why: String,
    },
    /// Event source, session or profile of a consent are not there, or the session is somebody else's.
    ConsentDenied,
}

impl Rejected {
    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::UnknownSource { .. } | Self::Disabled | Self::WrongType { .. } | Self::InternalSource | Self::Bot => {
                401
            }
            Self::ConsentDenied => 403,
            Self::EventIdTaken { .. } | Self::NotReplayed { .. } => 409,
            Self::TooLarge { .. } | Self::ProfileIdMissing => 422,
        }
    }

    /// One stable word, for metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownSource { .. } => "unknown_source",
            Self::Disabled => "disabled_source",
            Self::WrongType { .. } => "wrong_source_type",
            Self::InternalSource => "internal_source",
            Self::Bot => "bot",
            Self::EventIdTaken { .. } => "event_id_taken",
            Self::TooLarge { .. } => "too_large",
            Self::ProfileIdMissing => "profile_id_missing",
            Self::ConsentDenied => "consent_denied",
            Self::NotReplayed { .. } => "not_replayed",
        }
    }

    /// The `detail` of the answer: a text, or a list of field errors where a field is to blame.
    #[must_use]
    pub fn detail(&self) -> Value {
        let field = |kind, loc, input: Option<&String>| {
            let mut error = FieldError::new(kind, loc, self.to_string());
            error.input = input.cloned().map(Value::String);
            serde_json::to_value([error]).unwrap_or_else(|_| Value::String(self.to_string()))
        };
        match self {
            Self::EventIdTaken { index, id } => {
                field("event_id_taken", vec!["body".into(), "events".into(), (*index).into(), "id".into()], Some(id))
            }
            Self::TooLarge { .. } => field("too_large", vec!["body".into(), "events".into()], None),
            Self::ProfileIdMissing => field("missing", vec!["body".into(), "profile".into(), "id".into()], None),
            _ => Value::String(self.to_string()),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSource { id } => {
                write!(f, "Invalid event source `{}`.", id.chars().take(100).collect::<String>())
            }
            Self::Disabled => f.write_str("Event source disabled."),
            Self::WrongType { endpoint, id, name, admits } => write!(
                f,
                "This endpoint takes events through a `{endpoint}` bridge only. Event source `{name}` ({id}) is of type `{admits}`: \
                 send its events to the endpoint of that type, or add `{endpoint}` to its types."
            ),
            Self::InternalSource => f.write_str("Internal event sources are not allowed via API."),
            Self::Bot => f.write_str("Traffic from bot is not allowed."),
            Self::ConsentDenied => f.write_str("Access denied"),
            Self::NotReplayed { why } => write!(f, "The event is not replayed: {why}."),
            Self::EventIdTaken { .. } => {
                f.write_str("This event id belongs to another event; send another id, or none to have one derived from the content.")
            }
            Self::TooLarge { events } => write!(
                f,
                "Headers and `request` are kept with each of the {events} events and would take up too much room; send fewer \
                 events at once or a smaller `request`."
            ),
            Self::ProfileIdMissing => {
                f.write_str("This event source works with the profile ids of the client (static_profile_id): profile.id is required.")
            }
        }
    }
}

impl std::error::Error for Rejected {}
