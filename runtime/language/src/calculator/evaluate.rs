//! A calculation over the documents at hand.

use std::fmt;

use serde_json::{Map, Value};

use super::{Calculation, Expression, Operation, Operator, Target};
use crate::reference::{Field, ScopeMut, WriteError, text_of};
use crate::{Found, Scope, SyntaxError};

/// A calculation that cannot be carried out: where, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalculationError(
    /// The place in the text, shown as places of wrong texts are.
    pub SyntaxError,
);

impl fmt::Display for CalculationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CalculationError {}

/// What came out of a calculation; all numbers are finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'a> {
    /// The value of the last line.
    pub result: f64,
    targets: &'a [Target],
    assigned: Vec<f64>,
}

impl Calculation {
    /// Carries the lines out, from top to bottom. Nothing is written yet: see [`Outcome::write`].
    pub fn evaluate(&self, scope: &(impl Scope + ?Sized)) -> Result<Outcome<'_>, CalculationError> {
        let mut run = Run { text: &self.text, scope, assigned: vec![0.0; self.targets.len()] };
        let mut result = 0.0;
        for line in &self.lines {
            result = run.value(&line.sum)?;
            if let Some(place) = line.target.and_then(|target| run.assigned.get_mut(target)) {
                *place = result;
            }
        }
        Ok(Outcome { result, targets: &self.targets, assigned: run.assigned })
    }
}

impl Outcome<'_> {
    /// The variables with their last values: `price.net` is a member `net` of an object `price`.
    #[must_use]
    pub fn variables(&self) -> Map<String, Value> {
        let mut variables = Map::new();
        for (target, number) in self.targets.iter().zip(&self.assigned) {
            if let Target::Variable(name) = target {
                insert(&mut variables, name, *number);
            }
        }
        variables
    }

    /// Writes the fields that lines have assigned, in the order in which they were assigned first.
    pub fn write(&self, scope: &mut (impl ScopeMut + ?Sized)) -> Result<(), WriteError> {
        self.targets.iter().zip(&self.assigned).try_for_each(|(target, number)| match target {
            Target::Field(field) => field.write(scope, Value::from(*number)),
            Target::Variable(_) => Ok(()),
        })
    }
}

/// The parser has seen to it that no name is both a number and an object.
fn insert(map: &mut Map<String, Value>, name: &str, number: f64) {
    match name.split_once('.') {
        None => {
            map.insert(name.to_owned(), Value::from(number));
        }
        Some((first, rest)) => {
            let inner = map.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, number);
            }
        }
    }
}

struct Run<'a, S: ?Sized> {
    text: &'a str,
    scope: &'a S,
    assigned: Vec<f64>,
}

impl<S: Scope + ?Sized> Run<'_, S> {
    fn value(&self, expression: &Expression) -> Result<f64, CalculationError> {
        match expression {
            Expression::Number(number) => Ok(*number),
            // The parser has seen to it that a line above assigns it.
            Expression::Assigned(index) => Ok(self.assigned.get(*index).copied().unwrap_or_default()),
            Expression::Field { field, at } => number(field, self.scope).map_err(|message| self.error(*at, message)),
            Expression::Negative(inner) => Ok(-self.value(inner)?),
            Expression::Chain { first, rest } => {
                let mut left = self.value(first)?;
                for operation in rest {
                    left = self.apply(left, operation)?;
                }
                Ok(left)
            }
        }
    }

    fn apply(&self, left: f64, Operation { operator, at, operand }: &Operation) -> Result<f64, CalculationError> {
        let right = self.value(operand)?;
        let result = match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide if right == 0.0 => {
                return Err(self.error(*at, format!("{left} is divided by zero")));
            }
            Operator::Divide => left / right,
        };
        if result.is_finite() {
            Ok(result)
        } else {
            Err(self.error(*at, format!("the result of {left} and {right} is beyond the range of numbers")))
        }
    }

    fn error(&self, at: usize, message: impl Into<String>) -> CalculationError {
        CalculationError(SyntaxError::at(self.text, at, message))
    }
}

/// The number in a field.
fn number(field: &Field, scope: &(impl Scope + ?Sized)) -> Result<f64, String> {
    let found = field.get(scope).ok_or_else(|| format!("there is no `{field}`"))?;
    if let Some(text) = text_of(&found) {
        let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        return number.ok_or_else(|| format!("the text in `{field}` is no number"));
    }
    let number = match &found {
        Found::Json(value) => value.as_f64(),
        Found::Text(_) => None,
    };
    number.ok_or_else(|| format!("`{field}` holds {}, not a number", kind(&found)))
}

fn kind(found: &Found<'_>) -> &'static str {
    match found {
        Found::Text(_) => "a text",
        Found::Json(value) => match &**value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scope() -> Value {
        json!({
            "event": {"properties": {"price": 12.5, "text": " 2e1 ", "word": "two", "yes": true, "none": null,
                                     "list": [3], "a-b": 7, "any name": 8, "zero": 0, "huge": 1e308, "inf": "inf"}},
            "profile": {"traits": {"n": 1}}, "flow": {"n": 4}, "memory": {},
        })
    }

    fn result(text: &str) -> Result<f64, String> {
        let calculation = Calculation::parse(text).map_err(|error| error.to_string())?;
        calculation.evaluate(&scope()).map(|outcome| outcome.result).map_err(|error| error.0.message)
    }

    #[test]
    fn arithmetic() {
        let cases = [
            ("1", 1.0),
            (".5 + 1. + 1e-1 + 2E+1 + 3e1", 51.6),
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("8 / 4 / 2", 1.0),
            ("8 - 4 - 2", 2.0),
            ("-2 * -3", 6.0),
            ("--2", 2.0),
            ("-(1 + 2) - -1", -2.0),
            ("1-1", 0.0),
            ("2*-1", -2.0),
            ("event@properties.price * 2", 25.0),
            ("event@properties.text + 1", 21.0),
            ("event@properties.list.0 + flow@n", 7.0),
            ("event@properties.a-b - 1", 6.0),
            ("event@properties[\"any name\"]/2", 4.0),
            ("a = 2\nb.c = a * 3\n\n  b.c + a  \r\n", 8.0),
            ("a = 1\na = a + 1\na", 2.0),
            ("e1 = 2\ne1 + 1e1", 12.0),
            ("1e = 2\n1e-1", 0.1),
            ("x = 5 \n x", 5.0),
            ("profile@traits.n = profile@traits.n + 1\nprofile@traits.n * 10", 20.0),
        ];
        for (text, expected) in cases {
            assert_eq!(result(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_point_at_the_place() {
        let cases = [
            ("1 / 0", 1, 3, "1 is divided by zero"),
            ("a = 2\n1 + a / event@properties.zero", 2, 7, "divided by zero"),
            ("1 / -0", 1, 3, "divided by zero"),
            ("1 + event@properties.x", 1, 5, "there is no `event@properties.x`"),
            ("event@properties.word", 1, 1, "the text in `event@properties.word` is no number"),
            ("event@properties.inf", 1, 1, "is no number"),
            ("event@properties.yes", 1, 1, "holds a boolean"),
            ("event@properties.none", 1, 1, "holds null"),
            ("event@properties", 1, 1, "holds an object"),
            ("event@...", 1, 1, "holds an object"),
            ("event@properties.huge * 10", 1, 23, "beyond the range"),
        ];
        for (text, line, column, part) in cases {
            let CalculationError(error) = Calculation::parse(text).unwrap().evaluate(&scope()).unwrap_err();
            assert!(error.message.contains(part), "{text}: {error}");
            assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        }
    }

    #[test]
    fn variables_and_fields_are_kept() {
        let text = "price.net = event@properties.price\nprice.gross = price.net * 2\nmemory@sum.all = price.gross\n\
                    event@properties.price = 1\ntotal = memory@sum.all + event@properties.price";
        let calculation = Calculation::parse(text).unwrap();
        let mut documents = scope();
        let outcome = calculation.evaluate(&documents).unwrap();
        assert_eq!(outcome.result.to_bits(), 26.0_f64.to_bits());
        assert_eq!(Value::Object(outcome.variables()), json!({"price": {"net": 12.5, "gross": 25.0}, "total": 26.0}));
        assert_eq!(outcome.write(&mut documents), Ok(()));
        assert_eq!(documents["memory"], json!({"sum": {"all": 25.0}}));
        assert_eq!(documents["event"]["properties"]["price"], json!(1.0));
        let blocked = Calculation::parse("event@properties.word.x = 1").unwrap();
        let error = blocked.evaluate(&documents).unwrap().write(&mut documents).unwrap_err();
        assert!(error.to_string().contains("`event@properties.word.x`"), "{error}");
    }

    /// A sum as text, and what it is by the machine's own arithmetic.
    fn sums() -> impl Strategy<Value = (String, f64)> {
        let leaf = prop_oneof![
            (0.0..1e6_f64).prop_map(|number| (format!("{number}"), number)),
            (0_u32..100).prop_map(|number| (format!("{number}"), f64::from(number))),
            Just(("event@properties.price".to_owned(), 12.5)),
        ];
        leaf.prop_recursive(6, 64, 2, |inner| {
            let operator = prop::sample::select(vec!['+', '-', '*', '/']);
            prop_oneof![
                (inner.clone(), operator, inner.clone()).prop_map(|((left, x), operator, (right, y))| {
                    let value = match operator {
                        '+' => x + y,
                        '-' => x - y,
                        '*' => x * y,
                        _ => x / y,
                    };
                    (format!("({left}) {operator} ({right})"), value)
                }),
                inner.prop_map(|(text, value)| (format!("-({text})"), -value)),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_the_machine((text, expected) in sums()) {
            match result(&text) {
                Ok(value) => prop_assert_eq!(value.to_bits(), expected.to_bits(), "{}", text),
                // Somewhere inside; what is around it may be finite again.
                Err(message) => prop_assert!(message.contains("by zero") || message.contains("beyond"), "{}", message),
            }
            if !expected.is_finite() {
                prop_assert!(result(&text).is_err());
            }
        }

        #[test]
        fn chains_go_from_left_to_right(numbers in prop::collection::vec((1_u32..50, any::<bool>()), 1..40)) {
            let terms: Vec<String> =
                numbers.iter().map(|(n, plus)| format!("{} {n}", if *plus { '+' } else { '-' })).collect();
            let expected: f64 = numbers.iter().map(|(n, plus)| if *plus { f64::from(*n) } else { -f64::from(*n) }).sum();
            prop_assert_eq!(result(&format!("0 {}", terms.join(" "))), Ok(expected));
        }
    }
}
