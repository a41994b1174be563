//! What a client sent for an event that was not taken - a check complains of it, or the program fails on it - is kept with it,
//! so that it can be [replayed](Command::replay).
//!
//! What had to be taken out of the event or hashed for want of a consent is not kept here either.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::value::{RawValue, to_raw_value};
use tracardi_model::{Event, Map, Original, Quarantine};

use crate::pipeline::{Complaint, Flow, Item, Run};
use crate::{Command, Rejected};

/// What stood around the events is kept with each of them, as long as all copies together have at most so many bytes; if they
/// had more, only what identifies the sender is kept.
const MAX_COPIES: usize = 16 << 20;
/// What identifies the sender.
const SENDER: [&str; 5] = ["source", "session", "profile", "options", "debug"];

/// An event that was not taken.
pub(crate) struct Suspect {
    /// Which event of the payload.
    sent: usize,
    id: String,
    kind: String,
    reason: Quarantine,
    why: String,
    /// What may be kept of it, if that is not what was sent.
    left: Option<Box<RawValue>>,
    session: Option<String>,
    profile: Option<String>,
}

impl Suspect {
    /// None for an event that nothing is to be said against, and for one that the system itself has made.
    pub(crate) fn of(item: &Item<'_>, altered: bool) -> Option<Self> {
        let (reason, why) = match item.invalid.as_ref()? {
            Complaint::Check { message, .. } => (Quarantine::Invalid, message),
            Complaint::Panic(text) => (Quarantine::Panic, text),
        };
        let left = altered.then(|| to_raw_value(&*item.payload).unwrap_or_default());
        let (id, kind) = (item.id.clone(), item.kind.clone());
        Some(Self { sent: item.sent?, id, kind, reason, why: why.clone(), left, session: None, profile: None })
    }

    /// Under whose session and profile it was stored.
    pub(crate) fn stored_as(self, event: &Event) -> Self {
        let (session, profile) = (event.session_id().map(str::to_owned), event.profile_id().map(str::to_owned));
        Self { session, profile, ..self }
    }
}

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    if !run.suspects.is_empty() {
        let suspects = std::mem::take(&mut run.suspects);
        let failed = suspects.iter().filter(|suspect| suspect.reason == Quarantine::Panic).count();
        if failed > 0 {
            run.warnings.push(apology(failed));
        }
        run.outcome.quarantined = originals(run.command, run.now, suspects);
    }
    Ok(Flow::Next)
}

/// What the client is told.
pub(crate) fn apology(events: usize) -> String {
    format!("{events} of the events met an error of the program; they are kept and can be replayed")
}

/// What was sent for these events.
pub(crate) fn originals(command: &Command, now: Timestamp, suspects: Vec<Suspect>) -> Vec<Original> {
    let made;
    // Of a request without a body of this form (a webhook, a link) what was made of it is kept.
    let text = if command.body.is_empty() {
        made = serde_json::to_vec(&command.payload).unwrap_or_default();
        &*made
    } else {
        &*command.body
    };
    let mut members: IndexMap<String, &RawValue> = serde_json::from_slice(text).unwrap_or_default();
    let events = members.shift_remove("events").map(RawValue::get).unwrap_or_default();
    let events: Vec<&RawValue> = serde_json::from_str(events).unwrap_or_default();
    if text.len().saturating_mul(suspects.len()) > MAX_COPIES {
        let around: usize = members.values().map(|value| value.get().len()).sum();
        if around.saturating_mul(suspects.len()) > MAX_COPIES {
            members.retain(|name, _| SENDER.contains(&name.as_str()));
        }
    }
    let request = to_raw_value(&members).unwrap_or_default();
    let headers = command.request.get("headers").and_then(|headers| headers.as_object()).cloned().unwrap_or_default();
    suspects.into_iter().map(|suspect| original(command, now, suspect, &request, &headers, &events)).collect()
}

fn original(
    command: &Command,
    now: Timestamp,
    suspect: Suspect,
    request: &RawValue,
    headers: &Map,
    events: &[&RawValue],
) -> Original {
    let Suspect { sent, id, kind, reason, why, left, session, profile } = suspect;
    Original {
        id,
        at: now,
        reason,
        why,
        kind,
        source: command.source.id.clone(),
        endpoint: command.endpoint,
        session,
        profile,
        profile_less: command.profile_less,
        altered: left.is_some(),
        client_ip: command.client_ip.clone(),
        headers: headers.clone(),
        request: request.to_owned(),
        event: left.or_else(|| events.get(sent).map(|event| (*event).to_owned())).unwrap_or_default(),
    }
}
