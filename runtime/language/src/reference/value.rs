//! `{"value": "…", "ref": true}`: records in which a switch says whether a text is a value or a path.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracardi_model::Path;
use tracardi_model::path::{self, PathError};

/// A text, or a path in an object that is given when the value is wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub enum ReferenceValue {
    /// Nothing was entered.
    #[default]
    Blank,
    /// The text itself, without blanks around it.
    Text(Value),
    /// What stands at the path.
    Path(Path),
}

/// What a [`ReferenceValue`] stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resolved<'a> {
    /// There is no value.
    Blank,
    /// The value; null is one.
    Value(&'a Value),
    /// Nothing stands at the path: counts as null and deserves a warning.
    Missing(&'a Path),
}

impl ReferenceValue {
    /// From the two members of the record.
    pub fn parse(value: &str, reference: bool) -> Result<Self, PathError> {
        Ok(match value.trim() {
            "" => Self::Blank,
            path if reference => Self::Path(Path::parse(path)?),
            text => Self::Text(Value::from(text)),
        })
    }

    /// The value in this object.
    #[must_use]
    pub fn resolve<'a>(&'a self, object: &'a Value) -> Resolved<'a> {
        match self {
            Self::Blank => Resolved::Blank,
            Self::Text(text) => Resolved::Value(text),
            Self::Path(path) => path::get(object, path.segments()).map_or(Resolved::Missing(path), Resolved::Value),
        }
    }
}

/// The form on the wire.
#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(default)]
    value: Option<String>,
    #[serde(default, rename = "ref")]
    reference: bool,
}

impl TryFrom<Record> for ReferenceValue {
    type Error = PathError;

    fn try_from(record: Record) -> Result<Self, PathError> {
        Self::parse(record.value.as_deref().unwrap_or_default(), record.reference)
    }
}

impl From<ReferenceValue> for Record {
    fn from(value: ReferenceValue) -> Self {
        let (value, reference) = match value {
            ReferenceValue::Blank => (String::new(), false),
            ReferenceValue::Text(text) => (text.as_str().unwrap_or_default().to_owned(), false),
            ReferenceValue::Path(path) => (path.to_string(), true),
        };
        Self { value: Some(value), reference }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_paths_and_nothing() {
        let object = json!({"a": {"b": [0, null]}, "text": "x"});
        let (path, zero, null) = (Path::parse("a.c").unwrap(), json!(0), json!(null));
        let (literal, trimmed) = (json!("a.b.0"), json!("x y"));
        let cases = [
            (json!({"value": "a.b.0", "ref": false}), Resolved::Value(&literal)),
            (json!({"value": "  x y ", "ref": false}), Resolved::Value(&trimmed)),
            (json!({"value": "x y"}), Resolved::Value(&trimmed)),
            (json!({"value": " a.b.0 ", "ref": true}), Resolved::Value(&zero)),
            (json!({"value": "a.b.1", "ref": true}), Resolved::Value(&null)),
            (json!({"value": "a.c", "ref": true}), Resolved::Missing(&path)),
            (json!({"value": " ", "ref": true}), Resolved::Blank),
            (json!({"value": null, "ref": false}), Resolved::Blank),
        ];
        for (record, expected) in cases {
            let value: ReferenceValue = serde_json::from_value(record.clone()).unwrap();
            assert_eq!(value.resolve(&object), expected, "{record}");
            let written = serde_json::to_value(&value).unwrap();
            assert_eq!(serde_json::from_value::<ReferenceValue>(written).unwrap(), value, "{record}");
        }
        let error = serde_json::from_value::<ReferenceValue>(json!({"value": "a..b", "ref": true})).unwrap_err();
        assert!(error.to_string().contains("single dots"), "{error}");
    }
}
