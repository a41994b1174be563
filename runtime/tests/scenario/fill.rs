//! Variables: `${run}`, unique for each run of a scenario, and what earlier steps kept.
//!
//! A string that is nothing but `${name}` becomes the value, whatever its type; inside a longer one, and in keys, the value
//! stands as text. `{$repeat: {times: n, of: x}}` becomes a list of `n` elements, `{$repeat: {times: n, text: x}}` a text.

use indexmap::IndexMap;
use serde_json::{Map, Value};

/// Values by name.
pub(crate) type Variables = IndexMap<String, Value>;

/// A text with the values in it.
pub(crate) fn text(template: &str, variables: &Variables) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or_else(|| format!("`{template}`: a `${{` has no `}}`"))?;
        filled.push_str(before);
        match known(name, variables)? {
            Value::String(text) => filled.push_str(text),
            other => filled.push_str(&other.to_string()),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A value with the values in it.
pub(crate) fn value(template: &Value, variables: &Variables) -> Result<Value, String> {
    Ok(match template {
        Value::String(text) => match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !name.contains('}') => known(name, variables)?.clone(),
            _ => Value::String(self::text(text, variables)?),
        },
        Value::Array(items) => items.iter().map(|item| value(item, variables)).collect::<Result<_, _>>()?,
        Value::Object(fields) => {
            if let Some(repeat) = fields.get("$repeat") {
                return repeated(&value(repeat, variables)?);
            }
            let fields = fields.iter().map(|(key, field)| Ok((text(key, variables)?, value(field, variables)?)));
            Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
        }
        other => other.clone(),
    })
}

fn known<'v>(name: &str, variables: &'v Variables) -> Result<&'v Value, String> {
    variables.get(name).ok_or_else(|| format!("`${{{name}}}` is not `run`, and no earlier step keeps it"))
}

fn repeated(repeat: &Value) -> Result<Value, String> {
    let times = repeat.get("times").and_then(Value::as_u64).and_then(|times| usize::try_from(times).ok());
    match (times, repeat.get("text"), repeat.get("of")) {
        (Some(times), Some(Value::String(text)), None) => Ok(Value::String(text.repeat(times))),
        (Some(times), None, Some(element)) => Ok(Value::Array(vec![element.clone(); times])),
        _ => Err(format!("`$repeat` takes `times`, and `of` or `text`, not {repeat}")),
    }
}
