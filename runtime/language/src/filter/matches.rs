//! A filter against a document in memory.

use std::cmp::Ordering;

use serde_json::Value;
use tracardi_model::{Path, path};

use super::{Filter, Literal, Relation};

impl Filter {
    /// Whether the document passes.
    #[must_use]
    pub fn matches(&self, document: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(document)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(document)),
            Self::Not(part) => !part.matches(document),
            Self::Compare { field, relation, value } => {
                values(document, field).iter().any(|found| relation.holds(order(found, value)))
            }
            Self::Like { field, pattern } => {
                values(document, field).iter().any(|found| found.as_str().is_some_and(|text| pattern.matches(text)))
            }
            Self::Same { left, right } => {
                let others = values(document, right);
                values(document, left).iter().any(|one| others.iter().any(|other| same(one, other)))
            }
            Self::Exists(field) => !values(document, field).is_empty(),
        }
    }
}

impl Relation {
    /// Whether two values in this order (none, when they are of different types) stand in the relation.
    pub(super) fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        })
    }
}

/// The values that a field has: none when it is missing or null, the elements of a list but for its nulls.
fn values<'a>(document: &'a Value, field: &Path) -> Vec<&'a Value> {
    match path::get(document, field.segments()) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) => elements.iter().filter(|element| !element.is_null()).collect(),
        Some(value) => vec![value],
    }
}

fn order(found: &Value, wanted: &Literal) -> Option<Ordering> {
    match (found, wanted) {
        (Value::String(found), Literal::Text(wanted)) => Some(found.as_bytes().cmp(wanted.as_bytes())),
        (Value::Number(found), Literal::Number(wanted)) => found.as_f64()?.partial_cmp(wanted),
        (Value::Bool(found), Literal::Boolean(wanted)) => Some(found.cmp(wanted)),
        _ => None,
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one == other,
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Bool(one), Value::Bool(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parse;

    #[test]
    fn meaning() {
        let document = json!({
            "type": "page-view", "n": 5, "t": true, "none": null, "empty": [], "nulls": [null],
            "tags": {"values": ["a", "b"], "count": 2}, "profile": {"id": "p"}, "same": "p", "other": "q",
            "metadata": {"time": {"insert": "2026-01-31T10:00:00.000000+00:00"}}, "list": [10, 20], "deep": [{"x": 1}],
        });
        let cases = [
            ("type = \"page-view\"", true),
            ("type = \"page-*\"", true),
            ("type != \"page-*\"", false),
            ("type = \"Page-View\"", false),
            ("n = 5", true),
            ("n = 5.0", true),
            ("n = \"5\"", false),
            ("n > 4 AND n < 6", true),
            ("n > \"4\"", false),
            ("n BETWEEN 5 AND 6", true),
            ("t = true", true),
            ("t > false", true),
            ("missing != \"x\"", true),
            ("missing = \"x\"", false),
            ("none IS NULL", true),
            ("none EXISTS", false),
            ("empty EXISTS", false),
            ("nulls EXISTS", false),
            ("profile EXISTS", true),
            ("tags.values = \"b\"", true),
            ("tags.values != \"b\"", false),
            ("tags.values = [\"x\", \"a\"]", true),
            ("tags.values.0 = \"a\"", true),
            ("list > 15", true),
            ("list > 25", false),
            ("deep.0.x = 1", true),
            ("deep.x = 1", false),
            ("profile.id = same", true),
            ("profile.id != other", true),
            ("profile.id = missing", false),
            ("metadata.time.insert > datetime(\"2026-01-31T10:59:00+01:00\")", true),
            ("type = \"x\" OR (n = 5 AND t = true)", true),
            ("", true),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().matches(&document), expected, "{text}");
        }
    }
}
