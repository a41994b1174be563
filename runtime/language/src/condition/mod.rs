//! Conditions: what decides in rules, segments and workflows whether something applies to the documents of a [`Scope`].
//!
//! ```text
//! condition := test | all | any | "(" condition ")"
//! all       := part AND part …       any := part OR part …       part := test | "(" condition ")"
//! test      := left = right          (also ==, !=, >, >=, =>, <, <=, =<)
//!            | left BETWEEN value AND value
//!            | left CONTAINS value | left STARTS WITH value | left ENDS WITH value
//!            | left EMPTY | left NOT EMPTY | left IS NULL | left IS NOT NULL
//!            | field EXISTS | field NOT EXISTS
//! left      := field | function      right := field | value
//! value     := NULL | TRUE | FALSE | -1.5 | "text" | [value, …] | function
//! function  := name "(" [argument ("," argument)*] ")"            argument := field | value
//! field     := event@properties.price | profile@traits["any name"].0
//! ```
//!
//! Keywords are case-insensitive, sources and functions are written in lower case ([`Source`], [`Function`]). AND and OR do
//! not mix on one level without parentheses. Texts have no escapes: what stands between two `"` is the text.
//!
//! # Meaning
//!
//! - Values are not converted: `"1"` is not `1`. But true and false are the numbers 1 and 0.
//! - `=` of a single value and a list asks whether the list has the value; of two lists, whether they are the same; of a
//!   list and a single value it is false (`CONTAINS` asks that). `!=` of two single values is the negation of `=`; with a
//!   list on either side it asks whether both are not the very same, not whether one has the other.
//! - `<`, `<=`, `>`, `>=` and `BETWEEN` order numbers, texts (by character), times, and lists of these. Other pairs, and
//!   two values of different types, are an error.
//! - Times come from functions only: a document holds texts, `datetime(event@metadata.time.insert)` makes a time of one.
//!   Times with and without a zone cannot be compared, which is an error; see [`moment`] for what is which.
//! - `CONTAINS` looks for a text in a text or an element in a list, `STARTS WITH` and `ENDS WITH` for its beginning or
//!   first element, its end or last. Of anything else they are an error.
//! - `EMPTY` are null, `""`, `[]`, `{}` and what is missing; `IS NULL` is what exists and is null; null exists.
//!
//! # What is missing
//!
//! A missing field is unequal to everything, its other comparisons and `BETWEEN` are false. `CONTAINS`, `STARTS WITH`,
//! `ENDS WITH` of a missing field and every test with a function whose argument is missing have no answer: an error,
//! unless the rest decides. AND is false as soon as one part is false. OR takes its parts from left to right: it is true
//! if a true one stands before the first without an answer. So `x EXISTS AND f(x) = 1` is safe, and `x NOT EXISTS OR
//! f(x) = 1` as well.
//!
//! Every part is evaluated: an error in one (values of different types, an unknown zone) fails the whole condition, also
//! where the other parts would have decided.
//!
//! Source: spec/pipeline.md 7.1. Different from it, on purpose: two fields are really compared and `utcnow()` works; a
//! source in upper case is an error instead of a text; `NOT EMPTY` of a function is the negation of `EMPTY`; the guard of a
//! missing field works for `CONTAINS` too; local time is UTC, as it is in the containers of the original; zones, offsets and
//! times that are written out are checked when the text is parsed.

mod evaluate;
mod fields;
mod function;
mod index;
#[cfg(test)]
mod laws;
pub mod moment;
mod need;
mod offset;
mod operand;
mod parse;
mod print;
#[cfg(test)]
mod tests;
mod token;

use serde_json::Value;
use tracardi_model::Path;

pub use evaluate::EvaluationError;
pub use function::Function;
pub use index::Index;
pub use need::{Need, What};
pub use parse::parse;

use crate::Source;

/// Longest text that is parsed, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;
/// Deepest nesting of parentheses, lists and functions.
pub const MAX_DEPTH: usize = 32;
/// Most elements of a list.
pub const MAX_ELEMENTS: usize = 1_000;

/// A parsed condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// True when all parts are.
    All(Vec<Condition>),
    /// True when one of the parts is.
    Any(Vec<Condition>),
    /// Two values stand in a relation.
    Compare {
        /// A field or a function.
        left: Term,
        /// How they are compared.
        relation: Relation,
        /// Anything.
        right: Term,
    },
    /// A value lies between two others, or is one of them.
    Between {
        /// A field or a function.
        value: Term,
        /// The lower end.
        low: Term,
        /// The upper end.
        high: Term,
    },
    /// A text or list has a part.
    Has {
        /// The text or list: a field or a function.
        whole: Term,
        /// Where the part is looked for.
        place: Place,
        /// The part.
        part: Term,
    },
    /// A value is empty, or is not.
    Empty {
        /// A field or a function.
        value: Term,
        /// `NOT EMPTY`.
        negated: bool,
    },
    /// A value exists and is null, or not so.
    Null {
        /// A field or a function.
        value: Term,
        /// `IS NOT NULL`.
        negated: bool,
    },
    /// Something, be it null, stands at the field; or nothing does.
    Exists {
        /// The field.
        field: Field,
        /// `NOT EXISTS`.
        negated: bool,
    },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same, or in the list.
    Equal,
    /// Not the same.
    Unequal,
    /// Before.
    Less,
    /// Before or the same.
    LessOrEqual,
    /// After.
    Greater,
    /// After or the same.
    GreaterOrEqual,
}

/// Where a part of a text or list is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `CONTAINS`.
    Anywhere,
    /// `STARTS WITH`.
    Start,
    /// `ENDS WITH`.
    End,
}

/// What stands in a condition for a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// What a document holds.
    Field(Field),
    /// A value as written: null, a boolean, a number (always a float), a text, or a list of these.
    Literal(Value),
    /// A list in which a function stands.
    List(Vec<Term>),
    /// The value of a function.
    Call(Call),
}

/// A place in a document: `event@properties.price`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The document.
    pub source: Source,
    /// The place.
    pub path: Path,
}

/// A function with as many arguments as it takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: Function,
    /// Its arguments.
    pub arguments: Vec<Term>,
}
