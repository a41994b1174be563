//! What the parsers of conditions and of searches have in common: a place in a list of tokens, and the rule that parts are
//! joined by AND or by OR, but not by both on one level.

use crate::SyntaxError;

/// A token that may be a word.
pub(crate) trait Word {
    /// The word as written: a keyword, a name.
    fn word(&self) -> Option<&str>;
}

/// A place in the tokens of a text.
pub(crate) struct Cursor<'a, T> {
    /// The text that the tokens were made of.
    pub(crate) text: &'a str,
    /// Each with the byte offset at which it begins.
    pub(crate) tokens: Vec<(usize, T)>,
    /// Index of the token that is looked at next.
    pub(crate) next: usize,
}

impl<'a, T: PartialEq + Word> Cursor<'a, T> {
    /// Before the first token.
    pub(crate) const fn new(text: &'a str, tokens: Vec<(usize, T)>) -> Self {
        Self { text, tokens, next: 0 }
    }

    /// The next token.
    pub(crate) fn peek(&self) -> Option<&T> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    /// The next token, if it is a word.
    pub(crate) fn word(&self) -> Option<&str> {
        self.peek()?.word()
    }

    /// Passes this token, if it is next.
    pub(crate) fn take(&mut self, token: &T) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    /// Whether this word is next, in whatever case.
    pub(crate) fn is_keyword(&self, keyword: &str) -> bool {
        self.word().is_some_and(|word| word.eq_ignore_ascii_case(keyword))
    }

    /// Passes this word, if it is next.
    pub(crate) fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        self.next += usize::from(found);
        found
    }

    /// An error at the next token, or at the end.
    pub(crate) fn error(&self, message: impl Into<String>) -> SyntaxError {
        let offset = self.tokens.get(self.next).map_or(self.text.len(), |(offset, _)| *offset);
        SyntaxError::at(self.text, offset, message)
    }

    /// One part, or several with the same word between them: `all` makes one of those with AND, `any` of those with OR.
    pub(crate) fn joined<N>(
        &mut self,
        all: fn(Vec<N>) -> N,
        any: fn(Vec<N>) -> N,
        part: impl Fn(&mut Self) -> Result<N, SyntaxError>,
    ) -> Result<N, SyntaxError> {
        let first = part(self)?;
        let (join, make) = if self.is_keyword("and") {
            ("and", all)
        } else if self.is_keyword("or") {
            ("or", any)
        } else {
            return Ok(first);
        };
        let mut parts = vec![first];
        while self.keyword(join) {
            parts.push(part(self)?);
        }
        if self.is_keyword("and") || self.is_keyword("or") {
            return Err(self.error("AND and OR mix only with parentheses: write (a AND b) OR c, or a AND (b OR c)"));
        }
        Ok(make(parts))
    }
}
