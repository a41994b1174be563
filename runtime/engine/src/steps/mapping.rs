//! Mappings of a type: inside the event, and from the event to the profile (spec/pipeline.md 5.3-5.5, 4.10).
//!
//! A value that does not fit its place is skipped and the event is marked with a warning; the event itself is never lost.

use std::sync::Arc;

use serde_json::{Number, Value};
use tracardi_model::leaf::{MAX_LIST, scalar_text};
use tracardi_model::record::{Mismatch, Node};
use tracardi_model::trail::By;
use tracardi_model::{Event, Path, Profile, time};

use crate::configuration::ProfileMapping;
use crate::event_types::{Assignment, Copy, EventType, Operation, Source};
use crate::hashed_ids;
use crate::pipeline::Run;
use crate::steps::changes::Changes;
use crate::steps::trails::Trails;
use crate::steps::{compute, event_to_profile};

/// Copies inside the event, in the order given, and tells where to. Values are taken as they are.
pub(crate) fn copy(event: &mut Event, copies: &[Copy], mut written: impl FnMut(&Path)) {
    for copy in copies {
        let Some(value) = copy.sources.iter().find_map(|source| event.get(source.segments())).cloned() else {
            continue;
        };
        match event.set(copy.destination.segments(), value) {
            Ok(()) => written(&copy.destination),
            Err(_) => event.metadata.warning = true,
        }
    }
}

/// Takes the event's values over into the profile: what is predefined for the type, then what is configured; then computes
/// what follows from them.
pub(crate) fn onto_profile(
    run: &mut Run<'_>,
    event: &mut Event,
    kind: Option<&EventType>,
    configured: &[Arc<ProfileMapping>],
) {
    let kind = kind.filter(|kind| !kind.profile.is_empty() || kind.compute.is_some());
    if run.profile.is_none() || (kind.is_none() && configured.is_empty()) {
        return;
    }
    let mut log = Log::of(run);
    run.profile_changed |= write(run, event, kind, configured, &mut log);
    log.close(run);
}

/// Whether something was written.
fn write(
    run: &mut Run<'_>,
    event: &mut Event,
    kind: Option<&EventType>,
    configured: &[Arc<ProfileMapping>],
    log: &mut Log,
) -> bool {
    let mut changed = false;
    for assignment in kind.map_or(&[][..], |kind| &kind.profile) {
        let Some(profile) = run.profile_mut() else { return changed };
        let before = value(profile, &assignment.destination);
        match assign(profile, event, assignment) {
            Ok(false) => {}
            Ok(true) => {
                changed = true;
                log.note(profile, event, &By::event_type(&event.kind), &assignment.destination, &before);
            }
            Err(Mismatch(_)) => event.metadata.warning = true,
        }
    }
    for mapping in configured {
        changed |= event_to_profile::apply(run, event, mapping, log);
    }
    let compute = kind.and_then(|kind| kind.compute.as_ref());
    if let Some(compute) = compute.filter(|compute| changed || !compute.on_change_only) {
        let Some(profile) = run.profile_mut() else { return changed };
        let logged = compute::logged(&compute.function);
        let before = logged.map(|field| (field, value(profile, field)));
        match compute::apply(profile, event, &compute.function) {
            Ok(()) => {
                changed = true;
                if let Some((field, before)) = before {
                    log.note(profile, event, &By::event_type(&event.kind), field, &before);
                }
            }
            Err(Mismatch(_)) => event.metadata.warning = true,
        }
    }
    changed
}

/// Whether something was assigned.
fn assign(profile: &mut Profile, event: &Event, assignment: &Assignment) -> Result<bool, Mismatch> {
    let path = assignment.destination.segments();
    let number;
    let source = match &assignment.source {
        Source::Event(path) => match event.get(path.segments()) {
            Some(value) => value,
            None => return Ok(false),
        },
        Source::Number(constant) => {
            number = Number::from_f64(*constant).map_or(Value::Null, Value::Number);
            &number
        }
        Source::Nothing => &Value::Null,
    };
    match assignment.operation {
        Operation::Equal => profile.set(path, source)?,
        Operation::EqualIfEmpty => {
            if !profile.get(path).is_none_or(|known| empty(&known)) {
                return Ok(false);
            }
            profile.set(path, source)?;
        }
        Operation::Append => {
            if source.is_null() {
                return Ok(false);
            }
            let joined = join(profile.get(path), source)?;
            profile.set(path, &joined)?;
        }
        Operation::Add => add(profile, &assignment.destination, source, 1.0)?,
        Operation::Subtract => add(profile, &assignment.destination, source, -1.0)?,
        Operation::Delete => profile.set(path, &Value::Null)?,
    }
    Ok(true)
}

/// Null and what has no content; numbers and booleans have.
pub(crate) fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Both as lists, joined, each element once.
fn join(known: Option<Value>, new: &Value) -> Result<Value, Mismatch> {
    let mut list = match known {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(scalar) => vec![scalar],
    };
    let mut push = |element: &Value| {
        let text = scalar_text(element).map(Value::String).ok_or(Mismatch("texts or numbers"))?;
        if !list.contains(&text) {
            list.push(text);
        }
        Ok(())
    };
    match new {
        Value::Array(elements) => elements.iter().take(MAX_LIST).try_for_each(&mut push)?,
        scalar => push(scalar)?,
    }
    Ok(Value::Array(list))
}

/// Adds a number; texts of digits are numbers.
fn add(profile: &mut Profile, destination: &Path, source: &Value, sign: f64) -> Result<(), Mismatch> {
    let number = compute::number(source).ok_or(Mismatch("a number"))?;
    let known = profile.get(destination.segments()).as_ref().and_then(compute::number).unwrap_or(0.0);
    let sum = Number::from_f64(known + sign * number).ok_or(Mismatch("a number of ordinary size"))?;
    profile.set(destination.segments(), &Value::Number(sum))
}

/// What stands in a field of the profile; null if nothing does.
pub(crate) fn value(profile: &Profile, field: &Path) -> Value {
    profile.get(field.segments()).unwrap_or_default()
}

/// Notes which event wrote a field, by whom, and what follows for the ids of the profile.
pub(crate) struct Log {
    now: String,
    key: Option<String>,
    changes: Option<Changes>,
    trails: Trails,
}

impl Log {
    /// For what an event writes; to be [closed](Log::close).
    pub(crate) fn of(run: &mut Run<'_>) -> Self {
        Self {
            now: time::format_spaced(run.now),
            key: run.settings.merging_key.clone(),
            changes: run.changes.take(),
            trails: std::mem::take(&mut run.trails),
        }
    }

    /// The request goes on with what was noted.
    pub(crate) fn close(self, run: &mut Run<'_>) {
        run.changes = self.changes;
        run.trails = self.trails;
    }

    /// Notes that the event wrote the field, where `before` was until now.
    pub(crate) fn note(&mut self, profile: &mut Profile, event: &Event, by: &By, field: &Path, before: &Value) {
        profile.metadata.fields.0.insert(field.as_str().to_owned(), (self.now.clone(), event.id.clone()));
        if let Some(changes) = &mut self.changes {
            changes.note(profile, event, field, before, &self.now);
        }
        let after = value(profile, field);
        let id = match (&self.key, hashed_ids::prefix(field.as_str()), &after) {
            (Some(key), Some(prefix), Value::String(value)) => hashed_ids::hash(value, prefix, key),
            _ => None,
        };
        if after != *before {
            self.trails.changed(&event.id, by.clone(), field, before, after);
        }
        let Some(id) = id else { return };
        hashed_ids::expect_duplicate(profile, field.as_str(), id);
    }
}
