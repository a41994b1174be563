//! What conditions, references and templates can see: six documents, read by path.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;
use tracardi_model::path::{self, Segment};

/// A document that a text may name: the word before the `@` in `event@properties.price`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// What the node before handed on.
    Payload,
    /// The visit.
    Session,
    /// What happened.
    Event,
    /// The person.
    Profile,
    /// The workflow that runs; read only.
    Flow,
    /// Notes that nodes of one workflow run leave for each other.
    Memory,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Payload, Self::Session, Self::Event, Self::Profile, Self::Flow, Self::Memory];

    /// The word before the `@`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Session => "session",
            Self::Event => "event",
            Self::Profile => "profile",
            Self::Flow => "flow",
            Self::Memory => "memory",
        }
    }

    /// The source of that name, which is in lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value that stands somewhere in a document: borrowed from it where that is possible.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<'a> {
    /// A text, also one that a typed document keeps outside of JSON.
    Text(&'a str),
    /// Any value (texts too).
    Json(Cow<'a, Value>),
}

impl Found<'_> {
    /// The value as JSON of its own.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Text(text) => Value::from(text),
            Self::Json(value) => value.into_owned(),
        }
    }
}

impl<'a> From<&'a Value> for Found<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Json(Cow::Borrowed(value))
    }
}

impl From<Value> for Found<'_> {
    fn from(value: Value) -> Self {
        Self::Json(Cow::Owned(value))
    }
}

/// The documents at hand. Each shows itself in its JSON form, times as texts.
pub trait Scope {
    /// The value at the path, the whole document for the empty path; null is a value. None where nothing stands, and for
    /// every path of a document that is not at hand.
    fn get(&self, source: Source, path: &[Segment]) -> Option<Found<'_>>;
}

/// An object with one member for each document at hand: `{"event": {…}, "profile": {…}}`.
impl Scope for Value {
    fn get(&self, source: Source, path: &[Segment]) -> Option<Found<'_>> {
        path::get(Value::get(self, source.name())?, path).map(Found::from)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracardi_model::Path;

    use super::*;

    #[test]
    fn an_object_of_documents_is_a_scope() {
        let scope = json!({"event": {"type": "x", "list": [1, null]}, "flow": null});
        let get = |source, path: &str| {
            Scope::get(&scope, source, Path::parse(path).unwrap().segments()).map(Found::into_value)
        };
        assert_eq!(get(Source::Event, "type"), Some(json!("x")));
        assert_eq!(get(Source::Event, "list.1"), Some(json!(null)));
        assert_eq!(get(Source::Event, "list.2"), None);
        assert_eq!(get(Source::Profile, "id"), None);
        assert_eq!(Scope::get(&scope, Source::Flow, &[]).map(Found::into_value), Some(json!(null)));
        assert_eq!(Found::Text("x").into_value(), json!("x"));
    }

    #[test]
    fn names() {
        for source in Source::ALL {
            assert_eq!(Source::named(source.name()), Some(source));
        }
        assert_eq!(Source::named("Event"), None);
    }
}
