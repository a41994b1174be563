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
    /// The line of the text that holds the error.
    pub excerpt: String,
}

impl SyntaxError {
    /// An error at a byte offset of the text (its end, when the offset lies behind it).
    #[must_use]
    pub fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let (before, after) = text.split_at(offset);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let end = after.find('\n').map_or(text.len(), |length| offset + length);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
            message: message.into(),
            excerpt: text.get(start..end).unwrap_or_default().to_owned(),
        }
    }
}

/// Position and message, then the line with a caret under the place.
impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message, excerpt } = self;
        write!(f, "line {line}, column {column}: {message}\n{excerpt}\n{:>column$}", '^')
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
    fn offsets_behind_the_end_and_inside_characters_are_harmless() {
        assert_eq!(SyntaxError::at("ab", 99, "").column, 3);
        assert_eq!(SyntaxError::at("ż", 1, "").column, 1);
    }
}
