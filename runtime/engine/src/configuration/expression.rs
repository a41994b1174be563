//! Texts in records that are compiled: conditions, templates, paths. What does not parse becomes a complaint about its field.

use serde_json::Value;
use tracardi_language::condition::{self, Condition};
use tracardi_language::template::ObjectTemplate;
use tracardi_model::configuration::wrong;
use tracardi_model::{FieldError, Loc, Path};

/// A condition; none when nothing was entered.
pub(super) fn condition(text: &str, at: impl IntoIterator<Item = Loc>) -> Result<Option<Condition>, Vec<FieldError>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    condition::parse(text).map(Some).map_err(|error| vec![wrong(at, error.to_string())])
}

/// A template; the complaint names the wrong value inside it.
pub(super) fn template(json: &Value, at: impl IntoIterator<Item = Loc>) -> Result<ObjectTemplate, Vec<FieldError>> {
    ObjectTemplate::parse(json).map_err(|error| vec![wrong(at.into_iter().chain(steps(&error.pointer)), error.message)])
}

/// The steps of a JSON pointer such as `/a/0` (RFC 6901), for a complaint about the place it leads to.
pub(super) fn steps(pointer: &str) -> impl Iterator<Item = Loc> + '_ {
    // What stands before the first slash is no step.
    pointer.split('/').skip(1).map(|step| Loc::from(step.replace("~1", "/").replace("~0", "~")))
}

/// A path that begins with one of these names and goes on.
pub(super) fn path(text: &str, heads: &[&str]) -> Result<Path, String> {
    let path = Path::parse(text.trim()).map_err(|error| error.to_string())?;
    let (head, rest) = path.head();
    if heads.contains(&head) && !rest.is_empty() {
        return Ok(path);
    }
    let example = heads.first().copied().unwrap_or_default();
    Err(format!("a path here begins with one of {}, for example `{example}.size`", heads.join(", ")))
}
