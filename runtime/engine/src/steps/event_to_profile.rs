//! Values of events for the profile, by the configuration (spec/pipeline.md 5.5). Empty values are not taken over.

use serde_json::Value;
use tracardi_language::Found;
use tracardi_model::configuration::{Kind, ProfileOperation};
use tracardi_model::leaf::{MAX_LIST, MAX_TEXT};
use tracardi_model::record::{Mismatch, Node};
use tracardi_model::trail::By;
use tracardi_model::{Event, Profile, weight};

use crate::configuration::{Assignment, ProfileMapping, Source};
use crate::hashed_ids::MAX_IDS;
use crate::pipeline::Run;
use crate::scope::{self, Collected};
use crate::steps::events::warn;
use crate::steps::mapping::{Log, empty, value};

/// Whether something was written.
pub(crate) fn apply(run: &mut Run<'_>, event: &mut Event, mapping: &ProfileMapping, log: &mut Log) -> bool {
    let mut changed = false;
    let mut warnings = Vec::new();
    let mut complain = |why: String| warnings.push(format!("{} {}: {why}", Kind::EventToProfile, mapping.id));
    match applies(run, event, mapping) {
        Ok(true) => {
            let by = By::record(Kind::EventToProfile, &mapping.id);
            for assignment in &mapping.assignments {
                let Some(profile) = run.profile_mut() else { break };
                let before = value(profile, &assignment.destination);
                match assign(profile, event, assignment) {
                    Ok(false) => {}
                    Ok(true) => {
                        changed = true;
                        log.note(profile, event, &by, &assignment.destination, &before);
                    }
                    Err(why) => complain(format!("`{}`: {why}", assignment.destination)),
                }
            }
        }
        Ok(false) => {}
        Err(why) => complain(why),
    }
    warn(event, warnings);
    changed
}

fn applies(run: &Run<'_>, event: &Event, mapping: &ProfileMapping) -> Result<bool, String> {
    let Some(condition) = &mapping.condition else { return Ok(true) };
    let scope = Collected { event, profile: run.profile.as_deref(), session: run.session.as_deref() };
    condition.evaluate(&scope, run.now).map_err(|error| error.to_string())
}

/// Whether something was written; or why it could not be.
fn assign(profile: &mut Profile, event: &Event, assignment: &Assignment) -> Result<bool, String> {
    let value = match &assignment.source {
        Source::Text(text) => text.clone(),
        Source::Event(path) => scope::event(event, path.segments())
            .map(Found::into_value)
            .ok_or_else(|| format!("there is no `event@{path}`"))?,
    };
    if nothing(&value) {
        let from = match &assignment.source {
            Source::Event(path) => path.as_str(),
            Source::Text(_) => "text",
        };
        return Err(format!("`event@{from}` is empty"));
    }
    if weight::value(&value) > MAX_VALUE {
        return Err(format!("a value of at most {MAX_VALUE} bytes is expected"));
    }
    let path = assignment.destination.segments();
    let written = match assignment.operation {
        ProfileOperation::Append if assignment.destination.as_str() == "ids" => return add_id(profile, &value),
        ProfileOperation::Equals => profile.set(path, &value),
        ProfileOperation::EqualsIfNotExists => {
            if profile.get(path).is_some_and(|known| !empty(&known)) {
                return Ok(false);
            }
            profile.set(path, &value)
        }
        ProfileOperation::Append => append(profile.get(path), value).and_then(|list| profile.set(path, &list)),
    };
    written.map(|()| true).map_err(|Mismatch(expected)| format!("{expected} is expected"))
}

/// Heaviest value that is written.
const MAX_VALUE: usize = 8 * MAX_TEXT;

/// What the original does not take over: null, false, 0 and what has no content.
fn nothing(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        other => empty(other),
    }
}

/// The list with one more element, which may be a list itself; a single value becomes a list first.
fn append(known: Option<Value>, value: Value) -> Result<Value, Mismatch> {
    let mut list = match known {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(Value::Object(_)) => return Err(Mismatch("a list or a single value in the profile")),
        Some(single) => vec![single],
    };
    if list.len() >= MAX_LIST {
        return Err(Mismatch("a list of less than 1000 elements in the profile"));
    }
    list.push(value);
    Ok(Value::Array(list))
}

/// An id by which the profile can be found from now on; once.
fn add_id(profile: &mut Profile, value: &Value) -> Result<bool, String> {
    let id = value.as_str().map(str::trim).filter(|id| !id.is_empty() && id.len() <= MAX_ID);
    let id = id.ok_or_else(|| format!("a text of at most {MAX_ID} bytes is expected"))?;
    if profile.ids.0.iter().any(|known| known == id) {
        return Ok(false);
    }
    if profile.ids.0.len() >= MAX_IDS {
        return Err(format!("at most {MAX_IDS} ids are expected"));
    }
    profile.ids.0.push(id.to_owned());
    Ok(true)
}

/// Longest id that is added, in bytes.
const MAX_ID: usize = 512;
