//! Mappings of a type: inside the event, and from the event to the profile (spec/pipeline.md 5.3-5.5, 4.10).
//!
//! A value that does not fit its place is skipped and the event is marked with a warning; the event itself is never lost.

use serde_json::{Number, Value};
use tracardi_model::leaf::{MAX_LIST, scalar_text};
use tracardi_model::record::{Mismatch, Node};
use tracardi_model::{Event, Path, Profile, time};

use crate::configuration::ProfileMapping;
use crate::event_types::{Assignment, Copy, EventType, Operation, Source};
use crate::hashed_ids;
use crate::pipeline::Run;
use crate::steps::{compute, event_to_profile};

/// Copies inside the event, in the order given. Values are taken as they are.
pub(crate) fn copy(event: &mut Event, copies: &[Copy]) {
    for copy in copies {
        let Some(value) = event.get(copy.source.segments()).cloned() else { continue };
        if event.set(copy.destination.segments(), value).is_err() {
            event.metadata.warning = true;
        }
    }
}

/// Takes the event's values over into the profile: what is predefined for the type, then what is configured; then computes
/// what follows from them.
pub(crate) fn onto_profile(
    run: &mut Run<'_>,
    event: &mut Event,
    kind: Option<&EventType>,
    configured: &[ProfileMapping],
) {
    let kind = kind.filter(|kind| !kind.profile.is_empty() || kind.compute.is_some());
    if run.profile.is_none() || (kind.is_none() && configured.is_empty()) {
        return;
    }
    let log = Log::of(run, event);
    let mut changed = false;
    for assignment in kind.map_or(&[][..], |kind| &kind.profile) {
        let Some(profile) = run.profile_mut() else { return };
        match assign(profile, event, assignment) {
            Ok(false) => {}
            Ok(true) => {
                changed = true;
                log.note(profile, &assignment.destination);
            }
            Err(Mismatch(_)) => event.metadata.warning = true,
        }
    }
    for mapping in configured {
        changed |= event_to_profile::apply(run, event, mapping, &log);
    }
    let compute = kind.and_then(|kind| kind.compute.as_ref());
    if let Some(compute) = compute.filter(|compute| changed || !compute.on_change_only) {
        let Some(profile) = run.profile_mut() else { return };
        match compute::apply(profile, event, &compute.function) {
            Ok(path) => {
                changed = true;
                if let Some(path) = path {
                    log.note(profile, path);
                }
            }
            Err(Mismatch(_)) => event.metadata.warning = true,
        }
    }
    run.profile_changed |= changed;
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

/// Notes which event wrote a field, and what follows for the ids of the profile.
pub(crate) struct Log {
    now: String,
    event: String,
    key: Option<String>,
}

impl Log {
    /// For what an event writes.
    pub(crate) fn of(run: &Run<'_>, event: &Event) -> Self {
        Self { now: time::format_spaced(run.now), event: event.id.clone(), key: run.settings.merging_key.clone() }
    }

    /// Notes that the event wrote the field.
    pub(crate) fn note(&self, profile: &mut Profile, field: &Path) {
        let entry = (self.now.clone(), self.event.clone());
        profile.metadata.fields.0.insert(field.as_str().to_owned(), entry);
        let (Some(key), Some(prefix)) = (&self.key, hashed_ids::prefix(field.as_str())) else { return };
        let Some(Value::String(value)) = profile.get(field.segments()) else { return };
        let Some(id) = hashed_ids::hash(&value, prefix, key) else { return };
        hashed_ids::expect_duplicate(profile, field.as_str(), id);
    }
}
