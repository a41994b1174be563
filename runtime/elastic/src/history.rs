//! What became of events and profiles, read back.
//!
//! A trail is found by its event's id; what changed a profile by the ids that lead to it. A merge changes no trail.

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_model::trail::{Changed, Deed};
use tracardi_model::{Context, Trail};
use tracardi_store::{ChangePage, Changes, History, MergePage, Merged, StoreError};

use crate::bulk::Place;
use crate::document::parse;
use crate::elastic::{Elastic, Inner};
use crate::get::{Held, Known};
use crate::merge::Log;
use crate::names::{Kind, key, term};
use crate::schema::newest_first;

/// Trails, or merges, that are read at a time.
const AT_ONCE: u32 = 500;

#[async_trait]
impl History for Elastic {
    async fn trail(&self, context: Context, event: &str) -> Result<Option<Trail>, StoreError> {
        let key = key(context, event);
        let mut known = Known::default();
        self.0.look_up(&mut known, self.0.recent(Kind::Trail).map(|place| ((place, key.clone()), true))).await?;
        if let Some(held) = self.0.recent(Kind::Trail).find_map(|place| known.get(place, &key)) {
            return read(held).map(Some);
        }
        // In an older generation it has been searchable for long; a search says where, and it may be gone since.
        let body = json!({"query": {"term": {"key": key}}, "_source": false});
        let (_, hits) = self.0.search(Kind::Trail, &body).await?;
        let places: Vec<Place> = hits.iter().map(|hit| hit.place).collect();
        self.0.look_up(&mut known, places.iter().map(|place| ((*place, key.clone()), true))).await?;
        places.iter().find_map(|place| known.get(*place, &key)).map(read).transpose()
    }

    /// Reads all trails of the profile that are kept.
    async fn changes(&self, context: Context, wanted: &Changes) -> Result<ChangePage, StoreError> {
        let Changes { profile, field, start, limit } = wanted;
        let mut ids = self.0.aliases(context, &term(profile)).await?;
        ids.push(profile.clone());
        let query = of_profiles(context, ids.iter().map(|id| term(id).into_owned()));
        let mut page = ChangePage::default();
        let mut take = |change: Changed| {
            let named = match &change.note.did {
                Deed::Changed { field, .. } => Some(field),
                _ => None,
            };
            if field.is_none() || named == field.as_ref() {
                let there = page.total >= *start && page.total - start < *limit;
                page.total += 1;
                page.result.extend(there.then_some(change));
            }
        };
        self.0
            .each(Kind::Trail, &query, |held| {
                // As it is called now.
                let trail = Trail { profile: Some(profile.clone()), ..read(held)? };
                trail.changes().rev().for_each(&mut take);
                Ok(())
            })
            .await?;
        Ok(page)
    }

    async fn merges(&self, context: Context, profile: &str, start: u64, limit: u64) -> Result<MergePage, StoreError> {
        let mut all: Vec<(Timestamp, i64, Merged)> = Vec::new();
        let mut led: Vec<String> = vec![term(profile).into_owned()];
        let mut next = led.clone();
        // Those that were merged into it, those that were merged into these, and so on.
        while !next.is_empty() {
            let query = of_profiles(context, std::mem::take(&mut next).into_iter());
            self.0
                .each(Kind::Merge, &query, |held| {
                    let (log, envelope): (Log, _) = (parse(held.text()?.get(), "merge")?, held.envelope()?);
                    let at = Timestamp::from_microsecond(log.at).unwrap_or_default();
                    let id = term(&log.merged).into_owned();
                    if !led.contains(&id) {
                        led.push(id.clone());
                        next.push(id);
                    }
                    let (events, done) = (envelope.events.unwrap_or(0), envelope.done.unwrap_or(false));
                    let merged = Merged { merged: log.merged, into: log.into, at, keys: log.keys, events, done };
                    all.push((at, envelope.stored, merged));
                    Ok(())
                })
                .await?;
        }
        all.sort_by_key(|(at, stored, _)| std::cmp::Reverse((*at, *stored)));
        let total = all.len() as u64;
        let skip = usize::try_from(start).unwrap_or(usize::MAX);
        let take = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(MergePage { total, result: all.into_iter().skip(skip).take(take).map(|(.., merged)| merged).collect() })
    }
}

fn read(held: &Held) -> Result<Trail, StoreError> {
    parse(held.text()?.get(), "trail")
}

fn of_profiles(context: Context, terms: impl Iterator<Item = String>) -> Value {
    json!({"bool": {"filter": [
        {"term": {"context": context.as_str()}}, {"terms": {"profile": terms.collect::<Vec<_>>()}},
    ]}})
}

impl Inner {
    /// Each document that a query finds, the newest first, a bounded number in memory.
    async fn each(
        &self,
        kind: Kind,
        query: &Value,
        mut take: impl FnMut(&Held) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        let mut after: Option<Value> = None;
        loop {
            let mut body = json!({"query": query, "sort": newest_first(), "size": AT_ONCE});
            if let (Some(after), Some(body)) = (after.take(), body.as_object_mut()) {
                body.insert("search_after".to_owned(), after);
            }
            let (_, hits) = self.search(kind, &body).await?;
            for hit in &hits {
                take(&hit.held)?;
            }
            let Some(last) = hits.last().filter(|_| hits.len() == AT_ONCE as usize) else { return Ok(()) };
            let envelope = last.held.envelope()?;
            after = Some(json!([envelope.inserted, envelope.stored, envelope.key]));
        }
    }
}
