//! What is kept: what changed, unless the request's flags forbid it (spec/pipeline.md 3.3, 4.11, 1.5).

use std::sync::Arc;

use jiff::Timestamp;
use tracardi_model::Profile;

use crate::Rejected;
use crate::pipeline::{Flow, Run};
use crate::steps::visitor;

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let command = run.command;
    let store_profile = run.profile.is_some() && command.save_profile() && (run.profile_new || run.profile_changed);
    if store_profile {
        let now = run.now;
        if let Some(profile) = run.profile_mut() {
            stamp(profile, now);
        }
    }
    let store_session = run.session.is_some() && command.save_session() && (run.session_new || run.session_changed);
    if store_session && !run.session_new && !run.command.is_replay() {
        // What the client said rides along when the session is stored for another reason.
        if let Some(session) = run.session.as_mut().map(Arc::make_mut) {
            visitor::merge(session, &run.said, command);
        }
    }
    if !command.save_events() {
        run.events.clear();
    }
    run.outcome.store_profile = store_profile;
    run.outcome.store_session = store_session;
    Ok(Flow::Next)
}

/// What a profile carries whenever it is stored: when that was, and whether the person is known by now.
pub(crate) fn stamp(profile: &mut Profile, now: Timestamp) {
    profile.metadata.time.update = Some(now.into());
    profile.data.anonymous = Some(profile.is_anonymous());
}
