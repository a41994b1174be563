//! Robots (spec/pipeline.md 3.6). The user agent is looked at when the body carries one and when a session opens; a robot
//! in a known session passes, as in the original.

use crate::pipeline::{Flow, Run};
use crate::{Rejected, agent};

/// By the user agent that the body carries, before anything else.
pub(crate) fn early(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let body = run.command.body_user_agent.as_deref();
    if run.settings.disallow_bot_traffic && body.and_then(agent::parse).is_some_and(|agent| agent.app.bot) {
        return Err(Rejected::Bot);
    }
    Ok(Flow::Next)
}

/// By what is known of the session.
pub(crate) fn late(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if run.settings.disallow_bot_traffic && run.session.as_ref().is_some_and(|session| session.app.bot) {
        return Err(Rejected::Bot);
    }
    Ok(Flow::Next)
}
