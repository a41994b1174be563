//! References: texts of a configuration that stand for a value (spec/pipeline.md 7.3, 7.6).
//!
//! | Text | Value |
//! |---|---|
//! | `event@properties.items.0` | what stands there: of the event, first element of the list |
//! | `event@properties["two.words"]` | a name with a dot in it |
//! | `profile@...` | the whole document |
//! | `` `1.5` ``, `` `true` ``, `` `null` `` | number, boolean, null |
//! | `` `payload@count` `` | what stands there; a text is converted as above |
//! | anything else | itself |
//!
//! Only the text of the configuration is read as a reference. A value that was found is never read again, whatever it
//! looks like: a visitor who calls himself `profile@data.pii.firstname` is called so.

mod field;
mod value;
mod write;

use std::fmt;

use serde_json::{Number, Value};

pub use field::Field;
pub use value::{ReferenceValue, Resolved};
pub use write::{Refusal, ScopeMut, WriteError};

use crate::{Found, Scope, Source, SyntaxError};

/// A text that stands for a value, read once.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// The value itself: a text, or a number, boolean or null that was written in back-quotes.
    Literal(Value),
    /// What stands in a document.
    Field(Field),
    /// What stands in a document; a text that means a number, boolean or null is converted.
    Cast(Field),
}

/// Nothing stands where a reference points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing<'a> {
    /// The place.
    pub field: &'a Field,
}

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no `{}`", self.field)
    }
}

impl std::error::Error for Missing<'_> {}

impl Reference {
    /// Reads a reference. Only a text that begins with the name of a source and `@` can be wrong.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let bare = unquoted(text);
        let quoted = bare.len() < text.len();
        if begins_with_source(bare) {
            let start = (text.len() - bare.len()) / 2;
            let field =
                Field::read(bare).map_err(|(offset, message)| SyntaxError::at(text, start + offset, message))?;
            return Ok(if quoted { Self::Cast(field) } else { Self::Field(field) });
        }
        let meant = if quoted { cast(bare) } else { None };
        Ok(Self::Literal(meant.unwrap_or_else(|| Value::from(bare))))
    }

    /// The value: borrowed from the scope or from the reference itself where that is possible.
    pub fn resolve<'a>(&'a self, scope: &'a (impl Scope + ?Sized)) -> Result<Found<'a>, Missing<'a>> {
        match self {
            Self::Literal(value) => Ok(Found::from(value)),
            Self::Field(field) => field.get(scope).ok_or(Missing { field }),
            Self::Cast(field) => {
                let found = field.get(scope).ok_or(Missing { field })?;
                let meant = text_of(&found).and_then(cast);
                Ok(meant.map_or(found, Found::from))
            }
        }
    }
}

/// The text that is read as this reference again.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(Value::String(text)) => f.write_str(text),
            Self::Literal(Value::Number(number)) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(whole) if whole.fract() == 0.0 => write!(f, "`{whole}.0`"),
                Some(fraction) => write!(f, "`{fraction}`"),
                None => write!(f, "`{number}`"),
            },
            Self::Literal(value) => write!(f, "`{value}`"),
            Self::Field(field) => field.fmt(f),
            Self::Cast(field) => write!(f, "`{field}`"),
        }
    }
}

/// The text of a found value, if it is one.
pub(crate) fn text_of<'a>(found: &'a Found<'_>) -> Option<&'a str> {
    match found {
        Found::Text(text) => Some(text),
        Found::Json(value) => value.as_str(),
    }
}

fn begins_with_source(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, _)| Source::named(name).is_some())
}

/// The text without the pairs of back-quotes around it: converting twice is converting once.
fn unquoted(text: &str) -> &str {
    let mut bare = text;
    while let Some(inner) = bare.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        bare = inner;
    }
    bare
}

/// What a text means that stands in back-quotes: words in any case, digits, digits with a point between them. Numbers that
/// have no exact place (more than 64 bits) stay texts.
fn cast(text: &str) -> Option<Value> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") {
        Some(Value::Bool(is("true")))
    } else if is("null") || is("none") {
        Some(Value::Null)
    } else if digits(text) {
        text.parse::<u64>().ok().map(Value::from)
    } else {
        let (whole, fraction) = text.split_once('.')?;
        let number = if digits(whole) && digits(fraction) { text.parse::<f64>().ok()? } else { return None };
        Number::from_f64(number).map(Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn resolve(text: &str) -> Result<Value, String> {
        let scope = json!({
            "event": {"type": "page-view", "n": "12", "zero": 0, "list": ["", "none"], "trap": "profile@id"},
            "profile": {"id": "p"},
        });
        let reference = Reference::parse(text).map_err(|error| error.to_string())?;
        reference.resolve(&scope).map(Found::into_value).map_err(|missing| missing.to_string())
    }

    #[test]
    fn values_by_text() {
        let cases = [
            ("event@type", json!("page-view")),
            ("event@n", json!("12")),
            ("`event@n`", json!(12)),
            ("`event@type`", json!("page-view")),
            ("`event@zero`", json!(0)),
            ("event@list.0", json!("")),
            ("`event@list.1`", json!(null)),
            ("profile@...", json!({"id": "p"})),
            ("event@trap", json!("profile@id")),
            ("", json!("")),
            ("text", json!("text")),
            ("me@example.com", json!("me@example.com")),
            ("Event@type", json!("Event@type")),
            (" event@type", json!(" event@type")),
            ("12", json!("12")),
            ("`12`", json!(12)),
            ("`007`", json!(7)),
            ("`1.5`", json!(1.5)),
            ("`2.0`", json!(2.0)),
            ("`-1`", json!("-1")),
            ("`1e5`", json!("1e5")),
            ("`1.`", json!("1.")),
            ("`.5`", json!(".5")),
            ("`TRUE`", json!(true)),
            ("`False`", json!(false)),
            ("`null`", json!(null)),
            ("`None`", json!(null)),
            ("`text`", json!("text")),
            ("``", json!("")),
            ("`", json!("`")),
            ("``5``", json!(5)),
            ("`99999999999999999999`", json!("99999999999999999999")),
        ];
        for (text, expected) in cases {
            assert_eq!(resolve(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_name_the_reference() {
        assert_eq!(resolve("event@list.2").unwrap_err(), "there is no `event@list.2`");
        assert_eq!(resolve("`session@id`").unwrap_err(), "there is no `session@id`");
        assert_eq!(Reference::parse("``event@a..b``").unwrap_err().column, 11);
        assert!(resolve("event@").unwrap_err().contains("a name is missing"));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(text in "[`0-9.]{0,8}|`{0,2}(event@|TRUE|nOne)?[a-c.\\[\\]\"ż]{0,6}`{0,2}") {
            if let Ok(reference) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
            }
        }

        #[test]
        fn numbers_survive_the_cast(number in any::<u64>(), fraction in 0.0..1e18) {
            let fraction = if f64::fract(fraction) == 0.0 { format!("{fraction}.0") } else { fraction.to_string() };
            prop_assert_eq!(Reference::parse(&format!("`{number}`")), Ok(Reference::Literal(json!(number))));
            let expected: f64 = fraction.parse().unwrap();
            prop_assert_eq!(Reference::parse(&format!("`{fraction}`")), Ok(Reference::Literal(json!(expected))));
        }
    }
}
