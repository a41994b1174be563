//! Everything that a group of requests must know, by id: one request for what is named, another one for what that leads to.
//!
//! What is asked for follows from what is known; as long as something is missing it is looked up. Before anything is answered,
//! what others have left is finished: what is pending in a session or profile ([`crate::commit`]), and a merge that has got no
//! further than marking profiles ([`crate::merge`]).

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use tracardi_model::{Context, Profile, Session, StoredEvent};
use tracardi_store::{Found, Loaded, StoreError, Wanted};

use crate::bulk::{Mode, Op, Outcome, Place};
use crate::document::{Source, parse};
use crate::elastic::Inner;
use crate::get::{Held, Known, Spot};
use crate::names::{Kind, key, key_of_term, term};

const PROFILE: Place = Place::of(Kind::Profile);
const IDENTITY: Place = Place::of(Kind::Identity);
const SESSION: Place = Place::of(Kind::Session);
const APPLIED: Place = Place::of(Kind::Applied);

/// How often something may turn up that others have left.
pub(crate) const ROUNDS: u32 = 16;
/// How many profiles an id is passed on by.
const HOPS: u32 = 16;

/// Where an id leads, as far as is known.
pub(crate) enum Led {
    /// To the profile with this `_id`.
    To(String),
    Nowhere,
    /// These must be looked up first.
    Unknown(Vec<Spot>),
}

/// What an event says of itself.
#[derive(Deserialize)]
struct Told {
    id: String,
    source: Named,
    session: Option<Named>,
    profile: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

impl Told {
    fn stored(self) -> StoredEvent {
        let id = |named: Option<Named>| named.map(|named| named.id).filter(|id| !id.is_empty());
        StoredEvent {
            id: self.id,
            source_id: self.source.id,
            session_id: id(self.session),
            profile_id: id(self.profile),
        }
    }
}

/// Follows an id, given as a term.
pub(crate) fn lead(known: &Known, context: Context, id: &str) -> Result<Led, StoreError> {
    let mut at = key_of_term(context, id);
    for _ in 0..HOPS {
        let spots = [(PROFILE, at.clone()), (IDENTITY, at.clone())];
        let unknown: Vec<Spot> = spots.iter().filter(|spot| !known.has_whole(spot)).cloned().collect();
        if !unknown.is_empty() {
            return Ok(Led::Unknown(unknown));
        }
        let next = match (known.get(PROFILE, &at), known.get(IDENTITY, &at)) {
            (Some(held), _) => match held.envelope()?.survivor {
                Some(survivor) => survivor,
                None => return Ok(Led::To(at)),
            },
            (None, Some(held)) => match held.envelope()?.profile {
                Some(owner) => owner,
                None => return Ok(Led::Nowhere),
            },
            (None, None) => return Ok(Led::Nowhere),
        };
        at = key_of_term(context, &next);
    }
    Ok(Led::Nowhere)
}

/// Follows an id to the profiles that it is about: what must be looked up for it, what is in sight already.
fn follow(
    known: &Known,
    context: Context,
    id: &str,
    missing: &mut Vec<(Spot, bool)>,
    anchors: &mut Vec<Spot>,
) -> Result<(), StoreError> {
    match lead(known, context, id)? {
        Led::Unknown(spots) => missing.extend(spots.into_iter().map(|spot| (spot, true))),
        Led::To(key) => anchors.push((PROFILE, key)),
        Led::Nowhere => {}
    }
    // A profile that is being merged is in sight as well.
    let own = key_of_term(context, id);
    if known.get(PROFILE, &own).is_some() {
        anchors.push((PROFILE, own));
    }
    Ok(())
}

impl Inner {
    pub(crate) async fn load_wanted(&self, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        if wanted.is_empty() {
            return Ok(Found::default());
        }
        for _ in 0..ROUNDS {
            let (known, left) = self.look_around(wanted).await?;
            let next = self.next_generation();
            if known.has(&(next, "any".to_owned())) && !known.lacks(next) {
                self.learn_generation().await?;
            } else if !self.clean_up(&known, left).await? {
                return self.found(&known, wanted);
            }
        }
        Err(StoreError::Stale)
    }

    /// Looks up until nothing is missing. Gives also the profiles and sessions that came into sight.
    async fn look_around(&self, wanted: &Wanted<'_>) -> Result<(Known, Vec<Spot>), StoreError> {
        let mut known = Known::default();
        let mut asked: Vec<(Spot, bool)> = Vec::new();
        asked.extend(wanted.sessions.iter().map(|(context, id)| ((SESSION, key(*context, id)), true)));
        for (context, id) in &wanted.profiles {
            let key = key(*context, id);
            asked.extend([((PROFILE, key.clone()), true), ((IDENTITY, key), true)]);
        }
        for (context, id) in &wanted.events {
            let key = key(*context, id);
            asked.extend(self.recent(Kind::Event).map(|place| ((place, key.clone()), true)));
            asked.push(((APPLIED, key), true));
        }
        if !wanted.events.is_empty() {
            asked.push(((self.next_generation(), "any".to_owned()), false));
        }
        let mut anchors: Vec<Spot> = Vec::new();
        loop {
            self.look_up(&mut known, asked).await?;
            let mut missing: Vec<(Spot, bool)> = Vec::new();
            anchors.clear();
            for (context, id) in &wanted.sessions {
                let spot = (SESSION, key(*context, id));
                if let Some(held) = known.get(SESSION, &spot.1) {
                    if let Some(profile) = held.envelope()?.profile {
                        follow(&known, *context, &profile, &mut missing, &mut anchors)?;
                    }
                    anchors.push(spot);
                }
            }
            for (context, id) in &wanted.profiles {
                follow(&known, *context, &term(id), &mut missing, &mut anchors)?;
            }
            for (context, id) in &wanted.events {
                if let Some(held) = self.event(&known, *context, id)
                    && let Some(profile) = held.envelope()?.profile
                {
                    follow(&known, *context, &profile, &mut missing, &mut Vec::new())?;
                }
            }
            for (place, key) in &anchors {
                let Some(rest) = known.get(*place, key).map(Held::pending).transpose()?.flatten() else { continue };
                missing.extend(rest.spots().filter(|spot| !known.has(spot)).map(|spot| (spot, false)));
            }
            if missing.is_empty() {
                return Ok((known, anchors));
            }
            asked = missing;
        }
    }

    /// Finishes what others have left; whether there was anything.
    async fn clean_up(&self, known: &Known, mut anchors: Vec<Spot>) -> Result<bool, StoreError> {
        anchors.sort_by(|a, b| (a.0.kind, &a.1).cmp(&(b.0.kind, &b.1)));
        anchors.dedup();
        let mut anything = false;
        for (place, key) in &anchors {
            let Some(rest) = known.get(*place, key).map(Held::pending).transpose()?.flatten() else { continue };
            if !rest.is_done(known, self.clock.now()) {
                self.complete_for(&rest).await?;
                anything = true;
            }
        }
        if anything {
            return Ok(true);
        }
        for (place, key) in &anchors {
            let Some(held) = known.get(*place, key) else { continue };
            if let Some(survivor) = held.envelope()?.survivor {
                self.unlock(key, held, &survivor).await?;
                anything = true;
            }
        }
        Ok(anything)
    }

    /// Takes a profile out of a merge that was given up halfway: first the survivor gets another version, so that who meant to
    /// merge them cannot any more, then the mark is taken off.
    pub(crate) async fn unlock(&self, key: &str, held: &Held, survivor: &str) -> Result<(), StoreError> {
        let mut envelope = held.envelope()?;
        let other = key_of_term(envelope.context, survivor);
        let mut known = Known::default();
        self.look_up(&mut known, [((PROFILE, other.clone()), true)]).await?;
        if let Some(survivor) = known.get(PROFILE, &other) {
            if let Some(rest) = survivor.pending()? {
                self.complete_for(&rest).await?;
                let gone = |op: &Op| op.place.kind == Kind::Profile && op.key == key && op.mode.deletes();
                if rest.ops.iter().any(gone) {
                    return Ok(());
                }
            }
            if !self.rewrite(&other, survivor).await? {
                return Ok(());
            }
        }
        envelope.survivor = None;
        let source = Source::searchable(envelope, held.text()?.get().to_owned());
        let mode = Mode::replacing(Some(held.version));
        self.bulk(&[&Op { key: key.to_owned(), ..Op::write(PROFILE, mode, source) }]).await?;
        Ok(())
    }

    /// Writes a profile as it is, without what was pending; whether it was still as it was seen.
    async fn rewrite(&self, key: &str, held: &Held) -> Result<bool, StoreError> {
        let source = Source::searchable(held.envelope()?, held.text()?.get().to_owned());
        let op = Op { key: key.to_owned(), ..Op::write(PROFILE, Mode::replacing(Some(held.version)), source) };
        let outcomes = self.bulk(&[&op]).await?;
        Ok(matches!(outcomes.first(), Some(Outcome::Done(_))))
    }

    /// What is pending in a session or profile is done, and it does not say so any more: for those who are about to remove
    /// what it tells of.
    pub(crate) async fn settle(&self, place: Place, key: &str) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let mut known = Known::default();
            self.look_up(&mut known, [((place, key.to_owned()), true)]).await?;
            let Some(held) = known.get(place, key) else { return Ok(()) };
            let Some(rest) = held.pending()? else { return Ok(()) };
            self.complete_for(&rest).await?;
            let source = Source::searchable(held.envelope()?, held.text()?.get().to_owned());
            let op = Op { key: key.to_owned(), ..Op::write(place, Mode::replacing(Some(held.version)), source) };
            if let [Outcome::Done(_)] = self.bulk(&[&op]).await?.as_slice() {
                return Ok(());
            }
        }
        Err(StoreError::Stale)
    }

    fn event<'a>(&self, known: &'a Known, context: Context, id: &str) -> Option<&'a Held> {
        let key = key(context, id);
        self.recent(Kind::Event).find_map(|place| known.get(place, &key)).or_else(|| known.get(APPLIED, &key))
    }

    fn found(&self, known: &Known, wanted: &Wanted<'_>) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let mut profiles: HashMap<String, Loaded<Profile>> = HashMap::new();
        let mut aliases: Vec<(Context, String)> = Vec::new();
        for (context, id) in &wanted.sessions {
            let Some(held) = known.get(SESSION, &key(*context, id)) else { continue };
            let session = loaded(held, "session", Session::memory)?;
            aliases.extend(session.value.profile_id().map(|id| (*context, id.to_owned())));
            found.sessions.insert((*context, (*id).to_owned()), session);
        }
        aliases.extend(wanted.profiles.iter().map(|(context, id)| (*context, (*id).to_owned())));
        for (context, alias) in aliases {
            if let Some(profile) = profile(known, &mut profiles, context, &alias)? {
                found.profiles.insert((context, alias), profile);
            } else if let Some(at) = erased(known, context, &alias)? {
                found.erased.insert((context, alias), at);
            }
        }
        for (context, id) in &wanted.events {
            let Some(held) = self.event(known, *context, id) else { continue };
            let mut stored = parse::<Told>(held.text()?.get(), "event")?.stored();
            if let Some(own) = &stored.profile_id
                && let Some(now) = profile(known, &mut profiles, *context, own)?
            {
                stored.profile_id = Some(now.value.id().to_owned());
            }
            found.events.insert((*context, (*id).to_owned()), stored);
        }
        Ok(found)
    }

    /// The profile that an id leads to: its JSON.
    pub(crate) async fn profile_text(&self, context: Context, id: &str) -> Result<Option<Box<RawValue>>, StoreError> {
        let mut known = Known::default();
        loop {
            match lead(&known, context, &term(id))? {
                Led::Unknown(spots) => self.look_up(&mut known, spots.into_iter().map(|spot| (spot, true))).await?,
                Led::To(key) => return known.get(PROFILE, &key).map(Held::text).transpose(),
                Led::Nowhere => return Ok(None),
            }
        }
    }
}

/// When the profile with this id was deleted.
fn erased(known: &Known, context: Context, id: &str) -> Result<Option<Timestamp>, StoreError> {
    let Some(held) = known.get(IDENTITY, &key(context, id)) else { return Ok(None) };
    let envelope = held.envelope()?;
    Ok(Timestamp::from_microsecond(envelope.inserted).ok().filter(|_| envelope.profile.is_none()))
}

/// The profile that an id leads to, read once.
fn profile(
    known: &Known,
    read: &mut HashMap<String, Loaded<Profile>>,
    context: Context,
    id: &str,
) -> Result<Option<Loaded<Profile>>, StoreError> {
    let Led::To(key) = lead(known, context, &term(id))? else { return Ok(None) };
    if let Some(profile) = read.get(&key) {
        return Ok(Some(profile.clone()));
    }
    let Some(held) = known.get(PROFILE, &key) else { return Ok(None) };
    let profile = loaded(held, "profile", Profile::memory)?;
    read.insert(key, profile.clone());
    Ok(Some(profile))
}

fn loaded<T: serde::de::DeserializeOwned>(
    held: &Held,
    what: &str,
    memory: fn(&T, usize) -> usize,
) -> Result<Loaded<T>, StoreError> {
    let text = held.text()?;
    let value: T = parse(text.get(), what)?;
    let bytes = memory(&value, text.get().len());
    Ok(Loaded { value: Arc::new(value), bytes, version: Some(held.version) })
}
