//! One of the profiles of a merge: its document, and when it changed what.

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracardi_model::{Profile, time};

pub(super) struct Side<'p> {
    pub(super) profile: &'p Profile,
    /// Without `metadata.fields`, which is no value of the profile but about its values.
    pub(super) document: Value,
    /// Whether its figures go into sums. Those of a profile that another one has taken in already do not.
    pub(super) counted: bool,
    /// Dotted fields and their last change.
    changes: Vec<(&'p str, Timestamp)>,
    /// The last update of the whole.
    updated: Timestamp,
}

impl<'p> Side<'p> {
    pub(super) fn new(profile: &'p Profile, counted: bool) -> Result<Self, serde_json::Error> {
        let mut document = serde_json::to_value(profile)?;
        if let Some(fields) = document.pointer_mut("/metadata/fields") {
            *fields = Value::Object(Map::new());
        }
        let fields = &profile.metadata.fields.0;
        let changes = fields.iter().filter_map(|(field, entry)| Some((field.as_str(), changed_at(entry)?))).collect();
        let updated = profile.metadata.time.update.map_or_else(|| profile.insert(), |time| time.0);
        Ok(Self { profile, document, counted, changes, updated })
    }

    /// The last known change at a place, of something around it, or of something in it.
    pub(super) fn dated(&self, path: &[&str]) -> Option<Timestamp> {
        let touches = |field: &str| field.split('.').zip(path).all(|(name, at)| name == *at);
        self.changes.iter().filter(|(field, _)| touches(field)).map(|(_, at)| *at).max()
    }

    /// The last known change of this very place. A change of what is around it says nothing of an entry that was never there.
    pub(super) fn dated_itself(&self, path: &[&str]) -> Option<Timestamp> {
        let name = path.join(".");
        self.changes.iter().filter(|(field, _)| *field == name).map(|(_, at)| *at).max()
    }

    /// When a place got its value. What is known to have changed counts as later than what has no date; among the latter
    /// the update of the whole decides.
    pub(super) fn changed(&self, path: &[&str]) -> (bool, Timestamp) {
        self.dated(path).map_or((false, self.updated), |at| (true, at))
    }
}

/// The time of an entry of `metadata.fields`.
pub(super) fn changed_at((at, _event): &(String, String)) -> Option<Timestamp> {
    time::parse(at).ok()
}
