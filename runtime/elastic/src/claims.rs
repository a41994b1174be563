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
//! | another profile, which is not there | its worker is about to write it: waited for, and then stale; after [`LEASE`] the worker has died, and the id is claimed |
//! | nobody any more (an erased profile) | it is claimed; together with what follows the profile if that is there already: who does not know yet that it was the one that was erased fails first |
//!
//! A claim whose profile is not written within half of the lease is not relied upon: its unit begins anew; and whoever has taken
//! longer though to write the profile looks again whether the id is still his, and has the profile wait for a merge if not. So of two
//! profiles with one new id one finds the other, unless the worker that was that slow dies before it has looked.

use std::time::{Duration, Instant};

use tracardi_model::{Context, Profile};
use tracardi_store::{Batch, StoreError};

use crate::bulk::{Mode, Op, Outcome, Place};
use crate::commit::refused;
use crate::document::{Envelope, Source, parse};
use crate::elastic::Inner;
use crate::get::{Held, Known, Spot};
use crate::names::{Kind, key, key_of_term, term};
use crate::units::{Unit, Units};

/// How long a profile is waited for that somebody has claimed an id for.
pub(crate) const LEASE: Duration = Duration::from_secs(5);
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
    /// It was an erased profile's.
    Erased(Mode),
    Itself(Mode),
    /// Another profile that is there.
    Another(Mode),
    /// Another profile that is not there (yet).
    Coming(Mode, Spot),
}

fn owner(known: &Known, alias: &Alias<'_>) -> Result<Owner, StoreError> {
    let (place, key) = alias.spot();
    let Some(held) = known.get(place, &key) else { return Ok(Owner::Nobody) };
    let seen = Mode::replacing(Some(held.version));
    let Some(profile) = held.envelope()?.profile else { return Ok(Owner::Erased(seen)) };
    if profile == term(alias.own) {
        return Ok(Owner::Itself(seen));
    }
    let (place, key) = (Place::of(Kind::Profile), key_of_term(alias.context, &profile));
    Ok(match known.get(place, &key) {
        Some(_) => Owner::Another(seen),
        None => Owner::Coming(seen, (place, key)),
    })
}

impl Inner {
    /// What is to be written so that new ids lead to their profiles. `known` has what stands at the [spots](Alias::spot).
    pub(crate) async fn claims(&self, known: &mut Known, batch: &Batch) -> Result<Vec<Claim>, StoreError> {
        let aliases = aliases(batch);
        let mut others = Vec::new();
        for alias in &aliases {
            if let Owner::Coming(_, spot) = owner(known, alias)? {
                others.push((spot, false));
            }
        }
        self.look_up(known, others).await?;
        self.wait_for_who_comes(known, &aliases).await?;
        let mut claims: Vec<Claim> = Vec::new();
        for alias in aliases {
            let Alias { context, id, own, new, alone } = alias;
            // A profile's own id leads to itself, whoever had it.
            let first = |mode| What::First(identity(context, id, own, mode));
            let what = match owner(known, &alias)? {
                Owner::Nobody if id == own => continue,
                Owner::Nobody => first(Mode::Create),
                Owner::Itself(_) if !new => continue,
                Owner::Another(_) if id != own && !alone => continue,
                Owner::Another(_) if id != own => What::Taken,
                Owner::Erased(seen) if !new => What::Then(identity(context, id, own, seen)),
                Owner::Erased(seen) | Owner::Itself(seen) | Owner::Another(seen) | Owner::Coming(seen, _) => {
                    first(seen)
                }
            };
            let claim = Claim { context, own: own.to_owned(), what };
            // Of several in this batch the first has it.
            let taken = |op: &Op| claims.iter().filter_map(Claim::op).any(|other| other.key == op.key);
            if !claim.op().is_some_and(taken) {
                claims.push(claim);
            }
        }
        Ok(claims)
    }

    /// Ids that lead to profiles that are not there: [`StoreError::Stale`] as soon as one is, or the id leads elsewhere.
    async fn wait_for_who_comes(&self, known: &mut Known, aliases: &[Alias<'_>]) -> Result<(), StoreError> {
        let mut awaited = Vec::new();
        for alias in aliases.iter().filter(|alias| alias.id != alias.own) {
            if let Owner::Coming(seen, profile) = owner(known, alias)? {
                awaited.push((alias.spot(), seen, profile));
            }
        }
        let (began, mut pause) = (Instant::now(), PAUSE);
        while !awaited.is_empty() && began.elapsed() < LEASE {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            let mut now = Known::default();
            let spots = awaited.iter().flat_map(|(id, _, profile)| [id.clone(), profile.clone()]);
            self.look_up(&mut now, spots.map(|spot| (spot, false))).await?;
            let there = |(place, key): &Spot| now.get(*place, key).map(|held| Mode::replacing(Some(held.version)));
            if awaited.iter().any(|(id, seen, profile)| there(id) != Some(*seen) || there(profile).is_some()) {
                return Err(StoreError::Stale);
            }
        }
        Ok(())
    }

    /// After the profiles are written: those of which an id was taken away meanwhile wait for a merge.
    pub(crate) async fn look_back(&self, all: &Units) -> Result<(), StoreError> {
        let units = || all.list.iter().filter(|unit| !unit.stale);
        let claims = units().flat_map(|unit| &unit.claims).map(|op| ((op.place, op.key.clone()), true));
        let mut known = Known::default();
        self.look_up(&mut known, claims).await?;
        for unit in units() {
            let mut lost = false;
            for op in &unit.claims {
                let owner = known.get(op.place, &op.key).map(Held::envelope).transpose()?;
                let own = op.source.as_ref().and_then(|source| source.envelope.profile.as_ref());
                lost |= owner.as_ref().and_then(|owner| owner.profile.as_ref()) != own;
            }
            if let Some((op, _)) = unit.anchor.as_ref().filter(|_| lost) {
                self.have_wait(op.place, &op.key).await?;
            }
        }
        Ok(())
    }

    /// A profile waits for a merge from now on, whoever has written it last.
    async fn have_wait(&self, place: Place, key: &str) -> Result<(), StoreError> {
        loop {
            let mut known = Known::default();
            self.look_up(&mut known, [((place, key.to_owned()), true)]).await?;
            let Some(held) = known.get(place, key) else { return Ok(()) };
            let mut profile: Profile = parse(held.text()?.get(), "profile")?;
            if profile.awaits_merge() {
                return Ok(());
            }
            profile.await_merge("ids");
            let text = serde_json::to_string(&profile)
                .map_err(|error| StoreError::Corrupt { what: "profile".to_owned(), reason: error.to_string() })?;
            let envelope = Envelope { waiting: Some(self.number()), ..held.envelope()? };
            let mut op = Op::write(place, Mode::replacing(Some(held.version)), Source::searchable(envelope, text));
            op.pending = held.pending()?.map(|rest| rest.text()).transpose()?.flatten();
            match self.bulk(&[&op]).await?.into_iter().next() {
                Some(Outcome::Done(_)) => return Ok(()),
                Some(Outcome::Refused(reason)) => return Err(refused(&op, reason)),
                // Somebody else has written it: once more.
                _ => {}
            }
        }
    }

    /// New ids lead to their profiles. Where somebody else was faster the unit is stale, and what it has claimed is free again:
    /// two that have each one id of two would wait for each other.
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
            for (op, outcome) in unit.claims.iter().zip(&mut outcomes) {
                match outcome {
                    Outcome::Done(version) => {
                        let mode = Mode::DeleteSeen(version.seq_no, version.primary_term);
                        done.push(Op { mode, ..Op::delete(op.place, op.key.clone()) });
                    }
                    Outcome::Refused(reason) => return Err(refused(op, reason)),
                    Outcome::Conflict | Outcome::Absent => unit.stale = true,
                }
            }
            if unit.stale {
                given_back.append(&mut done);
            }
        }
        if !given_back.is_empty() {
            self.bulk(&given_back.iter().collect::<Vec<_>>()).await?;
        }
        Ok(())
    }
}

/// An id leads to a profile.
pub(crate) fn identity(context: Context, alias: &str, own: &str, mode: Mode) -> Op {
    let text = serde_json::Value::from(alias).to_string();
    Op::write(Place::of(Kind::Identity), mode, Source::kept(Envelope::of_identity(context, alias, own), text))
}
