//! The documents of a merge, walked side by side.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Number, Value};
use tracardi_model::leaf::{Leaf, MAX_LIST, Time};

use super::side::Side;
use super::strategy::{self, Strategy};

/// What one profile has at the place.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) side: &'a Side<'a>,
    pub(super) value: &'a Value,
}

/// The one value that comes of what the profiles have at a place; the oldest profile's part is the first.
pub(super) fn combine<'a>(path: &mut Vec<&'a str>, parts: &[Part<'a>]) -> Value {
    let has = |kind: fn(&Value) -> bool| parts.iter().any(|part| kind(part.value));
    match strategy::of(path) {
        Some(Strategy::LastUpdate) => latest(path, parts, |value| !blank(value)),
        Some(Strategy::LastUpdateOfEntry) => latest(path, parts, |_| true),
        // What has members beats what has none: so no name is lost.
        _ if has(Value::is_object) => members(path, parts),
        Some(Strategy::Sum) => sum(parts).unwrap_or_else(|| latest(path, parts, says_something)),
        Some(Strategy::FirstDatetime) => times(parts).min().map_or(Value::Null, |time| time.write()),
        Some(Strategy::LastDatetime) => times(parts).max().map_or(Value::Null, |time| time.write()),
        Some(Strategy::Or) => Value::Bool(parts.iter().any(|part| part.value == &Value::Bool(true))),
        None if has(Value::is_array) => joined(parts),
        None => latest(path, parts, says_something),
    }
}

fn members<'a>(path: &mut Vec<&'a str>, parts: &[Part<'a>]) -> Value {
    let mut members: IndexMap<&'a str, Vec<Part<'a>>> = IndexMap::new();
    for part in parts {
        for (name, value) in part.value.as_object().into_iter().flatten() {
            if members.len() < MAX_LIST || members.contains_key(name.as_str()) {
                members.entry(name).or_default().push(Part { side: part.side, value });
            }
        }
    }
    let combined = members.into_iter().filter_map(|(name, having)| {
        path.push(name);
        let value = (!removed(path, name, parts, &having)).then(|| combine(path, &having));
        path.pop();
        Some((name.to_owned(), value?))
    });
    Value::Object(combined.collect())
}

/// Whether an entry under a free name was taken away from one profile after it last changed in the others: it stays away.
fn removed(path: &[&str], name: &str, parts: &[Part<'_>], having: &[Part<'_>]) -> bool {
    if strategy::of(path) != Some(Strategy::LastUpdateOfEntry) {
        return false;
    }
    let without = parts.iter().filter(|part| part.value.get(name).is_none());
    let removed = without.filter_map(|part| part.side.dated_itself(path)).max();
    removed.is_some_and(|at| having.iter().all(|part| part.side.changed(path) < (true, at)))
}

/// LAST_UPDATE among what counts. Something empty counts too when it is known when it was emptied: that is a deletion.
/// Of two changes at the same instant the greater text wins, whoever has it.
fn latest(path: &[&str], parts: &[Part<'_>], counts: fn(&Value) -> bool) -> Value {
    let candidates = parts.iter().filter(|part| counts(part.value) || part.side.dated(path).is_some());
    let last = candidates.max_by(|a, b| {
        let by_time = a.side.changed(path).cmp(&b.side.changed(path));
        by_time.then_with(|| a.value.to_string().cmp(&b.value.to_string()))
    });
    last.or(parts.first()).map_or(Value::Null, |part| part.value.clone())
}

fn says_something(value: &Value) -> bool {
    !value.is_null() && value.as_str() != Some("")
}

/// Whether a typed object is as it was at the beginning.
fn blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(blank),
    }
}

/// MERGE_LISTS_AND_VALUES_DISTINCT.
fn joined(parts: &[Part<'_>]) -> Value {
    let values = parts.iter().flat_map(|part| match part.value {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        scalar => std::slice::from_ref(scalar),
    });
    let distinct: IndexSet<&Value> = values.collect();
    Value::Array(distinct.into_iter().take(MAX_LIST).cloned().collect())
}

/// None when there is no number.
fn sum(parts: &[Part<'_>]) -> Option<Value> {
    let numbers = || parts.iter().filter(|part| part.side.counted).filter_map(|part| part.value.as_number());
    numbers().next()?;
    let whole = numbers().map(Number::as_i64).try_fold(0_i64, |sum, number| Some(sum.saturating_add(number?)));
    Some(whole.map_or_else(
        || {
            let sum: f64 = numbers().filter_map(Number::as_f64).sum();
            Value::from(sum.clamp(f64::MIN, f64::MAX))
        },
        Value::from,
    ))
}

fn times(parts: &[Part<'_>]) -> impl Iterator<Item = Time> {
    parts.iter().filter_map(|part| Time::read(part.value).ok())
}
