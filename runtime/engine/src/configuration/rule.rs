//! Which workflow an event, or a new segment of a profile, starts (spec/pipeline.md 6.5).

use std::collections::HashMap;
use std::sync::Arc;

use tracardi_model::FieldError;
use tracardi_model::configuration::{Rule, RuleType, machine_name};

use super::{Compile, Meaning};

/// Compiled from a [`Rule`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The rule's id.
    pub id: String,
    /// The rule's name.
    pub name: String,
    /// Id of the workflow.
    pub flow: String,
    /// The profile must have given all of these.
    pub consents: Vec<String>,
}

/// Rules by what starts their workflows; those of one cause in the order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Triggers {
    /// Event type -> source -> rules.
    events: HashMap<String, HashMap<String, Vec<Arc<Trigger>>>>,
    /// Segment as it stands in profiles -> rules.
    segments: HashMap<String, Vec<Arc<Trigger>>>,
}

impl Triggers {
    /// Whether an event can start anything.
    #[must_use]
    pub fn by_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether a new segment can start anything.
    #[must_use]
    pub fn by_segment(&self) -> bool {
        !self.segments.is_empty()
    }

    /// The rules for an event of a type from a source.
    #[must_use]
    pub fn event(&self, kind: &str, source: &str) -> &[Arc<Trigger>] {
        self.events.get(kind).and_then(|sources| sources.get(source)).map_or(&[], Vec::as_slice)
    }

    /// The rules for a segment that was added to a profile.
    #[must_use]
    pub fn segment(&self, name: &str) -> &[Arc<Trigger>] {
        self.segments.get(name).map_or(&[], Vec::as_slice)
    }
}

impl Compile for Rule {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let consents = self.properties.consents.into_iter().map(|consent| consent.id).filter(|id| !id.is_empty());
        let trigger = Trigger { id: self.id, name: self.name, flow: self.flow.id, consents: consents.collect() };
        let trigger = Arc::new(trigger);
        Ok(match self.r#type {
            RuleType::EventCollect => {
                let (kind, source) = (self.event_type.id().into_owned(), self.source.id);
                Meaning::new(move |configuration| {
                    let sources = configuration.triggers.events.entry(kind.clone()).or_default();
                    sources.entry(source.clone()).or_default().push(trigger.clone());
                })
            }
            RuleType::SegmentAdd => {
                // Clients name a segment by what stands in profiles, or as the record is called.
                let mut names = vec![self.segment.id, machine_name(&self.segment.name)];
                names.dedup();
                names.retain(|name| !name.trim().is_empty());
                Meaning::new(move |configuration| {
                    for name in &names {
                        configuration.triggers.segments.entry(name.clone()).or_default().push(trigger.clone());
                    }
                })
            }
        })
    }
}
