//! The profile of a request (spec/pipeline.md 3.8, 4.2-4.4). A known session decides; a client's id counts only while there
//! is no session, and only if a profile answers to it: forged ids are never adopted.

use std::sync::Arc;

use tracardi_model::Profile;
use tracardi_model::canonical::Hasher;
use tracardi_model::entropy::{first_16, uuid};
use tracardi_model::session::ProfileRef;
use tracardi_model::trail::{By, Deed};

use crate::bridge::{self, Named};
use crate::hashed_ids::MAX_IDS;
use crate::pipeline::{Flow, Run};
use crate::steps::{identification, trails};
use crate::{Command, NewProfiles, Rejected, Settings, hashed_ids};

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let command = run.command;
    if command.profile_less {
        run.profile = None;
        return Ok(Flow::Next);
    }
    // Neither a session nor the client named a profile.
    if run.session_new && run.profile.is_some() && command.profile_id().is_none() {
        identification::note_recognised(run);
    }
    if command.keeps_profile_id() {
        if run.profile.is_none() {
            let id = command.profile_id().ok_or(Rejected::ProfileIdMissing)?.to_owned();
            create(run, id);
        }
    } else if run.profile.is_none() {
        if let Some(known) = run.namesake.take() {
            run.profile = Some(known);
        } else {
            let id = new_id(run);
            create(run, id);
        }
        // A session that has to change its profile is a new visit.
        run.session_new = true;
    } else if command.session_id().is_none() {
        // An artificial session of somebody who is known: not a visit of its own.
        run.session_new = false;
    } else if let (Some(session), Some(profile)) = (&run.session, &run.profile) {
        // Found by an id of before a merge.
        run.session_new = run.session_new || session.profile_id() != Some(profile.id());
    }
    note_named(run);
    bind(run);
    complete_ids(run);
    Ok(Flow::Next)
}

/// Notes which setting said what the profile, or the session, is called. A static id says so when a profile is made under it.
fn note_named(run: &mut Run<'_>) {
    let (setting, profile, session) = match run.command.named {
        Some(Named { setting, session }) => (setting, true, session),
        None => (bridge::STATIC, run.command.keeps_profile_id() && run.profile_new, false),
    };
    let parts = trails::parts([("profile", profile), ("session", session)]);
    if !parts.is_empty() {
        run.note_first(By::event_source(&run.command.source.id), Deed::Named { setting: setting.into(), parts });
    }
}

/// The id of a profile that is made for this request.
fn new_id(run: &mut Run<'_>) -> String {
    let command = run.command;
    let gone = run.session.as_ref().and_then(|session| session.profile_id());
    by_session(command, run.settings, command.profile_id(), gone).unwrap_or_else(|| command.new_id(run.entropy))
}

/// The id of a new profile where it follows from the session: none elsewhere, and of a session that is not kept. `named`: the profile
/// that the client names; whoever names another one is somebody else. `gone`: the one that the session had.
pub(crate) fn by_session(
    command: &Command,
    settings: &Settings,
    named: Option<&str>,
    gone: Option<&str>,
) -> Option<String> {
    let NewProfiles::BySession(key) = settings.new_profiles else { return None };
    let session = command.session_id().filter(|_| command.save_session())?;
    let mut hasher = Hasher::new("profile of a session");
    hasher.bytes(&key);
    hasher.text(command.context.as_str());
    hasher.text(session);
    hasher.optional(named);
    hasher.optional(gone);
    Some(uuid(first_16(&hasher.finish())))
}

fn create(run: &mut Run<'_>, id: String) {
    run.profile = Some(Arc::new(Profile::starting(id, run.now)));
    run.profile_new = true;
}

/// Notes in the session whose it is.
fn bind(run: &mut Run<'_>) {
    let Some(profile) = run.profile.clone() else { return };
    let bound = run.session.as_ref().is_some_and(|session| session.profile_id() == Some(profile.id()));
    // Asked for only when it is to be changed: that copies it.
    if !bound && let Some(session) = run.session_mut() {
        session.profile = Some(ProfileRef { id: profile.id.clone(), primary_id: None });
    }
}

/// Adds hashed ids that are missing for values that are there, for example because the values were imported.
fn complete_ids(run: &mut Run<'_>) {
    let (Some(key), Some(profile)) = (run.settings.merging_key.as_deref(), run.profile.as_deref()) else { return };
    let room = MAX_IDS.saturating_sub(profile.ids.0.len());
    let missing = hashed_ids::values(profile).into_iter().filter_map(|(field, prefix, value)| {
        let known = profile.ids().iter().any(|id| id.starts_with(prefix));
        value.filter(|_| !known).and_then(|value| hashed_ids::hash(value, prefix, key)).map(|id| (field, id))
    });
    let missing: Vec<_> = missing.take(room).collect();
    if missing.is_empty() {
        return;
    }
    if let Some(profile) = run.profile_mut() {
        for (field, id) in missing {
            hashed_ids::expect_duplicate(profile, field, id);
        }
    }
    run.profile_changed = true;
}
