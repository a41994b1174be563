//! Events that are stored already: they are left out, and a request that brings nothing else changes nothing.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use tracardi_model::answer::OptionalId;
use tracardi_model::{StoredEvent, TrackAnswer};

use crate::pipeline::{Flow, Outcome, Run};
use crate::{Command, Rejected};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let command = run.command;
    let events = command.payload.events.iter().zip(command.event_ids());
    let stored: HashMap<&str, &StoredEvent> = run.stored.iter().map(|stored| (stored.id.as_str(), stored)).collect();
    let mut seen = HashSet::with_capacity(command.event_ids().len());
    run.items.reserve(command.event_ids().len());
    for (index, (payload, id)) in events.enumerate() {
        match stored.get(id.as_str()) {
            Some(_) if command.is_replay() => {
                let item = run.item(Cow::Borrowed(payload), id.clone(), Some(index));
                run.items.push(item);
            }
            Some(stored) if same(stored, command) => {}
            Some(_) => return Err(Rejected::EventIdTaken { index, id: id.clone() }),
            // The same id twice in one request is the same event.
            None if !seen.insert(id.as_str()) => {}
            None => {
                let item = run.item(Cow::Borrowed(payload), id.clone(), Some(index));
                run.items.push(item);
            }
        }
    }
    if run.items.is_empty() {
        return Ok(Flow::Done(Box::new(repeated(run))));
    }
    Ok(Flow::Next)
}

/// Whether a stored event may be the one that the command brings. What was stored without session fits every session.
fn same(stored: &StoredEvent, command: &Command) -> bool {
    let session = match (&stored.session_id, command.session_id()) {
        (Some(stored), Some(sent)) => stored == sent,
        _ => true,
    };
    session && stored.source_id == command.source.id
}

/// Whether the request is shown to come from whom the stored event came from: it names the session, its content leads to the
/// id of the session or (`own_profile`) of the profile that was made for it, or its session belongs to the same profile.
/// Whoever merely knows an event's id learns no other ids from it.
fn proven(run: &Run<'_>, stored: &StoredEvent, own_profile: &str) -> bool {
    let session = run.command.session_id().unwrap_or(&run.own_session);
    match (&stored.session_id, &stored.profile_id) {
        (Some(stored), _) => stored == session,
        (None, Some(profile)) => {
            profile == own_profile || run.profile.as_ref().is_some_and(|known| known.ids().contains(profile))
        }
        (None, None) => true,
    }
}

/// The answer that the request got the first time. The last of its events tells it: when a request repeats some events and
/// adds others, those that it added come last.
fn repeated(run: &mut Run<'_>) -> Outcome {
    // The id that a profile made for this request has: nothing was drawn since the first time came here.
    let own_profile = run.command.new_id(run.entropy);
    let last = run.command.event_ids().last();
    let last =
        run.stored.iter().find(|stored| Some(&stored.id) == last).filter(|stored| proven(run, stored, &own_profile));
    let listed = run.settings.track_debug && run.command.payload.debugger();
    Outcome {
        answer: TrackAnswer {
            task: std::mem::take(&mut run.task),
            events: if listed { run.stored.iter().map(|stored| stored.id.clone()).collect() } else { Vec::new() },
            profile: OptionalId { id: last.and_then(|stored| stored.profile_id.clone()) },
            session: OptionalId { id: last.and_then(|stored| stored.session_id.clone()) },
            ..TrackAnswer::default()
        },
        session: run.session.take(),
        profile: run.profile.take(),
        ..Outcome::default()
    }
}
