//! A link that makes an event and leads on.

use serde::{Deserialize, Serialize};

use super::{Kind, Record, list, object, text, wrong};
use crate::Map;
use crate::field::FieldError;
use crate::source::NamedEntity;

/// `/redirect/{id}`: whoever follows the link makes an event and is sent to `url` (spec/pipeline.md 1.8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Redirect {
    /// Key, part of the link.
    pub id: String,
    /// What people read.
    pub name: String,
    /// For people.
    #[serde(default, deserialize_with = "text")]
    pub description: String,
    /// Where the link leads: http or https.
    pub url: String,
    /// The event's source; it must admit `redirect`.
    pub source: NamedEntity,
    /// The event's type.
    pub event_type: String,
    /// Template of the event's properties, over `payload@params`, `payload@body` and `session@`.
    #[serde(default, deserialize_with = "object")]
    pub props: Map,
    /// Labels.
    #[serde(default, deserialize_with = "list")]
    pub tags: Vec<String>,
}

/// Longest address, in bytes: what clients and proxies take in a header.
pub(super) const MAX_URL: usize = 4_096;

impl Record for Redirect {
    const KIND: Kind = Kind::Redirect;

    fn id(&self) -> &str {
        &self.id
    }

    fn complete(&mut self) -> Vec<FieldError> {
        self.id = self.id.trim().to_owned();
        self.source.id = self.source.id.trim().to_lowercase();
        let mut errors = Vec::new();
        if self.event_type.trim().is_empty() {
            errors.push(wrong(["event_type"], "an event type is needed, for example `newsletter-clicked`"));
        }
        if self.source.id.is_empty() {
            errors.push(wrong(["source", "id"], "an event source of type `redirect` is needed"));
        }
        // Schemes such as `javascript:` would turn the link into a way to attack its visitors.
        let lower = self.url.trim_start().to_ascii_lowercase();
        let host = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
        let plain = self.url.bytes().all(|byte| byte.is_ascii_graphic() || byte >= 0x80);
        if !plain || host.is_none_or(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])) {
            errors.push(wrong(["url"], "a whole address is needed, such as https://shop.example.com/spring"));
        } else if self.url.len() > MAX_URL {
            errors.push(wrong(["url"], format!("an address has at most {MAX_URL} bytes")));
        }
        errors
    }
}
