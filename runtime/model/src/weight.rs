//! How much room a value takes, roughly: for bounds, not for accounts.

use serde_json::Value;

use crate::Map;

/// Bytes of the JSON text, give or take escapes and digits.
#[must_use]
pub fn value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 8,
        Value::String(text) => text.len() + 3,
        Value::Array(list) => 2 + list.iter().map(self::value).sum::<usize>(),
        Value::Object(map) => self::map(map),
    }
}

/// [`value`] of an object.
#[must_use]
pub fn map(map: &Map) -> usize {
    2 + map.iter().map(|(key, value)| key.len() + 4 + self::value(value)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn is_near_the_length_of_the_text() {
        for value in [json!({"a": [1, 2, {"b": "text"}], "c": null}), json!("x".repeat(1_000)), json!([[], {}, true])] {
            let (estimate, length) = (super::value(&value), value.to_string().len());
            assert!(estimate >= length / 2 && estimate <= 2 * length + 16, "{estimate} {length}");
        }
    }
}
