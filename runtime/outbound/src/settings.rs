//! Fields of credentials and settings: forms send numbers as text and the other way round. Pure.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// Seconds that a destination is given when it does not say.
const TIMEOUT: f64 = 30.0;
/// The most that it may be given: it occupies a connection meanwhile.
const LONGEST_TIMEOUT: f64 = 120.0;

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}

/// A field as text.
pub(crate) fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// A field as text that says something. `<url>` and the like, with which forms begin, say nothing.
pub(crate) fn filled(object: &Value, key: &str) -> Option<String> {
    let text = text(object.get(key))?.trim().to_owned();
    let is_blank = text.is_empty() || (text.starts_with('<') && text.ends_with('>'));
    (!is_blank).then_some(text)
}

/// A field that must say something; `what` it is, for people.
pub(crate) fn needed(object: &Value, key: &str, what: &str) -> Result<String, String> {
    filled(object, key).ok_or_else(|| format!("`{key}`: {what} is needed"))
}

/// How long an attempt may take.
pub(crate) fn timeout(init: &Value) -> Result<Duration, String> {
    let seconds = match text(init.get("timeout")) {
        None => TIMEOUT,
        Some(text) => text.trim().parse().map_err(|_| format!("`timeout` {text:?} is no number of seconds"))?,
    };
    if !(0.1..=LONGEST_TIMEOUT).contains(&seconds) {
        return Err(format!("`timeout` must lie between 0.1 and {LONGEST_TIMEOUT} seconds"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("`timeout`: {error}"))
}

/// A switch; on when nothing is said.
pub(crate) fn flag(object: &Value, key: &str) -> Result<bool, String> {
    match text(object.get(key)).as_deref() {
        None | Some("true" | "1" | "yes") => Ok(true),
        Some("false" | "0" | "no") => Ok(false),
        Some(other) => Err(format!("`{key}` {other:?}: expected true or false")),
    }
}

/// Whole numbers.
pub(crate) fn number<T: std::str::FromStr>(object: &Value, key: &str) -> Result<Option<T>, String> {
    let Some(text) = filled(object, key) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("`{key}` {text:?} is no number that fits here"))
}

/// Refuses every way to write a message but JSON as it is: other ways can be configured elsewhere, and would be ignored here.
pub(crate) fn json_alone(object: &Value) -> Result<(), String> {
    for (key, known) in [("serializer", "json"), ("compression", "none")] {
        if let Some(other) = filled(object, key)
            && !other.eq_ignore_ascii_case(known)
        {
            return Err(format!("`{key}` {other:?}: there is only {known}"));
        }
    }
    Ok(())
}
