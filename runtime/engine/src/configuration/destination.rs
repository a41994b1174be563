//! What destinations are told (spec/pipeline.md 6.4).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tracardi_language::Scope;
use tracardi_language::condition::Condition;
use tracardi_language::template::{Mode, ObjectTemplate};
use tracardi_model::FieldError;
use tracardi_model::configuration::{self as records, Resource};

use super::{Compile, Meaning, expression};

/// Compiled from a [`records::Destination`].
#[derive(Clone, Debug)]
pub struct Destination {
    /// The record's id.
    pub id: String,
    /// Blank: any.
    source: String,
    condition: Option<Condition>,
    mapping: ObjectTemplate,
}

impl Destination {
    /// Whether it is for events from this source.
    #[must_use]
    pub fn is_for(&self, source: &str) -> bool {
        self.source.is_empty() || self.source == source
    }

    /// What it is told, at most about so many bytes of JSON, what is missing in it null. None when its condition does not
    /// hold. Or why that cannot be said.
    pub fn data(&self, scope: &dyn Scope, now: Timestamp, bytes: usize) -> Result<Option<Value>, String> {
        if let Some(condition) = &self.condition
            && !condition.evaluate(scope, now).map_err(|error| error.to_string())?
        {
            return Ok(None);
        }
        self.mapping.render(scope, Mode::DEFAULT, bytes).map(Some).map_err(|error| format!("mapping: {error}"))
    }
}

impl Compile for records::Destination {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let mut errors = Vec::new();
        let condition = expression::condition(&self.condition, ["condition".into()]);
        let condition = condition.map_err(|error| errors.extend(error)).ok().flatten();
        let mapping = expression::template(&Value::Object(self.mapping), ["mapping".into()]);
        let Ok(mapping) = mapping.map_err(|error| errors.extend(error)) else { return Err(errors) };
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let destination = Arc::new(Destination { id: self.id, source: self.source.id, condition, mapping });
        let kind = self.event_type.filter(|_| !self.on_profile_change_only).map(|kind| kind.id().into_owned());
        Ok(Meaning::new(move |configuration| {
            let told = match &kind {
                Some(kind) => configuration.told_events.entry(kind.clone()).or_default(),
                None => &mut configuration.told_profiles,
            };
            told.push(destination.clone());
        }))
    }
}

/// A resource means nothing to the engine: it is for who sends.
impl Compile for Resource {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        Ok(Meaning::nothing())
    }
}
