//! Tokens to a tree, by recursive descent; the grammar stands in the module above.

use serde_json::{Number, Value};

use super::token::{Token, tokens};
use super::{Call, Condition, Function, MAX_DEPTH, MAX_ELEMENTS, MAX_LENGTH, Place, Relation, Term};
use crate::SyntaxError;
use crate::cursor::Cursor;

/// Parses a condition.
pub fn parse(text: &str) -> Result<Condition, SyntaxError> {
    if text.len() > MAX_LENGTH {
        let message = format!("a condition has at most {MAX_LENGTH} bytes, this one has {}", text.len());
        return Err(SyntaxError::at(text, 0, message));
    }
    let mut parser = Parser::new(text, tokens(text)?);
    let condition = parser.condition(0)?;
    match parser.peek() {
        None => Ok(condition),
        Some(Token::Close) => Err(parser.error("this ) closes nothing")),
        Some(_) => Err(parser.error("expected AND, OR or the end")),
    }
}

type Parser<'a> = Cursor<'a, Token<'a>>;

/// Where a value stands: fields cannot stand everywhere.
#[derive(Clone, Copy, PartialEq)]
enum Fields {
    Allowed,
    Refused,
}

impl Parser<'_> {
    fn condition(&mut self, depth: usize) -> Result<Condition, SyntaxError> {
        self.check_depth(depth)?;
        self.joined(Condition::All, Condition::Any, |parser| parser.part(depth))
    }

    fn part(&mut self, depth: usize) -> Result<Condition, SyntaxError> {
        if self.take(&Token::Open) {
            let inner = self.condition(depth + 1)?;
            return if self.take(&Token::Close) { Ok(inner) } else { Err(self.error("expected AND, OR or )")) };
        }
        self.test(depth)
    }

    fn test(&mut self, depth: usize) -> Result<Condition, SyntaxError> {
        let left = self.left(depth)?;
        if let Some(relation) = self.relation() {
            let right = self.term(depth, Fields::Allowed)?;
            return Ok(Condition::Compare { left, relation, right });
        }
        if self.keyword("between") {
            let low = self.term(depth, Fields::Refused)?;
            if !self.keyword("and") {
                return Err(self.error("expected AND: field BETWEEN value AND value"));
            }
            let high = self.term(depth, Fields::Refused)?;
            return Ok(Condition::Between { value: left, low, high });
        }
        let place = if self.keyword("contains") {
            Some(Place::Anywhere)
        } else if self.keyword("starts") {
            self.expect("with", "expected WITH: field STARTS WITH value")?;
            Some(Place::Start)
        } else if self.keyword("ends") {
            self.expect("with", "expected WITH: field ENDS WITH value")?;
            Some(Place::End)
        } else {
            None
        };
        if let Some(place) = place {
            let part = self.term(depth, Fields::Refused)?;
            return Ok(Condition::Has { whole: left, place, part });
        }
        if self.keyword("is") {
            let negated = self.keyword("not");
            self.expect("null", "expected NULL: field IS NULL, or field IS NOT NULL")?;
            return Ok(Condition::Null { value: left, negated });
        }
        let negated = self.keyword("not");
        if self.keyword("empty") {
            return Ok(Condition::Empty { value: left, negated });
        }
        if self.is_keyword("exists") {
            let Term::Field(field) = left else {
                return Err(self.error("only a field can exist; a function always has a value"));
            };
            self.next += 1;
            return Ok(Condition::Exists { field, negated });
        }
        Err(self.error(match (negated, &left) {
            (true, _) => "expected EXISTS or EMPTY after NOT".to_owned(),
            (false, Term::Field(field)) => {
                format!("a field alone is no condition; write for example {field} EXISTS, or {field} = true")
            }
            (false, _) => {
                "expected =, !=, >, >=, <, <=, BETWEEN, CONTAINS, STARTS WITH, ENDS WITH, EMPTY or IS NULL".to_owned()
            }
        }))
    }

    fn left(&mut self, depth: usize) -> Result<Term, SyntaxError> {
        match self.peek() {
            Some(Token::Field(_)) => self.term(depth, Fields::Allowed),
            Some(Token::Word(_)) if self.calls() => self.term(depth, Fields::Allowed),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => {
                Err(self.error("there is no NOT before a condition; write !=, NOT EXISTS, NOT EMPTY or IS NOT NULL"))
            }
            Some(Token::Text(_) | Token::Number(_) | Token::OpenList) => Err(self.error(LITERAL_LEFT)),
            Some(Token::Word(word)) if ["null", "true", "false"].iter().any(|literal| word.eq_ignore_ascii_case(literal)) => {
                Err(self.error(LITERAL_LEFT))
            }
            Some(Token::Word(word)) if Function::is_known(word) => Err(self.error(format!("a function is called: {word}(…)"))),
            Some(Token::Word(word)) if !is_keyword(word) => Err(self.error(format!(
                "`{word}` names no document; a field is written event@{word} (or payload@, session@, profile@, flow@, memory@)"
            ))),
            _ => Err(self.error("expected a field or a function, for example event@type = \"page-view\"")),
        }
    }

    fn relation(&mut self) -> Option<Relation> {
        let Some(Token::Sign(sign)) = self.peek() else { return None };
        let relation = match *sign {
            "!=" => Relation::Unequal,
            ">" => Relation::Greater,
            ">=" | "=>" => Relation::GreaterOrEqual,
            "<" => Relation::Less,
            "<=" | "=<" => Relation::LessOrEqual,
            _ => Relation::Equal,
        };
        self.next += 1;
        Some(relation)
    }

    /// A value, a function or, where allowed, a field.
    fn term(&mut self, depth: usize, fields: Fields) -> Result<Term, SyntaxError> {
        self.check_depth(depth)?;
        if self.calls() {
            return self.call(depth);
        }
        if self.take(&Token::OpenList) {
            return self.list(depth);
        }
        let term = match self.peek() {
            Some(Token::Field(field)) if fields == Fields::Allowed => Term::Field(field.clone()),
            Some(Token::Field(_)) => {
                return Err(
                    self.error("no field can stand here, only a value; fields are compared by =, !=, >, >=, <, <=")
                );
            }
            Some(Token::Text(text)) => Term::Literal(Value::from(*text)),
            Some(Token::Number(number)) => Term::Literal(Number::from_f64(*number).map_or(Value::Null, Value::Number)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("null") => Term::Literal(Value::Null),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Term::Literal(Value::Bool(true)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => Term::Literal(Value::Bool(false)),
            Some(Token::Word(word)) if Function::is_known(word) => {
                return Err(self.error(format!("a function is called: {word}(…)")));
            }
            Some(Token::Word(word)) if !is_keyword(word) => {
                return Err(self.error(format!("`{word}` is no value; texts stand in double quotes: \"{word}\"")));
            }
            _ => {
                return Err(
                    self.error("expected a value: \"text\", a number, TRUE, FALSE, NULL, [a list] or a function")
                );
            }
        };
        self.next += 1;
        Ok(term)
    }

    /// The elements behind the opening bracket.
    fn list(&mut self, depth: usize) -> Result<Term, SyntaxError> {
        let mut elements = Vec::new();
        while !self.take(&Token::CloseList) {
            if !elements.is_empty() && !self.take(&Token::Comma) {
                return Err(self.error("expected , or ]"));
            }
            if elements.len() == MAX_ELEMENTS {
                return Err(self.error(format!("a list has at most {MAX_ELEMENTS} elements")));
            }
            elements.push(self.term(depth + 1, Fields::Refused)?);
        }
        let literals: Option<Vec<Value>> = elements.iter().map(Term::literal).map(Option::<&Value>::cloned).collect();
        Ok(literals.map_or(Term::List(elements), |values| Term::Literal(Value::Array(values))))
    }

    /// Whether a name and an opening parenthesis are next.
    fn calls(&self) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if !is_keyword(word))
            && matches!(self.tokens.get(self.next + 1), Some((_, Token::Open)))
    }

    fn call(&mut self, depth: usize) -> Result<Term, SyntaxError> {
        let start = self.next;
        let Some(Token::Word(name)) = self.peek() else { return Err(self.error("expected a function")) };
        let name = *name;
        if !Function::is_known(name) {
            return Err(self.error(Function::unknown(name)));
        }
        self.next += 2;
        let (mut arguments, mut places) = (Vec::new(), Vec::new());
        while !self.take(&Token::Close) {
            if !arguments.is_empty() && !self.take(&Token::Comma) {
                return Err(self.error("expected , or )"));
            }
            if arguments.len() == Function::MOST_ARGUMENTS {
                self.next = start;
                return Err(self.error(Function::wrong_arity(name)));
            }
            places.push(self.next);
            arguments.push(self.term(depth + 1, Fields::Allowed)?);
        }
        let Some(function) = Function::find(name, arguments.len()) else {
            self.next = start;
            return Err(self.error(Function::wrong_arity(name)));
        };
        for (at, (argument, place)) in arguments.iter().zip(places).enumerate() {
            if let Some(message) = argument.literal().and_then(|value| function.complaint(at, value)) {
                self.next = place;
                return Err(self.error(message));
            }
        }
        Ok(Term::Call(Call { function, arguments }))
    }

    fn check_depth(&self, depth: usize) -> Result<(), SyntaxError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("parentheses, lists and functions nest at most {MAX_DEPTH} deep")));
        }
        Ok(())
    }

    fn expect(&mut self, keyword: &str, message: &str) -> Result<(), SyntaxError> {
        if self.keyword(keyword) { Ok(()) } else { Err(self.error(message)) }
    }
}

const LITERAL_LEFT: &str =
    "a condition begins with a field or a function: write event@type = \"x\", not the other way round";

/// Words that are neither fields nor functions.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 14] = [
        "and", "or", "not", "between", "is", "null", "exists", "empty", "contains", "starts", "ends", "with", "true",
        "false",
    ];
    KEYWORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

impl Term {
    fn literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }
}
