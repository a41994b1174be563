//! What became of events and profiles, in memory. See [`crate::history`].

use std::cmp::Reverse;

use async_trait::async_trait;
use tracardi_model::trail::{Changed, Deed};
use tracardi_model::{Context, Trail};

use super::{Disk, Memory};
use crate::{ChangePage, Changes, Document, History, MergePage, StoreError, TRAIL_LIFE};

impl Disk {
    /// Writes trails; for each at most two go whose time is over.
    pub(super) fn put_trails(&mut self, trails: Vec<(Context, Document<Trail>)>) {
        let Some(newest) = trails.iter().map(|(_, trail)| trail.value.at).max() else { return };
        let contexts = [Context::Production, Context::Staging].into_iter();
        let all = contexts.flat_map(|context| self.contexts[context].trails.values().map(move |row| (context, row)));
        let mut oldest: Vec<_> = all.collect();
        oldest.sort_by_key(|(_, row)| row.number);
        let over = |(_, row): &(Context, &super::Row<Trail>)| newest.duration_since(row.document.value.at) > TRAIL_LIFE;
        let old = oldest.into_iter().take(2 * trails.len()).filter(over);
        let old: Vec<_> = old.map(|(context, row)| (context, row.document.value.event.clone())).collect();
        for (context, event) in old {
            self.contexts[context].trails.remove(&event);
        }
        for (context, trail) in trails {
            let row = self.row(trail.value.at, trail);
            self.contexts[context].trails.insert(row.document.value.event.clone(), row);
        }
    }
}

fn page<T>(all: Vec<T>, start: u64, limit: u64) -> (u64, Vec<T>) {
    let (start, limit) = (usize::try_from(start).unwrap(), usize::try_from(limit).unwrap());
    (all.len() as u64, all.into_iter().skip(start).take(limit).collect())
}

#[async_trait]
impl History for Memory {
    async fn trail(&self, context: Context, event: &str) -> Result<Option<Trail>, StoreError> {
        Ok(self.look(|disk| disk.tables(context).trails.get(event).map(|row| Trail::clone(&row.document.value))))
    }

    async fn changes(&self, context: Context, wanted: &Changes) -> Result<ChangePage, StoreError> {
        let Changes { profile, field, start, limit } = wanted;
        let is_wanted = |change: &Changed| match &change.note.did {
            Deed::Changed { field: changed, .. } => field.as_ref().is_none_or(|field| field == changed),
            _ => false,
        };
        Ok(self.look(|disk| {
            let ids = disk.tables(context).ids_of(profile);
            let mut rows: Vec<_> = disk.tables(context).trails.values().collect();
            rows.sort_by_key(|row| Reverse(row.number));
            let rows =
                rows.into_iter().filter(|row| row.document.value.profile.as_ref().is_some_and(|id| ids.contains(id)));
            let changes = rows.flat_map(|row| row.document.value.changes().rev()).filter(is_wanted);
            let changes = changes.map(|change| Changed { profile: Some(profile.clone()), ..change });
            let (total, result) = page(changes.collect(), *start, *limit);
            ChangePage { total, result }
        }))
    }

    async fn merges(&self, context: Context, profile: &str, start: u64, limit: u64) -> Result<MergePage, StoreError> {
        Ok(self.look(|disk| {
            let ids = disk.tables(context).ids_of(profile);
            let merges = disk.merged.iter().rev().filter(|(of, merged)| *of == context && ids.contains(&merged.into));
            let (total, result) = page(merges.map(|(_, merged)| merged.clone()).collect(), start, limit);
            MergePage { total, result }
        }))
    }
}
