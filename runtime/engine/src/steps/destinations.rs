//! What destinations are to get (spec/pipeline.md 6.4). It is rendered here, where everything is known, and stored together with
//! the events and the profile; it is sent later, by who has time to wait for an answer.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tracardi_language::Scope;
use tracardi_model::canonical::Hasher;
use tracardi_model::configuration::Kind;
use tracardi_model::entropy::{dashed, first_16};
use tracardi_model::trail::{By, Deed};
use tracardi_model::{Context, Delivery};

use crate::Rejected;
use crate::configuration::{Destination, MAX_RENDERED};
use crate::pipeline::{Flow, Run};
use crate::scope::{Collected, Person};
use crate::steps::events::warn;
use crate::steps::trails::Trails;

/// What is rendered about all events of a request together, and about its profile: a small body of many events must not
/// become a large one.
const MAX_REQUEST: usize = 16 << 20;
/// What a delivery weighs besides its body, at least.
const EMPTY: usize = 256;

/// Each valid event that is kept, for the destinations of its type and source.
pub(crate) fn of_events(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let (command, settings) = (run.command, run.settings);
    let configuration = &settings.configurations[command.context];
    let profile = run.profile.clone().filter(|_| command.save_profile());
    let mut desk = Desk::new(run);
    for event in run.events.iter_mut().filter(|event| event.metadata.valid) {
        let mut warnings = Vec::new();
        for destination in configuration.told_events(&event.kind) {
            // What the system makes of a request comes from where the request comes from.
            if !destination.is_for(&event.source.id) && !destination.is_for(&command.source.id) {
                continue;
            }
            let scope = Collected { event, profile: profile.as_deref(), session: run.session.as_deref() };
            let subject = Subject {
                mark: mark("event", &event.id, &[]),
                event: Some(&event.id),
                profile: profile.as_ref().map(|profile| &*profile.id),
                debug: command.payload.debug,
            };
            match desk.tell(destination, &scope, &subject, &[]) {
                Ok(delivery) => sent(&mut run.trails, &event.id, destination, delivery, false),
                Err(why) => warnings.push(why),
            }
        }
        warn(event, warnings);
    }
    run.outcome.deliveries.append(&mut desk.deliveries);
    Ok(Flow::Next)
}

/// The profile, if it is new or has changed, once and as it is at the end.
pub(crate) fn of_profile(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let (command, settings) = (run.command, run.settings);
    let told = settings.configurations[command.context].told_profiles();
    let changes = run.changes.take();
    let Some(profile) = run.profile.clone().filter(|_| run.outcome.store_profile && !told.is_empty()) else {
        return Ok(Flow::Next);
    };
    let changes = changes.map_or_else(Vec::new, super::changes::Changes::into_list);
    let mut desk = Desk::new(run);
    let scope = Person { profile: &profile, session: run.session.as_deref() };
    let mark = mark("profile", &profile.id, &command.digest());
    let subject = Subject { mark, event: None, profile: Some(&profile.id), debug: false };
    let mut warnings = Vec::new();
    let first = run.events.iter().find(|event| event.metadata.valid).map(|event| &*event.id);
    for destination in told {
        match (desk.tell(destination, &scope, &subject, &changes), first) {
            (Ok(delivery), Some(event)) => sent(&mut run.trails, event, destination, delivery, true),
            (Ok(_), None) => {}
            (Err(why), _) => warnings.push(why),
        }
    }
    if let Some(event) = run.events.iter_mut().rfind(|event| event.metadata.valid) {
        warn(event, warnings);
    }
    run.outcome.deliveries.append(&mut desk.deliveries);
    Ok(Flow::Next)
}

/// Notes what a destination is to get because of an event, if anything.
fn sent(trails: &mut Trails, event: &str, destination: &Destination, delivery: Option<String>, profile: bool) {
    if let Some(delivery) = delivery {
        trails.note(event, By::record(Kind::Destination, &destination.id), Deed::Sent { delivery, profile });
    }
}

/// Of what a delivery tells.
struct Subject<'a> {
    /// Unlike that of anything else.
    mark: [u8; 32],
    event: Option<&'a str>,
    profile: Option<&'a str>,
    debug: bool,
}

/// The same for the same event, or for the same profile by the same request.
fn mark(what: &str, id: &str, request: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new("subject");
    hasher.text(what);
    hasher.text(id);
    hasher.bytes(request);
    hasher.finish()
}

/// Where deliveries are made.
struct Desk {
    context: Context,
    now: Timestamp,
    /// Bytes that may still be rendered.
    room: usize,
    deliveries: Vec<Delivery>,
}

/// What is sent.
#[derive(Serialize)]
struct Body<'a> {
    data: &'a Value,
    changes: &'a [Value],
}

impl Desk {
    fn new(run: &Run<'_>) -> Self {
        Self { context: run.command.context, now: run.now, room: MAX_REQUEST, deliveries: Vec::new() }
    }

    /// Makes what the destination is to get, unless its condition does not hold, and gives the delivery's id; or says why that
    /// cannot be made.
    fn tell(
        &mut self,
        destination: &Destination,
        scope: &dyn Scope,
        subject: &Subject<'_>,
        changes: &[Value],
    ) -> Result<Option<String>, String> {
        let complain = |why| format!("{} {}: {why}", Kind::Destination, destination.id);
        let room = self.room.min(MAX_RENDERED);
        let Some(data) = destination.data(scope, self.now, room).map_err(complain)? else { return Ok(None) };
        let body = serde_json::value::to_raw_value(&Body { data: &data, changes });
        let body = body.map_err(|error| complain(error.to_string()))?;
        let bytes = body.get().len();
        if bytes > self.room.min(MAX_BODY) {
            return Err(complain(format!("data and changes have more than {MAX_BODY} bytes")));
        }
        self.room = self.room.saturating_sub(bytes.saturating_add(EMPTY));
        let mut hasher = Hasher::new("delivery");
        hasher.text(self.context.as_str());
        hasher.text(&destination.id);
        hasher.bytes(&subject.mark);
        let id = dashed(first_16(&hasher.finish()));
        self.deliveries.push(Delivery {
            id: id.clone(),
            destination: destination.id.clone(),
            event_id: subject.event.map(str::to_owned),
            profile_id: subject.profile.map(str::to_owned),
            debug: subject.debug,
            body,
            at: self.now,
        });
        Ok(Some(id))
    }
}

/// A body has at most so many bytes.
const MAX_BODY: usize = 2 * MAX_RENDERED;
