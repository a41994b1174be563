//! Visitors who are recognised by their device (see [`crate::fingerprint`]).

use tracardi_model::trail::{By, Deed};

use crate::Rejected;
use crate::pipeline::{Flow, Run};

/// Whoever would get a new profile gets the one that was seen with the fingerprint.
pub(crate) fn recognise(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if run.profile.is_none()
        && let Some(seen) = run.recognised.take()
    {
        run.profile = Some(seen);
        run.note_first(By::event_source(&run.command.source.id), Deed::DeviceKnown);
    }
    Ok(Flow::Next)
}

/// The fingerprint leads to the profile of the request from now on, if that is kept.
pub(crate) fn remember(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let kept = run.profile.is_some() && run.command.save_profile();
    let fingerprint = run.command.fingerprint.filter(|_| kept);
    run.outcome.sighting = fingerprint.map(|fingerprint| fingerprint.seen(run.profile_new, run.now));
    Ok(Flow::Next)
}
