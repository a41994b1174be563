//! What must hold of single fields for a condition to be true: by this conditions are found without being evaluated (see
//! [`Index`](super::Index)).

use serde_json::Value;

use super::{Condition, Field, Relation, Term};

/// Something that must hold of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need<'a> {
    /// The field.
    pub field: &'a Field,
    /// What of it.
    pub what: What<'a>,
}

/// What must hold of a field. Numbers and booleans equal each other as `1` and `true` do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What<'a> {
    /// It has this value: null, a boolean, a number, a text; of a list only that the field has a list too.
    Is(&'a Value),
    /// It is a list with this element, or a text.
    Has(&'a Value),
    /// It is a number not below this one.
    AtLeast(f64),
    /// It is a number not above this one.
    AtMost(f64),
    /// It exists.
    Exists,
}

impl What<'_> {
    /// How many documents meet it, by experience: the smaller the better for finding the condition.
    const fn reach(self) -> u8 {
        match self {
            Self::Is(_) => 0,
            Self::Has(_) => 1,
            Self::AtLeast(_) | Self::AtMost(_) => 2,
            Self::Exists => 3,
        }
    }
}

impl Condition {
    /// One of these must hold for the condition to be true. None: nothing of the kind can be said.
    ///
    /// Of `profile@traits.plan = "gold" AND profile@stats.visits > 3` it is the former; of `a = 1 OR a = 2` both.
    #[must_use]
    pub fn needs(&self) -> Option<Vec<Need<'_>>> {
        match self {
            Self::All(parts) => parts.iter().filter_map(Self::needs).min_by_key(|needs| cost(needs)),
            Self::Any(parts) => {
                let needs: Option<Vec<_>> = parts.iter().map(Self::needs).collect();
                needs.map(|needs| needs.concat())
            }
            Self::Compare { left, relation, right } => compared(left, *relation, right),
            Self::Between { value: Term::Field(field), low, high } => {
                let low = number(low).map(What::AtLeast);
                one(field, low.or_else(|| number(high).map(What::AtMost)).unwrap_or(What::Exists))
            }
            Self::Has { whole: Term::Field(field), part: Term::Literal(part), place: _ } => one(field, What::Has(part)),
            Self::Null { value: Term::Field(field), negated: false } => one(field, What::Is(&Value::Null)),
            Self::Exists { field, negated: false } => one(field, What::Exists),
            Self::Between { value, .. } | Self::Has { whole: value, .. } | Self::Empty { value, negated: true } => {
                exists(value)
            }
            Self::Null { .. } | Self::Exists { .. } | Self::Empty { .. } => None,
        }
    }
}

fn cost(needs: &[Need<'_>]) -> (u8, usize) {
    (needs.iter().map(|need| need.what.reach()).max().unwrap_or(0), needs.len())
}

#[allow(clippy::unnecessary_wraps, reason = "all that is said of conditions may be nothing")]
fn one<'a>(field: &'a Field, what: What<'a>) -> Option<Vec<Need<'a>>> {
    Some(vec![Need { field, what }])
}

/// What is compared must be there, unless it is compared by `!=`.
fn compared<'a>(left: &'a Term, relation: Relation, right: &'a Term) -> Option<Vec<Need<'a>>> {
    let (field, what) = match (left, relation, right) {
        (_, Relation::Unequal, _) => return None,
        // The field has one of the elements, or is the same list.
        (Term::Field(field), Relation::Equal, Term::Literal(list @ Value::Array(elements))) => {
            let single = elements.iter().filter(|element| !element.is_array());
            return Some(single.chain([list]).map(|value| Need { field, what: What::Is(value) }).collect());
        }
        (Term::Field(field), Relation::Equal, Term::Literal(value)) => (field, What::Is(value)),
        (Term::Field(field), Relation::Greater | Relation::GreaterOrEqual, _) => {
            (field, number(right).map_or(What::Exists, What::AtLeast))
        }
        (Term::Field(field), Relation::Less | Relation::LessOrEqual, _) => {
            (field, number(right).map_or(What::Exists, What::AtMost))
        }
        _ => return exists(left).or_else(|| exists(right)),
    };
    one(field, what)
}

/// The first field without which the term has no value.
fn exists(term: &Term) -> Option<Vec<Need<'_>>> {
    match term {
        Term::Field(field) => one(field, What::Exists),
        Term::Call(call) => call.arguments.iter().find_map(exists),
        Term::List(elements) => elements.iter().find_map(exists),
        Term::Literal(_) => None,
    }
}

/// A number that is written out.
fn number(term: &Term) -> Option<f64> {
    match term {
        Term::Literal(Value::Number(number)) => number.as_f64(),
        Term::Literal(Value::Bool(yes)) => Some(f64::from(u8::from(*yes))),
        _ => None,
    }
}
