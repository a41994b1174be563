//! What predefined types compute on the profile (spec/pipeline.md 5.5): the ratio of checkouts, and interests.

use serde_json::{Number, Value};
use tracardi_model::record::{Mismatch, Node};
use tracardi_model::{Event, Map, Path, Profile};

use crate::event_types::Function;

/// A name of an interest makes at most this many levels.
const MAX_LEVELS: usize = 8;
/// A name of an interest has at most this many bytes.
const MAX_NAME: usize = 256;
/// A profile has at most this many interests.
const MAX_INTERESTS: usize = 1_000;

/// The field under which a change by this function is logged, if it is.
pub(crate) fn logged(function: &Function) -> Option<&Path> {
    match function {
        Function::CheckoutRatio(into) => Some(into),
        Function::IncreaseInterest | Function::DecreaseInterest | Function::ResetInterest => None,
    }
}

/// Applies a function.
pub(crate) fn apply(profile: &mut Profile, event: &Event, function: &Function) -> Result<(), Mismatch> {
    match function {
        Function::CheckoutRatio(into) => {
            let ratio = ratio(profile.data.metrics.ltcosc, profile.data.metrics.ltcocc);
            let ratio = Number::from_f64(ratio).ok_or(Mismatch("a number"))?;
            profile.set(into.segments(), &Value::Number(ratio))
        }
        Function::IncreaseInterest => interest(profile, event, |known, value| known.unwrap_or(0.0) + value),
        Function::DecreaseInterest => interest(profile, event, |known, value| known.unwrap_or(0.0) - value),
        Function::ResetInterest => interest(profile, event, |_, value| value),
    }
}

/// Checkouts started for each one completed.
pub(crate) fn ratio(started: i64, completed: i64) -> f64 {
    if completed == 0 {
        return 0.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    (started as f64 / completed as f64)
}

/// Changes the interest that `properties.interest` names by `properties.value` (1 if absent).
fn interest(profile: &mut Profile, event: &Event, change: fn(Option<f64>, f64) -> f64) -> Result<(), Mismatch> {
    let properties = event.properties.as_ref();
    let property = |name: &str| properties.and_then(|properties| properties.get(name));
    let name =
        property("interest").and_then(Value::as_str).map(str::trim).ok_or(Mismatch("the name of an interest"))?;
    let value = match property("value") {
        None | Some(Value::Null) => 1.0,
        Some(value) => number(value).ok_or(Mismatch("a number"))?,
    };
    let place = interest_place(&mut profile.interests, name).ok_or(Mismatch("a short name with few dots"))?;
    if place.is_object() || place.is_array() {
        return Err(Mismatch("the name of an interest, not of a group of interests"));
    }
    let changed = change(number(place), value);
    *place = Value::Number(Number::from_f64(changed).ok_or(Mismatch("a number of ordinary size"))?);
    Ok(())
}

/// The place of an interest; dots in the name make groups. Nothing is created if the name cannot be used.
fn interest_place<'m>(interests: &'m mut Map, name: &str) -> Option<&'m mut Value> {
    let levels = name.split('.').count();
    if name.len() > MAX_NAME || levels > MAX_LEVELS || name.split('.').any(str::is_empty) {
        return None;
    }
    if count(interests) >= MAX_INTERESTS && !known(interests, name) {
        return None;
    }
    let mut map = interests;
    for (at, part) in name.split('.').enumerate() {
        let last = at + 1 == levels;
        let place = map.entry(part).or_insert_with(|| if last { Value::Null } else { Value::Object(Map::new()) });
        if last {
            return Some(place);
        }
        map = place.as_object_mut()?;
    }
    None
}

/// All interests, those in groups included.
fn count(interests: &Map) -> usize {
    interests.values().map(|value| value.as_object().map_or(1, count)).sum()
}

fn known(interests: &Map, name: &str) -> bool {
    let mut parts = name.split('.');
    let first = parts.next().and_then(|part| interests.get(part));
    parts.fold(first, |value, part| value?.get(part)).is_some()
}

/// A number, also written as text.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number| number.is_finite())
}
