//! What is noted of each event while the steps work on it ([`Trail`]): which record of the configuration did what. Steps that did
//! nothing note nothing, so most events cost nothing here.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::Value;
use tracardi_model::trail::{By, Deed, Note};
use tracardi_model::{Path, Trail, weight};

use crate::Rejected;
use crate::pipeline::{Flow, Run};

/// An event has at most so many notes; those beyond are counted.
const MAX_NOTES: usize = 500;
/// A heavier value of a profile, in bytes of memory, is not told.
const MAX_VALUE: usize = 2 << 10;

/// Notes by the id of the event, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Trails(IndexMap<String, Notes>);

#[derive(Debug, Default)]
struct Notes {
    notes: Vec<Note>,
    left_out: usize,
}

impl Trails {
    /// Notes that somebody did something to the event or because of it.
    pub(crate) fn note(&mut self, event: &str, by: By, did: Deed) {
        let Notes { notes, left_out } = match self.0.get_mut(event) {
            Some(known) => known,
            None => self.0.entry(event.to_owned()).or_default(),
        };
        if notes.len() < MAX_NOTES {
            notes.push(Note { by, did });
        } else {
            *left_out += 1;
        }
    }

    /// Notes that a field of the profile has another value now.
    pub(crate) fn changed(&mut self, event: &str, by: By, field: &Path, before: &Value, after: Value) {
        let told = |value: &Value| weight::value(value) <= MAX_VALUE;
        let shortened = !told(before) || !told(&after);
        let value = if told(&after) { after } else { Value::Null };
        let old_value = if told(before) { before.clone() } else { Value::Null };
        self.note(event, by, Deed::Changed { field: field.as_str().to_owned(), value, old_value, shortened });
    }

    /// Keeps only some of the notes.
    fn retain(&mut self, keep: impl Fn(&Deed) -> bool) {
        for Notes { notes, .. } in self.0.values_mut() {
            notes.retain(|note| keep(&note.did));
        }
    }
}

/// What is kept of the notes: of a profile that is not stored nothing is told, and of an event that is not stored only what it
/// meant for the profile.
pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if run.trails.0.is_empty() {
        return Ok(Flow::Next);
    }
    let mut trails = std::mem::take(&mut run.trails);
    if !run.outcome.store_profile {
        let of_profile = |did: &Deed| {
            matches!(did, Deed::Changed { .. } | Deed::Joined { .. } | Deed::Identified | Deed::Merging { .. })
        };
        trails.retain(|did| !of_profile(did));
    }
    if !run.outcome.store_session {
        trails.retain(|did| !matches!(did, Deed::Located { .. }));
    }
    if !run.command.save_events() {
        trails.retain(|did| matches!(did, Deed::Changed { .. } | Deed::Joined { .. }));
    }
    let profile = run.profile.as_ref().filter(|_| run.command.save_profile()).map(|profile| profile.id.clone());
    let session = run.session.as_ref().filter(|_| run.command.save_session()).map(|session| session.id.clone());
    let trails = trails.0.into_iter().filter(|(_, Notes { notes, .. })| !notes.is_empty());
    run.outcome.trails = trails
        .map(|(event, Notes { notes, left_out })| Trail {
            event,
            profile: profile.clone(),
            source: run.command.source.id.clone(),
            session: session.clone(),
            at: run.now,
            notes,
            left_out,
        })
        .collect();
    Ok(Flow::Next)
}

/// Names of the parts to which something happened.
pub(crate) fn parts<const N: usize>(present: [(&'static str, bool); N]) -> Vec<Cow<'static, str>> {
    present.into_iter().filter(|(_, present)| *present).map(|(name, _)| Cow::Borrowed(name)).collect()
}
