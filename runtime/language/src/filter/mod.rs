//! The search language of the lists.
//!
//! ```text
//! filter    := condition | all | any | "(" filter ")"
//! all       := part AND part …          any := part OR part …          part := condition | "(" filter ")"
//! condition := field = value | field != value | field > value | >= | < | <=
//!            | field BETWEEN value AND value
//!            | field = [value, …] | field != [value, …]
//!            | field = other.field | field != other.field
//!            | field IS NULL | field IS NOT NULL | field EXISTS | field NOT EXISTS
//! value     := "text" | 12 | -1.5 | true | false | null | 10m | datetime("2026-01-31T10:00:00Z")
//! ```
//!
//! Keywords are case-insensitive. AND and OR do not mix on one level without parentheses.
//!
//! Meaning, the same in memory and in every store:
//! - A field is a dotted path through objects and, by number, into lists. Where it ends in a list, a condition holds when
//!   it holds for one of the elements. A trailing `.keyword` is dropped: it is how Elasticsearch calls the exact twin of a
//!   text field, and clients send it.
//! - A field that is missing, null or an empty list has no value: no comparison holds, `NOT EXISTS` and `IS NULL` do.
//! - `!=` is the negation of `=`; so it holds where the field has no value.
//! - Types are not converted: `"1"` is not `1`. Texts are ordered by their bytes, so times in the stored format are
//!   ordered by time; `datetime(…)` writes any time in that format.
//! - `*` in the text after `=` or `!=` stands for any characters, `?` then for one. `"*"`, `"null"` and `"none"` ask for
//!   absence, as `NULL` does.
//!
//! Source: spec/pipeline.md 7.7. Elasticsearch's own behaviour decides where that is silent.

mod complete;
mod matches;
mod parse;
mod pattern;
mod token;

use tracardi_model::Path;

pub use complete::{Completion, Next, complete};
pub use parse::parse;
pub use pattern::Pattern;

/// Longest text that is parsed, in bytes.
pub const MAX_LENGTH: usize = 16 * 1024;
/// Deepest nesting of parentheses.
pub const MAX_DEPTH: usize = 32;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// True when all parts are; true without parts.
    All(Vec<Filter>),
    /// True when one of the parts is; false without parts.
    Any(Vec<Filter>),
    /// True when the part is not.
    Not(Box<Filter>),
    /// The field's value stands in this relation to a value.
    Compare {
        /// What is compared.
        field: Path,
        /// How.
        relation: Relation,
        /// With what.
        value: Literal,
    },
    /// The field's value is a text of this form.
    Like {
        /// What is looked at.
        field: Path,
        /// The form.
        pattern: Pattern,
    },
    /// Two fields hold the same value: text, number or boolean. Of lists, one common element is enough.
    Same {
        /// One field.
        left: Path,
        /// The other.
        right: Path,
    },
    /// The field has a value: it is there and neither null nor an empty list.
    Exists(Path),
}

/// How a field's value and a literal are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Same type and value.
    Equal,
    /// Same type, and before it.
    Less,
    /// Same type, and before it or equal.
    LessOrEqual,
    /// Same type, and after it.
    Greater,
    /// Same type, and after it or equal.
    GreaterOrEqual,
}

/// A value written in a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// A text.
    Text(String),
    /// A finite number.
    Number(f64),
    /// true or false; false is before true.
    Boolean(bool),
}
