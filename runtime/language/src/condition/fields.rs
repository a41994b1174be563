//! Which fields a condition reads.

use super::{Condition, Field, Term};

impl Condition {
    /// All fields that the condition names, in its order; one that is named twice comes twice.
    #[must_use]
    pub fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        self.collect(&mut fields);
        fields
    }

    fn collect<'a>(&'a self, fields: &mut Vec<&'a Field>) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.collect(fields)),
            Self::Compare { left, relation: _, right } => {
                [left, right].into_iter().for_each(|term| term.collect(fields))
            }
            Self::Between { value, low, high } => [value, low, high].into_iter().for_each(|term| term.collect(fields)),
            Self::Has { whole, place: _, part } => [whole, part].into_iter().for_each(|term| term.collect(fields)),
            Self::Empty { value, negated: _ } | Self::Null { value, negated: _ } => value.collect(fields),
            Self::Exists { field, negated: _ } => fields.push(field),
        }
    }
}

impl Term {
    fn collect<'a>(&'a self, fields: &mut Vec<&'a Field>) {
        match self {
            Self::Field(field) => fields.push(field),
            Self::Literal(_) => {}
            Self::List(terms) => terms.iter().for_each(|term| term.collect(fields)),
            Self::Call(call) => call.arguments.iter().for_each(|term| term.collect(fields)),
        }
    }
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
