//! What became of an event on its way, as far as the event itself does not tell: which record of the configuration did what.
//! Kept beside the event, so that the event keeps its shape.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::configuration::Kind;
use crate::time;

/// What became of one event. An event with which nothing happened that is worth telling has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    /// The event; it may be one that is not kept.
    pub event: String,
    /// The profile, if one is kept; as it was called then.
    pub profile: Option<String>,
    /// The event source.
    pub source: String,
    /// The session, if kept.
    pub session: Option<String>,
    /// When the request was worked on.
    #[serde(with = "time::stamp")]
    pub at: Timestamp,
    /// What happened, in order.
    pub notes: Vec<Note>,
    /// How many more notes there were than are kept.
    #[serde(default)]
    pub left_out: usize,
}

/// One thing that happened to an event, or because of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Who did it.
    pub by: By,
    /// What.
    #[serde(flatten)]
    pub did: Deed,
}

/// Who did something: a record of the configuration, an event source ([`By::EVENT_SOURCE`]), a predefined event type
/// ([`By::EVENT_TYPE`]), a workflow ([`By::WORKFLOW`]) or the database of places ([`By::GEOIP`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct By {
    /// What it is: a [`Kind`]'s name or one of these.
    pub kind: Cow<'static, str>,
    /// Its id; of the database of places its kind, such as `GeoLite2-City`.
    pub id: String,
}

impl By {
    /// The settings of an event source did it.
    pub const EVENT_SOURCE: &'static str = "event-source";
    /// The database of places did it.
    pub const GEOIP: &'static str = "geoip";
    /// What is predefined for the event's type did it.
    pub const EVENT_TYPE: &'static str = "event-type";
    /// A workflow did it.
    pub const WORKFLOW: &'static str = "workflow";

    /// A record of the configuration.
    pub fn record(kind: Kind, id: impl Into<String>) -> Self {
        Self { kind: Cow::Borrowed(kind.as_str()), id: id.into() }
    }

    /// The event source with this id.
    pub fn event_source(id: impl Into<String>) -> Self {
        Self { kind: Cow::Borrowed(Self::EVENT_SOURCE), id: id.into() }
    }

    /// The database of places, of this kind.
    pub fn geoip(id: impl Into<String>) -> Self {
        Self { kind: Cow::Borrowed(Self::GEOIP), id: id.into() }
    }

    /// What is predefined for this type.
    pub fn event_type(id: impl Into<String>) -> Self {
        Self { kind: Cow::Borrowed(Self::EVENT_TYPE), id: id.into() }
    }

    /// The workflow with this id.
    pub fn workflow(id: impl Into<String>) -> Self {
        Self { kind: Cow::Borrowed(Self::WORKFLOW), id: id.into() }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "kebab-case")]
pub enum Deed {
    /// An identification point led to the profile, by values of the event.
    Recognised,
    /// The device led to the profile that was seen with it, as the event source asks for.
    DeviceKnown,
    /// The visitor came from another site, that of this event source, and goes on with the profile of there.
    Referred,
    /// A setting of the event source said what the profile, or the session, is called.
    Named {
        /// The setting.
        setting: Cow<'static, str>,
        /// `profile`, `session`.
        parts: Vec<Cow<'static, str>>,
    },
    /// The profile and another one turned out to be one person's; they become one.
    Merging {
        /// Id of the other one.
        other: String,
    },
    /// The address of a new session's visitor said where that is.
    Located {
        /// City and country, as far as known.
        place: String,
    },
    /// These parts of the event, or of the request, got another form: `properties`, `context`, `session`; by a workflow also
    /// `traits`, `data`, `tags`, `journey`.
    Reshaped {
        /// Their names.
        parts: Vec<Cow<'static, str>>,
    },
    /// A field of the event was taken out, because a consent was missing.
    Erased {
        /// Where it was, below the event.
        field: String,
    },
    /// A hash took the place of a field's value, because a consent was missing.
    Hashed {
        /// Where it is, below the event.
        field: String,
    },
    /// Fields of the event were written out of other fields.
    Mapped {
        /// The written ones, below the event.
        fields: Vec<String>,
    },
    /// A field of the profile has another value now.
    Changed {
        /// Where, below the profile.
        field: String,
        /// The new value.
        value: Value,
        /// The one before; null if there was none.
        old_value: Value,
        /// Whether a value was too long to be told; null stands in its place.
        #[serde(default, skip_serializing_if = "is_false")]
        shortened: bool,
    },
    /// A rule was for the event and its workflow ran.
    Started {
        /// Id of the workflow.
        flow: String,
        /// The segment that the profile had joined, if that was the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        segment: Option<String>,
    },
    /// A rule was for the event, but its workflow did not run.
    NotStarted {
        /// Id of the workflow.
        flow: String,
        /// Why, for people.
        reason: Cow<'static, str>,
    },
    /// The profile joined a segment.
    Joined {
        /// As it stands in the profile.
        segment: String,
    },
    /// The profile got an id by which an identification point, or a workflow that asks for the same, finds it from now on.
    Identified,
    /// A destination is to get the event, or the profile as it was changed.
    Sent {
        /// Id of the delivery.
        delivery: String,
        /// Whether it tells of the profile.
        profile: bool,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(truth: &bool) -> bool {
    !truth
}

/// A note that a field of a profile [changed](Deed::Changed), with what its trail says about all of its notes.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The event.
    pub event: String,
    /// The profile, as it is called now.
    pub profile: Option<String>,
    /// The event source.
    pub source: String,
    /// The session, if kept.
    pub session: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Its place among the notes of the event.
    pub number: u64,
    /// The note.
    pub note: Note,
}

impl Trail {
    /// The notes that tell of changes to the profile, in order.
    #[must_use]
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = Changed> {
        let changed = |(number, note): (usize, &Note)| {
            matches!(note.did, Deed::Changed { .. }).then(|| Changed {
                event: self.event.clone(),
                profile: self.profile.clone(),
                source: self.source.clone(),
                session: self.session.clone(),
                at: self.at,
                number: number as u64,
                note: note.clone(),
            })
        };
        self.notes.iter().enumerate().filter_map(changed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trail_is_read_back_as_it_was_written() {
        let by = By::record(Kind::EventToProfile, "m");
        let changed = |shortened| Deed::Changed {
            field: "traits.size".to_owned(),
            value: json!("XL"),
            old_value: Value::Null,
            shortened,
        };
        let deeds = [
            Deed::Recognised,
            Deed::DeviceKnown,
            Deed::Referred,
            Deed::Named { setting: "replace_profile_id".into(), parts: vec!["profile".into()] },
            Deed::Merging { other: "another".to_owned() },
            Deed::Located { place: "London".to_owned() },
            Deed::Reshaped { parts: vec!["context".into()] },
            Deed::Erased { field: "properties.a".to_owned() },
            changed(false),
            changed(true),
            Deed::Started { flow: "f".to_owned(), segment: None },
            Deed::NotStarted { flow: "f".to_owned(), reason: "why".into() },
            Deed::Sent { delivery: "d".to_owned(), profile: true },
        ];
        let trail = Trail {
            event: "e".to_owned(),
            profile: Some("p".to_owned()),
            source: "s".to_owned(),
            session: None,
            at: Timestamp::from_second(1_780_000_000).unwrap(),
            notes: deeds.into_iter().map(|did| Note { by: by.clone(), did }).collect(),
            left_out: 0,
        };
        let text = serde_json::to_value(&trail).unwrap();
        let expected = json!({"by": {"kind": "event-to-profile", "id": "m"}, "did": "changed", "field": "traits.size",
            "value": "XL", "old_value": null});
        assert_eq!(text["notes"][8], expected);
        assert_eq!(serde_json::from_value::<Trail>(text).unwrap(), trail);
        assert_eq!(trail.changes().map(|change| change.number).collect::<Vec<_>>(), [8, 9]);
    }
}
