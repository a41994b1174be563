//! What the client gets (spec/pipeline.md 1.7).

use serde_json::Value;
use tracardi_model::TrackAnswer;
use tracardi_model::answer::OptionalId;

use crate::Rejected;
use crate::pipeline::{Flow, Outcome, Run};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let command = run.command;
    let listed = run.settings.track_debug && command.payload.debugger();
    let profile = run.profile.as_ref().filter(|_| command.save_profile()).map(|profile| profile.id.clone());
    let session = run.session.as_ref().filter(|_| command.save_session()).map(|session| session.id.clone());
    let answer = TrackAnswer {
        task: std::mem::take(&mut run.task),
        events: if listed { run.events.iter().map(|event| event.id.clone()).collect() } else { Vec::new() },
        profile: OptionalId { id: profile },
        session: OptionalId { id: session },
        warnings: std::mem::take(&mut run.warnings).into_iter().map(Value::String).collect(),
        ..std::mem::take(&mut run.outcome.answer)
    };
    Ok(Flow::Done(Box::new(Outcome {
        events: std::mem::take(&mut run.events),
        session: run.session.take(),
        profile: run.profile.take(),
        answer,
        ..std::mem::take(&mut run.outcome)
    })))
}
