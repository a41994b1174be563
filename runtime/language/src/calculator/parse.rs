//! Tokens to a tree, by recursive descent; the grammar stands in the module above.

use tracardi_model::Path;

use super::token::{Token, tokens};
use super::{Calculation, Expression, Line, MAX_DEPTH, MAX_LENGTH, Operation, Operator, Target};
use crate::SyntaxError;

impl Calculation {
    /// Parses a calculation. Unknown variables and fields that cannot be written are found here, not while calculating.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > MAX_LENGTH {
            let message = format!("a calculation has at most {MAX_LENGTH} bytes, this one has {}", text.len());
            return Err(SyntaxError::at(text, 0, message));
        }
        let mut calculation = Self { text: text.into(), lines: Vec::new(), targets: Vec::new() };
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let range = start..start + line.len();
            start = range.end;
            let end = range.start + line.trim_end().len();
            let tokens = tokens(text, range.start..end)?;
            if !tokens.is_empty() {
                let mut parser = Parser { text, end, tokens: &tokens, next: 0, targets: &mut calculation.targets };
                let line = parser.line()?;
                calculation.lines.push(line);
            }
        }
        if calculation.lines.is_empty() {
            return Err(SyntaxError::at(
                text,
                0,
                "there is nothing to calculate; write for example total = event@properties.price * 2",
            ));
        }
        Ok(calculation)
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Where the line ends.
    end: usize,
    tokens: &'a [(usize, Token<'a>)],
    next: usize,
    targets: &'a mut Vec<Target>,
}

impl<'a> Parser<'a> {
    fn line(&mut self) -> Result<Line, SyntaxError> {
        if let [(_, target), (_, Token::Assign), ..] = self.tokens {
            let target = self.target(target)?;
            self.next = 2;
            let sum = self.whole_sum()?;
            // Only now: a line does not see what it assigns itself.
            let known = self.targets.iter().position(|other| *other == target);
            let index = known.unwrap_or_else(|| {
                self.targets.push(target);
                self.targets.len() - 1
            });
            return Ok(Line { target: Some(index), sum });
        }
        Ok(Line { target: None, sum: self.whole_sum()? })
    }

    fn target(&self, token: &Token<'_>) -> Result<Target, SyntaxError> {
        match token {
            Token::Field(field) => match field.writable() {
                Ok(()) => Ok(Target::Field(field.clone())),
                Err(refusal) => Err(self.error(format!("`{field}` cannot be assigned: {refusal}"))),
            },
            Token::Name(name) => {
                Path::parse(name).map_err(|error| self.error(format!("`{name}` is no name: {error}")))?;
                match self.targets.iter().find_map(|target| match target {
                    Target::Variable(other) if is_part(name, other) || is_part(other, name) => Some(other),
                    _ => None,
                }) {
                    Some(other) => {
                        Err(self.error(format!("`{name}` and `{other}` cannot both be numbers; choose other names")))
                    }
                    None => Ok(Target::Variable((*name).into())),
                }
            }
            _ => Err(self.error("expected a name or a field before =")),
        }
    }

    fn whole_sum(&mut self) -> Result<Expression, SyntaxError> {
        let sum = self.sum(0)?;
        match self.peek() {
            None => Ok(sum),
            Some(Token::Assign) => Err(self.error("one name or field stands before =: total = 1 + 2")),
            Some(_) => Err(self.error("expected + - * / or the end of the line")),
        }
    }

    fn sum(&mut self, depth: usize) -> Result<Expression, SyntaxError> {
        self.chain(depth, &[Operator::Add, Operator::Subtract], Self::product)
    }

    fn product(&mut self, depth: usize) -> Result<Expression, SyntaxError> {
        self.chain(depth, &[Operator::Multiply, Operator::Divide], Self::factor)
    }

    fn chain(
        &mut self,
        depth: usize,
        operators: &[Operator],
        part: fn(&mut Self, usize) -> Result<Expression, SyntaxError>,
    ) -> Result<Expression, SyntaxError> {
        let first = part(self, depth)?;
        let mut rest = Vec::new();
        while let Some((at, Token::Operator(operator))) = self.tokens.get(self.next)
            && operators.contains(operator)
        {
            self.next += 1;
            rest.push(Operation { operator: *operator, at: *at, operand: part(self, depth)? });
        }
        Ok(if rest.is_empty() { first } else { Expression::Chain { first: Box::new(first), rest } })
    }

    fn factor(&mut self, depth: usize) -> Result<Expression, SyntaxError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("parentheses and minus signs nest at most {MAX_DEPTH} deep")));
        }
        let Some((at, token)) = self.tokens.get(self.next) else {
            return Err(self.error("expected a number, a name or a field"));
        };
        let expression = match token {
            Token::Number(number) => Expression::Number(*number),
            Token::Name(name) => match self
                .assigned(|target| matches!(target, Target::Variable(other) if **other == **name))
            {
                Some(index) => Expression::Assigned(index),
                None => {
                    return Err(self.error(format!("no line above assigns `{name}`; fields are written event@{name}")));
                }
            },
            Token::Field(field) => {
                match self.assigned(|target| matches!(target, Target::Field(other) if other == field)) {
                    Some(index) => Expression::Assigned(index),
                    None => Expression::Field { field: field.clone(), at: *at },
                }
            }
            Token::Operator(Operator::Subtract) => {
                self.next += 1;
                return Ok(Expression::Negative(Box::new(self.factor(depth + 1)?)));
            }
            Token::Open => {
                self.next += 1;
                let inner = self.sum(depth + 1)?;
                if self.peek() != Some(&Token::Close) {
                    return Err(self.error("expected + - * / or )"));
                }
                inner
            }
            _ => return Err(self.error("expected a number, a name or a field")),
        };
        self.next += 1;
        Ok(expression)
    }

    fn assigned(&self, is: impl Fn(&Target) -> bool) -> Option<usize> {
        self.targets.iter().position(is)
    }

    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        let offset = self.tokens.get(self.next).map_or(self.end, |(offset, _)| *offset);
        SyntaxError::at(self.text, offset, message)
    }
}

/// Whether `name` would have to stand inside of `whole`: `a.b` inside of `a`.
fn is_part(name: &str, whole: &str) -> bool {
    name.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn errors_name_place_and_remedy() {
        let cases = [
            ("", 1, 1, "nothing to calculate"),
            (" \n\t", 1, 1, "nothing to calculate"),
            ("1 +", 1, 4, "expected a number"),
            ("1 + \n2", 1, 4, "expected a number"),
            ("a = 1\nb = a + c", 2, 9, "no line above assigns `c`"),
            ("a = a + 1", 1, 5, "no line above assigns `a`"),
            ("(1 + 2", 1, 7, "or )"),
            ("1 + 2)", 1, 6, "the end of the line"),
            ("1 2", 1, 3, "the end of the line"),
            ("1 = 2", 1, 1, "before ="),
            ("a + 1 = 2", 1, 1, "no line above"),
            ("1 + 1 = 2", 1, 7, "before ="),
            ("a = b = 1", 1, 5, "no line above"),
            ("a = 1\na.b = 2", 2, 1, "choose other names"),
            ("a.b = 1\na = 2", 2, 1, "choose other names"),
            ("a..b = 1", 1, 1, "no name"),
            ("flow@x = 1", 1, 1, "read only"),
            ("event@... = 1", 1, 1, "name a field"),
            ("source@id + 1", 1, 1, "begins with one of"),
            ("1 + event@a..b", 1, 13, "a name is missing"),
            ("1 % 2", 1, 3, "no meaning"),
            ("ż", 1, 1, "no meaning"),
            ("1e999", 1, 1, "beyond the range"),
            ("+1", 1, 1, "expected a number"),
        ];
        for (text, line, column, part) in cases {
            let error = Calculation::parse(text).unwrap_err();
            assert!(error.message.contains(part), "{text}: {error}");
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        }
        assert!(Calculation::parse(&"(".repeat(10_000)).unwrap_err().message.contains("nest"));
        assert!(Calculation::parse(&format!("{}1", "-".repeat(10_000))).unwrap_err().message.contains("nest"));
        assert!(Calculation::parse(&"1".repeat(MAX_LENGTH + 1)).unwrap_err().message.contains("at most"));
        assert!(Calculation::parse(&format!("1{}", "+1".repeat(5_000))).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed_again(text in "([a-c.]{1,3}|[0-9.e]{1,4}|event@[a.\\-]{1,3}|\\[\"ż\"\\]|[-+*/=()\n ]){0,12}") {
            if let Ok(calculation) = Calculation::parse(&text) {
                prop_assert_eq!(Calculation::parse(&calculation.to_string()), Ok(calculation));
            }
        }
    }
}
