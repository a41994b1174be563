//! The facts of a document: texts that say which value stands where.
//!
//! ```text
//! fact  := path "=" value      stands at the path
//!        | path "~" value      is an element of the list at the path (which also has a place of its own: path ".0" "=" value)
//! path  := name ("." name)*    in a name, each of . = ~ \ has a \ before it; positions in lists are names
//! value := "!null" | "#[]" | "#[" (a list with elements; as an element, each list is "[")
//!        | "&false" | "&true" | "+" order ":" number | "@" text | "{}" | "{" (an object with members)
//! order := 16 hexadecimal digits, ordered as the numbers are
//! ```
//!
//! So `{"n": 1, "tags": ["a"]}` has the facts `n=+bff0000000000000:1`, `tags=#[`, `tags~@a` and `tags.0=@a`. The signs before the
//! values are ordered so that all that filters call a value stands between `&` and `{}`.
//!
//! Bounds: of a text longer than [`MAX_TEXT`] the beginning is told, with [`CUT`] behind it, and the fact [`LONG`] of the same
//! place. A document with more or longer facts than the bounds allow, deeper than paths are, or with names without a letter
//! has some of them and [`PARTIAL`].

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use tracardi_model::path::MAX_SEGMENTS;

/// Bytes of a text that are told, at most.
pub const MAX_TEXT: usize = 512;
/// Facts of a document, at most.
pub const MAX_FACTS: usize = 8_192;
/// Bytes of the facts of a document, at most.
pub const MAX_BYTES: usize = 1 << 20;
/// Bytes of a path, at most.
pub(super) const MAX_PATH: usize = 1_024;

/// A fact: not all of the document are told.
pub const PARTIAL: &str = "!partial";
/// The JSON text of the document has more in it than its facts: long texts, and what stands there behind a backslash.
pub(super) const HIDDEN: &str = "!hidden";

pub(super) const NULL: &str = "!null";
pub(super) const EMPTY_LIST: &str = "#[]";
pub(super) const LIST: &str = "#[";
/// Beside the beginning of a long text.
pub(super) const LONG: &str = "%";
pub(super) const NUMBER: &str = "+";
pub(super) const TEXT: &str = "@";
pub(super) const EMPTY_OBJECT: &str = "{}";
const OBJECT: &str = "{";
const INNER_LIST: &str = "[";
/// Behind the beginning of a long text. Together they are longer than a text that is told as a whole.
pub(super) const CUT: &str = "……";

/// The facts of a document, in no particular order; some may repeat. Takes any deserializer that describes itself, such as that of
/// a JSON text or of a reference to a [`Value`](serde_json::Value).
pub fn facts<'de, D: Deserializer<'de>>(document: D) -> Result<Vec<String>, D::Error> {
    let mut teller = Teller::default();
    Node { teller: &mut teller, list: None }.deserialize(document)?;
    let Teller { mut facts, partial, hidden, .. } = teller;
    facts.extend(partial.then(|| PARTIAL.to_owned()));
    facts.extend(hidden.then(|| HIDDEN.to_owned()));
    Ok(facts)
}

/// A boolean as a value.
pub(super) const fn boolean(yes: bool) -> &'static str {
    if yes { "&true" } else { "&false" }
}

/// Begins the value of a number, which goes on with `:`; in the order of the numbers.
pub(super) fn ordered(number: f64) -> String {
    // There is one zero.
    let bits = (number + 0.0).to_bits();
    let order = if number < 0.0 { !bits } else { bits | (1 << 63) };
    format!("{NUMBER}{order:016x}")
}

/// A text as a value.
pub(super) fn told(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT { text.into() } else { format!("{}{CUT}", beginning(text)).into() }
}

fn beginning(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default()
}

/// A name in a path.
pub(super) fn push_name(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    for letter in name.chars() {
        if matches!(letter, '.' | '=' | '~' | '\\') {
            path.push('\\');
        }
        path.push(letter);
    }
}

#[derive(Default)]
struct Teller {
    /// Where the value stands that is being read.
    path: String,
    depth: usize,
    facts: Vec<String>,
    bytes: usize,
    partial: bool,
    hidden: bool,
}

impl Teller {
    fn add(&mut self, path: usize, mark: &str, value: &[&str]) {
        let path = self.path.get(..path).unwrap_or_default();
        if path.is_empty() {
            return;
        }
        let parts = [&[path, mark], value].concat();
        self.bytes += parts.iter().map(|part| part.len()).sum::<usize>();
        if self.facts.len() >= MAX_FACTS || self.bytes > MAX_BYTES {
            self.partial = true;
        } else {
            self.facts.push(parts.concat());
        }
    }

    fn name(&mut self, name: &str) {
        self.hidden |= escapes(name);
        self.depth += 1;
        push_name(&mut self.path, name);
    }

    fn back(&mut self, path: usize) {
        self.depth -= 1;
        self.path.truncate(path);
    }

    /// Whether a path can lead here.
    fn reachable(&self) -> bool {
        self.depth <= MAX_SEGMENTS && self.path.len() <= MAX_PATH
    }
}

/// Whether the text looks different in JSON.
fn escapes(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\')
}

/// A value that is being read.
struct Node<'a> {
    teller: &'a mut Teller,
    /// If it is an element: how long the path of its list is.
    list: Option<usize>,
}

impl Node<'_> {
    fn tell(&mut self, value: &[&str]) {
        self.teller.add(self.teller.path.len(), "=", value);
        if let Some(list) = self.list {
            self.teller.add(list, "~", value);
        }
    }

    fn number(mut self, number: &Number) {
        self.tell(&[&ordered(number.as_f64().unwrap_or_default()), ":", &number.to_string()]);
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.tell(&[NULL]);
        Ok(())
    }

    fn visit_bool<E: Error>(mut self, yes: bool) -> Result<(), E> {
        self.tell(&[boolean(yes)]);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(&number.into());
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(&number.into());
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.number(&Number::from_f64(number).ok_or_else(|| E::custom("a number is not finite"))?);
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.teller.hidden |= escapes(text);
        self.tell(&[TEXT, &told(text)]);
        if text.len() > MAX_TEXT {
            self.teller.hidden = true;
            self.tell(&[LONG]);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let path = self.teller.path.len();
        if let Some(list) = self.list {
            self.teller.add(list, "~", &[INNER_LIST]);
        }
        let mut at = 0_usize;
        loop {
            self.teller.name(&at.to_string());
            let more = if self.teller.reachable() {
                elements.next_element_seed(Node { teller: &mut *self.teller, list: Some(path) })?.is_some()
            } else {
                let more = elements.next_element::<IgnoredAny>()?.is_some();
                self.teller.partial |= more;
                more
            };
            self.teller.back(path);
            if !more {
                break;
            }
            at += 1;
        }
        self.teller.add(path, "=", &[if at == 0 { EMPTY_LIST } else { LIST }]);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let path = self.teller.path.len();
        let mut empty = true;
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            empty = false;
            self.teller.name(&name);
            if !name.is_empty() && self.teller.reachable() {
                members.next_value_seed(Node { teller: &mut *self.teller, list: None })?;
            } else {
                members.next_value::<IgnoredAny>()?;
                self.teller.partial = true;
            }
            self.teller.back(path);
        }
        self.tell(&[if empty { EMPTY_OBJECT } else { OBJECT }]);
        Ok(())
    }
}

#[cfg(test)]
mod unit {
    use serde_json::{Value, json};

    use super::*;

    fn told_of(document: &Value) -> Vec<String> {
        let mut told = facts(document).unwrap();
        assert_eq!(facts(&mut serde_json::Deserializer::from_str(&document.to_string())).unwrap(), told);
        told.sort_unstable();
        told
    }

    #[test]
    fn every_kind_of_value() {
        let document = json!({
            "n": 1, "tags": ["a", null, [true], {"x": -0.5}], "none": null, "empty": [], "o": {}, "a.b=c": {"~": "\""},
        });
        let expected = [
            "!hidden",
            "a\\.b\\=c.\\~=@\"",
            "a\\.b\\=c={",
            "empty=#[]",
            "n=+bff0000000000000:1",
            "none=!null",
            "o={}",
            "tags.0=@a",
            "tags.1=!null",
            "tags.2.0=&true",
            "tags.2=#[",
            "tags.2~&true",
            "tags.3.x=+401fffffffffffff:-0.5",
            "tags.3={",
            "tags=#[",
            "tags~!null",
            "tags~@a",
            "tags~[",
            "tags~{",
        ];
        assert_eq!(told_of(&document), expected);
    }

    #[test]
    fn numbers_are_ordered() {
        let numbers = [f64::MIN, -2.5, -1.0, -f64::MIN_POSITIVE, 0.0, 5e-324, 1.0, 1.5, 9e15, f64::MAX];
        let orders: Vec<String> = numbers.into_iter().map(ordered).collect();
        assert!(orders.is_sorted_by(|one, other| one < other), "{orders:?}");
        assert_eq!(ordered(-0.0), ordered(0.0));
    }

    #[test]
    fn what_is_too_much_is_told_in_part() {
        let deep = (0..40).fold(json!(1), |inner, _| json!({ "a": inner }));
        let wide: Vec<usize> = (0..10_000).collect();
        let long = "a".repeat(MAX_PATH + 1);
        for document in [deep, json!({ "wide": wide }), json!({ long: 1 }), json!({"": 1}), json!({"a": {"": {}}})] {
            let told = told_of(&document);
            assert!(told.contains(&PARTIAL.to_owned()) && told.len() <= MAX_FACTS + 2);
        }
        let text = "ż".repeat(MAX_TEXT);
        let told = told_of(&json!({ "t": [text] }));
        let cut = format!("t~@{}{CUT}", "ż".repeat(MAX_TEXT / 2));
        assert!(told.contains(&cut) && told.contains(&"t.0=%".to_owned()) && told.contains(&HIDDEN.to_owned()));
        assert!(!told.contains(&PARTIAL.to_owned()));
    }
}
