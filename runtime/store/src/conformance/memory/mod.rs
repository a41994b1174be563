//! Documents in memory: a store for tests that need thousands of them, and for simulations. It has no thread and waits for
//! nothing, so everything about it follows from the calls. What it holds is what a disk would hold: a process that is
//! gone is simulated by dropping everything but the [`Memory`].

mod history;
mod merge;
mod outbox;
mod query;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tracardi_model::{Context, Delayed, Event, Original, PerContext, Profile, Session, StoredEvent, Trail};

use crate::{
    APPLIED_LIFE, Applied, Batch, Committed, Counts, Document, Documents, Found, Histogram, Holding, Index, Loaded,
    Merge, Merged, ORIGINAL_LIFE, Page, Repointed, Select, StoreError, Version, Waiting, Wanted, Written,
};

/// The store; a cheap handle.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Disk>>);

/// What is durable.
#[derive(Debug, Default)]
pub struct Disk {
    contexts: PerContext<Tables>,
    /// Profiles that await a merge, by a number that is never used again.
    waiting: BTreeMap<i64, (Context, String)>,
    last_waiting: i64,
    /// Profiles that are gone and may still be named by sessions and events, the oldest merge first.
    unfinished: Vec<(Context, String)>,
    /// Every merge, the oldest first.
    merged: Vec<(Context, Merged)>,
    outbox: outbox::Deposit,
    last_row: u64,
}

/// The documents of a context, by id.
#[derive(Debug, Default)]
pub struct Tables {
    /// Events.
    pub events: BTreeMap<String, Row<Event>>,
    /// Events that were applied and not kept.
    pub applied: BTreeMap<String, Applied>,
    /// Sessions.
    pub sessions: BTreeMap<String, Row<Session>>,
    /// Profiles by their own ids.
    pub profiles: BTreeMap<String, Row<Profile>>,
    /// What is to happen later.
    pub delayed: BTreeMap<String, Row<Delayed>>,
    /// What clients sent for events that could not be taken as they came.
    pub quarantine: BTreeMap<String, Row<Original>>,
    /// What became of events, by their ids.
    pub trails: BTreeMap<String, Row<Trail>>,
    /// Every id that leads to a profile, and to which.
    pub identity: BTreeMap<String, String>,
}

/// A stored document.
#[derive(Debug)]
pub struct Row<T> {
    /// Grows from one new document to the next; a replaced one keeps its number.
    pub number: u64,
    /// The time by which lists are ordered.
    inserted: Timestamp,
    /// The document.
    pub document: Document<T>,
    /// Grows with every write.
    written: u64,
}

impl<T> Row<T> {
    const fn version(&self) -> Version {
        Version { seq_no: self.written, primary_term: 1 }
    }
}

impl Tables {
    /// The profile that an id leads to.
    #[must_use]
    pub fn profile(&self, id: &str) -> Option<&Row<Profile>> {
        self.profiles.get(self.identity.get(id)?)
    }

    /// All ids that lead to the profile to which this one leads, and this one.
    fn ids_of(&self, id: &str) -> BTreeSet<String> {
        let own = self.identity.get(id);
        let others = self.identity.iter().filter(|(_, other)| Some(*other) == own).map(|(alias, _)| alias.clone());
        others.chain([id.to_owned()]).collect()
    }

    /// Whether the event is stored as it should be.
    fn is_valid(&self, id: &str) -> bool {
        self.events.get(id).is_some_and(|row| row.document.value.metadata.valid)
    }

    /// Takes an event out of quarantine: what stood in its place goes.
    fn release(&mut self, id: &str) {
        if !self.is_valid(id) {
            self.events.remove(id);
        }
        self.applied.remove(id);
        self.quarantine.remove(id);
        self.trails.remove(id);
    }

    /// An id belongs to the profile that had it first; only a profile's own id always leads to itself.
    fn lead(&mut self, alias: &str, own: &str) {
        if alias == own || !self.identity.contains_key(alias) {
            self.identity.insert(alias.to_owned(), own.to_owned());
        }
    }

    fn stored(&self, id: &str) -> Option<StoredEvent> {
        let kept = || self.events.get(id).map(|row| row.document.value.stored());
        let mut event = kept().or_else(|| self.applied.get(id).map(|applied| applied.event.clone()))?;
        let now = event.profile_id.as_ref().and_then(|id| self.identity.get(id)).cloned();
        event.profile_id = now.or(event.profile_id);
        Some(event)
    }
}

impl Disk {
    /// The documents of a context.
    #[must_use]
    pub fn tables(&self, context: Context) -> &Tables {
        &self.contexts[context]
    }

    /// Whether it is known that this profile awaits a merge.
    #[must_use]
    pub fn awaits(&self, context: Context, id: &str) -> bool {
        self.waiting.values().any(|(of, waits)| *of == context && waits == id)
    }

    /// Whether no profile awaits a merge and nothing names a profile that is gone.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.unfinished.is_empty()
    }

    /// Whether a document is in the state that somebody has seen.
    fn is_current<T>(rows: &BTreeMap<String, Row<T>>, id: &str, seen: Option<Version>) -> bool {
        rows.get(id).map(Row::version) == seen
    }

    fn commit(&mut self, batch: Batch) -> Result<Committed, StoreError> {
        let Batch {
            events,
            applied,
            sessions,
            profiles,
            alone,
            seen_sessions,
            seen_profiles,
            deliveries,
            delayed,
            quarantined,
            released,
            trails,
        } = batch;
        let forgotten = self.too_old(&applied);
        let exists = |disk: &Self, context: Context, id: &str| {
            let tables = &disk.contexts[context];
            if released.iter().any(|(of, released)| *of == context && released == id) {
                return tables.is_valid(id);
            }
            tables.events.contains_key(id) || tables.applied.contains_key(id)
        };
        let mut new = BTreeSet::new();
        let known = events.iter().any(|(context, event)| {
            exists(self, *context, event.value.id()) || !new.insert((*context, event.value.id()))
        }) || applied.iter().any(|(context, Applied { event, .. })| {
            let forgotten = forgotten.iter().any(|(of, id)| of == context && *id == event.id);
            !forgotten && exists(self, *context, &event.id) || !new.insert((*context, &event.id))
        });
        if known {
            return Ok(Committed::EventExists);
        }
        let current = sessions
            .iter()
            .all(|(context, one)| Self::is_current(&self.contexts[*context].sessions, one.value.id(), one.replaces))
            && profiles.iter().all(|(context, one)| {
                Self::is_current(&self.contexts[*context].profiles, one.value.id(), one.replaces)
            });
        let shares = |(context, profile): &(Context, Document<Profile>)| {
            let own = profile.value.id();
            let others =
                |id: &String| self.contexts[*context].profile(id).is_some_and(|row| row.document.value.id() != own);
            alone.iter().any(|(of, id)| of == context && id == own) && profile.value.ids().iter().any(others)
        };
        let is_as_seen = {
            let tables = |context: Context| &self.contexts[context];
            let session = |(of, id, version): &(Context, String, Version)| {
                Self::is_current(&tables(*of).sessions, id, Some(*version))
            };
            let profile = |(of, id, version): &(Context, String, Version)| {
                Self::is_current(&tables(*of).profiles, id, Some(*version))
            };
            seen_sessions.iter().all(session) && seen_profiles.iter().all(profile)
        };
        if !current || !is_as_seen || profiles.iter().any(shares) {
            return Err(StoreError::Stale);
        }
        let mut written = Written::default();
        for (context, id) in forgotten {
            self.contexts[context].applied.remove(&id);
        }
        for (context, id) in released {
            self.contexts[context].release(&id);
        }
        for (context, event) in events {
            let row = self.row(event.value.insert(), event);
            self.contexts[context].events.insert(row.document.value.id.clone(), row);
        }
        for (context, applied) in applied {
            self.contexts[context].applied.insert(applied.event.id.clone(), applied);
        }
        for (context, session) in sessions {
            let row = self.row(session.value.insert(), session);
            written.sessions.push(row.version());
            replace(&mut self.contexts[context].sessions, row.document.value.id.clone(), row);
        }
        for (context, profile) in profiles {
            if profile.value.awaits_merge() {
                self.wait(context, profile.value.id());
            }
            written.profiles.push(self.put_profile(context, profile));
        }
        for (context, delivery) in deliveries {
            self.outbox.join(context, delivery);
        }
        for (context, later) in delayed {
            let row = self.row(later.value.due, later);
            self.contexts[context].delayed.entry(row.document.value.id.clone()).or_insert(row);
        }
        for context in [Context::Production, Context::Staging] {
            let coming = quarantined.iter().filter(|(of, _)| *of == context).map(|(_, original)| original.value.at);
            self.forget_originals(context, &coming.collect::<Vec<_>>());
        }
        for (context, original) in quarantined {
            let row = self.row(original.value.at, original);
            self.contexts[context].quarantine.entry(row.document.value.id.clone()).or_insert(row);
        }
        self.put_trails(trails);
        Ok(Committed::Stored(written))
    }

    /// The applied events to be forgotten when these come: at most two for each, the oldest first.
    fn too_old(&self, coming: &[(Context, Applied)]) -> Vec<(Context, String)> {
        let Some(newest) = coming.iter().map(|(_, applied)| applied.at).max() else { return Vec::new() };
        let contexts = [Context::Production, Context::Staging].into_iter();
        let all =
            contexts.flat_map(|context| self.contexts[context].applied.values().map(move |applied| (context, applied)));
        let mut old: Vec<_> = all.filter(|(_, applied)| newest.duration_since(applied.at) > APPLIED_LIFE).collect();
        old.sort_by_key(|(_, applied)| applied.at);
        old.into_iter().take(2 * coming.len()).map(|(context, applied)| (context, applied.event.id.clone())).collect()
    }

    /// When these come to the quarantine, at most two go for each whose time is over, the oldest first.
    fn forget_originals(&mut self, context: Context, coming: &[Timestamp]) {
        let Some(newest) = coming.iter().max() else { return };
        let quarantine = &mut self.contexts[context].quarantine;
        let old = quarantine.iter().filter(|(_, row)| newest.duration_since(row.inserted) > ORIGINAL_LIFE);
        let mut old: Vec<_> = old.map(|(id, row)| (row.inserted, row.number, id.clone())).collect();
        old.sort_unstable();
        for (_, _, id) in old.into_iter().take(2 * coming.len()) {
            quarantine.remove(&id);
        }
    }

    fn row<T>(&mut self, inserted: Timestamp, document: Document<T>) -> Row<T> {
        self.last_row += 1;
        Row { number: self.last_row, inserted, document, written: self.last_row }
    }

    fn put_profile(&mut self, context: Context, profile: Document<Profile>) -> Version {
        let row = self.row(profile.value.insert(), profile);
        let tables = &mut self.contexts[context];
        let profile = row.document.value.clone();
        tables.lead(profile.id(), profile.id());
        for alias in profile.ids() {
            tables.lead(alias, profile.id());
        }
        let version = row.version();
        replace(&mut tables.profiles, profile.id.clone(), row);
        version
    }

    fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let mut profiles: BTreeSet<(Context, &str)> = wanted.profiles.iter().copied().collect();
        for (context, id) in &wanted.sessions {
            let Some(row) = self.contexts[*context].sessions.get(*id) else { continue };
            profiles.extend(row.document.value.profile_id().map(|id| (*context, id)));
            let session = read(row, Session::memory)?;
            found.sessions.insert((*context, (*id).to_owned()), session);
        }
        for (context, id) in profiles {
            if let Some(row) = self.contexts[context].profile(id) {
                found.profiles.insert((context, id.to_owned()), read(row, Profile::memory)?);
            }
        }
        for (context, id) in &wanted.events {
            found.events.extend(self.contexts[*context].stored(id).map(|event| ((*context, (*id).to_owned()), event)));
        }
        Ok(found)
    }

    fn get(&self, context: Context, index: Index, id: &str) -> Option<&str> {
        let tables = &self.contexts[context];
        match index {
            Index::Event => tables.events.get(id).map(|row| row.document.text.as_str()),
            Index::Session => tables.sessions.get(id).map(|row| row.document.text.as_str()),
            Index::Profile => tables.profile(id).map(|row| row.document.text.as_str()),
        }
    }

    fn delete(&mut self, context: Context, index: Index, id: &str) -> bool {
        let tables = &mut self.contexts[context];
        match index {
            Index::Event => {
                tables.quarantine.remove(id);
                tables.trails.remove(id);
                let known = tables.events.remove(id).map(|row| row.document.value);
                let mark = known.map(|event| Applied { event: event.stored(), at: event.insert() });
                mark.is_some_and(|mark| tables.applied.insert(id.to_owned(), mark).is_none())
            }
            Index::Session => tables.sessions.remove(id).is_some(),
            Index::Profile => {
                if tables.identity.get(id).is_some_and(|own| own == id) {
                    let ids = tables.ids_of(id);
                    tables.delayed.retain(|_, row| {
                        row.document.value.profile.as_ref().is_none_or(|profile| !ids.contains(profile))
                    });
                    tables.quarantine.retain(|_, row| {
                        row.document.value.profile.as_ref().is_none_or(|profile| !ids.contains(profile))
                    });
                    tables.trails.retain(|_, row| {
                        row.document.value.profile.as_ref().is_none_or(|profile| !ids.contains(profile))
                    });
                    self.outbox.forget_profile(context, &ids);
                    self.merged.retain(|(of, merged)| *of != context || !ids.contains(&merged.into));
                    self.unfinished.retain(|(of, gone)| *of != context || !ids.contains(gone));
                }
                let tables = &mut self.contexts[context];
                tables.identity.retain(|_, own| own != id);
                let deleted = tables.profiles.remove(id).is_some();
                self.forget_waiting(context, id);
                deleted
            }
        }
    }
}

/// A replaced document keeps its number and its place in lists.
fn replace<T>(rows: &mut BTreeMap<String, Row<T>>, id: String, row: Row<T>) {
    if let Some(known) = rows.get_mut(&id) {
        known.document = row.document;
        known.written = row.written;
    } else {
        rows.insert(id, row);
    }
}

/// What a process gets to see is made of the text.
fn read<T: DeserializeOwned>(row: &Row<T>, memory: fn(&T, usize) -> usize) -> Result<Loaded<T>, StoreError> {
    let text = &row.document.text;
    let value: T = serde_json::from_str(text)
        .map_err(|error| StoreError::Corrupt { what: "document".to_owned(), reason: error.to_string() })?;
    let bytes = memory(&value, text.len());
    Ok(Loaded { value: Arc::new(value), bytes, version: Some(row.version()) })
}

impl Memory {
    /// Looks at what is durable.
    pub fn look<R>(&self, at: impl FnOnce(&Disk) -> R) -> R {
        at(&self.0.lock().unwrap())
    }

    fn change<R>(&self, by: impl FnOnce(&mut Disk) -> R) -> R {
        by(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Documents for Memory {
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        self.look(|disk| disk.load(wanted))
    }

    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError> {
        self.change(|disk| disk.commit(batch))
    }

    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        Ok(self.look(|disk| disk.awaiting_merge(after, limit)))
    }

    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError> {
        self.change(|disk| disk.merge(merge))
    }

    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError> {
        Ok(self.change(|disk| disk.repoint(limit)))
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.look(|disk| Ok(disk.get(context, index, id).map(|text| RawValue::from_string(text.to_owned()).unwrap())))
    }

    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        Ok(self.change(|disk| disk.delete(context, index, id)))
    }

    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        self.look(|disk| Ok(disk.rows(context, index).len() as u64))
    }

    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError> {
        self.look(|disk| query::page(disk.rows(context, index), select))
    }

    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError> {
        self.look(|disk| query::holding(disk.rows(context, index), index, holding))
    }

    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError> {
        self.look(|disk| query::counts(disk.rows(context, index), histogram))
    }

    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        self.look(|disk| Ok(query::types(disk.rows(context, Index::Event), limit)))
    }

    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.look(|disk| {
            Ok(query::soonest(disk.tables(context).delayed.values().map(Into::into).collect(), start, limit))
        })
    }

    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        self.look(|disk| {
            let tables = disk.tables(context);
            let kept = tables.quarantine.get(id).filter(|_| !tables.is_valid(id));
            Ok(kept.map(|row| RawValue::from_string(row.document.text.clone()).unwrap()))
        })
    }

    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError> {
        self.look(|disk| {
            Ok(query::newest(disk.tables(context).quarantine.values().map(Into::into).collect(), start, limit))
        })
    }

    async fn refresh(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
