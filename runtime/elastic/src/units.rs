//! How a batch falls apart: into units that are stored as a whole, each with all that names one profile.
//!
//! The **anchor** of a unit is its profile, if the batch writes it, else its session. What names neither (an event without a
//! profile whose session is not written) is in the one unit without an anchor: nothing has been counted for it, so nothing can
//! part from it.

use std::collections::HashMap;

use tracardi_model::Context;
use tracardi_store::{Applied, Batch, Document};

use crate::bulk::{Mode, Op, Place};
use crate::document::{Envelope, Source};
use crate::elastic::Inner;
use crate::get::Known;
use crate::names::{Kind, key};
use crate::pending::Rest;

/// The index of a document in its list in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Session(usize),
    Profile(usize),
}

/// What is stored as a whole.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// What is written first, and which document of the batch that is.
    pub(crate) anchor: Option<(Op, Written)>,
    pub(crate) rest: Rest,
    /// The sessions among the rest: place in `rest.ops`, place in the batch.
    pub(crate) sessions: Vec<(usize, usize)>,
    /// Ids that are to lead to the profile, before it is written.
    pub(crate) claims: Vec<Op>,
    /// Somebody else was faster: nothing of it is stored.
    pub(crate) stale: bool,
}

type Owner = (Context, String);

/// The units of a batch; the first one has no anchor.
#[derive(Debug, Default)]
pub(crate) struct Units {
    pub(crate) list: Vec<Unit>,
    profiles: HashMap<Owner, usize>,
    sessions: HashMap<Owner, usize>,
    events: HashMap<Owner, usize>,
}

/// The number of a profile among those that await a merge.
pub(crate) type Numbers = HashMap<Owner, i64>;

impl Units {
    /// Takes a batch apart. `known`: what stands in place of events that are released. `numbers`: of the profiles that await a
    /// merge already.
    pub(crate) fn of(batch: Batch, inner: &Inner, known: &Known, numbers: &Numbers) -> Self {
        let mut all = Self { list: vec![Unit::default()], ..Self::default() };
        let Batch { events, applied, sessions, profiles, deliveries, delayed, quarantined, released, trails, .. } =
            batch;
        for (number, (context, Document { value, text, replaces })) in profiles.into_iter().enumerate() {
            let owner = (context, value.id().to_owned());
            let waiting = value.awaits_merge().then(|| numbers.get(&owner).copied().unwrap_or_else(|| inner.number()));
            let source = Source::searchable(Envelope::of_profile(context, &value, waiting), text);
            let op = Op::write(Place::of(Kind::Profile), Mode::replacing(replaces), source);
            all.profiles.insert(owner, all.list.len());
            all.list.push(Unit { anchor: Some((op, Written::Profile(number))), ..Unit::default() });
        }
        for (number, (context, Document { value, text, replaces })) in sessions.into_iter().enumerate() {
            let source = Source::searchable(Envelope::of_session(context, &value), text);
            let op = Op::write(Place::of(Kind::Session), Mode::replacing(replaces), source);
            let of_profile = value.profile_id().and_then(|id| all.profiles.get(&(context, id.to_owned())).copied());
            let unit = of_profile.unwrap_or(all.list.len());
            all.sessions.insert((context, value.id().to_owned()), unit);
            if of_profile.is_none() {
                all.list.push(Unit { anchor: Some((op, Written::Session(number))), ..Unit::default() });
            } else if let Some(unit) = all.list.get_mut(unit) {
                unit.sessions.push((unit.rest.ops.len(), number));
                unit.rest.ops.push(op);
            }
        }
        // In place of an event that is released stands what was stored of it before, in whatever generation.
        let stands = |context: Context, id: &str| {
            let key = key(context, id);
            inner.recent(Kind::Event).find_map(|place| known.get(place, &key).map(|held| (place, held.version)))
        };
        for (context, Document { value, text, .. }) in events {
            let id = value.id();
            let source = Source::searchable(Envelope::of_event(context, &value, inner.number()), text);
            let (place, seen) = match stands(context, id) {
                Some((place, version)) => (place, Some(version)),
                None => (inner.newest(Kind::Event), None),
            };
            let unit = all.unit(context, None, value.profile_id(), value.session_id());
            all.events.insert((context, id.to_owned()), unit);
            all.add(unit, Op::write(place, Mode::replacing(seen), source));
        }
        for (context, Applied { event, at }) in applied {
            let unit = all.unit(context, None, event.profile_id.as_deref(), event.session_id.as_deref());
            all.events.insert((context, event.id.clone()), unit);
            let envelope = Envelope::of_applied(context, &event, at.as_microsecond());
            let text = serde_json::json!({
                "id": event.id, "source": {"id": event.source_id},
                "session": event.session_id.map(|id| serde_json::json!({"id": id})),
                "profile": event.profile_id.map(|id| serde_json::json!({"id": id})),
            });
            all.add(unit, Op::write(Place::of(Kind::Applied), Mode::Create, Source::kept(envelope, text.to_string())));
        }
        for (context, id) in released {
            let unit = all.unit(context, Some(&id), None, None);
            for kind in [Kind::Applied, Kind::Quarantine] {
                all.add(unit, Op::delete(Place::of(kind), key(context, &id)));
            }
            // What was told of it goes as well, unless there is something new to tell.
            if !trails.iter().any(|(of, trail)| *of == context && trail.value.event == id) {
                for place in inner.recent(Kind::Trail) {
                    all.add(unit, Op::delete(place, key(context, &id)));
                }
            }
        }
        for (context, Document { value, text, .. }) in trails {
            let unit = all.unit(context, Some(&value.event), value.profile.as_deref(), value.session.as_deref());
            let generation = stands(context, &value.event).map_or(inner.generation(), |(place, _)| place.generation);
            let source = Source::kept(Envelope::of_trail(context, &value, inner.number()), text);
            all.add(unit, Op::write(Place { kind: Kind::Trail, generation }, Mode::Put, source));
        }
        for (context, Document { value, text, .. }) in delayed {
            let unit = all.unit(context, Some(&value.event), value.profile.as_deref(), value.session.as_deref());
            let source = Source::kept(Envelope::of_delayed(context, &value, inner.number()), text);
            all.add(unit, Op::write(Place::of(Kind::Delayed), Mode::Create, source));
        }
        for (context, Document { value, text, .. }) in quarantined {
            let unit = all.unit(context, Some(&value.id), value.profile.as_deref(), value.session.as_deref());
            let source = Source::kept(Envelope::of_original(context, &value, inner.number()), text);
            all.add(unit, Op::write(Place::of(Kind::Quarantine), Mode::Create, source));
        }
        for (context, delivery) in deliveries {
            let unit = all.unit(context, delivery.event_id.as_deref(), delivery.profile_id.as_deref(), None);
            if let Some(unit) = all.list.get_mut(unit) {
                unit.rest.deliver(context, delivery);
            }
        }
        all
    }

    /// Where something belongs that names these.
    fn unit(&self, context: Context, event: Option<&str>, profile: Option<&str>, session: Option<&str>) -> usize {
        let find = |map: &HashMap<Owner, usize>, id: Option<&str>| map.get(&(context, id?.to_owned())).copied();
        let found = find(&self.events, event).or_else(|| find(&self.profiles, profile));
        found.or_else(|| find(&self.sessions, session)).unwrap_or(0)
    }

    fn add(&mut self, unit: usize, op: Op) {
        if let Some(unit) = self.list.get_mut(unit) {
            unit.rest.ops.push(op);
        }
    }

    /// The unit of a profile.
    pub(crate) fn of_profile(&mut self, context: Context, id: &str) -> Option<&mut Unit> {
        let unit = *self.profiles.get(&(context, id.to_owned()))?;
        self.list.get_mut(unit)
    }

    /// The unit of a session.
    pub(crate) fn of_session(&mut self, context: Context, id: &str) -> Option<&mut Unit> {
        let unit = *self.sessions.get(&(context, id.to_owned()))?;
        self.list.get_mut(unit)
    }
}
