//! What is wrong with a request body, field by field, in the shape clients of the original know (pydantic 2).

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// One step on the way to the wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Loc {
    /// Key of an object.
    Key(Cow<'static, str>),
    /// Index in a list, or the offset of a syntax error in bytes.
    Index(usize),
}

impl From<&'static str> for Loc {
    fn from(key: &'static str) -> Self {
        Self::Key(Cow::Borrowed(key))
    }
}

impl From<String> for Loc {
    fn from(key: String) -> Self {
        Self::Key(Cow::Owned(key))
    }
}

impl From<usize> for Loc {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// One complaint; serialises to `{"type","loc":["body",…],"msg","input"[,"ctx"]}`. A list of them is the `detail` of a 422.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldError {
    /// Machine-readable kind, for example `string_type`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where: `body`, then keys and indexes.
    pub loc: Vec<Loc>,
    /// The rule that was broken, in words.
    pub msg: String,
    /// The wrong value when it is a scalar, cut to 100 characters: an answer does not send a whole body back.
    pub input: Option<Value>,
    /// Further facts, for example the syntax error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

impl FieldError {
    /// A complaint about `loc` (below `body`).
    #[must_use]
    pub fn new(kind: &'static str, loc: Vec<Loc>, msg: impl Into<String>) -> Self {
        Self { kind, loc, msg: msg.into(), input: None, ctx: None }
    }

    /// Shows the wrong value, if it is a scalar.
    #[must_use]
    pub fn with_input(mut self, input: &Value) -> Self {
        self.input = match input {
            Value::String(text) => Some(Value::String(text.chars().take(100).collect())),
            Value::Bool(_) | Value::Number(_) => Some(input.clone()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, loc) in self.loc.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            match loc {
                Loc::Key(key) => f.write_str(key)?,
                Loc::Index(index) => write!(f, "{index}")?,
            }
        }
        write!(f, ": {}", self.msg)
    }
}
