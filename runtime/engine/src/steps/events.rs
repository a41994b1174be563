//! Each event is built from its payload and mapped: inside itself, then onto the profile (spec/pipeline.md 5.3). All events
//! of a request work on one evolving profile, in their order.

use std::sync::Arc;

use serde_json::{Value, json};
use tracardi_model::configuration::Kind;
use tracardi_model::event::{Entity, EventMetadata, EventTime, Journey, ProcessedBy, SessionRef};
use tracardi_model::record::Node;
use tracardi_model::session::{ProfileRef, Status, Utm};
use tracardi_model::source::INTERNAL_ID;
use tracardi_model::trail::{By, Deed};
use tracardi_model::{Event, Map, path};

use crate::Rejected;
use crate::configuration::{Mapping, TypeConfiguration};
use crate::event_types::{self, EventType, State};
use crate::pipeline::{Complaint, Flow, Item, Run};
use crate::steps::quarantine::Suspect;
use crate::steps::system_events::{VISIT_ENDED, VISIT_STARTED};
use crate::steps::{compliance, mapping};

/// An event tells of at most so many records that could not be applied, and of so many errors,
const MAX_NOTES: usize = 5;
/// in at most so many characters each.
const MAX_NOTE: usize = 200;

pub(crate) fn step(run: &mut Run<'_>) -> Result<Flow, Rejected> {
    let mut shared = Shared::of(run);
    let types = Arc::clone(&run.settings.event_types);
    let items = std::mem::take(&mut run.items);
    run.events.reserve(items.len());
    let count = items.len();
    for (index, mut item) in items.into_iter().enumerate() {
        // Most requests bring one event: it takes what is common instead of copying it.
        let common = if index + 1 == count { std::mem::take(&mut shared) } else { shared.clone() };
        let configured = item.configured;
        let altered = configured.is_some_and(|configured| compliance::protect(run, &mut item, &configured.protected));
        let suspect = Suspect::of(&item, altered).filter(|_| run.command.save_events());
        let mut event = build(run, common, item);
        if event.metadata.valid {
            let kind = types.get(&event.kind);
            map(run, &mut event, kind, configured);
        }
        if let Some(configured) = configured.filter(|configured| !configured.broken.is_empty()) {
            warn(&mut event, configured.broken.clone());
        }
        path::strip_empty(&mut event.data);
        path::strip_empty(&mut event.hit);
        if let Some(written) = Arc::get_mut(&mut event.device) {
            path::strip_empty(written);
        }
        if !run.command.is_replay() {
            status(run, &event.kind);
        }
        run.suspects.extend(suspect.map(|suspect| suspect.stored_as(&event)));
        run.events.push(event);
    }
    Ok(Flow::Next)
}

/// What the type means for the event and its profile.
fn map(run: &mut Run<'_>, event: &mut Event, kind: Option<&EventType>, configured: Option<&TypeConfiguration>) {
    if let Some(kind) = kind {
        predefined(run, event, kind);
    }
    if let Some(mapping) = configured.and_then(|configured| configured.mapping.as_ref()) {
        own(run, event, mapping);
    }
    mapping::onto_profile(run, event, kind, configured.map_or(&[], |configured| &configured.onto_profile));
}

/// Notes on an event which records of the configuration could not be applied, and why.
pub(crate) fn warn(event: &mut Event, warnings: Vec<String>) {
    event.metadata.warning |= !warnings.is_empty();
    note(event, "warnings", warnings);
}

/// Notes on an event what failed, and why.
pub(crate) fn fail(event: &mut Event, errors: Vec<String>) {
    event.metadata.error |= !errors.is_empty();
    note(event, "errors", errors);
}

fn note(event: &mut Event, list: &str, texts: Vec<String>) {
    if texts.is_empty() {
        return;
    }
    let noted = event.aux.entry(list).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(noted) = noted {
        let room = MAX_NOTES.saturating_sub(noted.len());
        let short = |text: String| Value::from(text.chars().take(MAX_NOTE).collect::<String>());
        noted.extend(texts.into_iter().take(room).map(short));
    }
}

/// What all events of a request have in common.
#[derive(Clone, Default)]
struct Shared {
    session: Option<SessionRef>,
    utm: Utm,
    device: Arc<Map>,
    os: Arc<Map>,
    app: Arc<Map>,
    debug: bool,
}

impl Shared {
    fn of(run: &Run<'_>) -> Self {
        let part = |node: Option<&dyn Node>| match node.and_then(Node::explicit) {
            Some(Value::Object(map)) => Arc::new(map),
            _ => Arc::default(),
        };
        let session = run.session.as_deref();
        Self {
            session: session.filter(|_| run.command.save_session()).map(|session| SessionRef {
                id: session.id.clone(),
                start: session.metadata.time.insert,
                duration: session.metadata.time.duration,
                tz: run.time_zone().map(str::to_owned),
            }),
            utm: session.map(|session| session.utm.clone()).unwrap_or_default(),
            device: part(session.map(|session| &session.device as &dyn Node)),
            os: part(session.map(|session| &session.os as &dyn Node)),
            app: part(session.map(|session| &session.app as &dyn Node)),
            debug: run.settings.track_debug && run.command.payload.debugger(),
        }
    }
}

fn build(run: &Run<'_>, shared: Shared, item: Item<'_>) -> Event {
    let Item { payload, id, sent, kind, invalid, warnings, .. } = item;
    let payload = payload.into_owned();
    let command = run.command;
    let profile = run.profile.as_deref().filter(|_| command.save_profile());
    let mut config = payload.options;
    // Meant for the system's own use; from a client it is ignored.
    if config.contains_key("source_id") {
        Arc::make_mut(&mut config).shift_remove("source_id");
    }
    let valid = invalid.is_none();
    let merge = run.merging.is_some_and(|merging| merging == id);
    let (mut aux, mut failure) = (Map::new(), None);
    match invalid {
        None => {}
        Some(Complaint::Check { check, message }) => {
            aux.insert("validation".to_owned(), json!({"error": true, "message": message, "validator": check}));
        }
        Some(Complaint::Panic(text)) => failure = Some(text),
    }
    let mut event = Event {
        id,
        name: event_types::words(&payload.kind),
        kind,
        metadata: EventMetadata {
            aux: Map::new(),
            time: EventTime {
                insert: payload.time.insert.unwrap_or(run.now),
                create: payload.time.create,
                update: None,
                process_time: 0.0,
                total_time: 0.0,
            },
            ip: None,
            status: Some("collected".to_owned()),
            channel: Some(command.source.channel.clone()),
            processed_by: ProcessedBy::default(),
            profile_less: command.profile_less,
            debug: shared.debug,
            valid,
            error: false,
            warning: false,
            merge,
            instance: Entity { id: run.settings.instance.clone() },
        },
        utm: shared.utm,
        properties: payload.properties,
        traits: Map::new(),
        source: Entity { id: if sent.is_none() { INTERNAL_ID.to_owned() } else { command.source.id.clone() } },
        session: shared.session,
        profile: profile.map(|profile| ProfileRef { id: profile.id.clone(), primary_id: profile.primary_id.clone() }),
        hit: hit(&payload.context),
        context: payload.context,
        request: Arc::clone(&command.request),
        config,
        tags: payload.tags.into(),
        aux,
        device: shared.device,
        os: shared.os,
        app: shared.app,
        journey: Journey::default(),
        data: Map::new(),
    };
    warn(&mut event, warnings);
    fail(&mut event, failure.into_iter().collect());
    event
}

/// What the page says of itself.
fn hit(context: &Map) -> Map {
    let mut hit = Map::new();
    let Some(page) = context.get("page") else { return hit };
    let parts = [
        ("name", page.get("title")),
        ("url", page.get("url")),
        ("referer", page.get("referer").and_then(|r| r.get("host"))),
    ];
    for (key, value) in parts {
        if let Some(value) = value {
            hit.insert(key.to_owned(), value.clone());
        }
    }
    hit
}

/// What the type means without any configuration.
fn predefined(run: &mut Run<'_>, event: &mut Event, kind: &EventType) {
    mapping::copy(event, &kind.copy, |_| {});
    event.journey.state = match &kind.state {
        None => None,
        Some(State::Fixed(state)) => Some(state.clone()),
        Some(State::ByVisits) => run.profile.as_ref().map(|profile| {
            if profile.metadata.time.visit.count <= 1 { "awareness".to_owned() } else { "consideration".to_owned() }
        }),
    };
    if !kind.tags.is_empty() {
        event.tags = kind.tags.clone().into();
    }
}

/// What the type means besides, by the installation's configuration.
fn own(run: &mut Run<'_>, event: &mut Event, mapping: &Mapping) {
    let mut fields = Vec::new();
    mapping::copy(event, &mapping.copy, |field| fields.push(field.as_str().to_owned()));
    if let Some(journey) = &mapping.journey {
        event.journey.state = Some(journey.clone());
        fields.push("journey.state".to_owned());
    }
    if !mapping.tags.is_empty() {
        event.tags.add(&mapping.tags);
        fields.push("tags".to_owned());
    }
    if !fields.is_empty() {
        run.trails.note(&event.id, By::record(Kind::EventTypeMapping, &event.kind), Deed::Mapped { fields });
    }
}

/// The visit goes on, starts or ends (3.4).
fn status(run: &mut Run<'_>, kind: &str) {
    let Some(known) = run.session.as_deref().map(|session| session.metadata.status) else { return };
    let status = match kind {
        VISIT_STARTED => Status::Started,
        VISIT_ENDED => Status::Ended,
        _ => Status::Active,
    };
    if known != Some(status) {
        run.session_changed = true;
        if let Some(session) = run.session_mut() {
            session.metadata.status = Some(status);
        }
    }
}
