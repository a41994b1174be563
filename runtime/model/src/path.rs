//! Dotted paths such as `data.contact.email.main` or `properties.location.0`, split once, walked many times.
//!
//! A path of digits only indexes a list when it meets one and is an ordinary key when it meets an object. Walking a path
//! costs no allocation. Writing creates what is missing: a list for a number, an object otherwise.

use std::fmt;

use serde_json::Value;

use crate::Map;

/// Lists are not padded beyond this index: `a.4000000000` must not cost memory.
pub const MAX_INDEX: usize = 1_000;
/// A path has at most this many segments: written documents must stay readable for every JSON parser.
pub const MAX_SEGMENTS: usize = 32;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// The text between two dots.
    pub name: Box<str>,
    /// The same as a list index, if it consists of digits.
    pub index: Option<usize>,
}

/// A dotted path, split once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Path {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// Why a text is no path, or why a value could not be written at one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// Nothing before, between or after the dots.
    Empty,
    /// More than [`MAX_SEGMENTS`].
    TooDeep,
    /// An index above [`MAX_INDEX`].
    TooFar,
    /// A text or number stands where an object or list would have to be.
    Blocked,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a path is made of names separated by single dots",
            Self::TooDeep => "a path has at most 32 segments",
            Self::TooFar => "a list index in a path is at most 1000",
            Self::Blocked => "the path leads through a value that is neither object nor list",
        })
    }
}

impl std::error::Error for PathError {}

impl Path {
    /// Splits at the dots.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        Ok(Self { text: text.into(), segments: segments(text.split('.'))? })
    }

    /// The path of these names, which may themselves contain dots; as text, it has a dot between them.
    pub fn of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Result<Self, PathError> {
        let segments = segments(names.clone())?;
        let text = names.collect::<Vec<_>>().join(".");
        if text.is_empty() { Err(PathError::Empty) } else { Ok(Self { text: text.into(), segments }) }
    }

    /// The steps.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The path as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first name and the rest.
    #[must_use]
    pub fn head(&self) -> (&str, &[Segment]) {
        match self.segments.split_first() {
            Some((first, rest)) => (&first.name, rest),
            None => ("", &[]),
        }
    }
}

fn segments<'a>(names: impl Iterator<Item = &'a str>) -> Result<Box<[Segment]>, PathError> {
    let segments: Box<[Segment]> = names.take(MAX_SEGMENTS + 1).map(Segment::new).collect::<Result<_, _>>()?;
    if segments.len() > MAX_SEGMENTS { Err(PathError::TooDeep) } else { Ok(segments) }
}

impl Segment {
    /// The step of that name.
    fn new(name: &str) -> Result<Self, PathError> {
        if name.is_empty() {
            return Err(PathError::Empty);
        }
        let digits = name.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Self { name: name.into(), index: if digits { name.parse().ok() } else { None } })
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn child<'a>(value: &'a Value, segment: &Segment) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(&*segment.name),
        Value::Array(list) => list.get(segment.index?),
        _ => None,
    }
}

/// The value at the path; null is a value. None when a step leads nowhere.
#[must_use]
pub fn get<'a>(value: &'a Value, path: &[Segment]) -> Option<&'a Value> {
    path.iter().try_fold(value, child)
}

/// [`get`] starting from an object.
#[must_use]
pub fn get_in<'a>(map: &'a Map, path: &[Segment]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    get(map.get(&*first.name)?, rest)
}

/// Whether something stands at the path, be it null.
#[must_use]
pub fn contains(value: &Value, path: &[Segment]) -> bool {
    get(value, path).is_some()
}

/// Writes a value at the path, creating objects (and lists, for numbers) on the way. Nulls on the way are replaced; other
/// values that are neither object nor list block the way and stay.
pub fn set(value: &mut Value, path: &[Segment], new: Value) -> Result<(), PathError> {
    let mut place = value;
    for segment in path {
        if place.is_null() {
            *place = if segment.index.is_some() { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        }
        place = match place {
            Value::Object(map) => slot(map, &segment.name),
            Value::Array(list) => {
                let index = segment.index.ok_or(PathError::Blocked)?;
                if index > MAX_INDEX {
                    return Err(PathError::TooFar);
                }
                if list.len() <= index {
                    list.resize(index + 1, Value::Null);
                }
                list.get_mut(index).ok_or(PathError::TooFar)?
            }
            _ => return Err(PathError::Blocked),
        };
    }
    *place = new;
    Ok(())
}

/// [`set`] starting from an object.
pub fn set_in(map: &mut Map, path: &[Segment], new: Value) -> Result<(), PathError> {
    let (first, rest) = path.split_first().ok_or(PathError::Empty)?;
    set(slot(map, &first.name), rest, new)
}

fn slot<'a>(map: &'a mut Map, name: &str) -> &'a mut Value {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), Value::Null);
    }
    &mut map[name]
}

/// Takes the value at the path away, and every object that becomes empty by it. Elements of lists are not removed (the
/// others would move): they become null.
pub fn remove(value: &mut Value, path: &[Segment]) -> Option<Value> {
    match value {
        Value::Object(map) => remove_in(map, path),
        Value::Array(list) => {
            let (first, rest) = path.split_first()?;
            let element = list.get_mut(first.index?)?;
            if rest.is_empty() { Some(element.take()) } else { remove(element, rest) }
        }
        _ => None,
    }
}

/// [`remove`] starting from an object.
pub fn remove_in(map: &mut Map, path: &[Segment]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    if rest.is_empty() {
        return map.shift_remove(&*first.name);
    }
    let inner = map.get_mut(&*first.name)?;
    let removed = remove(inner, rest)?;
    if inner.as_object().is_some_and(Map::is_empty) {
        map.shift_remove(&*first.name);
    }
    Some(removed)
}

/// Removes empty objects, recursively; the emptied parents too. Lists are left as they are.
pub fn strip_empty(map: &mut Map) {
    map.retain(|_, value| match value {
        Value::Object(inner) => {
            strip_empty(inner);
            !inner.is_empty()
        }
        _ => true,
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    #[test]
    fn reads() {
        let value = json!({"a": {"b": [1, {"c": null}], "0": "key"}});
        let cases = [
            ("a.b.0", Some(json!(1))),
            ("a.b.1.c", Some(json!(null))),
            ("a.0", Some(json!("key"))),
            ("a.b.2", None),
            ("a.b.x", None),
            ("x", None),
            ("a.b.0.y", None),
        ];
        for (text, expected) in cases {
            assert_eq!(get(&value, path(text).segments()).cloned(), expected, "{text}");
            assert_eq!(contains(&value, path(text).segments()), expected.is_some(), "{text}");
        }
    }

    #[test]
    fn writes() {
        let mut value = json!({"text": "x", "null": null});
        assert_eq!(set(&mut value, path("a.b.1.c").segments(), json!(5)), Ok(()));
        assert_eq!(set(&mut value, path("null.d").segments(), json!(6)), Ok(()));
        assert_eq!(set(&mut value, path("text.d").segments(), json!(7)), Err(PathError::Blocked));
        assert_eq!(set(&mut value, path("a.b.x").segments(), json!(7)), Err(PathError::Blocked));
        assert_eq!(set(&mut value, path("a.b.99999999999").segments(), json!(7)), Err(PathError::TooFar));
        assert_eq!(value, json!({"text": "x", "null": {"d": 6}, "a": {"b": [null, {"c": 5}]}}));
    }

    #[test]
    fn removes_and_strips() {
        let mut value = json!({"a": {"b": {"c": 1}}, "d": [1, 2]});
        assert_eq!(remove(&mut value, path("a.b.c").segments()), Some(json!(1)));
        assert_eq!(remove(&mut value, path("d.0").segments()), Some(json!(1)));
        assert_eq!(remove(&mut value, path("no.such").segments()), None);
        assert_eq!(value, json!({"d": [null, 2]}));
        let mut map = json!({"a": {"b": {}}, "c": [], "d": {"e": null}}).as_object().unwrap().clone();
        strip_empty(&mut map);
        assert_eq!(Value::Object(map), json!({"c": [], "d": {"e": null}}));
    }

    #[test]
    fn refuses_what_is_no_path() {
        assert_eq!(Path::parse(""), Err(PathError::Empty));
        assert_eq!(Path::parse("a..b"), Err(PathError::Empty));
        assert_eq!(Path::parse("a.".repeat(40).trim_end_matches('.')), Err(PathError::TooDeep));
        assert_eq!(Path::of([].into_iter()), Err(PathError::Empty));
        assert_eq!(Path::of(["a", ""].into_iter()), Err(PathError::Empty));
    }

    #[test]
    fn names_may_contain_dots() {
        let value = json!({"a": {"b.c": [1]}});
        let path = Path::of(["a", "b.c", "0"].into_iter()).unwrap();
        assert_eq!(get(&value, path.segments()), Some(&json!(1)));
        assert_eq!(path.as_str(), "a.b.c.0");
        assert_eq!(Path::of(["a", "b"].into_iter()), Path::parse("a.b"));
    }
}
