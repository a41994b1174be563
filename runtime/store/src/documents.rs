//! The documents: events, sessions, profiles. What the collector writes and the private API reads.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use tracardi_language::Source;
use tracardi_language::condition::Condition;
use tracardi_language::filter::Filter;
use tracardi_model::{Context, Delayed, Delivery, Event, Original, Profile, Session, StoredEvent, Trail};

use crate::StoreError;
use crate::merges::{Merge, Repointed, Waiting};

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Index {
    /// Events: written once; later only led to another profile, when theirs is merged into it.
    Event,
    /// Sessions: replaced as a whole.
    Session,
    /// Profiles: replaced as a whole, found by any of their ids.
    Profile,
}

impl Index {
    /// How conditions call a document of this kind: the word before the `@`.
    #[must_use]
    pub const fn source(self) -> Source {
        match self {
            Self::Event => Source::Event,
            Self::Session => Source::Session,
            Self::Profile => Source::Profile,
        }
    }
}

/// What a group of requests needs to know before it can be processed; keys may repeat.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Sessions by id.
    pub sessions: Vec<(Context, &'a str)>,
    /// Profiles by any of their ids.
    pub profiles: Vec<(Context, &'a str)>,
    /// Events by id: which of them are stored already?
    pub events: Vec<(Context, &'a str)>,
}

impl Wanted<'_> {
    /// Whether there is nothing to ask for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.profiles.is_empty() && self.events.is_empty()
    }
}

/// The answer to [`Wanted`]. What is not in it does not exist. Each map is in the order in which the store found its entries: what
/// the collector makes of an answer never depends on the order of a hash table.
#[derive(Debug, Default)]
pub struct Found {
    /// Sessions by id.
    pub sessions: IndexMap<(Context, String), Loaded<Session>>,
    /// Profiles by the id that was asked for; also those that the found sessions name, by the id that the session has.
    /// One profile may stand under several ids.
    pub profiles: IndexMap<(Context, String), Loaded<Profile>>,
    /// The part of the wanted events that is stored; their profiles as they are called now.
    pub events: IndexMap<(Context, String), StoredEvent>,
    /// Ids, of those that were asked for, of profiles that were deleted, and when: for requests that were accepted before and come
    /// later. Empty where nothing can come later.
    pub erased: IndexMap<(Context, String), Timestamp>,
}

/// Which state of a document somebody has seen: its place in the history of its shard, as Elasticsearch counts. Whoever writes a
/// document says which version the new one replaces; if it is not the newest any more, nothing is written
/// ([`StoreError::Stale`]). Stores with a single writer give no versions and look at none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// The operation that wrote the document.
    pub seq_no: u64,
    /// How often the shard has had another primary copy by then.
    pub primary_term: u64,
}

/// A document that was read.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The document.
    pub value: Arc<T>,
    /// Bytes of memory that it takes, roughly: what it weighs in a cache.
    pub bytes: usize,
    /// Which state of it this is.
    pub version: Option<Version>,
}

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), bytes: self.bytes, version: self.version }
    }
}

/// A document to be written, with the JSON text that is kept of it.
#[derive(Clone, Debug)]
pub struct Document<T> {
    /// The document.
    pub value: Arc<T>,
    /// Its JSON text.
    pub text: String,
    /// Of sessions and profiles: the version that it replaces; none for a new one. Nothing else is ever replaced.
    pub replaces: Option<Version>,
}

impl<T: Serialize> Document<T> {
    /// Makes the text. Fails for nothing that our own types can hold.
    pub fn new(value: Arc<T>) -> Result<Self, serde_json::Error> {
        Self::replacing(None, value)
    }

    /// As [`Document::new`], in place of another one.
    pub fn replacing(replaces: Option<Version>, value: Arc<T>) -> Result<Self, serde_json::Error> {
        let mut text = Text(Vec::with_capacity(TYPICAL_BYTES));
        serde_json::to_writer(&mut text, &*value)?;
        let text = String::from_utf8(text.0).map_err(serde::ser::Error::custom)?;
        Ok(Self { value, text, replaces })
    }
}

/// Most events are shorter.
const TYPICAL_BYTES: usize = 2_560;

/// What a document is written to. Of its pieces more than half are a single character, for which a copy costs ten times as
/// much as the character.
struct Text(Vec<u8>);

impl io::Write for Text {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes {
            [character] => self.0.push(*character),
            bytes => self.0.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a group of requests leaves behind: stored as a whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// New events. None of them may exist.
    pub events: Vec<(Context, Document<Event>)>,
    /// Events that have been applied to session and profile but are not kept as documents (their source or the request
    /// said so). Their ids are remembered for [`APPLIED_LIFE`], so that the same event is not applied twice.
    pub applied: Vec<(Context, Applied)>,
    /// Sessions to create or replace; no id twice.
    pub sessions: Vec<(Context, Document<Session>)>,
    /// Profiles to create or replace; no id twice. Ids that belong to no other profile yet lead to this one from now
    /// on. Those that [await a merge](Profile::awaits_merge) are remembered.
    pub profiles: Vec<(Context, Document<Profile>)>,
    /// The ids of those of the profiles that [awaited a merge](Profile::awaits_merge) and do not any more, because the store was
    /// asked for their ids and none led to anybody else. A store to which several processes write fails with
    /// [`StoreError::Stale`] if one of these ids belongs to somebody else by now: two that come at the same moment must not both
    /// believe that they are alone.
    pub alone: Vec<(Context, String)>,
    /// Sessions that were looked at and are not written, with their versions, where the store gives some. One that has changed or
    /// is gone fails the batch with [`StoreError::Stale`]: what follows from it would be made of what is not so any more.
    pub seen_sessions: Vec<(Context, String, Version)>,
    /// The same of profiles, by their own ids.
    pub seen_profiles: Vec<(Context, String, Version)>,
    /// What destinations are to get: joins the [outbox](crate::outbox), unless it is there already.
    pub deliveries: Vec<(Context, Delivery)>,
    /// What is to happen later; what is there already stays as it is.
    pub delayed: Vec<(Context, Document<Delayed>)>,
    /// What clients sent for events that could not be taken as they came; what is there already stays as it is. Kept for
    /// [`ORIGINAL_LIFE`].
    pub quarantined: Vec<(Context, Document<Original>)>,
    /// Ids of events that leave the quarantine: what stood in their place goes before the new events come.
    pub released: Vec<(Context, String)>,
    /// What became of the events, those that are [applied](Batch::applied) included; replaces what is told of them.
    pub trails: Vec<(Context, Document<Trail>)>,
}

impl Batch {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { events, applied, sessions, profiles, deliveries, delayed, quarantined, released, trails, .. } = self;
        let documents = events.is_empty() && applied.is_empty() && sessions.is_empty() && profiles.is_empty();
        let later = deliveries.is_empty() && delayed.is_empty();
        documents && later && quarantined.is_empty() && released.is_empty() && trails.is_empty()
    }
}

/// An event that leaves nothing but its id behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What is remembered of it.
    pub event: StoredEvent,
    /// When it was applied.
    pub at: Timestamp,
}

/// How long the id of an event that is not kept is remembered at least: a week. Who repeats a request does so within
/// minutes; and the ids must not add up for ever.
pub const APPLIED_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long what a client sent is kept for an event that could not be taken, at least: 30 days.
pub const ORIGINAL_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What became of a [`Batch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// All of it is on disk: neither kill -9 nor loss of power takes it away.
    Stored(Written),
    /// One of the events exists already. Nothing was stored: load the events, leave out what is there, commit again.
    EventExists,
}

impl Committed {
    /// Whether it is stored.
    #[must_use]
    pub const fn is_stored(&self) -> bool {
        matches!(self, Self::Stored(_))
    }
}

/// The versions of what a batch has written, each list in the order of the batch's; empty where the store gives none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Of the sessions.
    pub sessions: Vec<Version>,
    /// Of the profiles.
    pub profiles: Vec<Version>,
}

/// A pattern in a query has at most so many `*`: a store tries every way of sharing a text among them.
pub const MAX_WILDCARDS: usize = 8;

/// Which documents a query speaks of.
#[derive(Clone, Debug, Default)]
pub enum Matching {
    /// All of them.
    #[default]
    Everything,
    /// Those for which the filter is true.
    Filter(Filter),
    /// Those in whose JSON text each of these blank-separated words occurs; the case of ASCII letters does not matter.
    Words(String),
}

/// One page of documents, newest first (by `metadata.time.insert`, then by the order of storing).
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Inserted at this instant or later.
    pub from: Option<Timestamp>,
    /// Inserted at this instant or earlier.
    pub to: Option<Timestamp>,
    /// Which of them.
    pub matching: Matching,
    /// How many to skip.
    pub start: u64,
    /// How many to give, at most.
    pub limit: u64,
}

/// One page of the documents for which a condition is true, newest first as in [`Select`]. Those for which it has no
/// answer (a field is missing, types do not fit) are not among them.
#[derive(Clone, Debug)]
pub struct Holding {
    /// The condition. Beyond a document itself it may read nothing.
    pub condition: Condition,
    /// The time for functions such as `now()`.
    pub now: Timestamp,
    /// How many to skip.
    pub start: u64,
    /// How many to give, at most.
    pub limit: u64,
}

impl Holding {
    /// An error naming the first field that stands in another document than those of the index.
    pub fn check(&self, index: Index) -> Result<(), StoreError> {
        let own = index.source();
        let foreign = self.condition.fields().into_iter().find(|field| field.source != own);
        foreign.map_or(Ok(()), |field| Err(StoreError::ForeignField { field: field.to_string(), own: own.name() }))
    }
}

/// Bytes of documents on a page, at most: it ends before the document that would be too much, but holds one at least,
/// whatever its size. The next page starts where this one ends, so nothing is left out.
pub const PAGE_BYTES: u64 = 8 << 20;

/// A page of documents as they are stored: fewer than asked for when they reach [`PAGE_BYTES`].
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// How many match, on all pages.
    pub total: u64,
    /// The documents' JSON text, unparsed: it goes to the client as it is.
    pub result: Vec<Box<RawValue>>,
}

/// Counts over time.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Beginning of the first bucket.
    pub from: Timestamp,
    /// Inserted at this instant or earlier.
    pub to: Timestamp,
    /// Which documents.
    pub matching: Matching,
    /// Width of a bucket in seconds, at least 1. The range may hold at most [`MAX_BUCKETS`] of them; later ones are not
    /// counted.
    pub width_seconds: i64,
    /// Split each bucket by the values of this field (dotted name; a list counts once for each element); the
    /// [`TOP_VALUES`] most frequent values are told.
    pub group_by: Option<String>,
}

/// How many buckets a histogram has at most.
pub const MAX_BUCKETS: i64 = 10_000;
/// How many values of the grouping field a histogram tells.
pub const TOP_VALUES: usize = 5;

/// The answer to [`Histogram`]: every bucket of the range in order of time, empty ones too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Documents in the range.
    pub total: u64,
    /// With `group_by`: the values told, most frequent first. Without: empty.
    pub groups: Vec<String>,
    /// The buckets.
    pub buckets: Vec<Bucket>,
}

/// One bucket of a histogram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Beginning of the bucket.
    pub start: Timestamp,
    /// Documents in the bucket.
    pub count: u64,
    /// Documents for each of [`Counts::groups`], in that order.
    pub by_group: Vec<u64>,
}

/// Where documents are kept. A read by id sees every commit that was acknowledged before it began.
///
/// One process writes, or several write what each has seen last ([`Version`]): then a commit that meets a newer session or profile
/// ends in [`StoreError::Stale`].
#[async_trait]
pub trait Documents: Send + Sync + std::fmt::Debug {
    /// Everything that a group of requests must know, in one round trip.
    async fn load(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError>;

    /// Stores a batch as a whole, durably, or nothing of it. A store of several writers keeps that promise for each profile with
    /// everything that names it; so after an error, and after [`StoreError::Stale`], a part may be stored. Load anew, events
    /// included, leave out what is there, commit again: then all is as if it had been stored at once.
    async fn commit(&self, batch: Batch) -> Result<Committed, StoreError>;

    /// Profiles that await a merge and have a number greater than `after`, at most `limit`.
    async fn awaiting_merge(&self, after: i64, limit: u32) -> Result<Waiting, StoreError>;

    /// Makes a merge true, durably, or nothing of it; [`StoreError::Stale`] when one of the profiles has changed since it was loaded. The newest sessions of the profiles that are gone are carried over at
    /// once; the rest is left to [`repoint`](Documents::repoint).
    async fn merge(&self, merge: Merge) -> Result<Repointed, StoreError>;

    /// Carries over at most `limit` sessions and events of profiles that are gone. To be called as long as something is
    /// unfinished; a crash or a repetition does no harm.
    async fn repoint(&self, limit: u32) -> Result<Repointed, StoreError>;

    /// Whether a commit would succeed now: writes a few bytes durably. For finding out that a full disk has space again.
    async fn probe(&self) -> Result<(), StoreError>;

    /// A document by id; a profile by any of its ids.
    async fn get(&self, context: Context, index: Index, id: &str) -> Result<Option<Box<RawValue>>, StoreError>;

    /// Removes a document by its own id, durably; whether there was one. With a profile go its other ids, its deliveries in
    /// whatever state, what is to happen later and what is in quarantine under any of its ids; events and sessions that name
    /// it stay. With an event goes what is in quarantine for it; its id stays known for [`APPLIED_LIFE`] after it was
    /// inserted, so that what it did is not done again when its request is repeated. Only the one who writes may call this:
    /// what it holds in memory must go as well.
    async fn delete(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError>;

    /// How many documents there are.
    async fn count(&self, context: Context, index: Index) -> Result<u64, StoreError>;

    /// A page of documents.
    async fn select(&self, context: Context, index: Index, select: &Select) -> Result<Page, StoreError>;

    /// A page of the documents for which a condition is true: [`Condition::evaluate`] says `true` of each of them, and of no
    /// other.
    async fn holding(&self, context: Context, index: Index, holding: &Holding) -> Result<Page, StoreError>;

    /// Counts over time.
    async fn histogram(&self, context: Context, index: Index, histogram: &Histogram) -> Result<Counts, StoreError>;

    /// The types that events have had, in order of their bytes, at most `limit`.
    async fn event_types(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError>;

    /// A page of what is to happen later, the soonest first: [`Delayed`] as JSON.
    async fn delayed(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError>;

    /// What a client sent for an event in quarantine: [`Original`] as JSON. None also for an event that is not in quarantine
    /// any more, because it was stored as it should be.
    async fn original(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError>;

    /// A page of what is in quarantine, the newest first: [`Original`] as JSON.
    async fn quarantine(&self, context: Context, start: u64, limit: u64) -> Result<Page, StoreError>;

    /// Makes every acknowledged write visible to queries. Nothing to do where they always are.
    async fn refresh(&self) -> Result<(), StoreError>;
}
