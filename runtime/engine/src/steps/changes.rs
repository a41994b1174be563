//! What the events of a request wrote to the profile (spec/pipeline.md 4.10), for those who are told of changes.

use serde_json::{Value, json};
use tracardi_model::record::Node;
use tracardi_model::{Event, Map, Path, Profile};

/// The last change of each field, by the field.
#[derive(Debug, Default)]
pub(crate) struct Changes(Map);

impl Changes {
    /// The event has written the field; `before` was there, `now` is the time in the profile's form.
    pub(crate) fn note(&mut self, profile: &Profile, event: &Event, field: &Path, before: &Value, now: &str) {
        let change = json!({
            "type": "profile",
            "timestamp": now,
            "profile_id": profile.id,
            "event_id": event.id,
            "source_id": event.source.id,
            "session_id": event.session.as_ref().map(|session| &session.id),
            "field": field.as_str(),
            "value": profile.get(field.segments()),
            "old_value": before,
        });
        self.0.insert(field.as_str().to_owned(), change);
    }

    /// In the order in which the fields were written first.
    pub(crate) fn into_list(self) -> Vec<Value> {
        self.0.into_iter().map(|(_, change)| change).collect()
    }
}
