//! Which fields a condition reads.

use super::{Condition, Field, Term};

impl Condition {
    /// All fields that the condition names, in its order; one that is named twice comes twice.
    #[must_use]
    pub fn fields(&self) -> Vec<&Field> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::fields).collect(),
            Self::Compare { left, relation: _, right } => of([left, right]),
            Self::Between { value, low, high } => of([value, low, high]),
            Self::Has { whole, place: _, part } => of([whole, part]),
            Self::Empty { value, negated: _ } | Self::Null { value, negated: _ } => of([value]),
            Self::Exists { field, negated: _ } => vec![field],
        }
    }
}

fn of<'a>(terms: impl IntoIterator<Item = &'a Term>) -> Vec<&'a Field> {
    let fields = |term: &'a Term| match term {
        Term::Field(field) => vec![field],
        Term::Literal(_) => vec![],
        Term::List(terms) => of(terms),
        Term::Call(call) => of(&call.arguments),
    };
    terms.into_iter().flat_map(fields).collect()
}

#[cfg(test)]
mod tests {
    use crate::condition::parse;

    #[test]
    fn every_field_is_named() {
        let condition = parse(
            "event@a = profile@b AND (session@c BETWEEN now() AND datetime(flow@d) OR lowercase(memory@e) STARTS WITH \"x\") \
             AND payload@f EMPTY AND event@g IS NULL AND event@h NOT EXISTS AND event@a = [datetime(\"2021-01-01\"), 1]",
        );
        let condition = condition.unwrap();
        let fields: Vec<String> = condition.fields().into_iter().map(ToString::to_string).collect();
        let expected =
            ["event@a", "profile@b", "session@c", "flow@d", "memory@e", "payload@f", "event@g", "event@h", "event@a"];
        assert_eq!(fields, expected);
    }
}
