//! How much a rendering may still produce.

use serde_json::Value;

use super::{MAX_RENDERED_DEPTH, Problem};
use crate::Found;

/// Bytes that are left.
pub(super) struct Budget {
    limit: usize,
    left: usize,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, left: limit }
    }

    /// Takes this many bytes.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        self.left = self.left.checked_sub(bytes).ok_or(Problem::TooLarge(self.limit))?;
        Ok(())
    }

    /// Takes what the JSON of a value needs that will stand at this depth. The work is bounded by the budget, not by the value.
    pub(super) fn take_found(&mut self, found: &Found<'_>, depth: usize) -> Result<(), Problem> {
        match found {
            Found::Text(text) => self.take(text.len() + 3),
            Found::Json(value) => self.take_value(value, depth),
        }
    }

    fn take_value(&mut self, value: &Value, depth: usize) -> Result<(), Problem> {
        if depth > MAX_RENDERED_DEPTH {
            return Err(Problem::TooDeep);
        }
        match value {
            Value::Null | Value::Bool(_) => self.take(5),
            Value::Number(_) => self.take(8),
            Value::String(text) => self.take(text.len() + 3),
            Value::Array(list) => {
                self.take(2)?;
                list.iter().try_for_each(|element| self.take_value(element, depth + 1))
            }
            Value::Object(map) => {
                self.take(2)?;
                map.iter().try_for_each(|(key, value)| {
                    self.take(key.len() + 4)?;
                    self.take_value(value, depth + 1)
                })
            }
        }
    }
}
