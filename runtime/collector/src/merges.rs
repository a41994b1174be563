//! Profiles of one person become one: when, and in which steps.
//!
//! A request may give a profile an id that another one has (the e-mail address of somebody who was here before). The group
//! compares such ids with the store before it commits; a profile that shares one is committed as one that waits. The writer
//! merges those that wait between two groups, each merge in one transaction, and then carries over, by a bounded number at a
//! time, the sessions and events that name a profile that is gone. What waits and what is unfinished stands in the store, so
//! nothing here has to survive a crash: a new process begins by looking, and one that merges what others commit
//! ([`Company::Housekeeper`](crate::Company)) looks again and again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use indexmap::IndexSet;
use tracardi_engine::merge::{merge, survivor};
use tracardi_model::{Context, Profile};
use tracardi_process::supervisor::panic_text;
use tracardi_store::{Document, Found, Gone, Loaded, Merge, StoreError, Version, Wanted};

use crate::cache::Cache;
use crate::queue::MergeRequest;
use crate::sight::Sight;
use crate::writer::{ATTEMPTS, Writer, unavailable};
use crate::{Bound, Moved, News};

/// Profiles that wait and are looked at between two groups.
const WAITING_PER_TURN: u32 = 32;
/// Merges between two groups.
const MERGES_PER_TURN: usize = 4;
/// So many looks at what others left are one round.
const LOOKS: u32 = 60;
/// Profiles in one transaction.
pub(crate) const PROFILES_AT_ONCE: usize = 64;
/// Common ids that the history names.
const KEYS: usize = 16;

/// What became of the profiles that were to be merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The id of the profile that all of them are now; none when no id led to a profile.
    pub profile: Option<String>,
    /// The profiles that were merged into another one. Their ids lead to it.
    pub gone: Vec<String>,
}

/// What the writer does beside its groups. At the beginning: all that an earlier process may have left.
#[derive(Debug)]
pub(crate) struct Chores {
    /// Whether profiles may wait for a merge.
    merges: bool,
    /// Those up to this number have had their turn.
    after: i64,
    /// Whether sessions or events may name a profile that is gone.
    steps: bool,
    /// How often it was looked what others have left.
    looks: u32,
    /// What could not be merged and was told in this round.
    failed: HashSet<(Context, Vec<String>)>,
}

impl Default for Chores {
    fn default() -> Self {
        Self { merges: true, after: 0, steps: true, looks: 0, failed: HashSet::new() }
    }
}

impl Chores {
    /// A profile that waits is committed.
    pub(crate) const fn merge_waits(&mut self) {
        self.merges = true;
    }

    /// Others may have committed profiles that wait: those with any number, since several processes give them and some take longer
    /// until it can be seen. Now and then what others have merged is gone through: a process may have died before it was done.
    pub(crate) fn look(&mut self) {
        self.merges = true;
        self.after = 0;
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(LOOKS) {
            self.steps = true;
            self.failed.clear();
        }
    }
}

impl Writer {
    /// Settles the profiles of a group that await a merge and turn out to be the only ones with their ids. Tells whether
    /// others are left.
    pub(crate) async fn compare(&self, sight: &mut Sight) -> Result<bool, StoreError> {
        let waiting = sight.awaiting_merge();
        if waiting.is_empty() {
            return Ok(false);
        }
        let ids = |(context, profile): &'_ (Context, Arc<Profile>)| -> Vec<(Context, String)> {
            profile.ids().iter().map(|id| (*context, id.clone())).collect()
        };
        let ids: Vec<_> = waiting.iter().flat_map(ids).collect();
        let profiles = ids.iter().map(|(context, id)| (*context, id.as_str())).collect();
        self.figures.loads.inc();
        let wanted = Wanted { profiles, ..Wanted::default() };
        let found = self.documents.load(&wanted).await.inspect_err(|_| self.figures.store_failed("load"))?;
        Ok(sight.settle_merges(&waiting, &found))
    }

    pub(crate) fn may_do_chores(&self) -> bool {
        self.company.merges() && (self.chores.merges || self.chores.steps) && !self.trouble.is_there()
    }

    /// A turn between two groups.
    pub(crate) async fn do_chores(&mut self) {
        if let Err(error) = self.try_chores().await {
            if error.passes() {
                self.mark_unhealthy(&error);
            } else {
                tracing::error!(%error, "merging profiles has to wait for the next merge or start");
                self.chores.steps = false;
                self.chores.merges = false;
            }
        }
    }

    async fn try_chores(&mut self) -> Result<(), StoreError> {
        if self.chores.merges {
            let waiting = self.documents.awaiting_merge(self.chores.after, WAITING_PER_TURN).await?;
            self.chores.merges = !waiting.page.is_empty();
            let mut left = waiting.total;
            let families = families(&waiting.page, &self.look_at(&waiting.page).await?);
            for Family { context, ids, .. } in families.iter().take(MERGES_PER_TURN) {
                match self.merge(*context, ids).await {
                    Ok(_) => left = left.saturating_sub(ids.len() as u64),
                    Err(error) if error.passes() => return Err(error),
                    // One profile that cannot be read shall not keep the others from being merged.
                    Err(error) => {
                        if self.chores.failed.insert((*context, ids.clone())) {
                            tracing::error!(%error, profiles = ?ids, "not merged; tried again later");
                        }
                    }
                }
            }
            // Everybody before the first of the next family has had their turn.
            let next = families.get(MERGES_PER_TURN).map(|family| family.number - 1);
            let last = waiting.page.last().map(|(number, ..)| *number);
            self.chores.after = next.or(last).unwrap_or(self.chores.after);
            self.figures.merges_waiting.set(i64::try_from(left).unwrap_or(i64::MAX));
        }
        if self.chores.steps {
            let done = self.documents.repoint(self.limits.merge_documents.max(1)).await;
            let done = done.inspect_err(|_| self.forget("repoint"))?;
            for (context, id) in done.sessions {
                self.cache.take_session(context, &id);
            }
            self.figures.merge_events.inc_by(done.events);
            self.chores.steps = done.unfinished;
        }
        Ok(())
    }

    /// Profiles that wait, as far as they can be read.
    async fn look_at(&self, waiting: &[(i64, Context, String)]) -> Result<Found, StoreError> {
        if waiting.is_empty() {
            return Ok(Found::default());
        }
        let profiles = waiting.iter().map(|(_, context, id)| (*context, id.as_str())).collect();
        match self.documents.load(&Wanted { profiles, ..Wanted::default() }).await {
            Err(error) if error.passes() => {
                self.figures.store_failed("load");
                Err(error)
            }
            // Which of them cannot be read, each one's own merge will tell.
            found => Ok(found.unwrap_or_default()),
        }
    }

    /// After a failure nobody knows what was done: what is cached may be outdated.
    fn forget(&mut self, operation: &'static str) {
        self.figures.store_failed(operation);
        self.cache = Cache::new(self.limits.cache_bytes);
    }

    pub(crate) async fn answer_merge(&mut self, request: MergeRequest) {
        let MergeRequest { context, ids, reply } = request;
        let merged = self.merge(context, &ids).await;
        if let Err(error) = &merged
            && error.passes()
        {
            self.mark_unhealthy(error);
        }
        // Whoever asked may have gone away.
        let _ = reply.send(merged.map_err(|error| unavailable(&error)));
    }

    /// Merges all profiles that one of the ids leads to, and all that share an id with one of them.
    async fn merge(&mut self, context: Context, ids: &[String]) -> Result<Merged, StoreError> {
        let mut merged = Merged::default();
        let mut attempts = 0;
        loop {
            let Relatives { profiles, all } = self.relatives(context, ids).await?;
            let Some(oldest) = survivor(profiles.values().map(|profile| &*profile.value)) else { return Ok(merged) };
            let others: Vec<&Profile> =
                profiles.values().map(|profile| &*profile.value).filter(|other| other.id() != oldest.id()).collect();
            let now = self.clock.now();
            let result = std::panic::catch_unwind(AssertUnwindSafe(|| merge(oldest, &others, now)));
            let unreadable = |reason| StoreError::Corrupt { what: format!("profile {}", oldest.id()), reason };
            let mut profile = match result {
                Ok(result) => result.map_err(|error| unreadable(error.to_string()))?,
                Err(panic) => return Err(unreadable(panic_text(panic.as_ref()))),
            };
            if all {
                profile.settle_merge();
            } else {
                // The rest has its turn at once; should the process end before, it is found by this.
                profile.await_merge("ids");
            }
            let version = |id: &str| profiles.get(id).and_then(|profile| profile.version);
            let gone = others.iter().map(|other| Gone {
                id: other.id().to_owned(),
                version: version(other.id()),
                keys: keys(other, oldest, &others, ids),
            });
            let gone: Vec<Gone> = gone.collect();
            let replaces = version(oldest.id());
            let ids_of_all = profiles.values().flat_map(|profile| profile.value.ids()).cloned().collect();
            let stored = self.store_merge(context, (profile, replaces), gone, ids_of_all, &mut merged).await;
            match stored {
                // Somebody else has changed one of them: once more, with what it is like now.
                Err(StoreError::Stale) if attempts < ATTEMPTS => {
                    attempts += 1;
                    continue;
                }
                stored => stored?,
            }
            if all {
                return Ok(merged);
            }
        }
    }

    async fn store_merge(
        &mut self,
        context: Context,
        (profile, replaces): (Profile, Option<Version>),
        gone: Vec<Gone>,
        ids: Vec<String>,
        merged: &mut Merged,
    ) -> Result<(), StoreError> {
        let unwritable = |error: serde_json::Error| StoreError::Corrupt {
            what: "document to be stored".to_owned(),
            reason: error.to_string(),
        };
        let survivor = Document::replacing(replaces, Arc::new(profile)).map_err(unwritable)?;
        let own = survivor.value.id().to_owned();
        let gone_ids: Vec<String> = gone.iter().map(|gone| gone.id.clone()).collect();
        let moved = ids.iter().filter(|id| **id != own);
        let moved = moved.map(|id| Moved { context, id: id.clone(), profile: Some(own.clone()) }).collect();
        // Should the answer get lost, the steps are due all the same.
        self.chores.steps |= !gone.is_empty();
        let merge = Merge { context, survivor, gone, ids, at: self.clock.now() };
        let done = self.documents.merge(merge).await.inspect_err(|_| self.forget("merge"))?;
        let mut bound = Vec::with_capacity(done.sessions.len());
        for (context, id) in done.sessions {
            self.cache.take_session(context, &id);
            bound.push(Bound { context, session: id, profile: own.clone(), version: None });
        }
        self.tell(News { bound, moved });
        for id in &gone_ids {
            self.cache.take_profile(context, id);
            self.cache.put_alias(context, id.clone(), own.clone());
            tracing::debug!(merged = %id, into = %own, "profiles merged");
        }
        // It is loaded in the version that it has now.
        self.cache.take_profile(context, &own);
        self.figures.merged_profiles.inc_by(gone_ids.len() as u64);
        merged.gone.extend(gone_ids);
        merged.profile = Some(own);
        Ok(())
    }

    /// The profiles that the ids lead to, those that the ids of these lead to, and so on.
    async fn relatives(&self, context: Context, ids: &[String]) -> Result<Relatives, StoreError> {
        let mut profiles = BTreeMap::new();
        let mut asked = HashSet::new();
        let mut wanted: IndexSet<String> = ids.iter().cloned().collect();
        while !wanted.is_empty() {
            let next =
                Wanted { profiles: wanted.iter().map(|id| (context, id.as_str())).collect(), ..Wanted::default() };
            let found = self.documents.load(&next).await.inspect_err(|_| self.figures.store_failed("load"))?;
            asked.extend(std::mem::take(&mut wanted));
            for profile in found.profiles.into_values() {
                if profiles.contains_key(profile.value.id()) {
                    continue;
                }
                if profiles.len() == PROFILES_AT_ONCE {
                    return Ok(Relatives { profiles, all: false });
                }
                wanted.extend(profile.value.ids().iter().filter(|id| !asked.contains(*id)).cloned());
                profiles.insert(profile.value.id().to_owned(), profile);
            }
        }
        Ok(Relatives { profiles, all: true })
    }
}

/// Profiles that wait and are merged in one go.
#[derive(Debug, PartialEq, Eq)]
struct Family {
    /// The place of the first one among all that wait.
    number: i64,
    context: Context,
    /// Their own ids.
    ids: Vec<String>,
}

/// Puts together who shares an id, ordered by the first of each. A thousand visitors who gave the same address are merged
/// by the dozen, and not each one into what has become of those before.
fn families(waiting: &[(i64, Context, String)], found: &Found) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    let mut known: HashMap<(Context, &str), usize> = HashMap::new();
    for (number, context, own) in waiting {
        let profile = found.profiles.get(&(*context, own.clone()));
        let ids =
            || profile.iter().flat_map(|profile| profile.value.ids()).chain([own]).map(|id| (*context, id.as_str()));
        let at = ids().find_map(|id| known.get(&id).copied()).unwrap_or(families.len());
        match families.get_mut(at) {
            Some(family) => family.ids.push(own.clone()),
            None => families.push(Family { number: *number, context: *context, ids: vec![own.clone()] }),
        }
        for id in ids() {
            known.entry(id).or_insert(at);
        }
    }
    families
}

/// Profiles that share ids.
struct Relatives {
    profiles: BTreeMap<String, Loaded<Profile>>,
    /// Whether these are all of them.
    all: bool,
}

/// The ids that a profile has in common with the rest; if there are none, those by which the merge was asked for.
fn keys(of: &Profile, survivor: &Profile, others: &[&Profile], asked: &[String]) -> Vec<String> {
    let rest = || others.iter().copied().filter(|other| other.id() != of.id()).chain([survivor]);
    let common = |id: &&String| rest().any(|other| other.ids().contains(id));
    let keys: Vec<String> = of.ids().iter().filter(common).take(KEYS).cloned().collect();
    if keys.is_empty() { asked.iter().take(KEYS).cloned().collect() } else { keys }
}

#[cfg(test)]
mod tests {
    use tracardi_store::conformance::samples::profile;

    use super::*;

    #[test]
    fn who_shares_an_id_is_one_family() {
        const PRODUCTION: Context = Context::Production;
        let mut found = Found::default();
        for ids in [["a", "x"], ["b", "y"], ["c", "x"], ["d", "c"]] {
            let value = Arc::new(profile(&ids));
            found.profiles.insert((PRODUCTION, ids[0].to_owned()), Loaded { value, bytes: 1, version: None });
        }
        let waiting: Vec<_> =
            (1..).zip(["a", "b", "c", "gone", "d"]).map(|(n, id)| (n, PRODUCTION, id.to_owned())).collect();
        let family = |number, ids: &[&str]| Family {
            number,
            context: PRODUCTION,
            ids: ids.iter().map(ToString::to_string).collect(),
        };
        let expected = [family(1, &["a", "c", "d"]), family(2, &["b"]), family(4, &["gone"])];
        assert_eq!(families(&waiting, &found), expected);
        let staging: Vec<_> = waiting.iter().map(|(n, _, id)| (*n, Context::Staging, id.clone())).collect();
        assert_eq!(families(&staging, &found).len(), 5, "the other context is another world");
    }
}
