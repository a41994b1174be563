//! A place in one of the documents: `event@properties.items.0`.

use std::fmt;

use serde_json::Value;
use tracardi_model::Path;
use tracardi_model::path::{MAX_SEGMENTS, Segment};

use super::write::{Refusal, ScopeMut, WriteError};
use crate::{Found, Scope, Source, SyntaxError};

/// What stands for the path when the whole document is meant.
const WHOLE: &str = "...";

/// A document and a path in it, split once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Which document.
    pub source: Source,
    /// Where in it; none means the whole document.
    pub path: Option<Path>,
}

/// What is wrong, and how many bytes into the text.
type Fault = (usize, String);

impl Field {
    /// Reads `source@name.name`, `source@name["any name"]` or `source@...`.
    ///
    /// Names are made of any characters; a name with a dot in it stands in `["…"]` behind another one. The source is
    /// written in lower case.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::read(text).map_err(|(offset, message)| SyntaxError::at(text, offset, message))
    }

    /// [`Field::parse`] of a part of a longer text, which knows itself where its errors are.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let known = text.split_once('@').and_then(|(name, path)| Some((Source::named(name)?, path)));
        let Some((source, path)) = known else {
            let sources = Source::ALL.map(|source| format!("{source}@")).join(", ");
            return Err((0, format!("a field begins with one of {sources}")));
        };
        if path == WHOLE {
            return Ok(Self { source, path: None });
        }
        let start = text.len() - path.len();
        let names = names(path).map_err(|(offset, message)| (start + offset, message.to_owned()))?;
        let path = Path::of(names.iter().copied()).map_err(|error| (start, error.to_string()))?;
        Ok(Self { source, path: Some(path) })
    }

    /// The steps from the document to the value; none for the whole document.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        self.path.as_ref().map_or(&[], Path::segments)
    }

    /// The value; null is one. None where nothing stands.
    pub fn get<'a>(&self, scope: &'a (impl Scope + ?Sized)) -> Option<Found<'a>> {
        scope.get(self.source, self.segments())
    }

    /// Whether a value could be written here as far as the text tells: not into a workflow, not over a whole document.
    pub(crate) fn writable(&self) -> Result<(), Refusal> {
        match (self.source, &self.path) {
            (Source::Flow, _) => Err(Refusal::ReadOnly),
            (_, None) => Err(Refusal::Whole),
            _ => Ok(()),
        }
    }

    /// Writes a value, creating objects (and lists, for numbers) on the way.
    pub fn write(&self, scope: &mut (impl ScopeMut + ?Sized), value: Value) -> Result<(), WriteError> {
        self.writable()
            .and_then(|()| scope.set(self.source, self.segments(), value))
            .map_err(|refusal| WriteError { field: self.clone(), refusal })
    }
}

/// The text that is read as this field again.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.source)?;
        let Some((first, rest)) = self.segments().split_first() else { return f.write_str(WHOLE) };
        f.write_str(&first.name)?;
        rest.iter().try_for_each(|segment| {
            let name = &segment.name;
            if name.contains('.') || name.contains("[\"") { write!(f, "[\"{name}\"]") } else { write!(f, ".{name}") }
        })
    }
}

/// The names of a path with the quotes removed. Reading stops when there are too many; [`Path::of`] says so.
fn names(path: &str) -> Result<Vec<&str>, (usize, &'static str)> {
    let mut names = Vec::new();
    let mut rest = path;
    while names.len() <= MAX_SEGMENTS {
        let fault = |rest: &str, message| Err((path.len() - rest.len(), message));
        let end = [rest.find('.'), rest.find("[\"")].into_iter().flatten().min().unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if name.is_empty() {
            return fault(
                rest,
                "a name is missing here; write names with single dots between them, or ... alone for all",
            );
        }
        names.push(name);
        rest = behind;
        while let Some(quoted) = rest.strip_prefix("[\"") {
            let Some((name, behind)) = quoted.split_once("\"]").filter(|(name, _)| !name.is_empty()) else {
                return fault(rest, "a name in brackets is written [\"name\"]");
            };
            names.push(name);
            rest = behind;
        }
        match rest.strip_prefix('.') {
            Some(behind) => rest = behind,
            None if rest.is_empty() => return Ok(names),
            None => return fault(rest, "expected a dot or the end after the bracket"),
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_any_kind() {
        let cases: [(&str, &[&str]); 8] = [
            ("event@...", &[]),
            ("event@type", &["type"]),
            ("payload@a.0.b-c_d", &["a", "0", "b-c_d"]),
            ("memory@two words.$x.imię", &["two words", "$x", "imię"]),
            ("event@a[\"b.c d\"].e", &["a", "b.c d", "e"]),
            ("event@a[\"b\"][\"c\"]", &["a", "b", "c"]),
            ("event@a[0].b", &["a[0]", "b"]),
            ("event@a@b", &["a@b"]),
        ];
        for (text, names) in cases {
            let field = Field::parse(text).unwrap();
            let found: Vec<&str> = field.segments().iter().map(|segment| &*segment.name).collect();
            assert_eq!(found, names, "{text}");
            assert_eq!(Field::parse(&field.to_string()).as_ref(), Ok(&field), "{text}");
        }
    }

    #[test]
    fn errors_name_place_and_remedy() {
        let cases = [
            ("events@type", 1, "begins with one of payload@, session@"),
            ("Event@type", 1, "begins with one of"),
            ("type", 1, "begins with one of"),
            ("event@", 7, "a name is missing"),
            ("event@a..b", 9, "a name is missing"),
            ("event@.a", 7, "a name is missing"),
            ("event@a.", 9, "a name is missing"),
            ("event@a[\"b", 8, "is written [\"name\"]"),
            ("event@a[\"\"]", 8, "is written [\"name\"]"),
            ("event@a[\"b\"]c", 13, "expected a dot"),
        ];
        for (text, column, part) in cases {
            let error = Field::parse(text).unwrap_err();
            assert!(error.message.contains(part), "{text}: {error}");
            assert_eq!(error.column, column, "{text}: {error}");
        }
        let deep = format!("event@{}", "a.".repeat(500_000));
        assert!(Field::parse(&deep).unwrap_err().message.contains("at most 32"));
    }

    #[test]
    fn reads_what_stands_there() {
        let scope = json!({"event": {"list": [0, "", null, false, {"a": 1}], "text": "x", "none": null}});
        let cases = [
            ("event@list.0", Some(json!(0))),
            ("event@list.1", Some(json!(""))),
            ("event@list.2", Some(json!(null))),
            ("event@list.3", Some(json!(false))),
            ("event@list.4.a", Some(json!(1))),
            ("event@list.5", None),
            ("event@list.-1", None),
            ("event@none", Some(json!(null))),
            ("event@none.a", None),
            ("event@text.a", None),
            ("event@missing", None),
            ("profile@id", None),
            ("event@...", Some(scope["event"].clone())),
        ];
        for (text, expected) in cases {
            assert_eq!(Field::parse(text).unwrap().get(&scope).map(Found::into_value), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(text in "(event|flow|memory)@[a.\\[\\]\" ż0]{0,12}") {
            if let Ok(field) = Field::parse(&text) {
                prop_assert_eq!(Field::parse(&field.to_string()), Ok(field));
            }
        }
    }
}
