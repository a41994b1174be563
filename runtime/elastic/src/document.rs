//! What a document looks like in an index: written and read. See the crate's documentation.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tracardi_model::{Context, Delayed, Event, Original, Profile, Session, StoredEvent, Trail};
use tracardi_store::StoreError;

use crate::names::{key, term};

/// The typed part. Ids are [terms](term).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) context: Context,
    pub(crate) id: String,
    pub(crate) key: String,
    /// Microseconds.
    pub(crate) inserted: i64,
    #[serde(default)]
    pub(crate) stored: i64,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) valid: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) survivor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) done: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) events: Option<u64>,
}

fn owned(id: &str) -> Option<String> {
    Some(term(id).into_owned())
}

impl Envelope {
    /// Of something without anything special.
    pub(crate) fn new(context: Context, id: &str, inserted: i64) -> Self {
        Self {
            context,
            id: term(id).into_owned(),
            key: key(context, id),
            inserted,
            stored: 0,
            kind: None,
            source: None,
            session: None,
            profile: None,
            valid: None,
            waiting: None,
            survivor: None,
            done: None,
            events: None,
        }
    }

    pub(crate) fn of_event(context: Context, event: &Event, stored: i64) -> Self {
        Self {
            stored,
            kind: owned(event.kind()),
            source: owned(event.source_id()),
            session: event.session_id().and_then(owned),
            profile: event.profile_id().and_then(owned),
            valid: Some(event.metadata.valid),
            ..Self::new(context, event.id(), event.insert().as_microsecond())
        }
    }

    pub(crate) fn of_session(context: Context, session: &Session) -> Self {
        let profile = session.profile_id().and_then(owned);
        Self { profile, ..Self::new(context, session.id(), session.insert().as_microsecond()) }
    }

    /// `waiting`: its number, if it awaits a merge.
    pub(crate) fn of_profile(context: Context, profile: &Profile, waiting: Option<i64>) -> Self {
        Self { waiting, ..Self::new(context, profile.id(), profile.insert().as_microsecond()) }
    }

    pub(crate) fn of_trail(context: Context, trail: &Trail, stored: i64) -> Self {
        Self {
            stored,
            profile: trail.profile.as_deref().and_then(owned),
            ..Self::new(context, &trail.event, trail.at.as_microsecond())
        }
    }

    pub(crate) fn of_delayed(context: Context, delayed: &Delayed, stored: i64) -> Self {
        Self {
            stored,
            profile: delayed.profile.as_deref().and_then(owned),
            ..Self::new(context, &delayed.id, delayed.due.as_microsecond())
        }
    }

    pub(crate) fn of_original(context: Context, original: &Original, stored: i64) -> Self {
        Self {
            stored,
            profile: original.profile.as_deref().and_then(owned),
            ..Self::new(context, &original.id, original.at.as_microsecond())
        }
    }

    pub(crate) fn of_applied(context: Context, event: &StoredEvent, at: i64) -> Self {
        Self { profile: event.profile_id.as_deref().and_then(owned), ..Self::new(context, &event.id, at) }
    }

    /// An id that leads to a profile.
    pub(crate) fn of_identity(context: Context, alias: &str, owner: &str) -> Self {
        Self { profile: owned(owner), ..Self::new(context, alias, 0) }
    }
}

/// How much of a document an index is to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    /// All of it, as far as it can.
    Searchable,
    /// Nothing but the envelope: what is not searched for by content, and what a server refuses for a reason nobody thought of.
    Kept,
}

/// Everything that is written of a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) envelope: Envelope,
    pub(crate) form: Form,
    /// Our JSON.
    pub(crate) text: String,
}

impl Source {
    /// Of an event, a session, a profile.
    pub(crate) fn searchable(envelope: Envelope, text: String) -> Self {
        Self { envelope, form: Form::Searchable, text }
    }

    /// Of anything else.
    pub(crate) fn kept(envelope: Envelope, text: String) -> Self {
        Self { envelope, form: Form::Kept, text }
    }

    /// Adds the line to a request; with what is pending, if anything is.
    pub(crate) fn write(&self, pending: Option<&str>, line: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *line, &self.envelope)?;
        line.pop();
        let reduced = match self.form {
            Form::Kept => Some(None),
            Form::Searchable if fits(&self.text) => None,
            Form::Searchable => Some(Some(reduced(serde_json::from_str(&self.text)?, 1))),
        };
        match reduced {
            None => {
                line.extend_from_slice(br#","document":"#);
                line.extend_from_slice(self.text.as_bytes());
            }
            Some(document) => {
                line.extend_from_slice(br#","text":"#);
                serde_json::to_writer(&mut *line, &self.text)?;
                if let Some(document) = document {
                    line.extend_from_slice(br#","partial":true,"document":"#);
                    serde_json::to_writer(&mut *line, &document)?;
                }
            }
        }
        if let Some(pending) = pending {
            line.extend_from_slice(br#","pending":"#);
            line.extend_from_slice(pending.as_bytes());
        }
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}

#[derive(Deserialize)]
struct Kept<'a> {
    #[serde(borrow)]
    document: Option<&'a RawValue>,
    text: Option<String>,
}

/// Our JSON out of what an index keeps (`_source`).
pub(crate) fn text_of(source: &RawValue) -> Result<Box<RawValue>, StoreError> {
    let unreadable = |reason: String| StoreError::Corrupt { what: "document of an index".to_owned(), reason };
    let kept: Kept<'_> = serde_json::from_str(source.get()).map_err(|error| unreadable(error.to_string()))?;
    match kept {
        Kept { text: Some(text), .. } => RawValue::from_string(text).map_err(|error| unreadable(error.to_string())),
        Kept { document: Some(document), .. } => Ok(document.to_owned()),
        _ => Err(unreadable("it holds no document".to_owned())),
    }
}

/// Objects and lists in one another, the document included: the default of `flattened`.
const DEPTH: usize = 20;
/// Bytes of a text. With the path before it, a term stays below the 32,766 bytes that Lucene takes.
pub(crate) const LONGEST: usize = 8_000;
/// Bytes of the name of a field.
const LONGEST_NAME: usize = 500;

fn fits_name(name: &str) -> bool {
    let names = name.split('.').all(|part| !part.trim().is_empty());
    names && name.len() <= LONGEST_NAME && !name.contains('\0')
}

/// Whether an index can take a document as it is.
fn fits(text: &str) -> bool {
    let mut reader = serde_json::Deserializer::from_str(text);
    Look { depth: 1 }.deserialize(&mut reader).is_ok()
}

/// Reads through a value without keeping anything; fails at the first thing that does not fit.
#[derive(Clone, Copy)]
struct Look {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Look {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() <= LONGEST { Ok(()) } else { Err(E::custom("too long")) }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self.below()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while members.next_key_seed(Name)?.is_some() {
            members.next_value_seed(below)?;
        }
        Ok(())
    }
}

impl Look {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth < DEPTH { Ok(Self { depth: self.depth + 1 }) } else { Err(E::custom("too deep")) }
    }
}

/// The name of a field, looked at.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        if fits_name(name) { Ok(()) } else { Err(E::custom("odd name")) }
    }
}

/// What an index can take of a value.
fn reduced(value: Value, depth: usize) -> Value {
    match value {
        Value::Object(_) | Value::Array(_) if depth > DEPTH => Value::Null,
        Value::Object(members) => {
            let members = members.into_iter().filter(|(name, _)| fits_name(name));
            Value::Object(members.map(|(name, value)| (name, reduced(value, depth + 1))).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(|value| reduced(value, depth + 1)).collect()),
        Value::String(text) if text.len() > LONGEST => Value::Null,
        value => value,
    }
}

/// Reads JSON that we have written.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { what: what.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deep(depth: usize) -> String {
        "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth)
    }

    #[test]
    fn what_an_index_cannot_take_is_left_out_of_the_index_only() {
        let long = "x".repeat(LONGEST + 1);
        let odd = [
            deep(DEPTH + 1),
            json!({"a": {"b": long}}).to_string(),
            json!({"": 1}).to_string(),
            json!({"a..b": 1}).to_string(),
            json!({".a": {"b": 1}}).to_string(),
            json!({"nul\0nul": 1}).to_string(),
            json!({"a": [{"b".repeat(501): 1}]}).to_string(),
        ];
        let fine = [deep(DEPTH), json!({"a.b": [1, null, {"c": "x".repeat(LONGEST)}]}).to_string()];
        for (text, partial) in odd.iter().map(|text| (text, true)).chain(fine.iter().map(|text| (text, false))) {
            let source = Source::searchable(Envelope::new(Context::Production, "x", 1), text.clone());
            let mut line = Vec::new();
            source.write(None, &mut line).unwrap();
            let line = String::from_utf8(line).unwrap();
            let value: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(value.get("partial").is_some(), partial, "{text:.60}");
            assert!(fits(&value["document"].to_string()), "{text:.60}");
            let read = text_of(&RawValue::from_string(line.trim_end().to_owned()).unwrap()).unwrap();
            assert_eq!(read.get(), text);
        }
    }

    #[test]
    fn what_is_kept_only_may_be_anything() {
        let text = r#"{"request": {"a":1,"a":2}, "n": 1e999}"#;
        let source = Source::kept(Envelope::new(Context::Staging, "x", 1), text.to_owned());
        let mut line = Vec::new();
        source.write(Some("{}"), &mut line).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(text_of(&RawValue::from_string(line.trim_end().to_owned()).unwrap()).unwrap().get(), text);
    }
}
