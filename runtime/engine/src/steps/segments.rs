//! Segments that a new or changed profile joins by the configuration's conditions (spec/pipeline.md 6.6), and the workflows
//! that start when a segment was added, whoever added it. It never leaves a segment here.

use std::collections::{BTreeSet, HashSet};

use tracardi_model::configuration::Kind;
use tracardi_model::trail::{By, Deed};

use crate::Rejected;
use crate::configuration::{Segment, Segments, Triggers};
use crate::pipeline::{Flow, Run};
use crate::scope::Person;
use crate::steps::events::warn;
use crate::steps::workflows::{self, Cause};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let configuration = &*run.settings.configurations[run.command.context];
    if !(run.profile_new || run.profile_changed) || !run.command.save_profile() {
        return Ok(Flow::Next);
    }
    if !configuration.segments().is_empty() {
        join(run, configuration.segments());
    }
    if configuration.triggers().by_segment() && run.command.save_events() {
        started(run, configuration.triggers());
    }
    Ok(Flow::Next)
}

/// The profile joins all segments whose conditions are true for it as it is now.
fn join(run: &mut Run<'_>, segments: &Segments) {
    let Some(profile) = run.profile.as_deref() else { return };
    let types: BTreeSet<&str> =
        run.events.iter().filter(|event| event.metadata.valid).map(|event| event.kind.as_str()).collect();
    if types.is_empty() {
        return;
    }
    let scope = Person { profile, session: None };
    let known: HashSet<&str> = profile.segments.0.iter().map(String::as_str).collect();
    let (mut joined, mut warnings): (Vec<&Segment>, _) = (Vec::new(), Vec::new());
    for segment in segments.candidates(types.into_iter(), &scope) {
        if known.contains(segment.name.as_str()) || joined.iter().any(|other| other.name == segment.name) {
            continue;
        }
        match segment.condition.evaluate(&scope, run.now) {
            Ok(false) => {}
            Ok(true) => joined.push(segment),
            Err(error) => warnings.push(format!("segment {}: {error}", segment.id)),
        }
    }
    let now = run.now;
    if let Some(event) = run.events.iter_mut().find(|event| event.metadata.valid) {
        warn(event, warnings);
        for segment in &joined {
            let did = Deed::Joined { segment: segment.name.clone() };
            run.trails.note(&event.id, By::record(Kind::Segment, &segment.id), did);
        }
    }
    if joined.is_empty() {
        return;
    }
    run.profile_changed = true;
    if let Some(profile) = run.profile_mut() {
        profile.segments.0.extend(joined.into_iter().map(|segment| segment.name.clone()));
        profile.metadata.time.segmentation = Some(now.into());
    }
}

/// Starts the workflows of the segments that the profile did not have before this request. They run for its first event;
/// segments that they add themselves start nothing.
fn started(run: &mut Run<'_>, triggers: &Triggers) {
    let Some(profile) = run.profile.as_deref() else { return };
    let added = profile.segments.0.iter().filter(|segment| !run.segments_before.contains(segment));
    let added: Vec<String> = added.filter(|segment| !triggers.segment(segment).is_empty()).cloned().collect();
    if added.is_empty() {
        return;
    }
    let mut events = std::mem::take(&mut run.events);
    if let Some(event) = events.iter_mut().find(|event| event.metadata.valid) {
        for segment in &added {
            for trigger in triggers.segment(segment) {
                workflows::start(run, event, trigger, Cause::Segment(segment));
            }
        }
    }
    run.events = events;
}
