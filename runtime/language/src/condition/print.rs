//! The canonical text of a condition: parsed again, it gives the same tree.

use std::fmt::{Display, Formatter, Result};

use serde_json::Value;

use super::token::is_plain_name;
use super::{Call, Condition, Field, Place, Relation, Term};

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let not = |negated: &bool| if *negated { "NOT " } else { "" };
        match self {
            Self::All(parts) => joined(f, parts, " AND "),
            Self::Any(parts) => joined(f, parts, " OR "),
            Self::Compare { left, relation, right } => write!(f, "{left} {} {right}", relation.sign()),
            Self::Between { value, low, high } => write!(f, "{value} BETWEEN {low} AND {high}"),
            Self::Has { whole, place, part } => write!(f, "{whole} {} {part}", place.words()),
            Self::Empty { value, negated } => write!(f, "{value} {}EMPTY", not(negated)),
            Self::Null { value, negated } => write!(f, "{value} IS {}NULL", not(negated)),
            Self::Exists { field, negated } => write!(f, "{field} {}EXISTS", not(negated)),
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Condition], word: &str) -> Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(word)?;
        }
        match part {
            Condition::All(_) | Condition::Any(_) => write!(f, "({part})")?,
            test => write!(f, "{test}")?,
        }
    }
    Ok(())
}

impl Relation {
    /// How it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Place {
    /// How it is written.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Anywhere => "CONTAINS",
            Self::Start => "STARTS WITH",
            Self::End => "ENDS WITH",
        }
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Field(field) => field.fmt(f),
            Self::Literal(value) => literal(f, value),
            Self::List(elements) => {
                f.write_str("[")?;
                listed(f, elements, |f, element| element.fmt(f))?;
                f.write_str("]")
            }
            Self::Call(call) => call.fmt(f),
        }
    }
}

fn listed<T>(f: &mut Formatter<'_>, items: &[T], show: impl Fn(&mut Formatter<'_>, &T) -> Result) -> Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        show(f, item)?;
    }
    Ok(())
}

fn literal(f: &mut Formatter<'_>, value: &Value) -> Result {
    match value {
        Value::Null => f.write_str("NULL"),
        Value::Bool(true) => f.write_str("TRUE"),
        Value::Bool(false) => f.write_str("FALSE"),
        // Rust writes floats without exponent, as the grammar wants them.
        Value::Number(number) => number.as_f64().unwrap_or_default().fmt(f),
        Value::String(text) => write!(f, "\"{text}\""),
        Value::Array(values) => {
            f.write_str("[")?;
            listed(f, values, literal)?;
            f.write_str("]")
        }
        Value::Object(_) => value.fmt(f),
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}(", self.function.name())?;
        listed(f, &self.arguments, |f, argument| argument.fmt(f))?;
        f.write_str(")")
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}@", self.source)?;
        for (at, segment) in self.path.segments().iter().enumerate() {
            match &*segment.name {
                name if !is_plain_name(name) => write!(f, "[\"{name}\"]")?,
                name if at == 0 => f.write_str(name)?,
                name => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}
