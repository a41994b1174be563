//! Groups of profiles, found by event type and by what their conditions need (spec/pipeline.md 6.6).

use std::collections::HashMap;

use tracardi_language::Scope;
use tracardi_language::condition::{Condition, Index};
use tracardi_model::FieldError;
use tracardi_model::configuration::{self as records, wrong};

use super::{Compile, Configuration, expression};
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
    all: Vec<Segment>,
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
        found.into_iter().filter_map(|number| self.all.get(number)).collect()
    }
}

impl Compile for records::Segment {
    fn enter(self, configuration: &mut Configuration) -> Result<(), Vec<FieldError>> {
        let condition = expression::condition(&self.condition, ["condition".into()])?;
        let condition = condition.ok_or_else(|| vec![wrong(["condition"], "a condition is needed")])?;
        if !self.enabled {
            return Ok(());
        }
        let segments = &mut configuration.segments;
        let number = segments.all.len();
        if self.event_type.is_empty() {
            segments.always.insert(number, Some(&condition));
        }
        for kind in self.event_type {
            segments.by_type.entry(normal_type(&kind)).or_default().insert(number, Some(&condition));
        }
        segments.all.push(Segment { id: self.id, name: self.machine_name, condition });
        Ok(())
    }
}
