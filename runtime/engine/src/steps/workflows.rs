//! Workflows that events start, by the configuration's rules (spec/pipeline.md 6.5).
//!
//! They come after all events are mapped and before it is settled what is kept: what they change is stored with the rest, in
//! one transaction, or not at all, and destinations get the final profile, once. One after the other, in the order of events
//! and of the rules' ids, each on what the one before has left.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::Value;
use tracardi_model::canonical::Hasher;
use tracardi_model::configuration::Kind;
use tracardi_model::entropy::{dashed, first_16};
use tracardi_model::trail::{By, Deed};
use tracardi_model::{Delayed, Event, Map};

use crate::Rejected;
use crate::configuration::Trigger;
use crate::pipeline::{Flow, Run};
use crate::steps::compliance::consented;
use crate::steps::events::{fail, warn};
use crate::steps::mapping::{self, Log};
use crate::workflows::{Later, WorkflowOutcome, WorkflowRun};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let triggers = run.settings.configurations[run.command.context].triggers();
    if !triggers.by_event() || !run.command.save_events() {
        return Ok(Flow::Next);
    }
    let source = &run.command.source.id;
    let mut events = std::mem::take(&mut run.events);
    for event in events.iter_mut().filter(|event| event.metadata.valid) {
        for trigger in triggers.event(&event.kind, source) {
            start(run, event, trigger, None);
        }
    }
    run.events = events;
    Ok(Flow::Next)
}

/// Starts the workflow of a rule for an event, if the profile has given the consents that the rule needs.
pub(crate) fn start(run: &mut Run<'_>, event: &mut Event, trigger: &Trigger, segment: Option<&str>) {
    let Trigger { id, name, flow, consents } = trigger;
    let by = || By::record(Kind::Rule, id);
    let not_started = |reason: &'static str| Deed::NotStarted { flow: flow.clone(), reason: reason.into() };
    event.metadata.processed_by.rules.push(name.clone());
    let profile = run.profile.as_deref().filter(|_| run.command.save_profile());
    if !consents.iter().all(|consent| profile.is_some_and(|profile| consented(profile, consent, run.now))) {
        return run.trails.note(&event.id, by(), not_started("the profile lacks a consent that the rule asks for"));
    }
    let Some(workflows) = run.settings.workflows.as_deref() else {
        run.trails.note(&event.id, by(), not_started("this installation runs no workflows"));
        return warn(event, vec![format!("rule {name}: this installation runs no workflows")]);
    };
    let session = run.session.as_deref().filter(|_| run.command.save_session());
    let (context, now) = (run.command.context, run.now);
    let seen = WorkflowRun { context, event, segment, profile, session, now, entropy: &mut *run.entropy };
    // What a workflow works on it gives back; what a panic leaves behind is dropped.
    match catch_unwind(AssertUnwindSafe(|| workflows.run(flow, seen))) {
        Ok(None) => {
            run.trails.note(&event.id, by(), not_started("there is no such workflow"));
            return warn(event, vec![format!("rule {name}: there is no workflow {flow}")]);
        }
        Ok(Some(outcome)) => {
            let did = Deed::Started { flow: flow.clone(), segment: segment.map(str::to_owned) };
            run.trails.note(&event.id, by(), did);
            take_over(run, event, flow, outcome);
        }
        Err(panic) => {
            let text = format!("workflow {flow}: it ended by an error of the program: {}", panic_text(panic.as_ref()));
            run.trails.note(&event.id, by(), not_started("it ended by an error of the program"));
            run.outcome.panics.push(text.clone());
            fail(event, vec![text]);
        }
    }
    event.metadata.processed_by.flows.push(flow.clone());
    event.metadata.status = Some("processed".to_owned());
}

fn take_over(run: &mut Run<'_>, event: &mut Event, flow: &str, outcome: WorkflowOutcome) {
    let told = |texts: Vec<String>| texts.into_iter().map(|text| format!("workflow {flow}: {text}")).collect();
    let WorkflowOutcome { profile, written, session, response, ux, warnings, errors, later } = outcome;
    warn(event, told(warnings));
    fail(event, told(errors));
    if let Some(mut changed) = profile {
        if run.profile.as_deref().is_some_and(|known| known.id() == changed.id() && run.command.save_profile()) {
            let by = By::workflow(flow);
            let mut log = Log::of(run);
            for field in &written {
                let before = run.profile.as_deref().map_or(Value::Null, |known| mapping::value(known, field));
                log.note(&mut changed, event, &by, field, &before);
            }
            log.close(run);
            run.profile = Some(Arc::new(changed));
            run.profile_changed = true;
        } else {
            fail(event, told(vec!["it changed a profile that is not the event's".to_owned()]));
        }
    }
    if let Some(changed) = session {
        if run.session.as_deref().is_some_and(|known| known.id() == changed.id() && run.command.save_session()) {
            run.session = Some(Arc::new(changed));
            run.session_changed = true;
        } else {
            fail(event, told(vec!["it changed a session that is not the event's".to_owned()]));
        }
    }
    for later in later {
        let delayed = delayed(run, event, flow, later);
        run.outcome.delayed.push(delayed);
    }
    merge(&mut run.outcome.answer.response, response);
    run.outcome.answer.ux.extend(ux);
}

/// What happens later, under an id that follows from the event: so a repeated request asks for the same.
fn delayed(run: &Run<'_>, event: &Event, flow: &str, later: Later) -> Delayed {
    let Later { due, node, event_type, properties } = later;
    let before = run.outcome.delayed.iter().filter(|delayed| delayed.event == event.id).count();
    let mut hasher = Hasher::new("delayed event id");
    hasher.text(&event.id);
    hasher.text(flow);
    hasher.text(&node);
    hasher.number(i64::try_from(before).unwrap_or(i64::MAX));
    Delayed {
        id: dashed(first_16(&hasher.finish())),
        due,
        flow: flow.to_owned(),
        node,
        event: event.id.clone(),
        event_type,
        properties,
        source: run.command.source.id.clone(),
        session: event.session_id().map(str::to_owned),
        profile: event.profile_id().map(str::to_owned),
        at: run.now,
    }
}

/// Objects are merged, of all else the later value counts.
fn merge(into: &mut Map, from: Map) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(new)) => merge(known, new),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no text")
}
