//! Merges: a saga of which every step may be repeated.
//!
//! 1. The profiles that go are marked with the survivor (`survivor`), each as a compare-and-set. They keep their content; nobody can
//!    change them any more without taking off the mark.
//! 2. The survivor is written, as a compare-and-set, with the rest in `pending`. This makes the merge true.
//! 3. The rest: every id leads to the survivor, the history tells of it, deliveries follow, the others are removed.
//!
//! Whoever loads a profile with a mark finds out where it stopped ([`crate::load`]): behind 2 the rest is done; before it, the
//! survivor gets another version (so that who stopped in between cannot go on) and the mark is taken off.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracardi_model::{Context, Profile};
use tracardi_store::{Document, Gone, Merge, Repointed, StoreError, Waiting};

use crate::bulk::{Mode, Op, Outcome, Place};
use crate::claims::identity;
use crate::document::{Envelope, Source, parse};
use crate::elastic::Inner;
use crate::get::{Held, Known, Spot};
use crate::load::{Led, lead};
use crate::names::{Kind, key, term};
use crate::pending::Rest;
use crate::schema::newest_first;
use crate::search::Hit;

/// How many sessions a merge carries over at once: those that are likely to be in use.
const SESSIONS_AT_ONCE: usize = 500;

const PROFILE: Place = Place::of(Kind::Profile);
const IDENTITY: Place = Place::of(Kind::Identity);

/// What is kept of a merge.
#[derive(Serialize, Deserialize)]
pub(crate) struct Log {
    pub(crate) merged: String,
    pub(crate) into: String,
    /// Microseconds.
    pub(crate) at: i64,
    pub(crate) keys: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

impl Inner {
    pub(crate) async fn list_waiting(&self, after: i64, limit: u32) -> Result<Waiting, StoreError> {
        let query = json!({"exists": {"field": "waiting"}});
        let body = json!({"query": query, "sort": [{"waiting": "asc"}], "search_after": [after], "size": limit});
        let (total, hits) = self.search(Kind::Profile, &body).await?;
        let mut page = Vec::with_capacity(hits.len());
        for Hit { held, .. } in hits {
            let envelope = held.envelope()?;
            let named: Named = parse(held.text()?.get(), "profile")?;
            page.push((envelope.waiting.unwrap_or(0), envelope.context, named.id));
        }
        Ok(Waiting { total, page })
    }

    pub(crate) async fn merge_profiles(&self, merge: Merge) -> Result<Repointed, StoreError> {
        let Merge { context, survivor, gone, ids, at } = merge;
        let own = survivor.value.id().to_owned();
        let spot = |id: &str| (PROFILE, key(context, id));
        let mut known = Known::default();
        let profiles = gone.iter().map(|gone| spot(&gone.id)).chain([spot(&own)]).map(|spot| (spot, true));
        self.look_up(&mut known, profiles).await?;
        let seen = gone.iter().map(|gone| (gone.id.as_str(), gone.version)).chain([(own.as_str(), survivor.replaces)]);
        for (id, version) in seen {
            let held = known.get(PROFILE, &key(context, id));
            if held.map(|held| held.version) != version {
                return Err(StoreError::Stale);
            }
        }
        let mut rest = Rest::default();
        self.mark(context, &known, &gone, &own, &mut rest).await?;
        self.lead_ids(context, &gone, &ids, &own, &mut rest).await?;
        for Gone { id, keys, .. } in &gone {
            let log = Log { merged: id.clone(), into: own.clone(), at: at.as_microsecond(), keys: keys.clone() };
            let mut envelope = Envelope::new(context, id, at.as_microsecond());
            envelope.key = key(context, &format!("{}@{}", term(id), at.as_microsecond()));
            envelope.stored = self.number();
            envelope.profile = Some(term(&own).into_owned());
            (envelope.done, envelope.events) = (Some(false), Some(0));
            rest.ops.push(Op::write(Place::of(Kind::Merge), Mode::Create, Source::kept(envelope, text(&log)?)));
        }
        if !gone.is_empty() {
            rest.lead = Some((context, gone.iter().map(|gone| gone.id.clone()).collect(), own.clone()));
        }
        self.write_survivor(context, &known, survivor, &rest).await?;
        for (op, outcome) in rest.ops.iter().zip(self.complete(&rest).await?) {
            if let Outcome::Refused(reason) = outcome {
                return Err(op.refused(reason));
            }
        }
        let mut done = Repointed { unfinished: !gone.is_empty(), ..Repointed::default() };
        for Gone { id, .. } in &gone {
            let room = SESSIONS_AT_ONCE - done.sessions.len();
            done.sessions.extend(self.move_sessions(context, &term(id), &own, room).await?);
        }
        Ok(done)
    }

    /// Step 1; what is marked is removed by the rest.
    async fn mark(
        &self,
        context: Context,
        known: &Known,
        gone: &[Gone],
        own: &str,
        rest: &mut Rest,
    ) -> Result<(), StoreError> {
        let mut marks = Vec::new();
        for Gone { id, .. } in gone {
            let Some(held) = known.get(PROFILE, &key(context, id)) else { return Err(StoreError::Stale) };
            let mut envelope = held.envelope()?;
            envelope.survivor = Some(term(own).into_owned());
            let source = Source::searchable(envelope, held.text()?.get().to_owned());
            marks.push(Op::write(PROFILE, Mode::replacing(Some(held.version)), source));
        }
        for (op, outcome) in marks.iter().zip(self.bulk(&marks.iter().collect::<Vec<_>>()).await?) {
            let Outcome::Done(version) = outcome else { return Err(StoreError::Stale) };
            let mode = Mode::DeleteSeen(version.seq_no, version.primary_term);
            rest.ops.push(Op { mode, ..Op::delete(PROFILE, op.key.clone()) });
        }
        Ok(())
    }

    /// Every id that led to those that are gone leads to the survivor, and so do those that lead to nobody.
    async fn lead_ids(
        &self,
        context: Context,
        gone: &[Gone],
        ids: &[String],
        own: &str,
        rest: &mut Rest,
    ) -> Result<(), StoreError> {
        let mut led: Vec<String> = Vec::new();
        for Gone { id, .. } in gone {
            led.push(id.clone());
            led.extend(self.aliases(context, &term(id)).await?);
        }
        let sure = led.len();
        led.extend(ids.iter().filter(|id| *id != own).cloned());
        let mut seen = Known::default();
        self.look_up(&mut seen, led.iter().map(|id| ((IDENTITY, key(context, id)), true))).await?;
        // An id may be the own id of a profile that has no part in this.
        let others: Vec<Spot> = led.iter().skip(sure).map(|id| (PROFILE, key(context, id))).collect();
        self.look_up(&mut seen, others.into_iter().map(|spot| (spot, false))).await?;
        let leads = self.leading(context, &mut seen, led.iter().skip(sure)).await?;
        let mut done: Vec<&str> = Vec::new();
        for (number, id) in led.iter().enumerate() {
            if done.contains(&id.as_str()) || id == own {
                continue;
            }
            let is_foreign = number >= sure && seen.get(PROFILE, &key(context, id)).is_some();
            let mode = match seen.get(IDENTITY, &key(context, id)) {
                None if is_foreign => continue,
                None => Mode::Create,
                Some(held) => {
                    let owner = held.envelope()?.profile;
                    let theirs = gone.iter().any(|gone| owner.as_deref() == Some(&*term(&gone.id)));
                    // To a profile that is not there leads an id that was erased, or that another worker has claimed for a
                    // profile to come: that one begins anew then, and finds this one.
                    if number >= sure && !theirs && leads.contains(id) {
                        continue;
                    }
                    Mode::replacing(Some(held.version))
                }
            };
            done.push(id);
            rest.ops.push(identity(context, id, own, mode));
        }
        Ok(())
    }

    /// Which of these ids lead to a profile that is there.
    async fn leading<'a>(
        &self,
        context: Context,
        known: &mut Known,
        ids: impl Iterator<Item = &'a String> + Clone,
    ) -> Result<Vec<String>, StoreError> {
        loop {
            let (mut leading, mut unknown) = (Vec::new(), Vec::new());
            for id in ids.clone() {
                match lead(known, context, &term(id))? {
                    Led::Unknown(spots) => unknown.extend(spots.into_iter().map(|spot| (spot, true))),
                    Led::To(_) => leading.push(id.clone()),
                    Led::Nowhere => {}
                }
            }
            if unknown.is_empty() {
                return Ok(leading);
            }
            self.look_up(known, unknown).await?;
        }
    }

    /// Step 2.
    async fn write_survivor(
        &self,
        context: Context,
        known: &Known,
        survivor: Document<Profile>,
        rest: &Rest,
    ) -> Result<(), StoreError> {
        let Document { value, text, replaces } = survivor;
        let before = known.get(PROFILE, &key(context, value.id()));
        let number = before.map(Held::envelope).transpose()?.and_then(|envelope| envelope.waiting);
        let waiting = value.awaits_merge().then(|| number.unwrap_or_else(|| self.number()));
        let source = Source::searchable(Envelope::of_profile(context, &value, waiting), text);
        let mut op = Op::write(PROFILE, Mode::replacing(replaces), source);
        op.pending = rest.text()?;
        match self.bulk(&[&op]).await?.into_iter().next() {
            Some(Outcome::Done(_)) => Ok(()),
            Some(Outcome::Refused(reason)) => Err(op.refused(reason)),
            _ => Err(StoreError::Stale),
        }
    }

    /// The oldest unfinished merge goes on by so many documents.
    pub(crate) async fn repoint_some(&self, limit: u32) -> Result<Repointed, StoreError> {
        self.refresh_kinds(&[Kind::Merge, Kind::Session, Kind::Event]).await?;
        let body = json!({
            "query": {"term": {"done": false}}, "size": 1,
            "sort": [{"inserted": "asc"}, {"stored": "asc"}, {"key": "asc"}],
        });
        let (_, open) = self.search(Kind::Merge, &body).await?;
        let Some(open) = open.into_iter().next() else { return Ok(Repointed::default()) };
        let mut envelope = open.held.envelope()?;
        let log: Log = parse(open.held.text()?.get(), "merge")?;
        let context = envelope.context;
        let mut done = Repointed { unfinished: true, ..Repointed::default() };
        let mut room = limit as usize;
        // Not the survivor of that time: it may have been merged since.
        let to = self.profile_text(context, &log.merged).await?;
        let to = to.map(|text| parse::<Named>(text.get(), "profile")).transpose()?;
        if let Some(Named { id: to }) = to.filter(|to| to.id != log.merged) {
            done.sessions = self.move_sessions(context, &term(&log.merged), &to, room).await?;
            room -= done.sessions.len().min(room);
            let moved = self.move_some(context, Kind::Event, &term(&log.merged), &to, room).await?;
            done.events = moved.len() as u64;
            room -= moved.len().min(room);
        }
        envelope.events = Some(envelope.events.unwrap_or(0) + done.events);
        envelope.done = Some(room > 0);
        let source = Source::kept(envelope, open.held.text()?.get().to_owned());
        let op = Op::write(open.place, Mode::replacing(Some(open.held.version)), source);
        self.bulk(&[&op]).await?;
        Ok(done)
    }

    async fn move_sessions(
        &self,
        context: Context,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(Context, String)>, StoreError> {
        self.refresh_kinds(&[Kind::Session]).await?;
        let moved = self.move_some(context, Kind::Session, from, to, limit).await?;
        Ok(moved.into_iter().map(|id| (context, id)).collect())
    }

    /// Leads documents of a profile, given as a term, to another one, the newest first. What somebody else changes meanwhile is
    /// left for the next time. Gives their ids.
    async fn move_some(
        &self,
        context: Context,
        kind: Kind,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let query = json!({"bool": {"filter": [
            {"term": {"context": context.as_str()}}, {"term": {"profile": from}},
        ]}});
        let body = json!({"query": query, "sort": newest_first(), "size": limit.min(10_000)});
        let (_, hits) = self.search(kind, &body).await?;
        let (mut ops, mut ids) = (Vec::new(), Vec::new());
        for Hit { place, held, .. } in hits {
            let mut document: Value = parse(held.text()?.get(), kind.name())?;
            if let Some(id) = document.pointer_mut("/profile/id") {
                *id = to.into();
            }
            let mut envelope = held.envelope()?;
            envelope.profile = Some(term(to).into_owned());
            ids.push(document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned());
            let mut op = Op::write(
                place,
                Mode::replacing(Some(held.version)),
                Source::searchable(envelope, document.to_string()),
            );
            op.pending = held.pending()?.map(|rest| rest.text()).transpose()?.flatten();
            ops.push(op);
        }
        let outcomes = self.bulk(&ops.iter().collect::<Vec<_>>()).await?;
        let moved = ids.into_iter().zip(outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Done(_)));
        Ok(moved.map(|(id, _)| id).collect())
    }
}

fn text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Corrupt { what: "merge".to_owned(), reason: error.to_string() })
}
