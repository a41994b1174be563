//! What an event type means beyond what is predefined (spec/pipeline.md 5.3, step 7).

use std::sync::Arc;

use tracardi_model::FieldError;
use tracardi_model::configuration::{EventTypeMapping, wrong};

use super::expression::path;
use super::{Compile, Meaning};
use crate::event_types::Copy;

/// Compiled from an [`EventTypeMapping`].
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Inside the event, in order.
    pub copy: Vec<Copy>,
    /// Added to the event's tags.
    pub tags: Vec<String>,
    /// Replaces the predefined place in the customer's journey.
    pub journey: Option<String>,
}

/// Parts of an event that a mapping may write.
const WRITABLE: [&str; 4] = ["traits", "data", "hit", "device"];
/// Parts of an event that a mapping may read.
const READABLE: [&str; 7] = ["properties", "traits", "context", "data", "hit", "device", "utm"];

impl Compile for EventTypeMapping {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut copy = Vec::with_capacity(self.index_schema.len());
        for (destination, source) in &self.index_schema {
            let at = ["index_schema".to_owned(), destination.clone()];
            match (path(destination, &WRITABLE), path(source, &READABLE)) {
                (Ok(destination), Ok(source)) => copy.push(Copy::of(destination, source)),
                (Err(error), _) => errors.push(wrong(at, format!("`{destination}`: {error}"))),
                (_, Err(error)) => errors.push(wrong(at, format!("`{source}`: {error}"))),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let journey = self.journey.map(|journey| journey.trim().to_owned()).filter(|journey| !journey.is_empty());
        let tags = self.tags.into_iter().filter(|tag| !tag.trim().is_empty()).collect();
        let (kind, mapping) = (self.id, Arc::new(Mapping { copy, tags, journey }));
        Ok(Meaning::new(move |configuration| configuration.of_type(&kind).mapping = Some(mapping.clone())))
    }
}
