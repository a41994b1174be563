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
use tracardi_model::{Delayed, Event, Map, Path, Profile, Session};

use crate::Rejected;
use crate::configuration::Trigger;
use crate::pipeline::{Flow, Run};
use crate::steps::compliance::consented;
use crate::steps::events::{fail, warn};
use crate::steps::identification::Wish;
use crate::steps::mapping::{self, Log};
use crate::steps::trails;
use crate::workflows::{Later, WorkflowOutcome, WorkflowRun};

/// The rule that a workflow follows which goes on later: none of the configuration's.
const INTERNAL_ROUTE: &str = "@Internal route";

/// Why a workflow runs.
#[derive(Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// An event.
    Event,
    /// A segment that was added to the profile.
    Segment(&'a str),
    /// It was to go on later, at this node.
    Node(&'a str),
}

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if let Some((flow, node)) = run.command.goes_on() {
        go_on(run, flow, node);
        return Ok(Flow::Next);
    }
    let triggers = run.settings.configurations[run.command.context].triggers();
    if !triggers.by_event() || !run.command.save_events() {
        return Ok(Flow::Next);
    }
    let source = &run.command.source.id;
    let mut events = std::mem::take(&mut run.events);
    for event in events.iter_mut().filter(|event| event.metadata.valid) {
        for trigger in triggers.event(&event.kind, source) {
            start(run, event, trigger, Cause::Event);
        }
    }
    run.events = events;
    Ok(Flow::Next)
}

/// The workflow goes on with the event that was sent for it, whatever rules there are and whether or not the event is kept
/// (spec/pipeline.md 5.9).
fn go_on(run: &mut Run<'_>, flow: &str, node: &str) {
    let name = INTERNAL_ROUTE.to_owned();
    let route = Trigger { id: name.clone(), name, flow: flow.to_owned(), consents: Vec::new(), refused: None };
    let sent = run.command.event_ids();
    let mut events = std::mem::take(&mut run.events);
    for event in events.iter_mut().filter(|event| event.metadata.valid && sent.contains(&event.id)) {
        start(run, event, &route, Cause::Node(node));
    }
    run.events = events;
}

/// Starts the workflow of a rule for an event, if the profile has given the consents that the rule needs.
pub(crate) fn start(run: &mut Run<'_>, event: &mut Event, trigger: &Trigger, cause: Cause<'_>) {
    let Trigger { id, name, flow, consents, refused } = trigger;
    let by = || By::record(Kind::Rule, id);
    let not_started = |reason: &'static str| Deed::NotStarted { flow: flow.clone(), reason: reason.into() };
    event.metadata.processed_by.rules.push(name.clone());
    if let Some(why) = refused {
        let deed = Deed::NotStarted { flow: flow.clone(), reason: String::from(&**why).into() };
        run.trails.note(&event.id, by(), deed);
        return warn(event, vec![format!("rule {name}: its workflow is not started, because it is part of {why}")]);
    }
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
    let (segment, node) = match cause {
        Cause::Event => (None, None),
        Cause::Segment(segment) => (Some(segment), None),
        Cause::Node(node) => (None, Some(node)),
    };
    let seen = WorkflowRun { context, event, segment, node, profile, session, now, entropy: &mut *run.entropy };
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
    let WorkflowOutcome {
        profile,
        written,
        session,
        event: changed,
        merge_by,
        response,
        ux,
        warnings,
        mut errors,
        later,
    } = outcome;
    let refusals = [
        changed.and_then(|changed| take_event(run, event, flow, changed)),
        profile.and_then(|changed| take_profile(run, event, flow, changed, &written)),
        session.and_then(|changed| take_session(run, changed)),
        wish(run, event, flow, merge_by),
    ];
    errors.extend(refusals.into_iter().flatten().map(str::to_owned));
    warn(event, told(warnings));
    fail(event, told(errors));
    for later in later {
        let delayed = delayed(run, event, flow, later);
        run.outcome.delayed.push(delayed);
    }
    merge(&mut run.outcome.answer.response, response);
    run.outcome.answer.ux.extend(ux);
}

/// Takes over an event, but for what it is, when it took place, and whose it is. Tells why not, as the others do.
fn take_event(run: &mut Run<'_>, event: &mut Event, flow: &str, changed: Event) -> Option<&'static str> {
    if changed.id != event.id {
        return Some("it changed an event that is not its own");
    }
    let before = event.clone();
    *event = Event {
        name: before.name,
        kind: before.kind,
        metadata: before.metadata,
        source: before.source,
        session: before.session,
        profile: before.profile,
        request: before.request,
        config: before.config,
        ..changed
    };
    let parts = trails::parts([
        ("properties", event.properties != before.properties),
        ("traits", event.traits != before.traits),
        ("context", event.context != before.context),
        ("data", event.data != before.data),
        ("tags", event.tags != before.tags),
        ("journey", event.journey != before.journey),
    ]);
    if !parts.is_empty() {
        run.trails.note(&event.id, By::workflow(flow), Deed::Reshaped { parts });
    }
    None
}

fn take_profile(
    run: &mut Run<'_>,
    event: &Event,
    flow: &str,
    mut changed: Profile,
    written: &[Path],
) -> Option<&'static str> {
    if run.kept_profile().is_none_or(|known| known.id() != changed.id()) {
        return Some("it changed a profile that is not the event's");
    }
    let by = By::workflow(flow);
    let mut log = Log::of(run);
    for field in written {
        let before = run.profile.as_deref().map_or(Value::Null, |known| mapping::value(known, field));
        log.note(&mut changed, event, &by, field, &before);
    }
    log.close(run);
    run.profile = Some(Arc::new(changed));
    run.profile_changed = true;
    None
}

fn take_session(run: &mut Run<'_>, changed: Session) -> Option<&'static str> {
    if !run.command.save_session() || run.session.as_deref().is_none_or(|known| known.id() != changed.id()) {
        return Some("it changed a session that is not the event's");
    }
    run.session = Some(Arc::new(changed));
    run.session_changed = true;
    None
}

/// Who is the same person is looked at when all workflows have run.
fn wish(run: &mut Run<'_>, event: &Event, flow: &str, fields: Vec<Path>) -> Option<&'static str> {
    if fields.is_empty() {
        return None;
    }
    if run.kept_profile().is_none() {
        return Some("it asked for profiles to be merged, but none is kept of this event");
    }
    if run.settings.merging_key.is_none() {
        return Some("it asked for profiles to be merged, but this installation merges none by their values (APM)");
    }
    run.wishes.push(Wish { event: event.id.clone(), flow: flow.to_owned(), fields });
    None
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
