//! The calculator: lines of arithmetic over fields, for the workflow node of that name.
//!
//! ```text
//! lines   := line ("\n" line)*          blank lines are skipped
//! line    := [target "="] sum           target := name | field
//! sum     := product (("+" | "-") product)*
//! product := factor (("*" | "/") factor)*
//! factor  := "-" factor | number | name | field | "(" sum ")"
//! number  := 12 | 1.5 | .5 | 1e-3
//! name    := letters, digits, "_" and "." : total, price.net
//! field   := event@properties.price | memory@a["any name"]
//! ```
//!
//! * All numbers are 64-bit floats. A text in a field counts as the number that it means; other values are errors.
//! * A name is a variable for the lines below. A field that a line assigns has the new value there.
//! * There is no infinity: dividing by zero and leaving the range of numbers are errors.
//! * `-` is part of a field's name: `event@a-b` is one field, `event@a - event@b` a difference.
//! * Nothing is written while lines are calculated, so a calculation that fails changes nothing.
//!
//! Source: spec/pipeline.md 7.2.

mod evaluate;
mod parse;
mod token;

use std::fmt;

pub use evaluate::{CalculationError, Outcome};

use crate::reference::Field;

/// Longest text that is parsed, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;
/// Deepest nesting of parentheses and minus signs.
pub const MAX_DEPTH: usize = 32;

/// A calculation, parsed once.
#[derive(Clone, Debug, PartialEq)]
pub struct Calculation {
    text: Box<str>,
    lines: Vec<Line>,
    /// What lines assign: a number each while calculating.
    targets: Vec<Target>,
}

/// What a line assigns.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Variable(Box<str>),
    Field(Field),
}

#[derive(Clone, Debug, PartialEq)]
struct Line {
    /// Index of the target.
    target: Option<usize>,
    sum: Expression,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Number(f64),
    /// What a line above has assigned: index of the target.
    Assigned(usize),
    Field {
        field: Field,
        at: usize,
    },
    Negative(Box<Expression>),
    /// Operations of one precedence, from left to right. A list and no tree, so that a long sum is not a deep one.
    Chain {
        first: Box<Expression>,
        rest: Vec<Operation>,
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Operation {
    operator: Operator,
    at: usize,
    operand: Expression,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// The calculation as written.
impl fmt::Display for Calculation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
