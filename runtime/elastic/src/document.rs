//! What a document looks like in an index: written and read. See the crate's documentation.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tracardi_language::elastic;
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

fn owned(id: &str) -> String {
    term(id).into_owned()
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
            kind: Some(owned(event.kind())),
            source: Some(owned(event.source_id())),
            session: event.session_id().map(owned),
            profile: event.profile_id().map(owned),
            valid: Some(event.metadata.valid),
            ..Self::new(context, event.id(), event.insert().as_microsecond())
        }
    }

    pub(crate) fn of_session(context: Context, session: &Session) -> Self {
        let profile = session.profile_id().map(owned);
        Self { profile, ..Self::new(context, session.id(), session.insert().as_microsecond()) }
    }

    /// `waiting`: its number, if it awaits a merge.
    pub(crate) fn of_profile(context: Context, profile: &Profile, waiting: Option<i64>) -> Self {
        Self { waiting, ..Self::new(context, profile.id(), profile.insert().as_microsecond()) }
    }

    pub(crate) fn of_trail(context: Context, trail: &Trail, stored: i64) -> Self {
        Self {
            stored,
            profile: trail.profile.as_deref().map(owned),
            ..Self::new(context, &trail.event, trail.at.as_microsecond())
        }
    }

    pub(crate) fn of_delayed(context: Context, delayed: &Delayed, stored: i64) -> Self {
        Self {
            stored,
            profile: delayed.profile.as_deref().map(owned),
            ..Self::new(context, &delayed.id, delayed.due.as_microsecond())
        }
    }

    pub(crate) fn of_original(context: Context, original: &Original, stored: i64) -> Self {
        Self {
            stored,
            profile: original.profile.as_deref().map(owned),
            ..Self::new(context, &original.id, original.at.as_microsecond())
        }
    }

    pub(crate) fn of_applied(context: Context, event: &StoredEvent, at: i64) -> Self {
        Self { profile: event.profile_id.as_deref().map(owned), ..Self::new(context, &event.id, at) }
    }

    /// An id that leads to a profile.
    pub(crate) fn of_identity(context: Context, alias: &str, owner: &str) -> Self {
        Self { profile: Some(owned(owner)), ..Self::new(context, alias, 0) }
    }
}

/// How much of a document an index is to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    /// It can be searched by content.
    Searchable,
    /// Nothing but the envelope: what is not searched by content, and what a server refuses for a reason nobody thought of.
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

    /// Adds the line to a request, in a form; with what is pending, if anything is.
    pub(crate) fn write(&self, form: Form, pending: Option<&str>, line: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *line, &self.envelope)?;
        line.pop();
        line.extend_from_slice(br#","bytes":"#);
        serde_json::to_writer(&mut *line, &self.text.len())?;
        line.extend_from_slice(br#","facts":"#);
        match form {
            Form::Searchable => {
                let facts = elastic::facts(&mut serde_json::Deserializer::from_str(&self.text))?;
                serde_json::to_writer(&mut *line, &facts)?;
                line.extend_from_slice(br#","document":"#);
                line.extend_from_slice(self.text.as_bytes());
            }
            Form::Kept => {
                serde_json::to_writer(&mut *line, &[elastic::PARTIAL])?;
                line.extend_from_slice(br#","text":"#);
                serde_json::to_writer(&mut *line, &self.text)?;
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

/// Reads JSON that we have written.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt { what: what.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(source: &Source, pending: Option<&str>) -> String {
        let mut line = Vec::new();
        source.write(source.form, pending, &mut line).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert_eq!(line.lines().count(), 1);
        line
    }

    fn read(line: &str) -> Box<RawValue> {
        text_of(&RawValue::from_string(line.trim_end().to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn documents_are_kept_byte_for_byte_and_searched_by_their_facts() {
        let odd = json!({"": 1, "a..b": [1, null, {"c": "x".repeat(40_000)}], "nul\0nul": {".": "\n"}}).to_string();
        for text in [odd.as_str(), "{ }", r#"{"b": 1.50, "a": 2}"#] {
            let source = Source::searchable(Envelope::new(Context::Production, "x", 1), text.to_owned());
            let line = line(&source, None);
            assert_eq!(read(&line).get(), text);
            let written: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(written["bytes"], text.len());
            let facts = elastic::facts(&serde_json::from_str::<Value>(text).unwrap()).unwrap();
            assert_eq!(written["facts"].as_array().unwrap().len(), facts.len());
        }
    }

    #[test]
    fn what_is_kept_only_may_be_anything() {
        let text = r#"{"request": {"a":1,"a":2}, "n": 1e999}"#;
        let source = Source::kept(Envelope::new(Context::Staging, "x", 1), text.to_owned());
        let line = line(&source, Some("{}"));
        assert_eq!(read(&line).get(), text);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["facts"], json!([elastic::PARTIAL]));
    }
}
