//! From bytes to a JSON tree. The tree is built by our own visitor: `serde_json`'s gives keys that begin with
//! `$serde_json::private::` a meaning of its own, with which a client could smuggle in what no store reads back.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value, json};

use crate::Map;
use crate::field::FieldError;

const RESERVED: &str = "$serde_json::private::";
const RESERVED_MESSAGE: &str = "keys must not begin with $serde_json::private::";

struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder).map(Self)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut next = access.next_key::<String>()?;
        // Most objects have more than three keys, for which an object that begins without room would grow twice.
        let mut map = if next.is_some() { Map::with_capacity(4) } else { Map::new() };
        while let Some(key) = next {
            if key.starts_with(RESERVED) {
                return Err(A::Error::custom(RESERVED_MESSAGE));
            }
            let Tree(value) = access.next_value()?;
            map.insert(key, value);
            next = access.next_key()?;
        }
        Ok(Value::Object(map))
    }
}

/// The tree of a body; of equal keys the last one counts.
pub fn parse(body: &[u8]) -> Result<Value, Box<FieldError>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Box::new(FieldError::new("missing", vec!["body".into()], "Field required")));
    }
    serde_json::from_slice::<Tree>(body).map(|tree| tree.0).map_err(|error| {
        if error.is_data() {
            return Box::new(FieldError::new(
                "value_error",
                vec!["body".into()],
                format!("Value error, {RESERVED_MESSAGE}"),
            ));
        }
        let offset = offset(body, error.line(), error.column());
        let mut text = error.to_string();
        text.truncate(text.rfind(" at line ").unwrap_or(text.len()));
        Box::new(FieldError {
            input: Some(json!({})),
            ctx: Some(json!({"error": text})),
            ..FieldError::new("json_invalid", vec!["body".into(), offset.into()], "JSON decode error")
        })
    })
}

/// The byte that line and column (both from 1, the column in bytes) mean.
fn offset(body: &[u8], line: usize, column: usize) -> usize {
    let start = body.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let start = if line <= 1 { 0 } else { start.take(line - 1).last().unwrap_or(0) };
    (start + column.saturating_sub(1)).min(body.len())
}
