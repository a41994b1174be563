//! Values while a condition is evaluated, and how they compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};
use tracardi_model::Map;

use super::Place;
use super::moment::Moment;
use crate::Found;

/// A value of a document, a literal or a function; borrowed where that is possible.
#[derive(Clone, Debug)]
pub(super) enum Operand<'a> {
    Text(Cow<'a, str>),
    Json(Cow<'a, Value>),
    Time(Moment),
    List(Vec<Operand<'a>>),
}

impl<'a> From<&'a Value> for Operand<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Json(Cow::Borrowed(value))
    }
}

impl<'a> From<Found<'a>> for Operand<'a> {
    fn from(found: Found<'a>) -> Self {
        match found {
            Found::Text(text) => Self::Text(Cow::Borrowed(text)),
            Found::Json(value) => Self::Json(value),
        }
    }
}

impl Operand<'_> {
    /// What kind of value it is.
    pub(super) fn shape(&self) -> Shape<'_> {
        match self {
            Self::Text(text) => Shape::Text(text),
            Self::Json(value) => Shape::of(value),
            Self::Time(time) => Shape::Time(*time),
            Self::List(elements) => Shape::List(List::Operands(elements)),
        }
    }
}

/// A value by its kind. True and false are the numbers 1 and 0.
#[derive(Clone, Copy)]
pub(super) enum Shape<'a> {
    Null,
    Number(Amount),
    Text(&'a str),
    Time(Moment),
    List(List<'a>),
    Object(&'a Map),
}

/// A number; whole ones are kept exactly.
#[derive(Clone, Copy)]
pub(super) enum Amount {
    Whole(i128),
    Real(f64),
}

impl Amount {
    fn of(number: &Number) -> Self {
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map_or_else(|| Self::Real(number.as_f64().unwrap_or(f64::NAN)), Self::Whole)
    }

    #[allow(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
    pub(super) fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }

    fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => Some(one.cmp(&other)),
            _ => self.real().partial_cmp(&other.real()),
        }
    }
}

/// The elements of a list.
#[derive(Clone, Copy)]
pub(super) enum List<'a> {
    Values(&'a [Value]),
    Operands(&'a [Operand<'a>]),
}

impl<'a> List<'a> {
    const fn len(self) -> usize {
        match self {
            Self::Values(list) => list.len(),
            Self::Operands(list) => list.len(),
        }
    }

    fn get(self, at: usize) -> Option<Shape<'a>> {
        match self {
            Self::Values(list) => list.get(at).map(Shape::of),
            Self::Operands(list) => list.get(at).map(Operand::shape),
        }
    }

    pub(super) fn iter(self) -> impl DoubleEndedIterator<Item = Shape<'a>> {
        (0..self.len()).filter_map(move |at| self.get(at))
    }

    fn has(self, wanted: Shape<'_>) -> Result<bool, Clash> {
        for element in self.iter() {
            if same(element, wanted)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Why two values do not compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// Only one of two times has a zone.
    Zones,
    /// These kinds have no order.
    Order(&'static str, &'static str),
    /// The first kind has no such part.
    Part(&'static str, &'static str),
}

impl Clash {
    /// What is wrong, and what to do.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Zones => "a time with a zone and one without cannot be compared; give both a zone, for example with \
                            now(\"UTC\") and datetime.timezone(…, \"UTC\"), or none"
                .to_owned(),
            Self::Order("a text", "a time") | Self::Order("a time", "a text") => {
                "a text and a time have no order; make a time of the text with datetime(…)".to_owned()
            }
            Self::Order(one, other) => format!("{one} and {other} have no order; compare numbers, texts or times"),
            Self::Part("a text", part) => {
                format!("a text has no part that is {part}; look for a text in double quotes")
            }
            Self::Part(whole, _) => format!("only texts and lists have parts, here is {whole}"),
        }
    }
}

impl<'a> Shape<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(yes) => Self::Number(Amount::Whole(i128::from(*yes))),
            Value::Number(number) => Self::Number(Amount::of(number)),
            Value::String(text) => Self::Text(text),
            Value::Array(list) => Self::List(List::Values(list)),
            Value::Object(map) => Self::Object(map),
        }
    }

    /// The kind in words.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Time(_) => "a time",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(super) fn is_empty(self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.len() == 0,
            Self::Object(map) => map.is_empty(),
            Self::Number(_) | Self::Time(_) => false,
        }
    }
}

/// Equality as `=` means it: of a single value and a list, membership.
pub(super) fn equal(one: Shape<'_>, other: Shape<'_>) -> Result<bool, Clash> {
    match (one, other) {
        (Shape::List(_), Shape::List(_)) => same(one, other),
        (_, Shape::List(list)) => list.has(one),
        _ => same(one, other),
    }
}

/// Equality of two values as wholes; false for different kinds.
pub(super) fn same(one: Shape<'_>, other: Shape<'_>) -> Result<bool, Clash> {
    match (one, other) {
        (Shape::Null, Shape::Null) => Ok(true),
        (Shape::Number(one), Shape::Number(other)) => Ok(one.order(other) == Some(Ordering::Equal)),
        (Shape::Text(one), Shape::Text(other)) => Ok(one == other),
        (Shape::Time(one), Shape::Time(other)) => one.order(other).map(Ordering::is_eq).ok_or(Clash::Zones),
        (Shape::List(one), Shape::List(other)) if one.len() == other.len() => {
            for (one, other) in one.iter().zip(other.iter()) {
                if !same(one, other)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Shape::Object(one), Shape::Object(other)) if one.len() == other.len() => {
            for (key, one) in one {
                let Some(other) = other.get(key) else { return Ok(false) };
                if !same(Shape::of(one), Shape::of(other))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Which is first. Lists are ordered by their first difference, else by length.
pub(super) fn order(one: Shape<'_>, other: Shape<'_>) -> Result<Ordering, Clash> {
    let clash = Clash::Order(one.kind(), other.kind());
    match (one, other) {
        (Shape::Number(one), Shape::Number(other)) => one.order(other).ok_or(clash),
        (Shape::Text(one), Shape::Text(other)) => Ok(one.cmp(other)),
        (Shape::Time(one), Shape::Time(other)) => one.order(other).ok_or(Clash::Zones),
        (Shape::List(one), Shape::List(other)) => {
            for (one, other) in one.iter().zip(other.iter()) {
                if !same(one, other)? {
                    return order(one, other);
                }
            }
            Ok(one.len().cmp(&other.len()))
        }
        _ => Err(clash),
    }
}

/// Whether the text or list has the part at the place.
pub(super) fn has(whole: Shape<'_>, place: Place, part: Shape<'_>) -> Result<bool, Clash> {
    match (whole, part) {
        (Shape::Text(whole), Shape::Text(part)) => Ok(match place {
            Place::Anywhere => whole.contains(part),
            Place::Start => whole.starts_with(part),
            Place::End => whole.ends_with(part),
        }),
        (Shape::List(list), _) => {
            let element = match place {
                Place::Anywhere => return list.has(part),
                Place::Start => list.iter().next(),
                Place::End => list.iter().next_back(),
            };
            element.map_or(Ok(false), |element| same(element, part))
        }
        _ => Err(Clash::Part(whole.kind(), part.kind())),
    }
}
