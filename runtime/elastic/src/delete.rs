//! Removing documents, with what is kept of them elsewhere. What is removed last is the document itself, so a removal that was
//! cut off is carried on by asking again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;
use tracardi_model::Context;
use tracardi_store::{Index, StoreError, Version};

use crate::bulk::{Mode, Op, Outcome, Place};
use crate::document::{Envelope, Source, parse};
use crate::elastic::Inner;
use crate::get::{Held, Known};
use crate::load::ROUNDS;
use crate::merge::{Log, Named};
use crate::names::{Kind, key, key_of_term, term};
use crate::schema::{self, newest_first};

impl Inner {
    pub(crate) async fn delete_document(&self, context: Context, index: Index, id: &str) -> Result<bool, StoreError> {
        match index {
            Index::Event => self.delete_event(context, id).await,
            Index::Session => self.delete_session(context, id).await,
            Index::Profile => self.delete_profile(context, id).await,
        }
    }

    /// Its id stays known, as that of an event that was never kept.
    async fn delete_event(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        let key = key(context, id);
        let all = schema::indices(&self.client, &self.names).await?;
        let places = all.get(&Kind::Event).into_iter().flatten();
        let places: Vec<Place> =
            places.map(|generation| Place { kind: Kind::Event, generation: *generation }).collect();
        let mut known = Known::default();
        self.look_up(&mut known, places.iter().map(|place| ((*place, key.clone()), true))).await?;
        let Some((place, held)) = places.iter().find_map(|place| Some((*place, known.get(*place, &key)?))) else {
            return Ok(false);
        };
        let envelope = held.envelope()?;
        // Whoever finds it pending would store it anew.
        for (kind, id) in [(Kind::Profile, &envelope.profile), (Kind::Session, &envelope.session)] {
            if let Some(id) = id {
                self.settle(Place::of(kind), &key_of_term(context, id)).await?;
            }
        }
        let text = held.text()?.get().to_owned();
        let mark = Envelope { kind: None, source: None, valid: None, stored: 0, ..envelope };
        let mark = Op::write(Place::of(Kind::Applied), Mode::Create, Source::kept(mark, brief(&text)?));
        self.bulk(&[&mark]).await?;
        let also = [
            Op::delete(Place { kind: Kind::Trail, ..place }, key.clone()),
            Op::delete(Place::of(Kind::Quarantine), key.clone()),
        ];
        self.bulk(&also.iter().collect::<Vec<_>>()).await?;
        self.remove(place, key).await
    }

    async fn delete_session(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        let (place, key) = (Place::of(Kind::Session), key(context, id));
        for round in 0..ROUNDS {
            let Some(held) = self.finished(place, &key).await? else { return Ok(round > 0) };
            if let Some(profile) = held.envelope()?.profile {
                self.settle(Place::of(Kind::Profile), &key_of_term(context, &profile)).await?;
            }
            if self.remove_as_seen(place, &key, held.version).await? {
                return Ok(true);
            }
        }
        Err(busy("session"))
    }

    /// The profile goes as it was seen when all else was removed: what somebody has added in between (a worker, or a merge that makes
    /// it part of another profile or another one part of it) is removed in another round, whoever it is then.
    async fn delete_profile(&self, context: Context, id: &str) -> Result<bool, StoreError> {
        let (place, mut own) = (Place::of(Kind::Profile), id.to_owned());
        let mut ids = BTreeSet::new();
        for round in 0..ROUNDS {
            let key = key(context, &own);
            let Some(held) = self.finished(place, &key).await? else {
                if round == 0 {
                    return Ok(false);
                }
                // It was there: by now it is another one, or somebody else has removed it.
                let Some(now) = self.merged_into(context, &own).await? else { return Ok(true) };
                own = now;
                continue;
            };
            if let Some(survivor) = held.envelope()?.survivor {
                self.unlock(&key, &held, &survivor).await?;
                continue;
            }
            ids.extend(self.aliases(context, &term(&own)).await?);
            ids.insert(own.clone());
            self.remove_all_of(context, &ids).await?;
            if self.remove_as_seen(place, &key, held.version).await? {
                return Ok(true);
            }
        }
        Err(busy("profile"))
    }

    /// The profile that this one is part of. Its id need not lead there any more: it may lead to nobody already.
    async fn merged_into(&self, context: Context, id: &str) -> Result<Option<String>, StoreError> {
        self.refresh_kinds(&[Kind::Merge]).await?;
        let query = json!({"bool": {"filter": [
            {"term": {"context": context.as_str()}}, {"term": {"id": term(id)}},
        ]}});
        let body = json!({"query": query, "sort": newest_first(), "size": 1});
        let (_, hits) = self.search(Kind::Merge, &body).await?;
        let Some(merge) = hits.into_iter().next() else { return Ok(None) };
        let log: Log = parse(merge.held.text()?.get(), "merge")?;
        let now = self.profile_text(context, &log.into).await?;
        now.map(|text| Ok(parse::<Named>(text.get(), "profile")?.id)).transpose()
    }

    /// What was put back of profiles that were erased since then: by a worker or a merge that stood still meanwhile, and went on with
    /// what follows from a write of before.
    pub(crate) async fn erase_again(&self, since: Timestamp) -> Result<(), StoreError> {
        let query = json!({"bool": {
            "filter": [{"range": {"inserted": {"gte": since.as_microsecond()}}}],
            "must_not": [{"exists": {"field": "profile"}}],
        }});
        let (_, hits) = self.search(Kind::Identity, &json!({"query": query, "size": 10_000})).await?;
        for context in [Context::Production, Context::Staging] {
            let mut ids = BTreeSet::new();
            for hit in &hits {
                if hit.held.envelope()?.context == context {
                    ids.insert(parse(hit.held.text()?.get(), "id of a profile")?);
                }
            }
            if !ids.is_empty() {
                self.remove_kept_of(context, &ids).await?;
            }
        }
        Ok(())
    }

    /// Everything that is kept of a profile with these ids, but for itself; then they lead to nobody.
    async fn remove_all_of(&self, context: Context, ids: &BTreeSet<String>) -> Result<(), StoreError> {
        self.remove_kept_of(context, ids).await?;
        // What was accepted before and is carried out later brings nothing back.
        let at = self.clock.now().as_microsecond();
        let marks: Vec<Op> = ids.iter().map(|id| nobodys(context, id, at)).collect();
        for (op, outcome) in marks.iter().zip(self.bulk(&marks.iter().collect::<Vec<_>>()).await?) {
            if let Outcome::Refused(reason) = outcome {
                return Err(op.refused(reason));
            }
        }
        Ok(())
    }

    async fn remove_kept_of(&self, context: Context, ids: &BTreeSet<String>) -> Result<(), StoreError> {
        self.deposit.forget(context, &ids.iter().cloned().collect::<Vec<_>>()).await?;
        let terms: Vec<_> = ids.iter().map(|id| term(id)).collect();
        let theirs = json!({"bool": {"filter": [
            {"term": {"context": context.as_str()}}, {"terms": {"profile": terms}},
        ]}});
        for kind in [Kind::Delayed, Kind::Quarantine, Kind::Trail, Kind::Merge, Kind::Identity] {
            self.remove_found(kind, &theirs).await?;
        }
        Ok(())
    }

    /// All ids that lead to a profile, given as a term, besides its own.
    pub(crate) async fn aliases(&self, context: Context, profile: &str) -> Result<Vec<String>, StoreError> {
        self.refresh_kinds(&[Kind::Identity]).await?;
        let query = json!({"bool": {"filter": [
            {"term": {"context": context.as_str()}}, {"term": {"profile": profile}},
        ]}});
        let (_, hits) = self.search(Kind::Identity, &json!({"query": query, "size": 10_000})).await?;
        let alias = |held: &Held| crate::document::parse(held.text()?.get(), "id of a profile");
        hits.iter().map(|hit| alias(&hit.held)).collect()
    }

    /// A document of which nothing is pending; None when there is none.
    async fn finished(&self, place: Place, key: &str) -> Result<Option<Held>, StoreError> {
        for _ in 0..ROUNDS {
            self.settle(place, key).await?;
            let mut known = Known::default();
            self.look_up(&mut known, [((place, key.to_owned()), true)]).await?;
            let Some(held) = known.take(place, key) else { return Ok(None) };
            if held.pending()?.is_none() {
                return Ok(Some(held));
            }
        }
        Err(busy(place.kind.name()))
    }

    /// Whether it was removed; not when it has become another since it was seen.
    async fn remove_as_seen(&self, place: Place, key: &str, seen: Version) -> Result<bool, StoreError> {
        let mode = Mode::DeleteSeen(seen.seq_no, seen.primary_term);
        let outcomes = self.bulk(&[&Op { mode, ..Op::delete(place, key.to_owned()) }]).await?;
        Ok(matches!(outcomes.first(), Some(Outcome::Done(_))))
    }

    async fn remove(&self, place: Place, key: String) -> Result<bool, StoreError> {
        let outcomes = self.bulk(&[&Op::delete(place, key)]).await?;
        Ok(matches!(outcomes.first(), Some(Outcome::Done(_))))
    }
}

fn busy(what: &str) -> StoreError {
    StoreError::Unavailable(format!("the {what} that is to be removed changes all the time: ask again"))
}

/// The id of a profile that was deleted then leads to nobody.
fn nobodys(context: Context, id: &str, at: i64) -> Op {
    let text = serde_json::Value::from(id).to_string();
    Op::write(Place::of(Kind::Identity), Mode::Put, Source::kept(Envelope::new(context, id, at), text))
}

/// What is remembered of an event.
fn brief(text: &str) -> Result<String, StoreError> {
    let event: serde_json::Value = crate::document::parse(text, "event")?;
    let named = |part: &str| event.get(part).filter(|part| part.is_object()).map(|part| json!({"id": part.get("id")}));
    let brief = json!({
        "id": event.get("id"), "source": named("source"), "session": named("session"), "profile": named("profile"),
    });
    Ok(brief.to_string())
}
