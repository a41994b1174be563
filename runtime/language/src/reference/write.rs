//! Writing into the documents.

use std::fmt;

use serde_json::Value;
use tracardi_model::path::{self, PathError, Segment};
use tracardi_model::record::Mismatch;

use super::Field;
use crate::{Scope, Source};

/// The documents at hand, to be written too. Use [`Field::write`], which also refuses what is read only.
pub trait ScopeMut: Scope {
    /// Writes at the path (which is not empty), creating what is missing on the way. On an error the value is not written.
    fn set(&mut self, source: Source, path: &[Segment], value: Value) -> Result<(), Refusal>;
}

/// An object with one member for each document at hand: `{"event": {…}, "profile": {…}}`.
impl ScopeMut for Value {
    fn set(&mut self, source: Source, path: &[Segment], value: Value) -> Result<(), Refusal> {
        let document = self.get_mut(source.name()).ok_or(Refusal::Absent)?;
        path::set(document, path, value).map_err(Refusal::Path)
    }
}

/// Why a value cannot be written at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The document describes the workflow that runs.
    ReadOnly,
    /// A whole document is not replaced.
    Whole,
    /// The document is not at hand.
    Absent,
    /// The path leads nowhere.
    Path(PathError),
    /// The schema wants another type there.
    Mismatch(Mismatch),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => f.write_str("flow@ is read only; write to memory@ or payload@"),
            Self::Whole => f.write_str("a whole document cannot be replaced; name a field in it"),
            Self::Absent => f.write_str("there is no such document here"),
            Self::Path(error) => error.fmt(f),
            Self::Mismatch(error) => error.fmt(f),
        }
    }
}

/// A value was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteError {
    /// Where it should have gone.
    pub field: Field,
    /// Why not.
    pub refusal: Refusal,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write `{}`: {}", self.field, self.refusal)
    }
}

impl std::error::Error for WriteError {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_creating_parents() {
        let mut scope = json!({"event": {"text": "x"}, "memory": null, "flow": {}});
        let mut write = |text: &str| Field::parse(text).unwrap().write(&mut scope, json!(1));
        assert_eq!(write("event@a.b.1"), Ok(()));
        assert_eq!(write("memory@two words[\"d.o.t\"]"), Ok(()));
        let refused = [
            ("flow@name", "read only"),
            ("event@...", "name a field"),
            ("profile@id", "no such document"),
            ("event@text.a", "neither object nor list"),
            ("event@list.99999", "at most 1000"),
        ];
        for (text, part) in refused {
            let message = write(text).unwrap_err().to_string();
            assert!(message.contains(part) && message.contains(text), "{message}");
        }
        assert_eq!(scope["event"]["a"], json!({"b": [null, 1]}));
        assert_eq!(scope["memory"], json!({"two words": {"d.o.t": 1}}));
        assert_eq!(scope["flow"], json!({}));
    }
}
