//! Tokens to a tree, by recursive descent; the grammar stands in the module above.

use tracardi_model::{Path, time};

use super::token::{Token, tokens};
use super::{Filter, Literal, MAX_DEPTH, MAX_LENGTH, Pattern, Relation};
use crate::SyntaxError;
use crate::cursor::Cursor;

/// Words that are no fields.
const KEYWORDS: [&str; 10] = ["and", "or", "not", "between", "is", "null", "exists", "true", "false", "datetime"];

/// Parses a filter; an empty text matches everything.
pub fn parse(text: &str) -> Result<Filter, SyntaxError> {
    if text.len() > MAX_LENGTH {
        return Err(SyntaxError::at(
            text,
            0,
            format!("a filter has at most {MAX_LENGTH} bytes, this one has {}", text.len()),
        ));
    }
    if text.trim().is_empty() {
        return Ok(Filter::All(Vec::new()));
    }
    let mut parser = Parser::new(text, tokens(text)?);
    let filter = parser.filter(0)?;
    match parser.peek() {
        None => Ok(filter),
        Some(_) => Err(parser.error("expected AND, OR or the end")),
    }
}

type Parser<'a> = Cursor<'a, Token>;

impl Parser<'_> {
    fn filter(&mut self, depth: usize) -> Result<Filter, SyntaxError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("parentheses nest at most {MAX_DEPTH} deep")));
        }
        self.joined(Filter::All, Filter::Any, |parser| parser.part(depth))
    }

    fn part(&mut self, depth: usize) -> Result<Filter, SyntaxError> {
        if self.take(&Token::Open) {
            let inner = self.filter(depth + 1)?;
            return if self.take(&Token::Close) { Ok(inner) } else { Err(self.error("expected AND, OR or )")) };
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Filter, SyntaxError> {
        let field = self.field()?;
        if let Some(Token::Sign(sign)) = self.peek() {
            let sign = *sign;
            self.next += 1;
            return self.comparison(field, sign);
        }
        if self.keyword("between") {
            let low = self.value()?;
            if !self.keyword("and") {
                return Err(self.error("expected AND: field BETWEEN value AND value"));
            }
            let high = self.value()?;
            let bound = |relation, value| Filter::Compare { field: field.clone(), relation, value };
            return Ok(Filter::All(vec![bound(Relation::GreaterOrEqual, low), bound(Relation::LessOrEqual, high)]));
        }
        if self.keyword("exists") {
            return Ok(Filter::Exists(field));
        }
        if self.keyword("is") {
            let negated = self.keyword("not");
            return match (self.keyword("null"), negated) {
                (true, true) => Ok(Filter::Exists(field)),
                (true, false) => Ok(not(Filter::Exists(field))),
                (false, _) => Err(self.error("expected NULL or NOT NULL")),
            };
        }
        if self.keyword("not") {
            return if self.keyword("exists") {
                Ok(not(Filter::Exists(field)))
            } else {
                Err(self.error("expected EXISTS: field NOT EXISTS"))
            };
        }
        if self
            .word()
            .is_some_and(|word| ["contains", "starts", "ends"].iter().any(|other| word.eq_ignore_ascii_case(other)))
        {
            return Err(self.error("write a text with * instead: field = \"*part*\", \"start*\" or \"*end\""));
        }
        Err(self.error("expected =, !=, >, >=, <, <=, BETWEEN, IS NULL, EXISTS or NOT EXISTS after the field"))
    }

    fn comparison(&mut self, field: Path, sign: &str) -> Result<Filter, SyntaxError> {
        match sign {
            "=" | "==" => self.equality(field),
            "!=" | "<>" => Ok(not(self.equality(field)?)),
            _ => {
                let relation = match sign {
                    ">" => Relation::Greater,
                    ">=" | "=>" => Relation::GreaterOrEqual,
                    "<" => Relation::Less,
                    _ => Relation::LessOrEqual,
                };
                Ok(Filter::Compare { field, relation, value: self.value()? })
            }
        }
    }

    /// What may stand after `=`: more than after the other signs.
    fn equality(&mut self, field: Path) -> Result<Filter, SyntaxError> {
        if self.take(&Token::OpenList) {
            let mut choices = Vec::new();
            while !self.take(&Token::CloseList) {
                if !choices.is_empty() && !self.take(&Token::Comma) {
                    return Err(self.error("expected , or ]"));
                }
                let value = self.value()?;
                choices.push(Filter::Compare { field: field.clone(), relation: Relation::Equal, value });
            }
            return Ok(Filter::Any(choices));
        }
        if self.keyword("null") {
            return Ok(not(Filter::Exists(field)));
        }
        if let Some(other) = self.word().filter(|word| is_field(word)) {
            let right = self.path(other)?;
            self.next += 1;
            return Ok(Filter::Same { left: field, right });
        }
        Ok(match self.value()? {
            Literal::Text(text) if ["*", "null", "none"].contains(&text.as_str()) => not(Filter::Exists(field)),
            Literal::Text(text) if text.contains('*') => Filter::Like { field, pattern: Pattern::new(text) },
            value => Filter::Compare { field, relation: Relation::Equal, value },
        })
    }

    fn field(&mut self) -> Result<Path, SyntaxError> {
        let Some(word) = self.word() else {
            return Err(self.error("expected a field, for example profile.id"));
        };
        if !is_field(word) {
            return Err(self.error(format!("expected a field, for example profile.id, not {word}")));
        }
        let path = self.path(word)?;
        self.next += 1;
        Ok(path)
    }

    fn path(&self, word: &str) -> Result<Path, SyntaxError> {
        let exact = word.strip_suffix(".keyword").unwrap_or(word);
        Path::parse(exact).map_err(|error| self.error(format!("`{word}` is no field: {error}")))
    }

    fn value(&mut self) -> Result<Literal, SyntaxError> {
        let literal = match self.peek() {
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Number(number)) => Literal::Number(*number),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Literal::Boolean(true),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Literal::Boolean(false),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("datetime") => {
                self.next += 1;
                return self.datetime();
            }
            Some(Token::Word(word)) if is_duration(word) => Literal::Text(word.clone()),
            _ => return Err(self.error("expected a value: \"text\", a number, true, false or datetime(\"…\")")),
        };
        self.next += 1;
        Ok(literal)
    }

    fn datetime(&mut self) -> Result<Literal, SyntaxError> {
        if !self.take(&Token::Open) {
            return Err(self.error("expected (: datetime(\"2026-01-31T10:00:00Z\")"));
        }
        let Some(Token::Text(text)) = self.peek() else {
            return Err(self.error("expected a time in double quotes"));
        };
        let instant = time::parse(text)
            .map_err(|_| self.error(format!("\"{text}\" is no time; write for example \"2026-01-31T10:00:00Z\"")))?;
        self.next += 1;
        if !self.take(&Token::Close) {
            return Err(self.error("expected )"));
        }
        Ok(Literal::Text(time::format(instant)))
    }
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// Letters, digits, `.`, `_`, `-`, beginning with a letter, digit or `_`, and no keyword or duration.
fn is_field(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && !KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
        && !is_duration(word)
}

/// Digits and one of s, m, h, d: `10m`.
fn is_duration(word: &str) -> bool {
    word.strip_suffix(['s', 'm', 'h', 'd'])
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(name: &str) -> Path {
        Path::parse(name).unwrap()
    }

    fn equal(name: &str, text: &str) -> Filter {
        Filter::Compare { field: field(name), relation: Relation::Equal, value: Literal::Text(text.to_owned()) }
    }

    #[test]
    fn conditions() {
        let cases = [
            ("", Filter::All(vec![])),
            ("type = \"page-view\"", equal("type", "page-view")),
            ("type==\"a\"", equal("type", "a")),
            ("a != \"b\"", not(equal("a", "b"))),
            ("a = \"b*\"", Filter::Like { field: field("a"), pattern: Pattern::new("b*") }),
            ("a = \"*\"", not(Filter::Exists(field("a")))),
            ("a = NULL", not(Filter::Exists(field("a")))),
            ("a != null", not(not(Filter::Exists(field("a"))))),
            ("a IS NULL", not(Filter::Exists(field("a")))),
            ("a is not null", Filter::Exists(field("a"))),
            ("profile.id EXISTS", Filter::Exists(field("profile.id"))),
            ("profile.id not exists", not(Filter::Exists(field("profile.id")))),
            ("a.keyword = b.keyword", Filter::Same { left: field("a"), right: field("b") }),
            (
                "a > -1.5",
                Filter::Compare { field: field("a"), relation: Relation::Greater, value: Literal::Number(-1.5) },
            ),
            (
                "a =< true",
                Filter::Compare { field: field("a"), relation: Relation::LessOrEqual, value: Literal::Boolean(true) },
            ),
            ("a = 10m", equal("a", "10m")),
            ("a = [\"x\", \"y\"]", Filter::Any(vec![equal("a", "x"), equal("a", "y")])),
            (
                "a=\"1\" and (b=\"2\" or c=\"3\") AND d=\"4\"",
                Filter::All(vec![
                    equal("a", "1"),
                    Filter::Any(vec![equal("b", "2"), equal("c", "3")]),
                    equal("d", "4"),
                ]),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn between_is_two_bounds_and_times_get_the_stored_form() {
        let filter = parse("t BETWEEN datetime(\"2026-01-31T12:00:00+02:00\") AND 5").unwrap();
        let Filter::All(bounds) = filter else { panic!("{filter:?}") };
        assert_eq!(bounds.len(), 2);
        let Filter::Compare { relation: Relation::GreaterOrEqual, value: Literal::Text(text), .. } = &bounds[0] else {
            panic!()
        };
        assert!(text.starts_with("2026-01-31T10:00:00"), "{text}");
    }

    #[test]
    fn errors_name_place_and_remedy() {
        let cases = [
            ("a = \"1\" AND b = \"2\" OR c = \"3\"", 21, "parentheses"),
            ("a = ", 5, "expected a value"),
            ("a", 2, "expected ="),
            ("= 1", 1, "expected a field"),
            ("a = 'x'", 5, "double quotes"),
            ("a = \"x", 5, "closing"),
            ("(a = 1", 7, "or )"),
            ("a = 1 b", 7, "AND, OR or the end"),
            ("a contains \"x\"", 3, "\"*part*\""),
            ("a.. = 1", 1, "no field"),
            ("a = datetime(\"soon\")", 14, "no time"),
            ("a BETWEEN 1 2", 13, "expected AND"),
            ("a = [1 2]", 8, "expected ,"),
            ("ä = 1", 1, "no meaning"),
        ];
        for (text, column, part) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.message.contains(part), "{text}: {error}");
            assert_eq!(error.column, column, "{text}: {error}");
        }
        assert!(parse(&"(".repeat(10_000)).unwrap_err().message.contains("nest"));
        assert!(parse(&"a".repeat(MAX_LENGTH + 1)).unwrap_err().message.contains("at most"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ a-z0-9.\"'()\\[\\],=!<>*\\-żANDORBETWEEN]{0,60}") {
            let _ = parse(&text);
        }
    }
}
