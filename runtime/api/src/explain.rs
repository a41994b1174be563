//! `GET /event/{id}/explain`: what became of an event, step by step, and which record of the configuration did what. An addition
//! to the original.
//!
//! `{"event", "type", "profile", "stored", "valid", "at", "steps": [step, …], "left_out"}`. A step is `{"did", "by": {"kind", "id",
//! "name"}, …}`, in the order in which things happened:
//!
//! | `did` | further members |
//! |---|---|
//! | `collected` | |
//! | `found-invalid` | `message` |
//! | what [`Deed`] lists | those of [`Deed`]; of `sent` also what became of the delivery |
//! | `warned`, `failed` | `message`; `by` is null when the message names no record |
//!
//! `kind` is that of a configuration record, `event-source`, `event-type` (what is predefined for the type), `workflow` or `geoip`.
//! `left_out` counts steps that were too many to be kept.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tracardi_engine::event_types::EventType;
use tracardi_model::configuration::Kind;
use tracardi_model::trail::{By, Deed, Note};
use tracardi_model::{Context, Event, Path as EventPath, Trail, time};
use tracardi_store::{ConfigurationSnapshot, Deliveries, Index, StoredDelivery};

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::configuration::name;
use crate::context::InContext;
use crate::errors::Refusal;
use crate::params::Path;

/// Deliveries of one event that are looked at.
const DELIVERIES: u64 = 200;

/// See the module; 404 when neither the event nor anything about it is stored.
pub async fn explain(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let id = id.trim().to_lowercase();
    let event = app.documents.get(context, Index::Event, &id).await?;
    let event: Option<Event> = event.and_then(|event| serde_json::from_str(event.get()).ok());
    let trail = app.history.trail(context, &id).await?;
    if event.is_none() && trail.is_none() {
        return Err(Refusal::Missing);
    }
    let deliveries = deliveries(&app, context, &id, trail.as_ref()).await?;
    let names = Names::of(&app, context);
    let settings = app.settings.borrow().clone();
    let predefined = event.as_ref().and_then(|event| settings.event_types.get(&event.kind));
    let told = Told { event: event.as_ref(), trail: trail.as_ref(), predefined, deliveries: &deliveries };
    Ok(Json(told.explained(&id, &|by| names.name(by))))
}

/// What destinations got because of the event: what tells of it, and what its trail names besides.
async fn deliveries(
    app: &App,
    context: Context,
    event: &str,
    trail: Option<&Trail>,
) -> Result<Vec<StoredDelivery>, Refusal> {
    let wanted = Deliveries { event: Some(event.to_owned()), limit: DELIVERIES, ..Deliveries::default() };
    let mut found = app.outbox.deliveries(context, &wanted).await?.result;
    let of_profile = |note: &Note| match &note.did {
        Deed::Sent { delivery, profile: true } => Some(delivery.clone()),
        _ => None,
    };
    let ids: Vec<String> = trail.map_or_else(Vec::new, |trail| trail.notes.iter().filter_map(of_profile).collect());
    if !ids.is_empty() {
        let wanted = Deliveries { ids: Some(ids), limit: DELIVERIES, ..Deliveries::default() };
        found.extend(app.outbox.deliveries(context, &wanted).await?.result);
    }
    found.reverse();
    Ok(found)
}

/// How records are called.
pub(crate) struct Names {
    context: Context,
    snapshot: std::sync::Arc<ConfigurationSnapshot>,
    settings: std::sync::Arc<tracardi_engine::Settings>,
}

impl Names {
    /// As they are called now.
    pub(crate) fn of(app: &App, context: Context) -> Self {
        let snapshot = app.configuration.watch().borrow().clone();
        Self { context, snapshot, settings: app.settings.borrow().clone() }
    }

    /// The name; None when there is none, or no such record any more.
    pub(crate) fn name(&self, by: &By) -> Option<String> {
        match by.kind.as_ref() {
            By::EVENT_TYPE => self.settings.event_types.get(&by.id).map(|kind| kind.name.clone()),
            By::EVENT_SOURCE => self.snapshot.event_source(self.context, &by.id).map(|source| source.name.clone()),
            kind => {
                let record = self.snapshot.record(self.context, kind.parse().ok()?, &by.id)?;
                Some(name(record).to_owned()).filter(|name| !name.is_empty())
            }
        }
    }
}

/// `{"kind", "id", "name"}`
pub(crate) fn who(by: &By, name: impl Fn(&By) -> Option<String>) -> Value {
    json!({"kind": by.kind, "id": by.id, "name": name(by)})
}

/// All that is known of what became of an event.
struct Told<'a> {
    event: Option<&'a Event>,
    trail: Option<&'a Trail>,
    /// What the event's type means without any configuration.
    predefined: Option<&'a EventType>,
    deliveries: &'a [StoredDelivery],
}

impl Told<'_> {
    fn explained(&self, id: &str, name: &dyn Fn(&By) -> Option<String>) -> Value {
        let (event, trail) = (self.event, self.trail);
        let at = trail.map(|trail| trail.at).or_else(|| event.map(Event::insert));
        json!({
            "event": id,
            "type": event.map(|event| &event.kind),
            "profile": event.and_then(Event::profile_id).or_else(|| trail?.profile.as_deref()),
            "stored": event.is_some(),
            "valid": event.is_none_or(|event| event.metadata.valid),
            "at": at.map(time::format),
            "steps": self.steps(name),
            "left_out": trail.map_or(0, |trail| trail.left_out),
        })
    }

    fn steps(&self, name: &dyn Fn(&By) -> Option<String>) -> Vec<Value> {
        let step = |did: &str, by: Option<&By>, more: Value| {
            let mut step = json!({"did": did, "by": by.map(|by| who(by, name))});
            if let (Value::Object(step), Value::Object(more)) = (&mut step, more) {
                step.extend(more);
            }
            step
        };
        let mut steps = Vec::new();
        if let Some(event) = self.event {
            let source = By::event_source(&event.source.id);
            steps.push(step("collected", Some(&source), json!({})));
            if !event.metadata.valid {
                let told = |member: &str| event.aux.get("validation")?.get(member)?.as_str();
                let by = told("validator").map(|id| By::record(Kind::EventValidator, id));
                steps.push(step("found-invalid", by.as_ref(), json!({"message": told("message")})));
            }
        }
        let notes = self.trail.map_or(&[][..], |trail| &trail.notes);
        let (before, after) = notes.split_at(notes.iter().take_while(|note| precedes_mapping(&note.did)).count());
        let as_step = |note: &Note| match serde_json::to_value(note) {
            Ok(Value::Object(mut told)) => {
                told.insert("by".to_owned(), who(&note.by, name));
                if let Deed::Sent { delivery, .. } = &note.did {
                    told.insert("delivery".to_owned(), self.delivery(delivery));
                }
                Value::Object(told)
            }
            _ => Value::Null,
        };
        steps.extend(before.iter().map(as_step));
        if let Some((by, fields)) = self.predefined() {
            steps.push(step("mapped", Some(&by), json!({"fields": fields})));
        }
        steps.extend(after.iter().map(as_step));
        let told: Vec<&str> = notes.iter().filter_map(sent).collect();
        for delivery in self.deliveries.iter().filter(|delivery| !told.contains(&delivery.id.as_str())) {
            let by = By::record(Kind::Destination, &delivery.destination);
            let more = json!({"delivery": outcome(delivery), "profile": delivery.event.is_none()});
            steps.push(step("sent", Some(&by), more));
        }
        for (list, did) in [("warnings", "warned"), ("errors", "failed")] {
            let texts = self.event.and_then(|event| event.aux.get(list)?.as_array());
            for text in texts.into_iter().flatten().filter_map(Value::as_str) {
                let (by, message) = named(text);
                steps.push(step(did, by.as_ref(), json!({"message": message})));
            }
        }
        steps
    }

    /// The fields of the event that the predefined type wrote.
    fn predefined(&self) -> Option<(By, Vec<&str>)> {
        let (event, kind) = (self.event.filter(|event| event.metadata.valid)?, self.predefined?);
        let there = |path: &EventPath| event.get(path.segments()).is_some();
        let written = kind.copy.iter().filter(|copy| copy.sources.iter().any(there) && there(&copy.destination));
        let fields: Vec<&str> = written.map(|copy| copy.destination.as_str()).collect();
        (!fields.is_empty()).then(|| (By::event_type(&kind.id), fields))
    }

    /// What became of a delivery; its state is null when that is not remembered any more.
    fn delivery(&self, id: &str) -> Value {
        let known = self.deliveries.iter().find(|delivery| delivery.id == id);
        known.map_or_else(|| json!({"id": id, "state": null}), outcome)
    }
}

/// Whether this is done before an event is mapped.
const fn precedes_mapping(did: &Deed) -> bool {
    matches!(
        did,
        Deed::Recognised
            | Deed::DeviceKnown
            | Deed::Referred
            | Deed::Named { .. }
            | Deed::Merging { .. }
            | Deed::Located { .. }
            | Deed::Reshaped { .. }
            | Deed::Erased { .. }
            | Deed::Hashed { .. }
    )
}

fn sent(note: &Note) -> Option<&str> {
    match &note.did {
        Deed::Sent { delivery, .. } => Some(delivery),
        _ => None,
    }
}

/// A delivery without its body.
fn outcome(delivery: &StoredDelivery) -> Value {
    let mut told = serde_json::to_value(delivery).unwrap_or_default();
    let members = ["id", "state", "attempts", "error", "at", "due", "settled_at"];
    if let Value::Object(told) = &mut told {
        told.retain(|member, _| members.contains(&member.as_str()));
    }
    told
}

/// The record that a complaint names first (`kind id: why`), and why.
fn named(text: &str) -> (Option<By>, &str) {
    let record = text.split_once(": ").and_then(|(head, why)| {
        let (kind, id) = head.split_once(' ')?;
        let by = match kind.parse() {
            // A rule is named by its name.
            Ok(Kind::Rule) => return None,
            Ok(kind) => By::record(kind, id),
            Err(_) if kind == By::WORKFLOW => By::workflow(id),
            Err(_) => return None,
        };
        Some((by, why))
    });
    match record {
        Some((by, why)) => (Some(by), why),
        None => (None, text),
    }
}
