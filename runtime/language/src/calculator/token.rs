//! A line to tokens, each with its place.

use super::Operator;
use crate::SyntaxError;
use crate::reference::Field;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Number(f64),
    Name(&'a str),
    Field(Field),
    Operator(Operator),
    Assign,
    Open,
    Close,
}

/// All tokens of the line that lies at these bytes of the text, with the byte offset in the text at which each begins.
pub(super) fn tokens(text: &str, line: std::ops::Range<usize>) -> Result<Vec<(usize, Token<'_>)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut offset = line.start;
    while let Some(rest) = text.get(offset..line.end)
        && let Some(first) = rest.chars().next()
    {
        let (token, length) = match first {
            c if c.is_whitespace() => {
                offset += c.len_utf8();
                continue;
            }
            '+' => (Token::Operator(Operator::Add), 1),
            '-' => (Token::Operator(Operator::Subtract), 1),
            '*' => (Token::Operator(Operator::Multiply), 1),
            '/' => (Token::Operator(Operator::Divide), 1),
            '=' => (Token::Assign, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            _ => word(text, offset, rest)?,
        };
        tokens.push((offset, token));
        offset += length;
    }
    Ok(tokens)
}

/// A number, name or field.
fn word<'a>(text: &str, offset: usize, rest: &'a str) -> Result<(Token<'a>, usize), SyntaxError> {
    let error = |message: String| SyntaxError::at(text, offset, message);
    let word = run(rest, "._");
    if let Some(path) = rest.get(word.len()..).and_then(|behind| behind.strip_prefix('@')) {
        let length = word.len() + 1 + path_length(path);
        let field = Field::read(rest.get(..length).unwrap_or_default())
            .map_err(|(inner, message)| SyntaxError::at(text, offset + inner, message))?;
        return Ok((Token::Field(field), length));
    }
    if word.is_empty() {
        let sign = rest.chars().next().unwrap_or_default();
        return Err(error(format!("`{sign}` has no meaning here; write numbers, names, fields and + - * / ( )")));
    }
    let number = with_exponent(rest, word);
    match number.parse::<f64>() {
        Ok(value) if number.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            if value.is_finite() {
                Ok((Token::Number(value), number.len()))
            } else {
                Err(error(format!("{number} is beyond the range of numbers")))
            }
        }
        _ => Ok((Token::Name(word), word.len())),
    }
}

/// The letters, digits and these signs at the beginning.
fn run<'a>(text: &'a str, signs: &str) -> &'a str {
    let length = text.find(|c: char| !c.is_ascii_alphanumeric() && !signs.contains(c)).unwrap_or(text.len());
    text.get(..length).unwrap_or_default()
}

/// `1e-5` ends the run of letters and digits at its sign: the number goes on behind it.
fn with_exponent<'a>(rest: &'a str, word: &'a str) -> &'a str {
    let is_number = word.strip_suffix(['e', 'E']).is_some_and(|digits| digits.parse::<f64>().is_ok());
    let digits =
        rest.get(word.len()..).and_then(|behind| behind.strip_prefix(['+', '-'])).map_or("", |behind| run(behind, ""));
    if is_number && digits.starts_with(|c: char| c.is_ascii_digit()) {
        rest.get(..word.len() + 1 + digits.len()).unwrap_or(word)
    } else {
        word
    }
}

/// How far the path of a field goes: names of letters, digits, `_` and `-`, and any names in `["…"]`.
fn path_length(path: &str) -> usize {
    let mut rest = path;
    loop {
        rest = rest.get(run(rest, "._-").len()..).unwrap_or_default();
        match rest.strip_prefix("[\"").and_then(|quoted| quoted.split_once("\"]")) {
            Some((_, behind)) => rest = behind,
            None => return path.len() - rest.len(),
        }
    }
}
