//! Where a text is wrong, and what to write instead.

use std::fmt;

/// A text that does not follow the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
    /// The part of the line around the error: all of it when it is short.
    pub excerpt: String,
    /// Where in the excerpt it is, in characters, counted from 1.
    caret: usize,
}

/// Characters of an excerpt before and after the place.
const SHOWN: usize = 60;

impl SyntaxError {
    /// An error at a byte offset of the text (its end, when the offset lies behind it).
    #[must_use]
    pub fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let (before, after) = text.split_at(offset);
        let line = before.rfind('\n').map_or(before, |end| before.get(end + 1..).unwrap_or_default());
        let start: String = line.chars().rev().take(SHOWN).collect();
        let end = after.chars().take_while(|letter| *letter != '\n').take(SHOWN);
        Self {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            message: message.into(),
            caret: start.chars().count() + 1,
            excerpt: start.chars().rev().chain(end).collect(),
        }
    }
}

/// Position and message, then the line with a caret under the place.
impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message, excerpt, caret } = self;
        write!(f, "line {line}, column {column}: {message}\n{excerpt}\n{:>caret$}", '^')
    }
}

impl std::error::Error for SyntaxError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        let error = SyntaxError::at("a = 1 AND\nż = ?", "a = 1 AND\nż = ".len(), "a value is missing");
        assert_eq!((error.line, error.column), (2, 5));
        assert_eq!(error.to_string(), "line 2, column 5: a value is missing\nż = ?\n    ^");
    }

    #[test]
    fn of_a_long_line_the_place_is_shown() {
        let text = format!("{}?{}", "ż".repeat(100_000), "b".repeat(100_000));
        let error = SyntaxError::at(&text, 200_000, "no");
        assert_eq!((error.line, error.column), (1, 100_001));
        let (around, caret) = (format!("{}?{}", "ż".repeat(60), "b".repeat(59)), format!("{:>61}", '^'));
        assert_eq!(error.to_string(), format!("line 1, column 100001: no\n{around}\n{caret}"));
    }

    #[test]
    fn offsets_behind_the_end_and_inside_characters_are_harmless() {
        assert_eq!(SyntaxError::at("ab", 99, "").column, 3);
        assert_eq!(SyntaxError::at("ż", 1, "").column, 1);
    }
}
