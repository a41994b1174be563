//! Several profiles of one person become one (spec/pipeline.md 4.7). Pure: who survives, and what the survivor then knows.
//!
//! The documents are walked side by side. What happens at a place is said by the table in [`strategy`]; where it says
//! nothing: objects are merged member by member, lists joined without repeats, and of everything else the latest change
//! wins ([`side`] knows when a profile changed what).
//!
//! Laws, each with a property test:
//! - a profile alone stays as it is, and the order of the others does not matter;
//! - repeating a merge changes nothing, sums included: the survivor remembers whom it has taken in
//!   (`metadata.system.aux.merged`), and nobody is counted twice;
//! - merging in steps is merging at once, as far as changes are dated in `metadata.fields` and lists are read as sets.
//!   A value without date is older than any with one, and as old as its profile's last update; a merge is an update;
//! - no id, no element of a list and no name in an object is lost, up to 1000 ids and as many elements or names in one
//!   place; beyond, those of the older profiles stay. (The store leads every id to the survivor, listed or not.)

mod side;
mod strategy;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashSet;

use indexmap::IndexSet;
use jiff::Timestamp;
use serde_json::Value;
use tracardi_model::Profile;
use tracardi_model::profile::FieldLog;

use crate::hashed_ids::MAX_IDS;
use crate::steps::compute::ratio;
use side::Side;
use walk::Part;

/// Whom a profile has taken in: a list in `metadata.system.aux`.
const MERGED: &str = "merged";

/// Which of some profiles survives their merge: the oldest, by creation and then by id.
///
/// Every merge goes towards the smaller end of one order, so whatever merges take place, in whatever order, they end in
/// the same survivor and can never go in a circle. (The original makes a fresh profile each time: clients then hold ids
/// that are outdated at once, and two merges at a time make two survivors.)
pub fn survivor<'p>(profiles: impl IntoIterator<Item = &'p Profile>) -> Option<&'p Profile> {
    profiles.into_iter().min_by(|a, b| age(a).cmp(&age(b)))
}

fn age(profile: &Profile) -> (Timestamp, &str) {
    (profile.insert(), profile.id())
}

/// The survivor with everything that the others know. An error means that a document contradicts its own schema.
pub fn merge(survivor: &Profile, others: &[&Profile], now: Timestamp) -> Result<Profile, serde_json::Error> {
    let mut seen = HashSet::from([survivor.id()]);
    let mut profiles: Vec<&Profile> = others.iter().copied().filter(|other| seen.insert(other.id())).collect();
    if profiles.is_empty() {
        return Ok(survivor.clone());
    }
    profiles.sort_by(|a, b| age(a).cmp(&age(b)));
    profiles.insert(0, survivor);
    let counted: HashSet<&str> = profiles.iter().flat_map(|profile| merged(profile)).collect();
    let sides = profiles.iter().map(|profile| Side::new(profile, !counted.contains(profile.id())));
    let sides = sides.collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<_> = sides.iter().map(|side| Part { side, value: &side.document }).collect();
    let mut profile: Profile = serde_json::from_value(walk::combine(&mut Vec::new(), &parts))?;
    survivor.id().clone_into(&mut profile.id);
    profile.ids.0 = ids(&profiles);
    profile.metadata.fields = fields(&sides);
    profile.metadata.time.update = Some(now.into());
    let before =
        profiles.iter().map(|profile| &profile.metadata.time.visit).flat_map(|visit| [visit.last, visit.current]);
    profile.metadata.time.visit.last =
        before.flatten().filter(|time| Some(*time) < profile.metadata.time.visit.current).max();
    profile.data.anonymous = Some(profile.is_anonymous());
    profile.data.metrics.ltcop = ratio(profile.data.metrics.ltcosc, profile.data.metrics.ltcocc);
    remember(&mut profile, &profiles);
    Ok(profile)
}

/// The profiles that a profile has taken in so far.
fn merged(profile: &Profile) -> impl Iterator<Item = &str> {
    profile.metadata.system.aux.get(MERGED).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Notes whom the first of these profiles has taken in. What the others had noted has come along by itself.
fn remember(survivor: &mut Profile, profiles: &[&Profile]) {
    let known = survivor.metadata.system.aux.entry(MERGED).or_insert(Value::Null);
    let mut list = std::mem::take(known).as_array().cloned().unwrap_or_default();
    for profile in profiles.iter().skip(1) {
        if list.len() < MAX_IDS && !list.iter().any(|id| id == profile.id()) {
            list.push(profile.id().into());
        }
    }
    *known = Value::Array(list);
}

/// The ids of the documents come first: those are what clients hold.
fn ids(profiles: &[&Profile]) -> Vec<String> {
    let own = profiles.iter().map(|profile| profile.id());
    let former = profiles.iter().flat_map(|profile| merged(profile));
    let all = profiles.iter().flat_map(|profile| profile.ids()).map(String::as_str);
    let ids: IndexSet<&str> = own.clone().take(1).chain(former).chain(own).chain(all).collect();
    ids.into_iter().take(MAX_IDS).map(str::to_owned).collect()
}

/// Of each field the latest change.
fn fields(sides: &[Side<'_>]) -> FieldLog {
    let mut log = FieldLog::default();
    for (field, entry) in sides.iter().flat_map(|side| &side.profile.metadata.fields.0) {
        let known = log.0.entry(field.clone()).or_insert_with(|| entry.clone());
        if side::changed_at(entry).cmp(&side::changed_at(known)).then_with(|| entry.cmp(known)).is_gt() {
            *known = entry.clone();
        }
    }
    log
}
