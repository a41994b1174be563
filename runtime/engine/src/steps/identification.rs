//! Visitors who are recognised by values that an event brings (spec/pipeline.md 4.8): which profile to load, and the ids that
//! make it be found. And those of whom a workflow says by which values they are recognised (4.7).
//!
//! The event is read as it was sent: the profile must be known before checks, templates and consents are looked at.

use std::sync::Arc;

use tracardi_model::configuration::Kind;
use tracardi_model::leaf::scalar_text;
use tracardi_model::record::Node;
use tracardi_model::trail::{By, Deed};
use tracardi_model::{Path, Profile};

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

/// What a workflow asks for: the profile and all that have the same values in these fields are one person.
pub(crate) struct Wish {
    /// Id of the event that started the workflow.
    pub(crate) event: String,
    /// Id of the workflow.
    pub(crate) flow: String,
    /// Below the profile.
    pub(crate) fields: Vec<Path>,
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

/// The profile at hand is not the one that an event asks for: both are the same person and wait to be merged. Until then
/// each is found by its own ids.
pub(crate) fn meet(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let Some(other) = run.asked.take() else { return Ok(Flow::Next) };
    let Some(Asked { event, point, profile: id }) = asked(run.command, run.settings) else { return Ok(Flow::Next) };
    if run.kept_profile().is_none_or(|own| own.id == other.id || own.ids().contains(&id)) {
        return Ok(Flow::Next);
    }
    let did = Deed::Merging { other: other.id.clone() };
    run.trails.note(event, By::record(Kind::IdentificationPoint, &point.id), did);
    run.merging = Some(event);
    if let Some(profile) = run.profile_mut() {
        hashed_ids::expect_duplicate(profile, point.field(), id);
    }
    run.profile_changed = true;
    Ok(Flow::Next)
}

/// The profile gets the ids by which it is asked for from now on. Another one that has such an id already is the same person:
/// both wait to be merged.
pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if let Some(key) = run.settings.merging_key.as_deref() {
        by_points(run, key);
        by_wishes(run, key);
    }
    Ok(Flow::Next)
}

/// The ids by which points ask for a profile, if it changed.
fn by_points(run: &mut Run<'_>, key: &str) {
    let points: &[Arc<Point>] = run.settings.configurations[run.command.context].points();
    if !(run.profile_new || run.profile_changed) {
        return;
    }
    for point in points {
        let Some(profile) = run.profile.as_mut() else { break };
        if let Some(id) = point.known(profile, key).filter(|id| !profile.ids().contains(id)) {
            hashed_ids::expect_duplicate(Arc::make_mut(profile), point.field(), id);
            if let Some(event) = run.events.iter().find(|event| event.metadata.valid) {
                run.trails.note(&event.id, By::record(Kind::IdentificationPoint, &point.id), Deed::Identified);
            }
        }
    }
}

/// The ids that workflows asked for: made of the values as all workflows have left them.
fn by_wishes(run: &mut Run<'_>, key: &str) {
    for Wish { event, flow, fields } in std::mem::take(&mut run.wishes) {
        let Some(profile) = run.profile.as_mut() else { return };
        let values = values(profile, &fields);
        let Some((field, _)) = values.first() else { continue };
        let Some(id) = hashed_ids::point(&values, key).filter(|id| !profile.ids().contains(id)) else { continue };
        hashed_ids::expect_duplicate(Arc::make_mut(profile), field, id);
        run.trails.note(&event, By::workflow(flow), Deed::Identified);
        run.profile_changed = true;
    }
}

/// The fields that have a value that is not blank, in a fixed order, each once.
fn values<'f>(profile: &Profile, fields: &'f [Path]) -> Vec<(&'f str, String)> {
    let value = |field: &'f Path| Some((field.as_str(), scalar_text(&profile.get(field.segments())?)?));
    let mut values: Vec<_> = fields.iter().filter_map(value).filter(|(_, text)| !text.trim().is_empty()).collect();
    values.sort_unstable();
    values.dedup();
    values
}
