//! How much room a value takes, roughly: for bounds, not for accounts. [`value`] and [`map`] speak of the JSON text, the
//! rest of memory.

use serde_json::Value;

use crate::Map;

/// Bytes that a value takes in a list.
pub const SLOT: usize = size_of::<Value>();
/// Bytes that a key with its value takes in an object: both, the key's hash, its place in the table of hashes.
pub const ENTRY: usize = size_of::<(usize, String, Value)>() + 16;
/// What a text takes besides its bytes: the allocator's share.
pub const TEXT: usize = 32;

/// Bytes of memory behind a value, its own slot not counted.
#[must_use]
pub fn behind(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len() + TEXT,
        Value::Array(list) => list.capacity() * SLOT + list.iter().map(behind).sum::<usize>(),
        Value::Object(map) => behind_map(map),
    }
}

/// [`behind`] an object.
#[must_use]
pub fn behind_map(map: &Map) -> usize {
    // How much room an object has is not told: it begins with four and grows by doubling.
    let room = if map.is_empty() { 0 } else { map.len().next_power_of_two().max(4) };
    room * ENTRY + map.iter().map(|(key, value)| key.len() + TEXT + behind(value)).sum::<usize>()
}

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
