//! The values at the ends of a typed document: how they are read from JSON of a slightly different type, written, and
//! reached by path. The rules are those of the original: numbers may arrive as text, text never as a number.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

use crate::path::{self, Segment};
use crate::record::{Mismatch, Node};
use crate::{Map, time};

/// A value without named parts.
pub trait Leaf: Sized {
    /// Reads a JSON value, converting what can be converted without doubt.
    fn read(value: &Value) -> Result<Self, Mismatch>;

    /// The JSON value.
    fn write(&self) -> Value;
}

/// Most elements that a list keeps; a list in a profile must not grow with every request.
pub const MAX_LIST: usize = 1_000;
/// Longest text, in bytes, that a mapping may write: a profile of a hundred fields must stay a small document.
pub const MAX_TEXT: usize = 8_192;
/// Longest name of a named part, in bytes.
pub const MAX_NAME: usize = 256;

impl Leaf for String {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        let text = value.as_str().filter(|text| text.len() <= MAX_TEXT);
        text.map(str::to_owned).ok_or(Mismatch("a text of at most 8192 bytes"))
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Leaf for f64 {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
            _ => None,
        };
        number.filter(|number: &Self| number.is_finite()).ok_or(Mismatch("a number"))
    }

    fn write(&self) -> Value {
        Number::from_f64(*self).map_or(Value::Null, Value::Number)
    }
}

impl Leaf for i64 {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(yes) => Some(Self::from(*yes)),
            _ => None,
        }
        .ok_or(Mismatch("a whole number"))
    }

    fn write(&self) -> Value {
        Value::from(*self)
    }
}

/// The float as an integer, if it is one (and exactly representable).
fn whole(number: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "within the range in which floats are exact integers")]
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

impl Leaf for bool {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        truth(value).ok_or(Mismatch("true or false"))
    }

    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

/// A boolean, also written as 0, 1, yes, no, on, off, t, f, y, n, true or false.
#[must_use]
pub fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(*yes),
        Value::Number(number) => match number.as_f64() {
            Some(0.0) => Some(false),
            Some(1.0) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "t" | "y" => Some(true),
            "false" | "no" | "off" | "0" | "f" | "n" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

impl Leaf for Value {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        Ok(value.clone())
    }

    fn write(&self) -> Value {
        self.clone()
    }
}

/// A point in time, written in the stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(#[serde(with = "time::stamp")] pub Timestamp);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Leaf for Time {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::String(text) => time::parse(text).ok(),
            Value::Number(number) => number.as_f64().and_then(|number| time::from_number(number).ok()),
            _ => None,
        }
        .map(Self)
        .ok_or(Mismatch("a point in time"))
    }

    fn write(&self) -> Value {
        Value::String(time::format(self.0))
    }
}

/// A list of texts; a scalar becomes a list of one, null an empty list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Texts(pub Vec<String>);

impl Leaf for Texts {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        const EXPECTED: Mismatch = Mismatch("a list of at most 1000 texts");
        match value {
            Value::Null => Ok(Self::default()),
            Value::Array(list) if list.len() <= MAX_LIST => {
                list.iter().map(String::read).collect::<Result<_, _>>().map(Self).map_err(|_| EXPECTED)
            }
            _ => scalar_text(value).map(|text| Self(vec![text])).ok_or(EXPECTED),
        }
    }

    fn write(&self) -> Value {
        Value::Array(self.0.iter().cloned().map(Value::String).collect())
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Many(Vec<String>),
            Other(Value),
        }
        match Form::deserialize(deserializer)? {
            Form::Many(list) => Ok(Self(list)),
            Form::Other(value) => Self::read(&value).map_err(serde::de::Error::custom),
        }
    }
}

/// The text of a (not too long) text, number or boolean.
#[must_use]
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.len() <= MAX_TEXT => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// One text or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A single text.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Leaf for OneOrMany {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::String(_) => String::read(value).map(Self::One),
            Value::Array(_) => Texts::read(value).map(|texts| Self::Many(texts.0)),
            _ => Err(Mismatch("a text or a list of at most 1000 texts")),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::One(text) => text.write(),
            Self::Many(list) => Value::Array(list.iter().map(Leaf::write).collect()),
        }
    }
}

/// A list of numbers, for example `[longitude, latitude]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Numbers(pub Vec<f64>);

impl Leaf for Numbers {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        const EXPECTED: Mismatch = Mismatch("a list of numbers");
        let list = value.as_array().filter(|list| list.len() <= MAX_LIST).ok_or(EXPECTED)?;
        list.iter().map(f64::read).collect::<Result<_, _>>().map(Self).map_err(|_| EXPECTED)
    }

    fn write(&self) -> Value {
        Value::Array(self.0.iter().map(Leaf::write).collect())
    }
}

fn get_leaf(leaf: &impl Leaf, rest: &[Segment]) -> Option<Value> {
    let value = leaf.write();
    if rest.is_empty() { Some(value) } else { path::get(&value, rest).cloned() }
}

fn set_leaf<L: Leaf>(leaf: &mut L, rest: &[Segment], new: &Value) -> Result<(), Mismatch> {
    if rest.is_empty() {
        *leaf = L::read(new)?;
    } else {
        let mut value = leaf.write();
        path::set(&mut value, rest, new.clone())
            .map_err(|_| Mismatch("a shorter path: this one leads into a scalar"))?;
        *leaf = L::read(&value)?;
    }
    Ok(())
}

macro_rules! leaf_nodes {
    ($($leaf:ty),*) => {$(
        impl Node for $leaf {
            fn get(&self, path: &[Segment]) -> Option<Value> {
                get_leaf(self, path)
            }

            fn set(&mut self, path: &[Segment], value: &Value) -> Result<(), Mismatch> {
                set_leaf(self, path, value)
            }

            #[allow(clippy::float_cmp, reason = "the question is whether it is exactly the default")]
            fn explicit(&self) -> Option<Value> {
                (*self != Self::default()).then(|| self.write())
            }
        }
    )*};
}

leaf_nodes!(String, f64, i64, bool, Value, Texts);

impl<L: Leaf> Leaf for Option<L> {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        if value.is_null() { Ok(None) } else { L::read(value).map(Some) }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, Leaf::write)
    }
}

impl<L: Leaf> Node for Option<L> {
    fn get(&self, path: &[Segment]) -> Option<Value> {
        get_leaf(self, path)
    }

    fn set(&mut self, path: &[Segment], value: &Value) -> Result<(), Mismatch> {
        set_leaf(self, path, value)
    }

    fn explicit(&self) -> Option<Value> {
        self.as_ref().map(Leaf::write)
    }
}

impl Node for Map {
    fn get(&self, path: &[Segment]) -> Option<Value> {
        if path.is_empty() { Some(Value::Object(self.clone())) } else { path::get_in(self, path).cloned() }
    }

    fn set(&mut self, path: &[Segment], value: &Value) -> Result<(), Mismatch> {
        if path.is_empty() {
            *self = match value {
                Value::Object(map) => map.clone(),
                Value::Null => Self::new(),
                _ => return Err(Mismatch("an object")),
            };
            return Ok(());
        }
        path::set_in(self, path, value.clone()).map_err(|_| Mismatch("a path through objects and short lists"))
    }

    fn explicit(&self) -> Option<Value> {
        (!self.is_empty()).then(|| Value::Object(self.clone()))
    }
}

const TOO_MANY: Mismatch = Mismatch("an object of at most 1000 entries with short names");

/// Named parts of one type, for example consents. The names are free.
pub type Keyed<N> = IndexMap<String, N>;

impl<N: Node + Default + Serialize> Node for Keyed<N> {
    fn get(&self, path: &[Segment]) -> Option<Value> {
        match path.split_first() {
            None => serde_json::to_value(self).ok(),
            Some((first, rest)) => IndexMap::get(self, &*first.name)?.get(rest),
        }
    }

    fn set(&mut self, path: &[Segment], value: &Value) -> Result<(), Mismatch> {
        if let Some((first, rest)) = path.split_first() {
            let mut part = N::default();
            let place = self.get_mut(&*first.name);
            if let Some(place) = place {
                return place.set(rest, value);
            }
            part.set(rest, value)?;
            if self.len() >= MAX_LIST || first.name.len() > MAX_NAME {
                return Err(TOO_MANY);
            }
            self.insert(first.name.to_string(), part);
            return Ok(());
        }
        let entries = match value {
            Value::Object(entries)
                if entries.len() <= MAX_LIST && entries.keys().all(|name| name.len() <= MAX_NAME) =>
            {
                entries
            }
            Value::Null => {
                self.clear();
                return Ok(());
            }
            _ => return Err(TOO_MANY),
        };
        let mut new = Self::with_capacity(entries.len());
        for (name, value) in entries {
            let mut part = N::default();
            part.set(&[], value)?;
            new.insert(name.clone(), part);
        }
        *self = new;
        Ok(())
    }

    fn explicit(&self) -> Option<Value> {
        if self.is_empty() { None } else { serde_json::to_value(self).ok() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn converts_what_is_beyond_doubt() {
        assert_eq!(f64::read(&json!("12.50")), Ok(12.5));
        assert_eq!(i64::read(&json!(3.0)), Ok(3));
        assert_eq!(i64::read(&json!("7")), Ok(7));
        assert_eq!(Texts::read(&json!("red")), Ok(Texts(vec!["red".into()])));
        assert_eq!(Texts::read(&json!(42)), Ok(Texts(vec!["42".into()])));
        assert_eq!(Option::<String>::read(&json!(null)), Ok(None));
        assert!(Time::read(&json!("2024-03-01")).is_ok());
        assert_eq!(bool::read(&json!("yes")), Ok(true));
    }

    #[test]
    fn refuses_the_rest() {
        assert!(String::read(&json!(5)).is_err());
        assert!(f64::read(&json!("nan")).is_err());
        assert!(f64::read(&json!("1e999")).is_err());
        assert!(i64::read(&json!(1.5)).is_err());
        assert!(i64::read(&json!(1e300)).is_err());
        assert!(Texts::read(&json!([1])).is_err());
        assert!(Texts::read(&json!({})).is_err());
        assert!(Time::read(&json!("99999-01-01")).is_err());
        assert!(Numbers::read(&json!([1, "x"])).is_err());
        assert!(String::read(&json!("x".repeat(MAX_TEXT))).is_ok());
        assert!(String::read(&json!("x".repeat(MAX_TEXT + 1))).is_err());
        assert!(Texts::read(&json!("x".repeat(MAX_TEXT + 1))).is_err());
    }
}
