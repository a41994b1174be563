//! Reading a JSON tree into typed values while collecting complaints, each with the place it is about. The tree is taken
//! apart, not copied.

use jiff::Timestamp;
use serde_json::Value;

use crate::field::{FieldError, Loc};
use crate::leaf::truth;
use crate::{Map, time};

/// More complaints than this help nobody.
const MAX_COMPLAINTS: usize = 100;

/// Where in a request we are; a list on the stack that is only turned into a [`FieldError::loc`] when something is wrong.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    /// The whole body.
    Body,
    /// The parameters of the path.
    Path,
    /// A key of an object.
    Key(&'a At<'a>, &'static str),
    /// An entry of a dictionary, whose keys the client chooses.
    Entry(&'a At<'a>, &'a str),
    /// An element of a list.
    Index(&'a At<'a>, usize),
}

impl At<'_> {
    fn loc(&self) -> Vec<Loc> {
        match self {
            Self::Body => vec![Loc::from("body")],
            Self::Path => vec![Loc::from("path")],
            Self::Key(parent, key) => {
                let mut loc = parent.loc();
                loc.push((*key).into());
                loc
            }
            Self::Entry(parent, key) => {
                let mut loc = parent.loc();
                loc.push((*key).to_owned().into());
                loc
            }
            Self::Index(parent, index) => {
                let mut loc = parent.loc();
                loc.push((*index).into());
                loc
            }
        }
    }
}

/// The complaints so far.
#[derive(Debug, Default)]
pub struct Report {
    errors: Vec<FieldError>,
}

impl Report {
    /// Adds a complaint.
    pub fn push(&mut self, at: &At<'_>, kind: &'static str, msg: &str, input: Option<&Value>) {
        if self.errors.len() < MAX_COMPLAINTS {
            let error = FieldError::new(kind, at.loc(), msg);
            self.errors.push(match input {
                Some(input) => error.with_input(input),
                None => error,
            });
        }
    }

    /// The value, if there were no complaints.
    pub fn conclude<T>(self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(self.errors),
        }
    }
}

/// The fields of one object; reading a field takes it out.
#[derive(Debug)]
pub struct Fields(Map);

impl Fields {
    /// The fields, if the value is an object.
    pub fn of(value: Value, at: &At<'_>, report: &mut Report) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self(map)),
            other => {
                let msg = "Input should be a valid dictionary or object to extract fields from";
                report.push(at, "model_attributes_type", msg, Some(&other));
                None
            }
        }
    }

    /// A field as it is; null is a value.
    pub fn take(&mut self, name: &'static str) -> Option<Value> {
        self.0.swap_remove(name)
    }

    /// A field that has to be there.
    pub fn required(&mut self, name: &'static str, at: &At<'_>, report: &mut Report) -> Option<Value> {
        let value = self.take(name);
        if value.is_none() {
            report.push(&At::Key(at, name), "missing", "Field required", None);
        }
        value
    }

    /// A text that has to be there, at most `bytes` long.
    pub fn string(&mut self, name: &'static str, at: &At<'_>, report: &mut Report, bytes: usize) -> Option<String> {
        let value = self.required(name, at, report)?;
        text(value, &At::Key(at, name), report, bytes)
    }

    /// A text that has to be there and to be more than blanks; blanks around it are cut off.
    pub fn id(&mut self, name: &'static str, at: &At<'_>, report: &mut Report, bytes: usize) -> Option<String> {
        let text = trimmed(self.string(name, at, report, bytes)?);
        if text.is_empty() {
            report.push(&At::Key(at, name), "value_error", "Value error, must not be blank", None);
            return None;
        }
        Some(text)
    }

    /// A text; absent and null are none.
    pub fn optional_string(
        &mut self,
        name: &'static str,
        at: &At<'_>,
        report: &mut Report,
        bytes: usize,
    ) -> Option<String> {
        match self.take(name) {
            None | Some(Value::Null) => None,
            Some(value) => text(value, &At::Key(at, name), report, bytes),
        }
    }

    /// An object; absent and null are none.
    pub fn object(&mut self, name: &'static str, at: &At<'_>, report: &mut Report) -> Option<Map> {
        match self.take(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => {
                report.push(&At::Key(at, name), "dict_type", "Input should be a valid dictionary", Some(&other));
                None
            }
        }
    }

    /// A list of texts, or one text; absent and null are none.
    pub fn texts(&mut self, name: &'static str, at: &At<'_>, report: &mut Report, bytes: usize) -> Option<Vec<String>> {
        let at = At::Key(at, name);
        match self.take(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(single)) => Some(vec![single]),
            Some(Value::Array(list)) => {
                let texts = list.into_iter().enumerate();
                Some(texts.filter_map(|(index, value)| text(value, &At::Index(&at, index), report, bytes)).collect())
            }
            Some(other) => {
                report.push(&at, "list_type", "Input should be a valid list", Some(&other));
                None
            }
        }
    }

    /// A boolean; absent and null are none.
    pub fn bool(&mut self, name: &'static str, at: &At<'_>, report: &mut Report) -> Option<bool> {
        let value = self.take(name).filter(|value| !value.is_null())?;
        let yes = truth(&value);
        if yes.is_none() {
            let (kind, msg) = if value.is_string() || value.is_number() {
                ("bool_parsing", "Input should be a valid boolean, unable to interpret input")
            } else {
                ("bool_type", "Input should be a valid boolean")
            };
            report.push(&At::Key(at, name), kind, msg, Some(&value));
        }
        yes
    }

    /// A point in time; absent and null are none.
    pub fn time(&mut self, name: &'static str, at: &At<'_>, report: &mut Report) -> Option<Timestamp> {
        let value = self.take(name).filter(|value| !value.is_null())?;
        let at = At::Key(at, name);
        let parsed = match &value {
            Value::String(text) => time::parse(text),
            Value::Number(number) => time::from_number(number.as_f64().unwrap_or(f64::NAN)),
            _ => {
                report.push(&at, "datetime_type", "Input should be a valid datetime", Some(&value));
                return None;
            }
        };
        parsed
            .map_err(|error| {
                report.push(
                    &at,
                    "datetime_parsing",
                    &format!("Input should be a valid datetime, {error}"),
                    Some(&value),
                );
            })
            .ok()
    }
}

/// The text, if the value is one and not longer than allowed. NUL is refused: stores end texts at it.
pub fn text(value: Value, at: &At<'_>, report: &mut Report, bytes: usize) -> Option<String> {
    match value {
        Value::String(text) if text.contains('\0') => {
            report.push(at, "value_error", "Value error, must not contain NUL characters", None);
            None
        }
        Value::String(text) if text.len() <= bytes => Some(text),
        Value::String(text) => {
            let msg = format!("String should have at most {bytes} bytes, it has {}", text.len());
            report.push(at, "string_too_long", &msg, Some(&Value::String(text)));
            None
        }
        other => {
            report.push(at, "string_type", "Input should be a valid string", Some(&other));
            None
        }
    }
}

/// The text without blanks around it; no copy when there are none.
#[must_use]
pub fn trimmed(text: String) -> String {
    let cut = text.trim();
    if cut.len() == text.len() { text } else { cut.to_owned() }
}
