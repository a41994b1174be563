//! Groups of profiles, found by event type and by what their conditions need (spec/pipeline.md 6.6).

use std::collections::HashMap;
use std::sync::Arc;

use tracardi_language::Scope;
use tracardi_language::condition::{Condition, Index};
use tracardi_model::FieldError;
use tracardi_model::configuration::{self as records, wrong};

use super::{Compile, Meaning, expression};
use crate::command::normal_type;

/// Compiled from a [`records::Segment`].
#[derive(Clone, Debug)]
pub struct Segment {
    /// The record's id.
    pub id: String,
    /// How it stands in profiles.
    pub name: String,
    /// When a profile joins.
    pub condition: Condition,
}

/// All segments of a context.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    all: Vec<Arc<Segment>>,
    /// Those that are looked at after every event.
    always: Index,
    /// The others by event type.
    by_type: HashMap<String, Index>,
}

impl Segments {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The segments that the profile in the scope may join after events of these types, in the order of their ids, each
    /// once. Whether it does, their conditions tell. The cost is that of those that are found, however many there are.
    pub fn candidates<'t>(&self, types: impl Iterator<Item = &'t str>, scope: &dyn Scope) -> Vec<&Segment> {
        let mut found = self.always.candidates(scope);
        for index in types.filter_map(|kind| self.by_type.get(kind)) {
            found.extend(index.candidates(scope));
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|number| self.all.get(number).map(AsRef::as_ref)).collect()
    }

    /// One more, for these event types; for all if there are none.
    fn add(&mut self, kinds: &[String], segment: &Arc<Segment>) {
        let number = self.all.len();
        if kinds.is_empty() {
            self.always.insert(number, Some(&segment.condition));
        }
        for kind in kinds {
            self.by_type.entry(kind.clone()).or_default().insert(number, Some(&segment.condition));
        }
        self.all.push(segment.clone());
    }
}

impl Compile for records::Segment {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let condition = expression::condition(&self.condition, ["condition".into()])?;
        let condition = condition.ok_or_else(|| vec![wrong(["condition"], "a condition is needed")])?;
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let kinds: Vec<String> = self.event_type.iter().map(|kind| normal_type(kind)).collect();
        let segment = Arc::new(Segment { id: self.id, name: self.machine_name, condition });
        Ok(Meaning::new(move |configuration| configuration.segments.add(&kinds, &segment)))
    }
}
