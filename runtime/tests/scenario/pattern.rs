//! What an answer should look like.
//!
//! A value stands for itself; an object for any that has its fields (`{}` for the empty one), a list for one of the same
//! length. Words and operators that begin with `$` say more; a text that does is written `$$…`.

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A pattern whose words and operators are known.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Pattern(pub(crate) Value);

impl TryFrom<Value> for Pattern {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        check(&value)?;
        Ok(Self(value))
    }
}

/// The operators: what each asks of a value.
const OPERATORS: &[&str] = &["$only", "$has", "$not", "$length", "$each", "$all"];

fn check(pattern: &Value) -> Result<(), String> {
    match pattern {
        Value::String(text) => Word::of(&without_variables(text)).map(drop),
        Value::Array(items) => items.iter().try_for_each(check),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if is_operator(key) && !OPERATORS.contains(&key.as_str()) {
                return Err(format!("`{key}` is none of {}", OPERATORS.join(", ")));
            }
            check(value)
        }),
        _ => Ok(()),
    }
}

/// The text with each `${…}` as it might be filled in.
fn without_variables(text: &str) -> String {
    let mut parts = text.split("${");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "x" + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// `${…}` is a variable.
fn is_operator(key: &str) -> bool {
    key.starts_with('$') && !key.starts_with("${")
}

/// A text of a pattern.
enum Word<'p> {
    Exactly(&'p str),
    Any,
    Absent,
    Text,
    Number,
    Matching(Regex),
}

const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
const TIME: &str = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$";

impl<'p> Word<'p> {
    fn of(text: &'p str) -> Result<Self, String> {
        let regex = |regex: &str| Regex::new(regex).map(Self::Matching).map_err(|error| format!("`{text}`: {error}"));
        match text {
            "$any" => Ok(Self::Any),
            "$absent" => Ok(Self::Absent),
            "$text" => Ok(Self::Text),
            "$number" => Ok(Self::Number),
            "$uuid" => regex(UUID),
            "$time" => regex(TIME),
            _ if text.starts_with("$regex:") => regex(&text["$regex:".len()..]),
            _ if text.starts_with("$$") => Ok(Self::Exactly(&text[1..])),
            _ if is_operator(text) => Err(format!(
                "`{text}` is none of $any, $absent, $text, $number, $uuid, $time and $regex:…; write $$ for a text that begins with $"
            )),
            _ => Ok(Self::Exactly(text)),
        }
    }
}

/// Where a value is not as expected: one line each, empty when all is well. `at` is where `got` stands.
pub(crate) fn differences(pattern: &Value, got: Option<&Value>, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    compare(pattern, got, at, &mut found);
    found
}

fn compare(pattern: &Value, got: Option<&Value>, at: &str, found: &mut Vec<String>) {
    let mut differs = |expected: String| {
        let got = got.map_or_else(|| "nothing".to_owned(), short);
        found.push(format!("{at}: expected {expected}, got {got}"));
    };
    let fits = match (pattern, got) {
        (Value::String(text), _) => match (Word::of(text), got) {
            (Ok(Word::Absent), got) => got.is_none(),
            (Ok(Word::Any), got) => got.is_some(),
            (Ok(Word::Text), Some(got)) => got.is_string(),
            (Ok(Word::Number), Some(got)) => got.is_number(),
            (Ok(Word::Exactly(text)), Some(Value::String(got))) => text == got,
            (Ok(Word::Matching(regex)), Some(Value::String(got))) => regex.is_match(got),
            _ => false,
        },
        (Value::Object(fields), got) if fields.keys().any(|key| is_operator(key)) => {
            return operators(fields, got, at, found);
        }
        (Value::Object(fields), Some(Value::Object(_))) if !fields.is_empty() => {
            return members(fields, got, at, found);
        }
        (Value::Array(items), Some(Value::Array(gots))) => {
            if items.len() == gots.len() {
                for (number, (item, got)) in items.iter().zip(gots).enumerate() {
                    compare(item, Some(got), &format!("{at}[{number}]"), found);
                }
                return;
            }
            false
        }
        (Value::Number(number), Some(Value::Number(got))) => number == got || number.as_f64() == got.as_f64(),
        (_, Some(got)) => pattern == got,
        (_, None) => false,
    };
    if !fits {
        differs(short(pattern));
    }
}

fn members(fields: &Map<String, Value>, got: Option<&Value>, at: &str, found: &mut Vec<String>) {
    for (key, pattern) in fields {
        compare(pattern, got.and_then(|got| got.get(key)), &format!("{at}.{key}"), found);
    }
}

fn operators(fields: &Map<String, Value>, got: Option<&Value>, at: &str, found: &mut Vec<String>) {
    for (operator, argument) in fields {
        let complaint = match (operator.as_str(), argument, got) {
            ("$only", Value::Object(fields), Some(Value::Object(gots))) => {
                members(fields, got, at, found);
                let more: Vec<&str> =
                    gots.keys().map(String::as_str).filter(|key| !fields.contains_key(*key)).collect();
                (!more.is_empty()).then(|| format!("there is also {}", more.join(", ")))
            }
            ("$has", Value::Array(wanted), Some(Value::Array(gots))) => {
                let has = |one: &&Value| !gots.iter().any(|got| differences(one, Some(got), "").is_empty());
                wanted.iter().find(has).map(|one| format!("expected {} among {}", short(one), short_list(gots)))
            }
            ("$not", pattern, got) => {
                differences(pattern, got, at).is_empty().then(|| format!("expected anything but {}", short(pattern)))
            }
            ("$length", number, Some(got)) => {
                let length = match got {
                    Value::Array(items) => Some(items.len()),
                    Value::Object(fields) => Some(fields.len()),
                    Value::String(text) => Some(text.chars().count()),
                    _ => None,
                };
                (number.as_u64() != length.map(|length| length as u64))
                    .then(|| format!("expected the length {number}, got {}", short(got)))
            }
            ("$each", pattern, Some(Value::Array(gots))) => {
                for (number, got) in gots.iter().enumerate() {
                    compare(pattern, Some(got), &format!("{at}[{number}]"), found);
                }
                None
            }
            ("$all", Value::Array(patterns), got) => {
                for pattern in patterns {
                    compare(pattern, got, at, found);
                }
                None
            }
            (operator, ..) => {
                Some(format!("`{operator}` does not fit {}", got.map_or_else(|| "nothing".to_owned(), short)))
            }
        };
        found.extend(complaint.map(|complaint| format!("{at}: {complaint}")));
    }
}

fn short_list(values: &[Value]) -> String {
    cut(&Value::Array(values.to_vec()).to_string())
}

fn short(value: &Value) -> String {
    cut(&value.to_string())
}

/// The beginning of a long text.
pub(crate) fn cut(text: &str) -> String {
    const SHOWN: usize = 300;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
