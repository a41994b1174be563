//! What may come next while somebody writes a filter.

use super::MAX_LENGTH;
use super::token::{Token, belongs, tokens};
use crate::cursor::Word as _;

/// What a text may go on with at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A field, or `(`.
    Field,
    /// A sign or a word that says how the field is compared.
    Operator,
    /// A value of this field.
    Value(&'a str),
    /// The same between double quotes that are open.
    Text(&'a str),
    /// One of these words.
    Words(&'static [&'static str]),
    /// AND, OR, `)` or nothing more.
    Join,
}

/// The end of a text that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion<'a> {
    /// What may stand there.
    pub next: Next<'a>,
    /// The beginning of it that is written already.
    pub begun: &'a str,
}

/// Where the writing of a filter stands. None when what is written so far cannot become one.
#[must_use]
pub fn complete(text: &str) -> Option<Completion<'_>> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    let quote = text.rfind('"').filter(|_| text.matches('"').count() % 2 == 1);
    if let Some(offset) = quote {
        let state = walk(text.get(..offset)?, text)?;
        let Next::Value(field) = state.next(text)? else { return None };
        return Some(Completion { next: Next::Text(field), begun: text.get(offset + 1..)? });
    }
    let begun = text.get(text.rfind(|c: char| !belongs(c)).map_or(0, |at| after(text, at))..)?;
    let state = walk(text.get(..text.len() - begun.len())?, text)?;
    Some(Completion { next: state.next(text)?, begun })
}

/// The offset behind the character at this one.
fn after(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|rest| rest.chars().next()).map_or(at, |character| at + character.len_utf8())
}

/// What was read last; a field is told by its place in the text.
#[derive(Clone, Copy)]
enum State {
    /// Nothing yet, `(`, AND, OR.
    Open,
    Field(Place),
    /// A sign; with the number of values that are still to come, of which BETWEEN has two.
    Sign(Place, u8),
    /// The first value of BETWEEN.
    Low(Place),
    /// `[` or `,` in a list.
    List(Place),
    /// A value in a list.
    Listed(Place),
    Is,
    IsNot,
    Not,
    /// `datetime`, then `(`, then its text.
    Time(Place, u8, u8),
    Whole,
}

/// Offset and length of a field.
type Place = (usize, usize);

impl State {
    fn next(self, text: &str) -> Option<Next<'_>> {
        let field = |(offset, length): Place| text.get(offset..offset + length);
        Some(match self {
            Self::Open => Next::Field,
            Self::Field(_) => Next::Operator,
            Self::Sign(place, _) | Self::List(place) => Next::Value(field(place)?),
            Self::Low(_) => Next::Words(&["AND"]),
            Self::Is => Next::Words(&["NULL", "NOT NULL"]),
            Self::IsNot => Next::Words(&["NULL"]),
            Self::Not => Next::Words(&["EXISTS"]),
            Self::Whole => Next::Join,
            Self::Listed(_) | Self::Time(..) => return None,
        })
    }

    #[allow(clippy::match_same_arms, reason = "a line for each step of the grammar, in its order")]
    fn read(self, token: &Token, place: Place) -> Option<Self> {
        let is = |keyword: &str| token.word().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        let value = matches!(token, Token::Word(_) | Token::Text(_) | Token::Number(_));
        // With a value fewer to come.
        let had = |field, left| if left > 1 { Self::Low(field) } else { Self::Whole };
        Some(match (self, token) {
            (Self::Open, Token::Open) => Self::Open,
            (Self::Open, Token::Word(_)) => Self::Field(place),
            (Self::Field(field), Token::Sign(_)) => Self::Sign(field, 1),
            (Self::Field(field), _) if is("between") => Self::Sign(field, 2),
            (Self::Field(_), _) if is("exists") => Self::Whole,
            (Self::Field(_), _) if is("is") => Self::Is,
            (Self::Field(_), _) if is("not") => Self::Not,
            (Self::Is, _) if is("not") => Self::IsNot,
            (Self::Is | Self::IsNot, _) if is("null") => Self::Whole,
            (Self::Not, _) if is("exists") => Self::Whole,
            (Self::Sign(field, left), _) if is("datetime") => Self::Time(field, left, 0),
            (Self::Time(field, left, 0), Token::Open) => Self::Time(field, left, 1),
            (Self::Time(field, left, 1), Token::Text(_)) => Self::Time(field, left, 2),
            (Self::Time(field, left, 2), Token::Close) => had(field, left),
            (Self::Sign(field, 1), Token::OpenList) => Self::List(field),
            (Self::List(field), _) if value => Self::Listed(field),
            (Self::Listed(field), Token::Comma) => Self::List(field),
            (Self::Listed(_), Token::CloseList) => Self::Whole,
            (Self::Sign(field, left), _) if value => had(field, left),
            (Self::Low(field), _) if is("and") => Self::Sign(field, 1),
            (Self::Whole, Token::Close) => Self::Whole,
            (Self::Whole, _) if is("and") || is("or") => Self::Open,
            _ => return None,
        })
    }
}

/// The state behind all tokens of `part`, the beginning of `text`.
fn walk(part: &str, text: &str) -> Option<State> {
    let mut state = State::Open;
    for (offset, token) in &tokens(part).ok()? {
        let rest = text.get(*offset..)?;
        let length = rest.find(|c: char| !belongs(c)).unwrap_or(rest.len());
        state = state.read(token, (*offset, length))?;
    }
    Some(state)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_may_come_next() {
        let words = |words| Next::Words(words);
        let cases = [
            ("", Next::Field, ""),
            ("ty", Next::Field, "ty"),
            ("(profile.i", Next::Field, "profile.i"),
            ("type ", Next::Operator, ""),
            ("type be", Next::Operator, "be"),
            ("type =", Next::Value("type"), ""),
            ("type = ", Next::Value("type"), ""),
            ("type = tr", Next::Value("type"), "tr"),
            ("type = \"pa", Next::Text("type"), "pa"),
            ("type = \"ż", Next::Text("type"), "ż"),
            ("type = \"a\"", Next::Join, ""),
            ("type = \"a\" an", Next::Join, "an"),
            ("type = \"a\" AND source.id != \"", Next::Text("source.id"), ""),
            ("type = [\"a\", ", Next::Value("type"), ""),
            ("type = [\"a\"] ", Next::Join, ""),
            ("n BETWEEN ", Next::Value("n"), ""),
            ("n BETWEEN 1 ", words(&["AND"]), ""),
            ("n BETWEEN 1 AND ", Next::Value("n"), ""),
            ("n BETWEEN 1 AND 2 ", Next::Join, ""),
            ("t > datetime(\"2026-01-31\") ", Next::Join, ""),
            ("a IS ", words(&["NULL", "NOT NULL"]), ""),
            ("a IS NOT ", words(&["NULL"]), ""),
            ("a NOT ", words(&["EXISTS"]), ""),
            ("a EXISTS ", Next::Join, ""),
            ("(a = 1) or b ", Next::Operator, ""),
        ];
        for (text, next, begun) in cases {
            assert_eq!(complete(text), Some(Completion { next, begun }), "{text}");
        }
        for text in ["= ", "a b ", "a = 1 2 ", "a = datetime(", "'", "a = [1 ", "\"a"] {
            assert_eq!(complete(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ a-z0-9.\"'()\\[\\],=!<>*\\-żANDORBETWEEN]{0,60}") {
            let _ = complete(&text);
        }

        /// Wherever a filter is whole, a join may follow.
        #[test]
        fn a_whole_filter_can_be_joined(text in "[ab]\\.c (=|!=|<) (1|true|\"x y\")( AND d EXISTS)?") {
            prop_assert!(crate::filter::parse(&text).is_ok());
            let text = format!("{text} ");
            prop_assert_eq!(complete(&text).map(|completion| completion.next), Some(Next::Join));
        }
    }
}
