//! Merges in memory. See [`crate::merges`].

use std::sync::Arc;

use tracardi_model::Context;

use super::{Disk, Row};
use crate::{Document, Gone, Merge, Merged, Repointed, StoreError, Waiting};

/// How many sessions a merge carries over at once.
const SESSIONS_AT_ONCE: usize = 500;

impl Disk {
    pub(super) fn awaiting_merge(&self, after: i64, limit: u32) -> Waiting {
        let page = self.waiting.range(after.saturating_add(1)..).take(limit as usize);
        Waiting {
            total: self.waiting.len() as u64,
            page: page.map(|(number, (context, id))| (*number, *context, id.clone())).collect(),
        }
    }

    pub(super) fn wait(&mut self, context: Context, id: &str) {
        if !self.awaits(context, id) {
            self.last_waiting += 1;
            self.waiting.insert(self.last_waiting, (context, id.to_owned()));
        }
    }

    pub(super) fn forget_waiting(&mut self, context: Context, id: &str) {
        self.waiting.retain(|_, (of, waits)| *of != context || waits != id);
    }

    pub(super) fn merge(&mut self, merge: Merge) -> Result<Repointed, StoreError> {
        let Merge { context, survivor, gone, ids, at } = merge;
        let own = survivor.value.id().to_owned();
        let profiles = &self.contexts[context].profiles;
        let mut seen = gone.iter().map(|gone| (&*gone.id, gone.version)).chain([(&*own, survivor.replaces)]);
        if !seen.all(|(id, version)| Self::is_current(profiles, id, version)) {
            return Err(StoreError::Stale);
        }
        for Gone { id, keys, .. } in &gone {
            let (merged, into) = (id.clone(), own.clone());
            self.merged.push((context, Merged { merged, into, at, keys: keys.clone(), events: 0, done: false }));
            let tables = &mut self.contexts[context];
            tables.identity.values_mut().filter(|owner| *owner == id).for_each(|owner| owner.clone_from(&own));
            tables.profiles.remove(id);
            self.unfinished.push((context, id.clone()));
            self.forget_waiting(context, id);
        }
        for id in &ids {
            self.contexts[context].lead(id, &own);
        }
        if survivor.value.awaits_merge() {
            self.wait(context, &own);
        } else {
            self.forget_waiting(context, &own);
        }
        self.put_profile(context, survivor);
        let mut done = Repointed { unfinished: !gone.is_empty(), ..Repointed::default() };
        for Gone { id, .. } in &gone {
            let room = SESSIONS_AT_ONCE - done.sessions.len();
            done.sessions.extend(self.move_sessions(context, id, &own, room));
        }
        Ok(done)
    }

    /// The oldest unfinished merge goes on by so many documents.
    pub(super) fn repoint(&mut self, limit: u32) -> Repointed {
        let Some((context, from)) = self.unfinished.first().cloned() else { return Repointed::default() };
        let mut done = Repointed { unfinished: true, ..Repointed::default() };
        let mut room = limit as usize;
        // Not the survivor of that time: it may have been merged since.
        if let Some(to) = self.contexts[context].identity.get(&from).filter(|to| **to != from).cloned() {
            done.sessions = self.move_sessions(context, &from, &to, room);
            room -= done.sessions.len();
            let events = self.contexts[context].events.values_mut();
            for row in events.filter(|row| row.document.value.profile_id() == Some(&from)).take(room) {
                change(row, row.written, |event| event.profile.as_mut().unwrap().id.clone_from(&to));
                done.events += 1;
            }
            room -= usize::try_from(done.events).unwrap();
        }
        let log = self.merged.iter_mut().find(|(of, merged)| *of == context && merged.merged == from && !merged.done);
        if let Some((_, merged)) = log {
            merged.events += done.events;
            merged.done = room > 0;
        }
        if room > 0 {
            self.unfinished.remove(0);
        }
        done
    }

    /// The newest first.
    fn move_sessions(&mut self, context: Context, from: &str, to: &str, limit: usize) -> Vec<(Context, String)> {
        self.last_row += 1;
        let written = self.last_row;
        let sessions = self.contexts[context].sessions.values_mut();
        let mut rows: Vec<_> = sessions.filter(|row| row.document.value.profile_id() == Some(from)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.inserted, row.number)));
        let moved = rows.into_iter().take(limit).map(|row| {
            change(row, written, |session| to.clone_into(&mut session.profile.as_mut().unwrap().id));
            (context, row.document.value.id.clone())
        });
        moved.collect()
    }
}

fn change<T: Clone + serde::Serialize>(row: &mut Row<T>, written: u64, by: impl FnOnce(&mut T)) {
    row.written = written;
    by(Arc::make_mut(&mut row.document.value));
    row.document = Document::new(row.document.value.clone()).unwrap();
}
