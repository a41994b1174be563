//! Ids lead to profiles: whose they become when a batch is stored.
//!
//! An id belongs to who had it first. It is claimed before its profile is written, so of two workers that give a new id to two
//! profiles at one moment only one gets it; the other one begins anew, finds the first one's profile, and its own waits for a merge.
//!
//! | whom the id leads to | what happens |
//! |---|---|
//! | nobody | it is claimed; who is slower is stale |
//! | this profile | nothing; as long as the profile is new the claim is renewed |
//! | another profile, which is there | nothing: a merge comes. Unless this one was told to be [alone](Batch::alone): stale |
//! | another profile, which is not there | its worker is about to write it: waited for, and then stale; after [`LEASE`] that worker has died, and the id is taken over |
//! | nobody any more (an erased profile) | it is claimed with what follows the profile: who does not know yet that it was the one that was erased fails before |
//!
//! **After a profile is written its claims are confirmed**, each as a compare-and-set on the claim, in what follows the profile
//! ([`crate::pending`]). Whoever took an id over from a worker that was slow, and not dead, did so by a compare-and-set on the same
//! claim: one of the two fails. If it is the one that takes over, it begins anew and finds the profile. If it is the one that confirms, its
//! profile [waits for a merge](Inner::contested). No clock decides that, so it does not matter how slow somebody is. What follows a
//! profile is carried out by whoever loads it, the ids before the events; so a stored event tells that they are settled, whoever dies.
//! (Where nothing but ids follows, a worker that dies between a refused confirmation and the mark leaves the profile unmarked.)

use std::time::{Duration, Instant};

use tracardi_model::{Context, Profile};
use tracardi_store::{Batch, Document, StoreError};

use crate::bulk::{Mode, Op, Outcome, Place};
use crate::document::{Envelope, Source, parse};
use crate::elastic::Inner;
use crate::get::{Held, Known, Spot};
use crate::load::{Led, ROUNDS, lead};
use crate::names::{Kind, key, key_of_term, term};
use crate::units::{Unit, Units};

/// How long a profile is waited for that somebody has claimed an id for.
const LEASE: Duration = Duration::from_secs(5);
/// The first pause between two looks; doubles.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// An id that a profile has, and the profile's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alias<'a> {
    context: Context,
    id: &'a str,
    own: &'a str,
    /// Whether the profile is written for the first time.
    new: bool,
    alone: bool,
}

impl Alias<'_> {
    /// Where it stands whom the id leads to.
    pub(crate) fn spot(&self) -> Spot {
        (Place::of(Kind::Identity), key(self.context, self.id))
    }
}

/// The ids whose owners matter: those of a profile besides its own, and its own if it is new.
pub(crate) fn aliases(batch: &Batch) -> Vec<Alias<'_>> {
    let mut aliases = Vec::new();
    for (context, profile) in &batch.profiles {
        let (own, new) = (profile.value.id(), profile.replaces.is_none());
        let alone = batch.alone.iter().any(|(of, id)| of == context && id == own);
        let others = profile.value.ids().iter().map(String::as_str).filter(|id| *id != own);
        let first = new.then_some(own);
        aliases.extend(first.into_iter().chain(others).map(|id| Alias { context: *context, id, own, new, alone }));
    }
    aliases
}

/// An id whose profile is not there, whoever claims it next.
#[derive(Debug)]
pub(crate) struct Awaited {
    id: Spot,
    seen: Mode,
    profile: Spot,
    /// What takes it over.
    heir: Op,
}

/// What is to be done about an id, with the unit of its profile.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) context: Context,
    /// The profile's own id.
    pub(crate) own: String,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Before the profile is written.
    First(Op),
    /// After it.
    Then(Op),
    /// Somebody else has the id.
    Taken,
}

impl Claim {
    pub(crate) fn into_unit(self, unit: &mut Unit) {
        match self.what {
            What::First(op) => unit.claims.push(op),
            What::Then(op) => unit.rest.ops.push(op),
            What::Taken => unit.stale = true,
        }
    }

    const fn op(&self) -> Option<&Op> {
        match &self.what {
            What::First(op) | What::Then(op) => Some(op),
            What::Taken => None,
        }
    }
}

/// Whom an id leads to.
enum Owner {
    /// Nobody has ever claimed it.
    Nobody,
    /// An erased profile.
    Erased(Mode),
    Itself(Mode),
    /// Another profile that is there.
    Another(Mode),
    /// Another profile that is not there (yet).
    Coming(Mode, Spot),
    /// These must be looked up first.
    Unknown(Vec<Spot>),
}

fn owner(known: &Known, alias: &Alias<'_>) -> Result<Owner, StoreError> {
    let (place, spot) = alias.spot();
    let Some(held) = known.get(place, &spot) else { return Ok(Owner::Nobody) };
    let seen = Mode::replacing(Some(held.version));
    let Some(profile) = held.envelope()?.profile else { return Ok(Owner::Erased(seen)) };
    if profile == term(alias.own) {
        return Ok(Owner::Itself(seen));
    }
    // It may have been merged since.
    Ok(match lead(known, alias.context, &profile)? {
        Led::Unknown(spots) => Owner::Unknown(spots),
        Led::To(own) if own == key(alias.context, alias.own) => Owner::Itself(seen),
        Led::To(_) => Owner::Another(seen),
        Led::Nowhere => {
            let key = key_of_term(alias.context, &profile);
            let was_there = known.get(Place::of(Kind::Identity), &key).is_some();
            if was_there { Owner::Erased(seen) } else { Owner::Coming(seen, (Place::of(Kind::Profile), key)) }
        }
    })
}

impl Inner {
    /// What is to be written so that new ids lead to their profiles, and which ids are to be waited for. `known` has what stands at the
    /// [spots](Alias::spot).
    pub(crate) async fn claims(
        &self,
        known: &mut Known,
        batch: &Batch,
    ) -> Result<(Vec<Claim>, Vec<Awaited>), StoreError> {
        let aliases = aliases(batch);
        loop {
            let mut unknown = Vec::new();
            for alias in &aliases {
                if let Owner::Unknown(spots) = owner(known, alias)? {
                    unknown.extend(spots.into_iter().map(|spot| (spot, true)));
                }
            }
            if unknown.is_empty() {
                break;
            }
            self.look_up(known, unknown).await?;
        }
        let (mut claims, mut awaited): (Vec<Claim>, Vec<Awaited>) = (Vec::new(), Vec::new());
        for alias in aliases {
            let Alias { context, id, own, new, alone } = alias;
            let claim = |mode| identity(context, id, own, mode);
            let what = match owner(known, &alias)? {
                Owner::Nobody if id == own => continue,
                Owner::Nobody => What::First(claim(Mode::Create)),
                Owner::Itself(_) if !new => continue,
                Owner::Another(_) if id != own && !alone => continue,
                Owner::Another(_) if id != own => What::Taken,
                Owner::Coming(seen, profile) if id != own => {
                    let ours = |(of, one): &(Context, Document<Profile>)| {
                        profile.1 == key(*of, one.value.id()) && one.value.ids().iter().any(|its| its == id)
                    };
                    // Those of one batch know of each other.
                    if batch.profiles.iter().any(ours) {
                        continue;
                    }
                    awaited.push(Awaited { id: alias.spot(), seen, profile, heir: claim(seen) });
                    What::Taken
                }
                Owner::Erased(seen) => What::Then(claim(seen)),
                // A profile's own id leads to itself, whoever had it.
                Owner::Itself(seen) | Owner::Another(seen) | Owner::Coming(seen, _) => What::First(claim(seen)),
                Owner::Unknown(_) => return Err(StoreError::Stale),
            };
            let claim = Claim { context, own: own.to_owned(), what };
            // Of several in this batch the first has it.
            let taken = |op: &Op| claims.iter().filter_map(Claim::op).any(|other| other.key == op.key);
            if !claim.op().is_some_and(taken) {
                claims.push(claim);
            }
        }
        Ok((claims, awaited))
    }

    /// New ids lead to their profiles, and are confirmed with what follows these. Where somebody else was faster the unit is stale, and
    /// what it has claimed for a new profile is free again: two that have each one id of two would wait for each other.
    pub(crate) async fn claim(&self, all: &mut Units) -> Result<(), StoreError> {
        let units: Vec<&mut Unit> = all.list.iter_mut().filter(|unit| !unit.stale).collect();
        let ops: Vec<&Op> = units.iter().flat_map(|unit| &unit.claims).collect();
        if ops.is_empty() {
            return Ok(());
        }
        let mut outcomes = self.bulk(&ops).await?.into_iter();
        let mut given_back = Vec::new();
        for unit in units {
            let mut done = Vec::new();
            for (op, outcome) in std::mem::take(&mut unit.claims).into_iter().zip(&mut outcomes) {
                match outcome {
                    Outcome::Done(version) => done.push((op, version)),
                    Outcome::Refused(reason) => return Err(op.refused(reason)),
                    Outcome::Conflict | Outcome::Absent => unit.stale = true,
                }
            }
            if !unit.stale {
                let confirmed = |(op, version)| Op { mode: Mode::replacing(Some(version)), ..op };
                unit.rest.ops.extend(done.into_iter().map(confirmed));
            } else if unit.anchor.as_ref().is_some_and(|(op, _)| op.mode == Mode::Create) {
                let new = done.into_iter().filter(|(op, _)| op.mode == Mode::Create);
                given_back.extend(new.map(|(op, version)| {
                    let mode = Mode::DeleteSeen(version.seq_no, version.primary_term);
                    Op { mode, ..Op::delete(op.place, op.key) }
                }));
            }
        }
        if !given_back.is_empty() {
            self.bulk(&given_back.iter().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    /// Waits until one of the profiles is there, or an id leads elsewhere. Ids for which that does not happen are taken over.
    pub(crate) async fn wait_for(&self, awaited: &[Awaited]) -> Result<(), StoreError> {
        let (began, mut pause) = (Instant::now(), PAUSE);
        while !awaited.is_empty() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let mut now = Known::default();
            let spots = awaited.iter().flat_map(|one| [one.id.clone(), one.profile.clone()]);
            self.look_up(&mut now, spots.map(|spot| (spot, false))).await?;
            let there = |(place, key): &Spot| now.get(*place, key).map(|held| Mode::replacing(Some(held.version)));
            let changed = |one: &Awaited| there(&one.id) != Some(one.seen) || there(&one.profile).is_some();
            if awaited.iter().any(changed) {
                break;
            }
            if began.elapsed() >= LEASE {
                self.bulk(&awaited.iter().map(|one| &one.heir).collect::<Vec<_>>()).await?;
                break;
            }
        }
        Ok(())
    }

    /// An id was to lead to a profile that is written, and does not. If it leads to somebody else, the two wait for a merge.
    pub(crate) async fn contested(&self, op: &Op) -> Result<(), StoreError> {
        let mut known = Known::default();
        self.look_up(&mut known, [((op.place, op.key.clone()), true)]).await?;
        let owner = known.get(op.place, &op.key).map(Held::envelope).transpose()?.and_then(|held| held.profile);
        match &op.source {
            Some(Source { envelope: Envelope { context, profile: Some(own), .. }, .. })
                if owner.as_ref() != Some(own) =>
            {
                self.have_wait(*context, own).await
            }
            _ => Ok(()),
        }
    }

    /// The profile that this id, given as a term, leads to waits for a merge from now on, whoever has written it last.
    async fn have_wait(&self, context: Context, id: &str) -> Result<(), StoreError> {
        let mut at = key_of_term(context, id);
        for _ in 0..ROUNDS {
            let (profile, identity) = ((Place::of(Kind::Profile), at.clone()), (Place::of(Kind::Identity), at.clone()));
            let mut known = Known::default();
            self.look_up(&mut known, [(profile.clone(), true), (identity.clone(), true)]).await?;
            let Some(held) = known.get(profile.0, &at) else {
                let led = known.get(identity.0, &at).map(Held::envelope).transpose()?.and_then(|held| held.profile);
                let Some(next) = led else { return Ok(()) };
                at = key_of_term(context, &next);
                continue;
            };
            let envelope = held.envelope()?;
            if let Some(survivor) = envelope.survivor {
                // A merge is about to make it part of that one, which changes nothing if the merge does not know this.
                at = key_of_term(context, &survivor);
                continue;
            }
            let mut value: Profile = parse(held.text()?.get(), "profile")?;
            if value.awaits_merge() {
                return Ok(());
            }
            value.await_merge("ids");
            let text = serde_json::to_string(&value)
                .map_err(|error| StoreError::Corrupt { what: "profile".to_owned(), reason: error.to_string() })?;
            let envelope = Envelope { waiting: Some(self.number()), ..envelope };
            let mut op = Op::write(profile.0, Mode::replacing(Some(held.version)), Source::searchable(envelope, text));
            op.pending = held.pending()?.map(|rest| rest.text()).transpose()?.flatten();
            match self.bulk(&[&op]).await?.into_iter().next() {
                Some(Outcome::Done(_)) => return Ok(()),
                Some(Outcome::Refused(reason)) => return Err(op.refused(reason)),
                // Somebody else has written it: once more.
                _ => {}
            }
        }
        Err(StoreError::Unavailable("a profile that has to wait for a merge changes all the time".to_owned()))
    }
}

/// An id leads to a profile.
pub(crate) fn identity(context: Context, alias: &str, own: &str, mode: Mode) -> Op {
    let text = serde_json::Value::from(alias).to_string();
    Op::write(Place::of(Kind::Identity), mode, Source::kept(Envelope::of_identity(context, alias, own), text))
}
