//! `Hello {{ profile@data.pii.firstname }}` (spec/pipeline.md 7.4).

use std::fmt;
use std::ops::Range;

use super::python::Output;
use super::{MAX_LENGTH, Problem, RenderError};
use crate::reference::Field;
use crate::{Found, Scope, Source, SyntaxError};

/// A text with references in double braces.
///
/// `{{ source@path }}` is replaced by the value: texts as they are, anything else as Python writes it (`None`, `True`,
/// `{'a': 1.0}`). Names consist of letters, digits, `_`, `-`, `[` and `]`. Whatever does not have this form stays as it is,
/// other braces too. Nothing is escaped: the result is text, not HTML, not a URL.
#[derive(Clone, Debug, PartialEq)]
pub struct TextTemplate {
    text: Box<str>,
    pieces: Box<[Piece]>,
    /// Where the text behind the last piece begins.
    tail: usize,
}

/// Verbatim text, then a reference.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    verbatim: Range<usize>,
    field: Field,
}

impl TextTemplate {
    /// Reads a template. Wrong are only a text that is too long and a reference that could never lead anywhere.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > MAX_LENGTH {
            let message = format!("a template has at most {MAX_LENGTH} bytes, this one has {}", text.len());
            return Err(SyntaxError::at(text, 0, message));
        }
        let mut pieces = Vec::new();
        let (mut tail, mut search) = (0, 0);
        while let Some(found) = text.get(search..).and_then(|rest| rest.find("{{")) {
            let open = search + found;
            let Some(place) = placeholder(text, open) else {
                search = open + 1;
                continue;
            };
            let reference = text.get(place.reference.clone()).unwrap_or_default();
            let field = Field::read(reference)
                .map_err(|(offset, message)| SyntaxError::at(text, place.reference.start + offset, message))?;
            pieces.push(Piece { verbatim: tail..open, field });
            (tail, search) = (place.end, place.end);
        }
        Ok(Self { text: text.into(), pieces: pieces.into(), tail })
    }

    /// The text with the values of this scope; at most `bytes` of it.
    pub fn render(&self, scope: &(impl Scope + ?Sized), bytes: usize) -> Result<String, RenderError> {
        let mut output = Output::new(bytes, self.text.len());
        for Piece { verbatim, field } in &self.pieces {
            self.piece(&mut output, verbatim, field, scope).map_err(|problem| self.error(verbatim.end, problem))?;
        }
        output.push(self.slice(self.tail..self.text.len())).map_err(|problem| self.error(self.tail, problem))?;
        Ok(output.into_text())
    }

    fn piece(
        &self,
        output: &mut Output,
        verbatim: &Range<usize>,
        field: &Field,
        scope: &(impl Scope + ?Sized),
    ) -> Result<(), Problem> {
        output.push(self.slice(verbatim.clone()))?;
        match field.get(scope) {
            Some(Found::Text(text)) => output.push(text),
            Some(Found::Json(value)) => output.push_str(&value),
            None => Err(Problem::Missing(field.clone())),
        }
    }

    fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    fn error(&self, offset: usize, problem: Problem) -> RenderError {
        let SyntaxError { line, column, .. } = SyntaxError::at(&self.text, offset, "");
        RenderError { place: format!("line {line}, column {column}"), problem }
    }
}

/// The template as written.
impl fmt::Display for TextTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where a reference stands, and where the text goes on behind its braces.
struct Placeholder {
    reference: Range<usize>,
    end: usize,
}

/// What begins with the braces at `open`, if it has the form of a placeholder.
fn placeholder(text: &str, open: usize) -> Option<Placeholder> {
    let body = text.get(open + 2..)?.trim_start();
    let path = Source::ALL.iter().find_map(|source| body.strip_prefix(source.name())?.strip_prefix('@'))?;
    let length = path.find(|c: char| !c.is_alphanumeric() && !"_-.[]".contains(c))?;
    let (path, behind) = path.split_at(length);
    if path.is_empty() || path.ends_with(['.', '[']) {
        return None;
    }
    let rest = behind.trim_start().strip_prefix("}}")?;
    let reference = text.len() - body.len()..text.len() - behind.len();
    Some(Placeholder { reference, end: text.len() - rest.len() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn scope() -> Value {
        json!({
            "event": {"type": "page-view", "properties": {"n": 1, "f": 2.0, "t": true, "none": null, "list": ["a", 1],
                                                          "imię": "Ż", "a-b_c": "{{ event@type }}"}},
            "profile": {"id": "it's me"},
        })
    }

    fn render(text: &str) -> Result<String, String> {
        let template = TextTemplate::parse(text).map_err(|error| error.to_string())?;
        assert_eq!(template.to_string(), text);
        template.render(&scope(), 1_000).map_err(|error| error.to_string())
    }

    #[test]
    fn placeholders_become_values() {
        let cases = [
            ("", ""),
            ("Hello {{profile@id}}!", "Hello it's me!"),
            ("{{ event@type }}{{event@type}}", "page-viewpage-view"),
            ("{{\n event@properties.n\t}}", "1"),
            ("{{event@properties.f}} {{event@properties.t}} {{event@properties.none}}", "2.0 True None"),
            ("{{event@properties.list}} {{event@properties.list.0}}", "['a', 1] a"),
            ("{{event@properties.imię}}", "Ż"),
            ("{{event@properties.a-b_c}}", "{{ event@type }}"),
            ("{{{event@type}}}", "{page-view}"),
            ("{{ {{event@type}} }}", "{{ page-view }}"),
            ("żółć {{event@type}} żółć", "żółć page-view żółć"),
        ];
        for (text, expected) in cases {
            assert_eq!(render(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_braces_stay() {
        let cases = [
            "{{ type }}",
            "{{ context@ip }}",
            "{{ event@... }}",
            "{{ event@type. }}",
            "{{ event@type[ }}",
            "{{ event@ }}",
            "{{ event@two words }}",
            "{{ event@type",
            "{{ event@type }",
            "{ {event@type}}",
            "{{ Event@type }}",
            "{{}}",
            "}} {{",
            "{",
            "{{ event@type | upper }}",
        ];
        for text in cases {
            assert_eq!(render(text), Ok(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn errors_name_reference_and_place() {
        let missing = render("Hello\n  {{ event@properties.x }}").unwrap_err();
        assert_eq!(missing, "at line 2, column 3: there is no `event@properties.x`");
        assert!(render("{{ event@a..b }}").unwrap_err().starts_with("line 1, column 12: a name is missing"));
        let template = TextTemplate::parse("{{event@type}}{{event@type}}").unwrap();
        assert_eq!(template.render(&scope(), 18).map(|text| text.len()), Ok(18));
        let error = template.render(&scope(), 17).unwrap_err();
        assert_eq!(error.problem, Problem::TooLarge(17));
        assert!(TextTemplate::parse(&"x".repeat(MAX_LENGTH + 1)).is_err());
    }

    proptest! {
        #[test]
        fn a_text_without_braces_stays(text in "[^{]{0,60}") {
            prop_assert_eq!(render(&text), Ok(text));
        }

        #[test]
        fn nothing_makes_it_panic(text in "([{} .]|event@|type|\\[|ż|\\PC){0,20}", bytes in 0_usize..40) {
            if let Ok(template) = TextTemplate::parse(&text)
                && let Ok(rendered) = template.render(&scope(), bytes) {
                prop_assert!(rendered.len() <= bytes);
            }
        }
    }
}
