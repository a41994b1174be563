//! A batch, stored exactly once in effect though the server knows no transactions.
//!
//! | request | what it does | after a crash behind it |
//! |---|---|---|
//! | 0. `_mget` | are the events new, the sessions, ids, and what is only looked at as they were seen? | nothing has happened |
//! | (`_bulk`) | ids that are new lead to their profiles from now on ([`claims`](crate::claims)) | they lead to a profile that does not exist yet; who meets them waits for it, and takes them over |
//! | 1. `_bulk` | the anchors of the units, each as a compare-and-set, with everything else of its unit in `pending` | whoever loads an anchor does 2 |
//! | 2. `_bulk` | everything else: the deposit of deliveries, then the confirmation of claims (a request of its own), then the rest | nothing is left to do |
//!
//! **Why nothing is lost or doubled.** That the effects of an event are in its profile, and that it is to be stored, is one write:
//! that of the anchor. It happens or does not. If it does not, nothing of the unit has happened but claims of ids, which say
//! nothing as long as nobody is there. If it does, all else is in `pending`, and it stays there until the anchor is written again. Who
//! writes it again has loaded it, and a load does what is pending before it answers ([`Rest::is_done`] tells by the events and sessions
//! whether it was done). So what is pending is done before it is forgotten, and an event of which the anchor knows is
//! reported as stored.
//!
//! All of 2 may be repeated, by several processes at a time and long after: events, what is to happen later, what is in
//! quarantine are only created (and are there already), sessions are replaced only in the version that was seen, deliveries
//! keep their ids. A writer that was stopped between 1 and 2 and goes on when others have done it changes nothing; one that was
//! stopped before 1 fails in it, whatever it has seen before, because the anchor has another version by then.
//!
//! That a repeated event is recognised follows from 0 when it is done, and from the anchor when it is not: whoever does not know
//! of it has loaded the anchor before and fails in 1; then what is pending in the anchor is done at once, since the next load
//! may not ask for it (a visitor whose first request is repeated has no session yet that would lead to the profile).
//!
//! What can be doubled nevertheless: an event that comes again when two newer generations have begun meanwhile; and one that, in
//! the moments between 1 and 2 of a process that died there, another process takes for another profile's.

use std::collections::BTreeMap;

use tracardi_model::Context;
use tracardi_store::{Batch, Committed, StoreError, Version, Written};

use crate::bulk::{Outcome, Place};
use crate::claims::aliases;
use crate::elastic::Inner;
use crate::get::{Known, Spot};
use crate::names::{Kind, key};
use crate::pending::held_up;
use crate::units::{self, Numbers, Units};

impl Inner {
    pub(crate) async fn commit_batch(&self, batch: Batch) -> Result<Committed, StoreError> {
        if batch.is_empty() {
            return Ok(Committed::Stored(Written::default()));
        }
        let mut known = Known::default();
        self.look_at(&mut known, &batch).await?;
        if self.has_event(&known, &batch)? {
            return Ok(Committed::EventExists);
        }
        if !is_as_seen(&known, &batch) {
            return Err(StoreError::Stale);
        }
        let numbers = numbers(&known, &batch)?;
        let stale = stale_sessions(&known, &batch);
        let (claims, awaited) = self.claims(&mut known, &batch).await?;
        let (sessions, profiles) = (batch.sessions.len(), batch.profiles.len());
        let mut all = Units::of(batch, self, &known, &numbers);
        for (context, id) in stale {
            if let Some(unit) = all.of_session(context, &id) {
                unit.stale = true;
            }
        }
        for claim in claims {
            if let Some(unit) = all.of_profile(claim.context, &claim.own) {
                claim.into_unit(unit);
            }
        }
        self.claim(&mut all).await?;
        let mut written = BTreeMap::new();
        self.write_anchors(&mut all, &mut written).await?;
        self.write_rest(&mut all, &mut written).await?;
        if all.list.iter().any(|unit| unit.stale) {
            self.wait_for(&awaited).await?;
            return Err(StoreError::Stale);
        }
        let list = |of: &dyn Fn(usize) -> (u8, usize), count: usize| -> Vec<Version> {
            (0..count).filter_map(|number| written.get(&of(number)).copied()).collect()
        };
        let (sessions, profiles) = (list(&|number| (0, number), sessions), list(&|number| (1, number), profiles));
        Ok(Committed::Stored(Written { sessions, profiles }))
    }

    /// Step 0.
    async fn look_at(&self, known: &mut Known, batch: &Batch) -> Result<(), StoreError> {
        let mut wanted: Vec<(Spot, bool)> = Vec::new();
        let stored = batch.events.iter().map(|(context, event)| (*context, event.value.id()));
        let applied = batch.applied.iter().map(|(context, applied)| (*context, applied.event.id.as_str()));
        let released =
            |context: Context, id: &str| batch.released.iter().any(|(of, other)| *of == context && other == id);
        for (context, id) in stored.chain(applied) {
            let (key, whole) = (key(context, id), released(context, id));
            wanted.extend(self.recent(Kind::Event).map(|place| ((place, key.clone()), whole)));
            wanted.push(((Place::of(Kind::Applied), key), false));
        }
        if !wanted.is_empty() {
            wanted.push(((self.next_generation(), "any".to_owned()), false));
        }
        for (context, session) in &batch.sessions {
            wanted.push(((Place::of(Kind::Session), key(*context, session.value.id())), false));
        }
        wanted.extend(seen(batch).map(|(spot, _)| (spot, false)));
        wanted.extend(aliases(batch).iter().map(|one| (one.spot(), true)));
        for (context, profile) in batch.profiles.iter().filter(|(_, profile)| profile.value.awaits_merge()) {
            wanted.push(((Place::of(Kind::Profile), key(*context, profile.value.id())), true));
        }
        let next = self.next_generation();
        self.look_up(known, wanted).await?;
        if known.has(&(next, "any".to_owned())) && !known.lacks(next) {
            self.learn_generation().await?;
            return Err(StoreError::Stale);
        }
        Ok(())
    }

    /// Whether one of the events is stored; of those that are released, whether it is as it should be.
    fn has_event(&self, known: &Known, batch: &Batch) -> Result<bool, StoreError> {
        let stored = batch.events.iter().map(|(context, event)| (*context, event.value.id()));
        let applied = batch.applied.iter().map(|(context, applied)| (*context, applied.event.id.as_str()));
        for (context, id) in stored.chain(applied) {
            let key = key(context, id);
            let released = batch.released.iter().any(|(of, other)| *of == context && other == id);
            if !released && known.get(Place::of(Kind::Applied), &key).is_some() {
                return Ok(true);
            }
            for held in self.recent(Kind::Event).filter_map(|place| known.get(place, &key)) {
                if !released || held.envelope()?.valid == Some(true) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Step 1.
    async fn write_anchors(
        &self,
        all: &mut Units,
        written: &mut BTreeMap<(u8, usize), Version>,
    ) -> Result<(), StoreError> {
        let mut ops = Vec::new();
        let mut units = Vec::new();
        for unit in all.list.iter_mut().filter(|unit| !unit.stale) {
            if let Some((op, _)) = &mut unit.anchor {
                op.pending = unit.rest.text()?;
                units.push(unit);
            }
        }
        ops.extend(units.iter().filter_map(|unit| unit.anchor.as_ref().map(|(op, _)| op)));
        let outcomes = self.bulk(&ops).await?;
        let mut failed = None;
        let mut met = Vec::new();
        for (unit, outcome) in units.into_iter().zip(outcomes) {
            let Some((op, which)) = &unit.anchor else { continue };
            match outcome {
                Outcome::Done(version) => {
                    written.insert(place_of(*which), version);
                }
                Outcome::Conflict | Outcome::Absent => {
                    unit.stale = true;
                    met.push((op.place, op.key.clone()));
                }
                Outcome::Refused(reason) => {
                    unit.stale = true;
                    failed = Some(op.refused(reason));
                }
            }
        }
        self.finish(met).await?;
        // What is stored is finished before anybody hears of what is not.
        if let Some(error) = failed {
            self.write_rest(all, written).await?;
            return Err(error);
        }
        Ok(())
    }

    /// What is pending in documents that others have written is done.
    pub(crate) async fn finish(&self, met: Vec<Spot>) -> Result<(), StoreError> {
        if met.is_empty() {
            return Ok(());
        }
        let mut known = Known::default();
        self.look_up(&mut known, met.iter().map(|spot| (spot.clone(), true))).await?;
        for (place, key) in met {
            let Some(held) = known.get(place, &key) else { continue };
            if let Some(rest) = held.pending()? {
                self.complete_for(&rest).await?;
            }
        }
        Ok(())
    }

    /// Step 2.
    async fn write_rest(
        &self,
        all: &mut Units,
        written: &mut BTreeMap<(u8, usize), Version>,
    ) -> Result<(), StoreError> {
        let mut together = crate::pending::Rest::default();
        let mut units = Vec::new();
        for unit in all.list.iter_mut().filter(|unit| !unit.stale) {
            let first = together.ops.len();
            let count = unit.rest.ops.len();
            together.append(std::mem::take(&mut unit.rest));
            units.push((unit, first, count));
        }
        let outcomes = self.complete(&together).await?;
        let mut failed = None;
        for (unit, first, count) in units {
            let ops = together.ops.iter().zip(&outcomes).skip(first).take(count);
            for (number, (op, outcome)) in ops.enumerate() {
                let session = unit.sessions.iter().find(|(place, _)| *place == number);
                match (outcome, session) {
                    (Outcome::Done(version), Some((_, session))) => {
                        written.insert((0, *session), *version);
                    }
                    // A newer one is there already: what was seen of it is outdated.
                    (Outcome::Conflict, Some(_)) => unit.stale = true,
                    // Without an anchor nothing has been counted.
                    (Outcome::Refused(reason), _) if unit.anchor.is_none() => {
                        failed = Some(op.refused(reason.clone()));
                    }
                    (Outcome::Refused(reason), _) => failed = Some(held_up(op, reason)),
                    _ => {}
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

const fn place_of(which: units::Written) -> (u8, usize) {
    match which {
        units::Written::Session(number) => (0, number),
        units::Written::Profile(number) => (1, number),
    }
}

/// What was looked at and is not written.
fn seen(batch: &Batch) -> impl Iterator<Item = (Spot, Version)> {
    let of = |kind: Kind, list: &'_ [(Context, String, Version)]| {
        let spot =
            move |(context, id, version): &(Context, String, Version)| ((Place::of(kind), key(*context, id)), *version);
        list.iter().map(spot).collect::<Vec<_>>()
    };
    of(Kind::Session, &batch.seen_sessions).into_iter().chain(of(Kind::Profile, &batch.seen_profiles))
}

fn is_as_seen(known: &Known, batch: &Batch) -> bool {
    seen(batch).all(|((place, key), version)| known.get(place, &key).is_some_and(|held| held.version == version))
}

/// The numbers of profiles that await a merge already.
fn numbers(known: &Known, batch: &Batch) -> Result<Numbers, StoreError> {
    let mut numbers = Numbers::new();
    for (context, profile) in &batch.profiles {
        let id = profile.value.id();
        let Some(held) = known.get(Place::of(Kind::Profile), &key(*context, id)) else { continue };
        if let Some(number) = held.envelope()?.waiting {
            numbers.insert((*context, id.to_owned()), number);
        }
    }
    Ok(numbers)
}

/// Sessions that are not as they were seen.
fn stale_sessions(known: &Known, batch: &Batch) -> Vec<(Context, String)> {
    let stale = batch.sessions.iter().filter(|(context, session)| {
        let held = known.get(Place::of(Kind::Session), &key(*context, session.value.id()));
        held.map(|held| held.version) != session.replaces
    });
    stale.map(|(context, session)| (*context, session.value.id().to_owned())).collect()
}
