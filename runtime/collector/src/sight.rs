//! What a group sees: the documents its requests touch, first as committed, then as the requests before have left them.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;
use tracardi_engine::{Order, Outcome, Seen, Settings, State};
use tracardi_model::{Context, Delayed, Delivery, Event, Original, PerContext, Profile, Session, StoredEvent, Trail};
use tracardi_store::{Applied, Batch, Document, Found, Loaded, Version, Wanted, Written};

use crate::Bound;
use crate::cache::Cache;

/// A document in sight.
#[derive(Debug)]
struct Slot<T> {
    /// None: there is no such document.
    value: Option<Arc<T>>,
    /// Bytes of memory that it took when it was last written or read.
    bytes: usize,
    /// The version that was last written or read.
    version: Option<Version>,
    /// Whether the group changed it.
    changed: bool,
}

impl<T> Slot<T> {
    fn committed(document: Loaded<T>) -> Self {
        Self { value: Some(document.value), bytes: document.bytes, version: document.version, changed: false }
    }

    const fn missing() -> Self {
        Self { value: None, bytes: 0, version: None, changed: false }
    }

    /// In place of what was in sight before.
    fn changed(value: Arc<T>, before: Option<&Self>) -> Self {
        Self { value: Some(value), bytes: 0, version: before.and_then(|slot| slot.version), changed: true }
    }
}

/// A document that nobody has looked for yet.
struct OutOfSight;

/// In the order in which they came into sight: so the order in which they are stored, and later forgotten by the cache,
/// follows from the requests alone.
type Documents<T> = PerContext<IndexMap<String, Slot<T>>>;

/// What is to be asked of the store.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    sessions: IndexSet<(Context, String)>,
    profiles: IndexSet<(Context, String)>,
    events: IndexSet<(Context, String)>,
}

impl Missing {
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            sessions: self.sessions.iter().map(|(context, id)| (*context, id.as_str())).collect(),
            profiles: self.profiles.iter().map(|(context, id)| (*context, id.as_str())).collect(),
            events: self.events.iter().map(|(context, id)| (*context, id.as_str())).collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.profiles.is_empty() && self.events.is_empty()
    }
}

/// When a group has made deliveries of so many bytes, it ends: a small request may make large ones.
const MAX_DELIVERIES: usize = 32 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    sessions: Documents<Session>,
    /// By their own ids.
    profiles: Documents<Profile>,
    /// The ids by which profiles are asked for; None: nobody's.
    aliases: PerContext<IndexMap<String, Option<String>>>,
    /// Devices that were seen.
    devices: PerContext<IndexMap<[u8; 16], Seen>>,
    /// Events that are stored, or will be with this group.
    events: PerContext<HashMap<String, StoredEvent>>,
    /// Ids of profiles that were deleted, and when.
    erased: PerContext<HashMap<String, Timestamp>>,
    /// Profiles that awaited a merge and turned out to be the only ones with their ids.
    alone: Vec<(Context, String)>,
    new_events: Vec<(Context, Arc<Event>)>,
    applied: Vec<(Context, Applied)>,
    deliveries: Vec<(Context, Delivery)>,
    /// What these take.
    delivery_bytes: usize,
    delayed: Vec<(Context, Arc<Delayed>)>,
    /// What was sent for events that were not taken.
    quarantined: Vec<(Context, Arc<Original>)>,
    /// Events that leave the quarantine.
    released: Vec<(Context, String)>,
    trails: Vec<(Context, Arc<Trail>)>,
    /// Sessions that are new, or have got another profile.
    bound: PerContext<IndexSet<String>>,
}

impl Sight {
    /// Moves from the cache into sight what the requests touch, and tells what is missing. Whether an event is stored is
    /// asked for requests that must go to the store anyway, or for all (`every_event`): for the others the commit will
    /// tell, as no event is stored twice.
    pub(crate) fn gather<'a>(
        &mut self,
        cache: &mut Cache,
        orders: impl Iterator<Item = &'a Order>,
        settings: &Settings,
        now: Timestamp,
        every_event: bool,
    ) -> Missing {
        let mut missing = Missing::default();
        for order in orders {
            let context = order.context();
            let mut complete = true;
            if let Some(id) = order.session_id() {
                complete &= self.find_session(cache, &mut missing, context, id);
            }
            let session = self.session(order).cloned();
            let own = order.profile_key(session.as_deref(), settings);
            let recognised = self.recognised(cache, order, session.as_deref(), now);
            let namesake = order.namesake_key(session.as_deref(), settings);
            let asked = order.asked_key(session.as_deref(), settings);
            let others = [&recognised, &namesake, &asked].map(Option::as_deref);
            for key in [own.as_deref(), order.referral_key()].into_iter().chain(others).flatten() {
                complete &= self.find_profile(cache, &mut missing, context, key);
            }
            if every_event || !complete {
                missing.events.extend(order.event_ids().iter().map(|id| (context, id.clone())));
            }
        }
        missing
    }

    /// The profile to which the fingerprint of an order leads. From now on what is in sight of the fingerprint counts.
    fn recognised(
        &mut self,
        cache: &Cache,
        order: &Order,
        session: Option<&Session>,
        now: Timestamp,
    ) -> Option<String> {
        let (context, key) = (order.context(), order.fingerprint(session)?.key);
        if !self.devices[context].contains_key(&key) {
            self.devices[context].insert(key, cache.device(context, &key)?);
        }
        self.devices[context].get(&key)?.profile(now).map(str::to_owned)
    }

    fn find_session(&mut self, cache: &mut Cache, missing: &mut Missing, context: Context, id: &str) -> bool {
        if self.sessions[context].contains_key(id) {
            return true;
        }
        let Some(session) = cache.take_session(context, id) else {
            missing.sessions.insert((context, id.to_owned()));
            return false;
        };
        self.sessions[context].insert(id.to_owned(), Slot::committed(session));
        true
    }

    fn find_profile(&mut self, cache: &mut Cache, missing: &mut Missing, context: Context, key: &str) -> bool {
        if self.aliases[context].contains_key(key) {
            return true;
        }
        let own = if self.profiles[context].contains_key(key) {
            Some(key.to_owned())
        } else if let Some(profile) = cache.take_profile(context, key) {
            self.profiles[context].insert(key.to_owned(), Slot::committed(profile));
            Some(key.to_owned())
        } else {
            cache.canonical(context, key).filter(|own| {
                if self.profiles[context].contains_key(own) {
                    return true;
                }
                let Some(profile) = cache.take_profile(context, own) else { return false };
                self.profiles[context].insert(own.clone(), Slot::committed(profile));
                true
            })
        };
        if own.is_none() {
            missing.profiles.insert((context, key.to_owned()));
            return false;
        }
        self.aliases[context].insert(key.to_owned(), own);
        true
    }

    /// Takes in the store's answer; what was asked for and not found does not exist. What is in sight already stays: the
    /// group may have changed it.
    pub(crate) fn take_in(&mut self, cache: &mut Cache, missing: Missing, found: Found) {
        // The profiles that the found sessions name came along, as far as they exist.
        for ((context, _), session) in &found.sessions {
            if let Some(id) = session.value.profile_id()
                && !found.profiles.contains_key(&(*context, id.to_owned()))
                && !self.profiles[*context].contains_key(id)
            {
                self.aliases[*context].entry(id.to_owned()).or_insert(None);
            }
        }
        for ((context, id), session) in found.sessions {
            self.sessions[context].entry(id).or_insert_with(|| Slot::committed(session));
        }
        for ((context, alias), profile) in found.profiles {
            let own = profile.value.id().to_owned();
            // From now on the copy in sight is the one that counts.
            let cached = cache.take_profile(context, &own);
            self.profiles[context].entry(own.clone()).or_insert_with(|| Slot::committed(cached.unwrap_or(profile)));
            self.aliases[context].entry(alias).or_insert(Some(own));
        }
        for ((context, id), event) in found.events {
            self.events[context].entry(id).or_insert(event);
        }
        for ((context, id), at) in found.erased {
            self.erased[context].insert(id, at);
        }
        for (context, id) in missing.sessions {
            self.sessions[context].entry(id).or_insert(Slot::missing());
        }
        for (context, id) in missing.profiles {
            self.aliases[context].entry(id).or_insert(None);
        }
    }

    fn session(&self, order: &Order) -> Option<&Arc<Session>> {
        self.sessions[order.context()].get(order.session_id()?)?.value.as_ref()
    }

    /// The profile with this id, if one is asked for and there is one.
    fn profile(&self, context: Context, key: Option<&str>) -> Result<Option<Arc<Profile>>, OutOfSight> {
        let Some(key) = key else { return Ok(None) };
        let own = match self.aliases[context].get(key) {
            Some(Some(own)) => own,
            Some(None) => return Ok(None),
            None => key,
        };
        self.profiles[context].get(own).map(|slot| slot.value.clone()).ok_or(OutOfSight)
    }

    /// What an order meets; None when something is not in sight yet (a request before has given its session another
    /// profile, one that nobody foresaw): then [`Sight::gather`] again.
    pub(crate) fn state(&self, order: &Order, settings: &Settings, now: Timestamp) -> Option<State> {
        let context = order.context();
        let session = self.session(order).cloned();
        let profile = self.profile(context, order.profile_key(session.as_deref(), settings).as_deref()).ok()?;
        let referred = self.profile(context, order.referral_key()).ok()?;
        let fingerprint = order.fingerprint(session.as_deref());
        let seen = fingerprint.and_then(|fingerprint| self.devices[context].get(&fingerprint.key)?.profile(now));
        let recognised = self.profile(context, seen).ok()?;
        let namesake = self.profile(context, order.namesake_key(session.as_deref(), settings).as_deref()).ok()?;
        let asked = self.profile(context, order.asked_key(session.as_deref(), settings).as_deref()).ok()?;
        let known = &self.events[context];
        let stored = if known.is_empty() {
            Vec::new()
        } else {
            order.event_ids().iter().filter_map(|id| known.get(id).cloned()).collect()
        };
        Some(State { session, profile, referred, recognised, namesake, asked, stored })
    }

    /// Whether the profile that an order is about was deleted after the order had been accepted: the one that it or its session names, or
    /// else the one that a new session would get.
    pub(crate) fn is_erased(&self, order: &Order, settings: &Settings, accepted: Timestamp) -> bool {
        let (context, session) = (order.context(), self.session(order).map(|session| &**session));
        let own = order.profile_key(session, settings);
        if matches!(self.profile(context, own.as_deref()), Ok(Some(_))) {
            return false;
        }
        let erased = |key: &str| self.erased[context].get(key).is_some_and(|at| *at >= accepted);
        let namesake = order.namesake_key(session, settings);
        own.as_deref().is_some_and(erased) || namesake.as_deref().is_some_and(erased)
    }

    /// Takes in what an order led to at this instant.
    pub(crate) fn apply(&mut self, cache: &Cache, order: &Order, outcome: Outcome, now: Timestamp) {
        let context = order.context();
        let Outcome {
            events, session, store_session, profile, store_profile, deliveries, answer, delayed, trails, ..
        } = outcome;
        if let (Some(sighting), Some(profile)) = (outcome.sighting, &profile) {
            let known = self.devices[context].get(&sighting.key).cloned();
            let known = known.or_else(|| cache.device(context, &sighting.key));
            let seen = Seen::after(known.as_ref(), sighting, profile, now);
            self.devices[context].insert(sighting.key, seen);
        }
        let replayed = order.replayed();
        self.delivery_bytes += deliveries.iter().map(|delivery| delivery.body.get().len()).sum::<usize>();
        self.deliveries.extend(deliveries.into_iter().map(|delivery| (context, delivery)));
        if let Order::Collect(command) = order
            && events.is_empty()
            && (store_session || store_profile || !outcome.quarantined.is_empty() || replayed.is_some())
        {
            for id in command.event_ids() {
                if replayed.is_none() && self.events[context].contains_key(id) {
                    continue;
                }
                let mark = StoredEvent {
                    id: id.clone(),
                    source_id: command.source.id.clone(),
                    session_id: answer.session.id.clone(),
                    profile_id: answer.profile.id.clone(),
                };
                self.events[context].insert(id.clone(), mark.clone());
                self.applied.push((context, Applied { event: mark, at: now }));
            }
        }
        self.released.extend(replayed.map(|id| (context, id.to_owned())));
        self.quarantined.extend(outcome.quarantined.into_iter().map(|original| (context, Arc::new(original))));
        self.trails.extend(trails.into_iter().map(|trail| (context, Arc::new(trail))));
        self.delayed.extend(delayed.into_iter().map(|delayed| (context, Arc::new(delayed))));
        for event in events {
            self.events[context].insert(event.id().to_owned(), event.stored());
            self.new_events.push((context, Arc::new(event)));
        }
        if let Some(session) = session.filter(|_| store_session) {
            let sessions = &mut self.sessions[context];
            let before = sessions.get(session.id());
            let known = before.and_then(|slot| slot.value.as_ref()?.profile_id());
            if session.profile_id().is_some() && session.profile_id() != known {
                self.bound[context].insert(session.id().to_owned());
            }
            let slot = Slot::changed(session.clone(), before);
            sessions.insert(session.id().to_owned(), slot);
        }
        if let Some(profile) = profile.filter(|_| store_profile) {
            let own = profile.id().to_owned();
            for id in profile.ids() {
                // Somebody asked for this id and it was nobody's: now it is this profile's.
                if let Some(owner @ None) = self.aliases[context].get_mut(id) {
                    *owner = Some(own.clone());
                }
            }
            self.aliases[context].insert(own.clone(), Some(own.clone()));
            let slot = Slot::changed(profile, self.profiles[context].get(&own));
            self.profiles[context].insert(own, slot);
        }
    }

    /// Whether the group has made so much that no more is to join it.
    pub(crate) fn is_full(&self) -> bool {
        self.delivery_bytes > MAX_DELIVERIES
    }

    /// Whether the group takes an event out of quarantine.
    pub(crate) fn is_released(&self, context: Context, id: &str) -> bool {
        self.released.iter().any(|(of, released)| *of == context && released == id)
    }

    /// Whose the sessions are that are new or have got another profile, when this is what was written.
    pub(crate) fn bound(&self, written: &Written) -> Vec<Bound> {
        let contexts = [Context::Production, Context::Staging].into_iter();
        let changed = contexts.flat_map(|context| {
            self.sessions[context].iter().filter(|(_, slot)| slot.changed).map(move |(id, slot)| (context, id, slot))
        });
        let mut versions = written.sessions.iter().copied();
        changed
            .filter_map(|(context, id, slot)| {
                let (session, version) = (slot.value.as_ref()?, versions.next());
                self.bound[context].contains(id).then_some(())?;
                let profile = session.profile_id()?.to_owned();
                Some(Bound { context, session: id.clone(), profile, version })
            })
            .collect()
    }

    /// How many events the group puts into quarantine.
    pub(crate) fn quarantined(&self) -> u64 {
        self.quarantined.len() as u64
    }

    /// The profiles that the group changed and that await a merge.
    pub(crate) fn awaiting_merge(&self) -> Vec<(Context, Arc<Profile>)> {
        let changed = |context| self.profiles[context].values().filter(|slot| slot.changed);
        let both = [Context::Production, Context::Staging].into_iter();
        both.flat_map(|context| changed(context).filter_map(move |slot| Some((context, slot.value.clone()?))))
            .filter(|(_, profile)| profile.awaits_merge())
            .collect()
    }

    /// Settles those of them whose ids lead to nobody else, neither in the store (which answered for these ids) nor
    /// within the group; tells whether there are others.
    pub(crate) fn settle_merges(&mut self, waiting: &[(Context, Arc<Profile>)], found: &Found) -> bool {
        let mut claims: HashMap<(Context, &str), usize> = HashMap::new();
        for (context, profile) in waiting {
            for id in profile.ids() {
                claims.entry((*context, id)).and_modify(|count| *count += 1).or_insert(1);
            }
        }
        let mut left = false;
        for (context, profile) in waiting {
            let shared = profile.ids().iter().any(|id| {
                let owner = found.profiles.get(&(*context, id.clone()));
                owner.is_some_and(|owner| owner.value.id() != profile.id())
                    || claims.get(&(*context, id.as_str())).is_some_and(|count| *count > 1)
            });
            if shared {
                left = true;
            } else if let Some(slot) = self.profiles[*context].get_mut(profile.id())
                && let Some(value) = &mut slot.value
            {
                Arc::make_mut(value).settle_merge();
                self.alone.push((*context, profile.id().to_owned()));
            }
        }
        left
    }

    /// Everything to be stored. Remembers the weight of what it writes.
    pub(crate) fn batch(&mut self) -> Result<Batch, serde_json::Error> {
        fn changed<T: serde::Serialize>(
            documents: &mut Documents<T>,
            memory: fn(&T, usize) -> usize,
        ) -> Result<Vec<(Context, Document<T>)>, serde_json::Error> {
            let mut list = Vec::new();
            for context in [Context::Production, Context::Staging] {
                for slot in documents[context].values_mut().filter(|slot| slot.changed) {
                    if let Some(value) = &slot.value {
                        let document = Document::replacing(slot.version, value.clone())?;
                        slot.bytes = memory(value, document.text.len());
                        list.push((context, document));
                    }
                }
            }
            Ok(list)
        }
        /// What stays as it was seen. A store without versions has nobody who could change it.
        fn seen<T>(documents: &Documents<T>) -> Vec<(Context, String, Version)> {
            let mut list = Vec::new();
            for context in [Context::Production, Context::Staging] {
                let unchanged = documents[context].iter().filter(|(_, slot)| !slot.changed && slot.value.is_some());
                list.extend(
                    unchanged.filter_map(|(id, slot)| slot.version.map(|version| (context, id.clone(), version))),
                );
            }
            list
        }
        let events = self.new_events.iter().map(|(context, event)| Ok((*context, Document::new(event.clone())?)));
        let delayed = self.delayed.iter().map(|(context, delayed)| Ok((*context, Document::new(delayed.clone())?)));
        let quarantined = self.quarantined.iter();
        let quarantined = quarantined.map(|(context, original)| Ok((*context, Document::new(original.clone())?)));
        let trails = self.trails.iter().map(|(context, trail)| Ok((*context, Document::new(trail.clone())?)));
        Ok(Batch {
            events: events.collect::<Result<_, serde_json::Error>>()?,
            applied: self.applied.clone(),
            sessions: changed(&mut self.sessions, Session::memory)?,
            profiles: changed(&mut self.profiles, Profile::memory)?,
            alone: std::mem::take(&mut self.alone),
            seen_sessions: seen(&self.sessions),
            seen_profiles: seen(&self.profiles),
            deliveries: std::mem::take(&mut self.deliveries),
            delayed: delayed.collect::<Result<_, serde_json::Error>>()?,
            quarantined: quarantined.collect::<Result<_, serde_json::Error>>()?,
            released: std::mem::take(&mut self.released),
            trails: trails.collect::<Result<_, serde_json::Error>>()?,
        })
    }

    /// After the commit: the documents go (back) into the cache, in the versions that were written; gives the new events.
    pub(crate) fn settle(mut self, cache: &mut Cache, written: &Written) -> Vec<(Context, Arc<Event>)> {
        note(&mut self.sessions, &written.sessions);
        note(&mut self.profiles, &written.profiles);
        for (context, sessions) in self.sessions.drain() {
            for (id, slot) in sessions {
                if let Some(value) = slot.value {
                    cache.put_session(context, id, Loaded { value, bytes: slot.bytes, version: slot.version });
                }
            }
        }
        for (context, profiles) in self.profiles.drain() {
            for (id, slot) in profiles {
                if let Some(value) = slot.value {
                    cache.put_profile(context, id, Loaded { value, bytes: slot.bytes, version: slot.version });
                }
            }
        }
        for (context, aliases) in self.aliases.drain() {
            for (alias, own) in aliases {
                if let Some(own) = own.filter(|own| *own != alias) {
                    cache.put_alias(context, alias, own);
                }
            }
        }
        for (context, devices) in self.devices.drain() {
            for (key, seen) in devices {
                cache.put_device(context, key, seen);
            }
        }
        self.new_events
    }
}

/// What has changed, in the order in which [`Sight::batch`] lists it, gets the versions that were written.
fn note<T>(documents: &mut Documents<T>, written: &[Version]) {
    let mut versions = written.iter();
    for context in [Context::Production, Context::Staging] {
        for slot in documents[context].values_mut().filter(|slot| slot.changed && slot.value.is_some()) {
            slot.version = versions.next().copied();
        }
    }
}
