//! Visitors who are recognised by values that an event brings (spec/pipeline.md 4.8): which profile to load, and the ids that
//! make it be found.
//!
//! The event is read as it was sent: the profile must be known before checks, templates and consents are looked at.

use std::sync::Arc;

use tracardi_model::configuration::Kind;
use tracardi_model::trail::{By, Deed};

use crate::command::normal_type;
use crate::configuration::{Configuration, Point};
use crate::pipeline::{Flow, Run};
use crate::scope::Received;
use crate::{Command, Rejected, Settings, hashed_ids};

/// A profile that an event asks for.
pub(crate) struct Asked<'a> {
    /// The event.
    pub(crate) event: &'a str,
    /// The point that says by which values.
    pub(crate) point: &'a Point,
    /// An id of the profile.
    pub(crate) profile: String,
}

/// The profile that the first event asks for which a point is for and which brings all its values.
pub(crate) fn asked<'a>(command: &'a Command, settings: &'a Settings) -> Option<Asked<'a>> {
    let configuration: &Configuration = &settings.configurations[command.context];
    if configuration.points().is_empty() {
        return None;
    }
    let key = settings.merging_key.as_deref()?;
    command.payload.events.iter().zip(command.event_ids()).find_map(|(payload, id)| {
        let kind = normal_type(&payload.kind);
        let points = &configuration.event_type(&kind)?.points;
        let received = Received { kind: &kind, id, payload, context: &command.payload.context };
        points.iter().filter(|point| point.is_for(&command.source.id)).find_map(|point| {
            let profile = point.asked(&received, key)?;
            Some(Asked { event: id, point, profile })
        })
    })
}

/// Notes on the event which point led to the profile, if one did.
pub(crate) fn note_recognised(run: &mut Run<'_>) {
    if run.settings.configurations[run.command.context].points().is_empty() {
        return;
    }
    if let Some(Asked { event, point, profile }) = asked(run.command, run.settings)
        && run.profile.as_ref().is_some_and(|known| known.ids().contains(&profile))
    {
        run.trails.note(event, By::record(Kind::IdentificationPoint, &point.id), Deed::Recognised);
    }
}

/// A profile that changed gets the ids by which points ask for it. Another one that has such an id already is the same
/// person: both wait to be merged.
pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let points: &[Arc<Point>] = run.settings.configurations[run.command.context].points();
    if points.is_empty() || !(run.profile_new || run.profile_changed) {
        return Ok(Flow::Next);
    }
    let Some(key) = run.settings.merging_key.as_deref() else { return Ok(Flow::Next) };
    for point in points {
        let Some(profile) = run.profile.as_mut() else { break };
        if let Some(id) = point.known(profile, key).filter(|id| !profile.ids().contains(id)) {
            hashed_ids::expect_duplicate(Arc::make_mut(profile), point.field(), id);
            if let Some(event) = run.events.iter().find(|event| event.metadata.valid) {
                run.trails.note(&event.id, By::record(Kind::IdentificationPoint, &point.id), Deed::Identified);
            }
        }
    }
    Ok(Flow::Next)
}
