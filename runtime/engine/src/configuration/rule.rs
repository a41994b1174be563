//! Which workflow an event, or a new segment of a profile, starts (spec/pipeline.md 6.5).

use std::collections::HashMap;
use std::sync::Arc;

use tracardi_model::FieldError;
use tracardi_model::configuration::{Rule, RuleType, machine_name};

use super::{Compile, Meaning};
use crate::workflows::Start;

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
    /// Why its workflow is not started although the rule is stored and compiles.
    pub refused: Option<Arc<str>>,
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

    /// The rules that wait for this.
    pub(super) fn of(&self, start: &Start) -> &[Arc<Trigger>] {
        match start {
            Start::Event { event_type, source } => self.event(event_type, source),
            Start::Segment(name) => self.segment(name),
        }
    }

    /// All rules; one that waits for two names comes twice.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Trigger>> {
        let events = self.events.values().flat_map(HashMap::values);
        events.chain(self.segments.values()).flatten()
    }

    pub(super) fn enter(&mut self, start: &Start, trigger: Arc<Trigger>) {
        match start {
            Start::Event { event_type, source } => {
                let sources = self.events.entry(event_type.clone()).or_default();
                sources.entry(source.clone()).or_default().push(trigger);
            }
            Start::Segment(name) => self.segments.entry(name.clone()).or_default().push(trigger),
        }
    }

    /// Lets go of a rule.
    pub(super) fn remove(&mut self, id: &str) {
        for rules in self.lists() {
            rules.retain(|trigger| trigger.id != id);
        }
    }

    /// Keeps a rule from starting its workflow.
    pub(super) fn refuse(&mut self, id: &str, why: &Arc<str>) {
        for trigger in self.lists().flatten().filter(|trigger| trigger.id == id) {
            Arc::make_mut(trigger).refused = Some(why.clone());
        }
    }

    fn lists(&mut self) -> impl Iterator<Item = &mut Vec<Arc<Trigger>>> {
        self.events.values_mut().flat_map(HashMap::values_mut).chain(self.segments.values_mut())
    }
}

/// What a rule waits for.
pub(super) fn starts(rule: &Rule) -> Vec<Start> {
    match rule.r#type {
        RuleType::EventCollect => {
            vec![Start::Event { event_type: rule.event_type.id().into_owned(), source: rule.source.id.clone() }]
        }
        RuleType::SegmentAdd => {
            // Clients name a segment by what stands in profiles, or as the record is called.
            let mut names = vec![rule.segment.id.clone(), machine_name(&rule.segment.name)];
            names.dedup();
            names.retain(|name| !name.trim().is_empty());
            names.into_iter().map(Start::Segment).collect()
        }
    }
}

/// The compiled form of a rule.
pub(super) fn trigger(rule: Rule) -> Arc<Trigger> {
    let consents = rule.properties.consents.into_iter().map(|consent| consent.id).filter(|id| !id.is_empty());
    let consents = consents.collect();
    Arc::new(Trigger { id: rule.id, name: rule.name, flow: rule.flow.id, consents, refused: None })
}

impl Compile for Rule {
    fn compile(self) -> Result<Meaning, Vec<FieldError>> {
        if !self.enabled {
            return Ok(Meaning::nothing());
        }
        let (starts, trigger) = (starts(&self), trigger(self));
        Ok(Meaning::new(move |configuration| {
            for start in &starts {
                configuration.triggers.enter(start, trigger.clone());
            }
        }))
    }
}
