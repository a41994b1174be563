//! Event sources: where events may come from.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::field::FieldError;
use crate::payload::reader::{At, Fields, Report};
use crate::{Map, time};

/// The ways events arrive. A source admits some of them, an endpoint is one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceType {
    /// `POST /track`.
    #[default]
    Rest,
    /// `/collect`.
    Webhook,
    /// `/redirect`.
    Redirect,
    /// The installation itself.
    Internal,
    /// A mailbox.
    Imap,
    /// An MQTT broker.
    Mqtt,
    /// A message queue.
    Queue,
}

impl SourceType {
    /// All types.
    pub const ALL: [Self; 7] =
        [Self::Rest, Self::Webhook, Self::Redirect, Self::Internal, Self::Imap, Self::Mqtt, Self::Queue];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Webhook => "webhook",
            Self::Redirect => "redirect",
            Self::Internal => "internal",
            Self::Imap => "imap",
            Self::Mqtt => "mqtt",
            Self::Queue => "queue",
        }
    }
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SourceType {
    type Err = UnknownSourceType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownSourceType)
    }
}

/// The text names no [`SourceType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSourceType;

impl fmt::Display for UnknownSourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a source type is `rest`, `webhook`, `redirect`, `internal`, `imap`, `mqtt` or `queue`")
    }
}

impl std::error::Error for UnknownSourceType {}

/// Something with id and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedEntity {
    /// The id, in lower case.
    pub id: String,
    /// The name.
    pub name: String,
}

/// Prefix of the ids of internal sources; never admitted from outside.
pub const INTERNAL_PREFIX: char = '@';
/// Source of the events that the installation makes itself.
pub const INTERNAL_ID: &str = "@internal-110a200da64822fdebf9";
const DESCRIPTION: &str = "No description provided";

/// An event source as stored and answered.
#[allow(clippy::struct_excessive_bools, reason = "the stored JSON has them")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventSource {
    /// Key, in lower case.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Deployment bookkeeping of the web application.
    #[serde(default)]
    pub production: bool,
    /// Deployment bookkeeping of the web application.
    #[serde(default)]
    pub running: bool,
    /// Ways in that this source admits.
    #[serde(rename = "type")]
    pub kind: Vec<SourceType>,
    /// The bridge that the source was made for.
    pub bridge: NamedEntity,
    /// Creation.
    #[serde(with = "time::stamp")]
    pub timestamp: Timestamp,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Kept with sessions and events.
    #[serde(default)]
    pub channel: String,
    /// Disabled sources admit nothing.
    pub enabled: bool,
    /// Neither sessions nor events are kept, profiles are.
    #[serde(default)]
    pub transitional: bool,
    /// Labels.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Groups.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Kept for the web application; no effect.
    #[serde(default)]
    pub permanent_profile_id: bool,
    /// Kept for the web application; no effect.
    #[serde(default)]
    pub requires_consent: bool,
    /// Kept for the web application; no effect.
    #[serde(default)]
    pub manual: Option<String>,
    /// Set by bridges.
    #[serde(default)]
    pub locked: bool,
    /// Kept for the web application; no effect.
    #[serde(default = "yes")]
    pub synchronize_profiles: bool,
    /// Settings of the bridge.
    #[serde(default)]
    pub config: Option<Map>,
}

const fn yes() -> bool {
    true
}

impl EventSource {
    /// A source with all defaults.
    #[must_use]
    pub fn new(id: &str, name: impl Into<String>, kind: Vec<SourceType>, now: Timestamp) -> Self {
        Self {
            id: id.to_lowercase(),
            name: name.into(),
            production: false,
            running: false,
            kind,
            bridge: NamedEntity::default(),
            timestamp: now,
            description: DESCRIPTION.to_owned(),
            channel: String::new(),
            enabled: true,
            transitional: false,
            tags: vec!["general".to_owned()],
            groups: Vec::new(),
            permanent_profile_id: false,
            requires_consent: false,
            manual: None,
            locked: false,
            synchronize_profiles: true,
            config: None,
        }
    }

    /// Reads the body of `POST /event-source`: ids become lower case, a single type may be a text, absent fields get their
    /// defaults, unknown ones are ignored.
    pub fn read(body: Value, now: Timestamp) -> Result<Self, Vec<FieldError>> {
        let mut report = Report::default();
        let at = At::Body;
        let source = Fields::of(body, &at, &mut report).map(|mut fields| {
            let id = fields.id("id", &at, &mut report, ID_BYTES).unwrap_or_default();
            let name = fields.string("name", &at, &mut report, TEXT_BYTES).unwrap_or_default();
            let kind = fields.take("type");
            let mut source = Self::new(&id, name, kinds(kind, &at, &mut report), now);
            if let Some(bridge) = fields.required("bridge", &at, &mut report) {
                let at = At::Key(&at, "bridge");
                if let Some(mut bridge) = Fields::of(bridge, &at, &mut report) {
                    let id = bridge.string("id", &at, &mut report, ID_BYTES).unwrap_or_default();
                    let name = bridge.string("name", &at, &mut report, TEXT_BYTES).unwrap_or_default();
                    source.bridge = NamedEntity { id: id.to_lowercase(), name };
                }
            }
            if let Some(time) = fields.time("timestamp", &at, &mut report) {
                source.timestamp = time;
            }
            if let Some(text) = fields.optional_string("description", &at, &mut report, TEXT_BYTES) {
                source.description = text;
            }
            if let Some(text) = fields.optional_string("channel", &at, &mut report, TEXT_BYTES) {
                source.channel = text;
            }
            source.tags = fields.texts("tags", &at, &mut report, TEXT_BYTES).unwrap_or(source.tags);
            source.groups = fields.texts("groups", &at, &mut report, TEXT_BYTES).unwrap_or_default();
            source.manual = fields.optional_string("manual", &at, &mut report, TEXT_BYTES);
            source.config = fields.object("config", &at, &mut report);
            for (name, flag) in [
                ("production", &mut source.production),
                ("running", &mut source.running),
                ("enabled", &mut source.enabled),
                ("transitional", &mut source.transitional),
                ("permanent_profile_id", &mut source.permanent_profile_id),
                ("requires_consent", &mut source.requires_consent),
                ("locked", &mut source.locked),
                ("synchronize_profiles", &mut source.synchronize_profiles),
            ] {
                if let Some(yes) = fields.bool(name, &at, &mut report) {
                    *flag = yes;
                }
            }
            source
        });
        report.conclude(source)
    }

    /// Whether the source admits events from this way in.
    #[must_use]
    pub fn admits(&self, endpoint: SourceType) -> bool {
        self.kind.contains(&endpoint)
    }

    /// A setting of the bridge that is on: present and not false, null, 0 or empty.
    #[must_use]
    pub fn setting(&self, name: &str) -> bool {
        match self.config.as_ref().and_then(|config| config.get(name)) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
        }
    }
}

const ID_BYTES: usize = 512;
const TEXT_BYTES: usize = 16_384;

fn kinds(value: Option<Value>, at: &At<'_>, report: &mut Report) -> Vec<SourceType> {
    let at = At::Key(at, "type");
    let list = match value {
        None => {
            report.push(&at, "missing", "Field required", None);
            return Vec::new();
        }
        Some(Value::Array(list)) => list,
        Some(single) => vec![single],
    };
    if list.is_empty() {
        report.push(&at, "too_short", "List should have at least 1 item: the ways in that the source admits", None);
    }
    let mut kinds = Vec::new();
    for (index, value) in list.iter().enumerate() {
        match value.as_str().and_then(|text| text.trim().parse().ok()) {
            Some(kind) if kinds.contains(&kind) => {}
            Some(kind) => kinds.push(kind),
            None => report.push(
                &At::Index(&at, index),
                "value_error",
                &format!("Value error, {UnknownSourceType}"),
                Some(value),
            ),
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_709_287_200).unwrap()
    }

    #[test]
    fn fills_defaults_and_reads_its_own_answer() {
        let body =
            json!({"id": "S1", "name": "Shop", "type": "rest", "bridge": {"id": "B", "name": "REST"}, "unknown": 1});
        let source = EventSource::read(body, now()).unwrap();
        let expected = json!({
            "id": "s1", "name": "Shop", "production": false, "running": false, "type": ["rest"],
            "bridge": {"id": "b", "name": "REST"}, "timestamp": "2024-03-01T10:00:00.000000+00:00",
            "description": "No description provided", "channel": "", "enabled": true, "transitional": false,
            "tags": ["general"], "groups": [], "permanent_profile_id": false, "requires_consent": false, "manual": null,
            "locked": false, "synchronize_profiles": true, "config": null,
        });
        let answer = serde_json::to_value(&source).unwrap();
        assert_eq!(answer, expected);
        assert_eq!(serde_json::from_value::<EventSource>(answer.clone()).unwrap(), source);
        assert_eq!(EventSource::read(answer, now()).unwrap(), source);
    }

    #[test]
    fn names_every_wrong_field() {
        let body = json!({"id": 5, "type": ["rest", "smoke"], "enabled": "perhaps", "config": [], "timestamp": "soon"});
        let errors = EventSource::read(body, now()).unwrap_err();
        let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        for field in [
            "body.id:",
            "body.name:",
            "body.type.1:",
            "body.bridge:",
            "body.timestamp:",
            "body.config:",
            "body.enabled:",
        ] {
            assert!(text.contains(field), "{field} in\n{text}");
        }
    }
}
