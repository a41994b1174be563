//! Text to tokens, each with its place.

use crate::SyntaxError;
use crate::cursor::Word;

/// One word, value or sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A field, a keyword or a bare value such as `10m`; which one, the parser knows.
    Word(String),
    /// A quoted text; escapes are not decoded, as the grammar has none.
    Text(String),
    /// A number.
    Number(f64),
    /// A comparison sign as written.
    Sign(&'static str),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

impl Word for Token {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Longest first, so that `>=` is not read as `>`.
const SIGNS: [&str; 10] = ["==", "!=", "<>", ">=", "=>", "<=", "=<", "=", ">", "<"];

/// All tokens with the byte offset at which each begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    while let Some(rest) = text.get(offset..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or_default();
        let (token, length) = match first {
            c if c.is_whitespace() => {
                offset += c.len_utf8();
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '[' => (Token::OpenList, 1),
            ']' => (Token::CloseList, 1),
            ',' => (Token::Comma, 1),
            '"' => match rest.get(1..).and_then(|inner| inner.find('"').map(|end| (inner, end))) {
                Some((inner, end)) => (Token::Text(inner.get(..end).unwrap_or_default().to_owned()), end + 2),
                None => return Err(SyntaxError::at(text, offset, "this text has no closing \"")),
            },
            '\'' => {
                return Err(SyntaxError::at(text, offset, "texts stand in double quotes, for example \"page-view\""));
            }
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => word(text, offset, rest)?,
            },
        };
        tokens.push((offset, token));
        offset += length;
    }
    Ok(tokens)
}

/// Whether words may hold this character: those are fields, keywords, numbers and durations.
pub(super) fn belongs(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-@:+".contains(c)
}

/// A word.
fn word(text: &str, offset: usize, rest: &str) -> Result<(Token, usize), SyntaxError> {
    let length = rest.find(|c: char| !belongs(c)).unwrap_or(rest.len());
    let word = rest.get(..length).unwrap_or_default();
    if word.is_empty() {
        let sign = rest.chars().next().unwrap_or_default();
        return Err(SyntaxError::at(
            text,
            offset,
            format!("`{sign}` has no meaning here; texts stand in double quotes"),
        ));
    }
    let number = word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)).then(|| word.parse::<f64>());
    match number {
        Some(Ok(number)) if number.is_finite() => Ok((Token::Number(number), length)),
        _ => Ok((Token::Word(word.to_owned()), length)),
    }
}
