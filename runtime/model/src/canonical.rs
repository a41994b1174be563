//! Hashing of JSON that does not depend on the order of keys. The value is fed into the hash piece by piece, each piece with
//! its kind and length, so that no text is built and no two different values look alike.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use crate::Map;

/// Collects pieces into one SHA-256 digest.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts a digest for one purpose; digests of different purposes never meet.
    #[must_use]
    pub fn new(purpose: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.text(purpose);
        hasher
    }

    fn piece(&mut self, kind: u8, bytes: &[u8]) {
        let mut head = [kind; 9];
        head[1..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.update(head);
        self.0.update(bytes);
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) {
        self.piece(b's', text.as_bytes());
    }

    /// Adds a text or its absence.
    pub fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.piece(b'n', b""),
        }
    }

    /// Adds a whole number.
    pub fn number(&mut self, number: i64) {
        self.piece(b'i', &number.to_le_bytes());
    }

    /// Adds raw bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.piece(b'b', bytes);
    }

    /// Adds a JSON value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.piece(b'n', b""),
            Value::Bool(yes) => self.piece(b'l', &[u8::from(*yes)]),
            Value::Number(number) => self.json_number(number),
            Value::String(text) => self.text(text),
            Value::Array(list) => {
                self.piece(b'a', &(list.len() as u64).to_le_bytes());
                for element in list {
                    self.value(element);
                }
            }
            Value::Object(map) => self.map(map),
        }
    }

    fn json_number(&mut self, number: &Number) {
        if let Some(whole) = number.as_i64() {
            self.number(whole);
        } else if let Some(whole) = number.as_u64() {
            self.piece(b'u', &whole.to_le_bytes());
        } else {
            self.piece(b'f', &number.as_f64().unwrap_or_default().to_bits().to_le_bytes());
        }
    }

    /// Adds a JSON object; keys are taken in sorted order.
    pub fn map(&mut self, map: &Map) {
        self.piece(b'o', &(map.len() as u64).to_le_bytes());
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        for (key, value) in entries {
            self.text(key);
            self.value(value);
        }
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hash(value: &Value) -> [u8; 32] {
        let mut hasher = Hasher::new("test");
        hasher.value(value);
        hasher.finish()
    }

    #[test]
    fn order_of_keys_does_not_matter_everything_else_does() {
        assert_eq!(hash(&json!({"a": 1, "b": {"c": 2, "d": 3}})), hash(&json!({"b": {"d": 3, "c": 2}, "a": 1})));
        let different = [
            json!(null),
            json!(0),
            json!(0.0),
            json!(false),
            json!(""),
            json!([]),
            json!({}),
            json!([[]]),
            json!([null]),
            json!(["a", "b"]),
            json!(["ab"]),
            json!(["b", "a"]),
            json!({"a": "b"}),
            json!({"ab": ""}),
            json!(u64::MAX),
            json!(-1),
        ];
        for (at, one) in different.iter().enumerate() {
            for two in &different[at + 1..] {
                assert_ne!(hash(one), hash(two), "{one} {two}");
            }
        }
    }
}
