//! Text to tokens, each with its place.

use tracardi_model::path::{MAX_SEGMENTS, Path};

use super::Field;
use crate::cursor::Word;
use crate::{Source, SyntaxError};

/// One field, word, value or sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// A keyword, or the name of a function.
    Word(&'a str),
    /// A field.
    Field(Field),
    /// A quoted text.
    Text(&'a str),
    /// A finite number.
    Number(f64),
    /// A comparison sign as written.
    Sign(&'static str),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

impl Word for Token<'_> {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Longest first, so that `>=` is not read as `>`.
const SIGNS: [&str; 9] = ["==", "!=", ">=", "=>", "<=", "=<", "=", ">", "<"];

/// What other languages write, and what stands for it here.
const FOREIGN: [(&str, &str); 12] = [
    ("<>", "write != for unequal"),
    ("'", "texts stand in double quotes, for example \"page-view\""),
    ("&&", "write AND"),
    ("||", "write OR"),
    ("!", "there is no NOT; write !=, NOT EXISTS, NOT EMPTY or IS NOT NULL"),
    ("//", "a condition has no comments"),
    ("#", "a condition has no comments"),
    ("+", "a condition does not calculate; compare with the result"),
    ("-", "a condition does not calculate; compare with the result"),
    ("*", "a condition does not calculate; compare with the result"),
    ("/", "a condition does not calculate; compare with the result"),
    ("`", "texts stand in double quotes, for example \"page-view\""),
];

/// All tokens with the byte offset at which each begins.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token<'_>)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    while let Some(rest) = text.get(offset..).filter(|rest| !rest.is_empty()) {
        let (token, length) = match rest.chars().next().unwrap_or_default() {
            c if c.is_whitespace() => {
                offset += c.len_utf8();
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '[' => (Token::OpenList, 1),
            ']' => (Token::CloseList, 1),
            ',' => (Token::Comma, 1),
            '"' => {
                let inner = quoted(rest).ok_or_else(|| SyntaxError::at(text, offset, "this text has no closing \""))?;
                (Token::Text(inner), inner.len() + 2)
            }
            '@' => return Err(SyntaxError::at(text, offset, source_needed(""))),
            c if c.is_ascii_digit() || "+-.".contains(c) => match number(rest) {
                Some((number, length)) if number.is_finite() => (Token::Number(number), length),
                Some(_) => return Err(SyntaxError::at(text, offset, "this number is too large")),
                None if c.is_ascii_digit() => {
                    return Err(SyntaxError::at(text, offset, "this is no number; texts stand in double quotes"));
                }
                None => return Err(foreign(text, offset, rest)),
            },
            c if c.is_ascii_alphabetic() || c == '_' => word(text, offset, rest)?,
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign) && !rest.starts_with("<>")) {
                Some(sign) => (Token::Sign(sign), sign.len()),
                None => return Err(foreign(text, offset, rest)),
            },
        };
        tokens.push((offset, token));
        offset += length;
    }
    Ok(tokens)
}

fn foreign(text: &str, offset: usize, rest: &str) -> SyntaxError {
    let known = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign)).map(|(_, remedy)| (*remedy).to_owned());
    let unknown = || format!("`{}` has no meaning here", rest.chars().next().unwrap_or_default());
    SyntaxError::at(text, offset, known.unwrap_or_else(unknown))
}

fn source_needed(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    if Source::named(&lower).is_some() {
        return format!("sources are written in lower case: {lower}@…");
    }
    "a field begins with payload@, session@, event@, profile@, flow@ or memory@".to_owned()
}

/// The text between the quotation mark at the beginning and the next one.
fn quoted(rest: &str) -> Option<&str> {
    rest.strip_prefix('"')?.split_once('"').map(|(inner, _)| inner)
}

/// The number at the beginning, with its length: `[+-]?digits[.digits]` or `[+-]?.digits`.
fn number(rest: &str) -> Option<(f64, usize)> {
    let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let after_digits = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    let fraction =
        after_digits.strip_prefix('.').map(|fraction| fraction.trim_start_matches(|c: char| c.is_ascii_digit()));
    let end = match fraction {
        Some(end) if end.len() + 1 < after_digits.len() => end,
        _ => after_digits,
    };
    let length = rest.len() - end.len();
    // What runs on is no number but, say, 10m.
    if end.starts_with(|c: char| c.is_ascii_alphanumeric() || "_.@".contains(c)) {
        return None;
    }
    rest.get(..length)?.parse().ok().map(|number| (number, length))
}

/// A run of the characters that keywords and functions are made of; with an `@` behind it, a field.
fn word<'a>(text: &str, offset: usize, rest: &'a str) -> Result<(Token<'a>, usize), SyntaxError> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let length = rest.find(|c: char| !belongs(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(length);
    let Some(path) = after.strip_prefix('@') else { return Ok((Token::Word(word), length)) };
    let source = Source::named(word).ok_or_else(|| SyntaxError::at(text, offset, source_needed(word)))?;
    let start = offset + length + 1;
    let (names, path_length) = names(text, start, path)?;
    let path = Path::of(names.into_iter()).map_err(|error| SyntaxError::at(text, start, error.to_string()))?;
    Ok((Token::Field(Field { source, path }), length + 1 + path_length))
}

/// The names of a path and its length in bytes.
fn names<'a>(text: &str, start: usize, path: &'a str) -> Result<(Vec<&'a str>, usize), SyntaxError> {
    let mut names = vec![name(text, start, path)?];
    let mut length = names.iter().map(|name| name.len()).sum();
    while let Some(rest) = path.get(length..) {
        let at = start + length;
        if let Some(rest) = rest.strip_prefix('.') {
            let name = name(text, at + 1, rest)?;
            length += name.len() + 1;
            names.push(name);
        } else if let Some(rest) = rest.strip_prefix('[') {
            let name = quoted(rest)
                .filter(|name| !name.is_empty() && rest.get(name.len() + 2..).is_some_and(|end| end.starts_with(']')));
            let Some(name) = name else {
                return Err(SyntaxError::at(text, at, "a name in brackets is quoted: event@properties[\"any name\"]"));
            };
            length += name.len() + 4;
            names.push(name);
        } else {
            break;
        }
        if names.len() > MAX_SEGMENTS {
            return Err(SyntaxError::at(text, start, format!("a path has at most {MAX_SEGMENTS} names")));
        }
    }
    Ok((names, length))
}

/// The unquoted name at the beginning.
fn name<'a>(text: &str, at: usize, rest: &'a str) -> Result<&'a str, SyntaxError> {
    let length = rest.find(|c: char| !is_plain(c)).unwrap_or(rest.len());
    match rest.get(..length).filter(|name| is_plain_name(name)) {
        Some(name) => Ok(name),
        None if rest.starts_with("..") => Err(SyntaxError::at(
            text,
            at,
            "a condition looks at one field, for example event@type, not at a whole document",
        )),
        None => Err(SyntaxError::at(
            text,
            at,
            "expected a name that begins with a letter or digit, for example event@type; \
             other names stand in brackets behind the first: profile@traits[\"$name\"]",
        )),
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Whether a name of a path needs no brackets and quotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_plain)
}
