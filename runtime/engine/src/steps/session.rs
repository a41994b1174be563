//! The session of a request (spec/pipeline.md 3.2): the stored one, or a new one under the id that the client chose, or an
//! artificial one when the client names none. Who it belongs to is settled by the next step.

use std::sync::Arc;

use tracardi_model::Session;
use tracardi_model::session::ProfileRef;

use crate::Rejected;
use crate::pipeline::{Flow, Run};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if run.session.is_some() {
        return Ok(Flow::Next);
    }
    let command = run.command;
    let mut session = match command.session_id() {
        Some(id) => Session::starting(id, run.now),
        None => Session::starting(run.own_session.clone(), run.now),
    };
    if command.session_id().is_none() && !command.profile_less {
        let named = command.profile_id().map(|id| ProfileRef { id: id.to_owned(), primary_id: None });
        session.profile = named;
    }
    run.session = Some(Arc::new(session));
    run.session_new = true;
    Ok(Flow::Next)
}
