//! A visitor who comes from another site goes on with the profile of that site (spec/pipeline.md 2.5).
//!
//! A profile that the client has here already is not merged in this request: the referred profile gets its id and waits for
//! the search for duplicates, as with equal e-mail addresses. Nothing is lost meanwhile: the other profile stays as it is
//! and is found by its own id, until both become one.

use std::sync::Arc;

use tracardi_model::trail::{By, Deed};

use crate::pipeline::{Flow, Run};
use crate::{Referral, Rejected, hashed_ids, referral_key};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let command = run.command;
    if let Some(Err(rejected)) = &command.referral {
        run.warnings
            .push(format!("context.tracardi.pass.source is not admitted, the profile stays as it is: {rejected}"));
    }
    if referral_key(command).is_none() {
        return Ok(Flow::Next);
    }
    let Some(mut referred) = run.referred.take() else {
        run.warnings.push("context.tracardi.pass.profile: there is no such profile, it stays as it is".to_owned());
        return Ok(Flow::Next);
    };
    if let Some(own) = &run.profile {
        // A session that belongs to somebody else than the client's profile decides, as without referral.
        let named = command.profile_id().is_some_and(|id| own.id == id || own.ids().iter().any(|known| known == id));
        if own.id == referred.id || !named {
            return Ok(Flow::Next);
        }
        let own = own.id.clone();
        hashed_ids::expect_duplicate(Arc::make_mut(&mut referred), "id", own.clone());
        run.profile_changed = true;
        note(run, Deed::Merging { other: own });
    }
    run.profile = Some(referred);
    note(run, Deed::Referred);
    Ok(Flow::Next)
}

/// Notes what the other site's event source led to.
fn note(run: &mut Run<'_>, did: Deed) {
    if let Some(Referral { source_id, .. }) = Referral::of(&run.command.payload) {
        run.note_first(By::event_source(source_id), did);
    }
}
