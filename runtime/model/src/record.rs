//! Typed documents that can also be reached by path: [`record!`](crate::record!) declares a struct and derives reading,
//! writing and serialisation from the one list of its fields, so that schema, JSON shape and path access cannot disagree.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::path::Segment;

/// A value does not have the type that its place in the document asks for; says what would have fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch(pub &'static str);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}

impl std::error::Error for Mismatch {}

/// A part of a typed document.
pub trait Node {
    /// The JSON value at the path below this node; None when the schema has nothing there.
    fn get(&self, path: &[Segment]) -> Option<Value>;

    /// Writes at the path. On an error nothing has changed.
    fn set(&mut self, path: &[Segment], value: &Value) -> Result<(), Mismatch>;

    /// The JSON of what is not empty (null, false, 0, "", [], {}); None when everything is.
    fn explicit(&self) -> Option<Value>;
}

/// The JSON name of a field: Rust keywords carry `r#`.
#[must_use]
pub const fn wire_name(identifier: &'static str) -> &'static str {
    match identifier.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(name) => name,
            Err(_) => identifier,
        },
        _ => identifier,
    }
}

/// For serde: null counts as absent. Documents of other systems have nulls where ours have defaults.
pub fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Declares a struct whose fields are [`Node`]s, with serde, defaults and [`Node`] itself. Unknown JSON fields are dropped.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* pub struct $name:ident { $( $(#[$about:meta])* $field:ident : $type:ty $(= $default:expr)? ),* $(,)? }) => {
        $(#[$meta])*
        #[allow(missing_docs, reason = "the fields are the JSON names of the documented schema; the type says the rest")]
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $( $(#[$about])* #[serde(deserialize_with = "crate::record::lenient")] pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $crate::record!(@default $($default)?), )* }
            }
        }

        impl $crate::record::Node for $name {
            fn get(&self, path: &[$crate::path::Segment]) -> Option<serde_json::Value> {
                let Some((first, rest)) = path.split_first() else { return serde_json::to_value(self).ok() };
                $( if *first.name == *const { $crate::record::wire_name(stringify!($field)) } {
                    return $crate::record::Node::get(&self.$field, rest);
                } )*
                None
            }

            fn set(&mut self, path: &[$crate::path::Segment], value: &serde_json::Value) -> Result<(), $crate::record::Mismatch> {
                if let Some((first, rest)) = path.split_first() {
                    $( if *first.name == *const { $crate::record::wire_name(stringify!($field)) } {
                        return $crate::record::Node::set(&mut self.$field, rest, value);
                    } )*
                    return Err($crate::record::Mismatch("a path that the schema knows"));
                }
                let serde_json::Value::Object(map) = value else { return Err($crate::record::Mismatch("an object")) };
                let mut new = Self::default();
                $( if let Some(value) = map.get(const { $crate::record::wire_name(stringify!($field)) }) {
                    $crate::record::Node::set(&mut new.$field, &[], value)?;
                } )*
                *self = new;
                Ok(())
            }

            fn explicit(&self) -> Option<serde_json::Value> {
                let mut map = $crate::Map::new();
                $( if let Some(value) = $crate::record::Node::explicit(&self.$field) {
                    map.insert(const { $crate::record::wire_name(stringify!($field)) }.to_owned(), value);
                } )*
                if map.is_empty() { None } else { Some(serde_json::Value::Object(map)) }
            }
        }
    };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro makes public structs, here of a test")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::path::Path;

    record! {
        /// For the tests.
        pub struct Inner { r#type: Option<String>, size: f64 }
    }

    record! {
        /// For the tests.
        pub struct Outer { inner: Inner, active: bool = true }
    }

    #[test]
    fn one_list_of_fields_gives_schema_json_and_paths() {
        let mut outer = Outer::default();
        let set = |outer: &mut Outer, path: &str, value| outer.set(Path::parse(path).unwrap().segments(), &value);
        assert_eq!(set(&mut outer, "inner.type", json!("x")), Ok(()));
        assert_eq!(set(&mut outer, "inner.size", json!("1.5")), Ok(()));
        assert!(set(&mut outer, "inner.type", json!(5)).is_err());
        assert!(set(&mut outer, "inner.type.deeper", json!("y")).is_err());
        assert!(set(&mut outer, "inner.unknown", json!(5)).is_err());
        assert!(set(&mut outer, "inner", json!({"type": "z", "size": "wrong"})).is_err());
        let expected = json!({"inner": {"type": "x", "size": 1.5}, "active": true});
        assert_eq!(serde_json::to_value(&outer).unwrap(), expected);
        assert_eq!(outer.inner.explicit(), Some(json!({"type": "x", "size": 1.5})));
        assert_eq!(Inner::default().explicit(), None);
        assert_eq!(outer.get(Path::parse("inner.type").unwrap().segments()), Some(json!("x")));
        assert_eq!(serde_json::from_value::<Outer>(json!({"inner": null, "no": 1})).unwrap(), Outer::default());
    }
}
