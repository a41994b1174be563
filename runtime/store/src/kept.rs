//! Event sources and records as a store keeps them: a document without what is secret in it, and the secret sealed beside it.

use std::sync::Arc;

use serde_json::Value;
use tracardi_model::configuration::Kind;
use tracardi_model::{Context, EventSource};

use crate::columns::{number, unreadable};
use crate::{Keys, StoreError, StoredRecord};

/// The name under which event sources are sealed, beside those of the kinds of records.
pub const EVENT_SOURCE: &str = "event_source";
/// The field of an event source that is secret.
const CONFIG: &str = "config";

/// What is kept of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// JSON text without what is secret.
    pub document: String,
    /// What is secret in it, [sealed](Keys::seal); none when there is nothing.
    pub secret: Option<Vec<u8>>,
}

impl Kept {
    /// An event source, to be kept.
    pub fn source(keys: &Keys, context: Context, source: &EventSource) -> Result<Self, StoreError> {
        let mut document =
            serde_json::to_value(source).map_err(|error| unstorable(EVENT_SOURCE, &source.id, &error))?;
        if source.config.is_none()
            && let Some(object) = document.as_object_mut()
        {
            object.shift_remove(CONFIG);
        }
        Self::apart(keys, context, EVENT_SOURCE, &source.id, Some(CONFIG), document)
    }

    /// A record, to be kept.
    pub fn record(
        keys: &Keys,
        StoredRecord { context, kind, id, document }: &StoredRecord,
    ) -> Result<Self, StoreError> {
        Self::apart(keys, *context, kind.as_str(), id, kind.secret(), Value::clone(document))
    }

    /// The event source that was kept.
    pub fn into_source(self, keys: &Keys, context: Context, id: &str) -> Result<Arc<EventSource>, StoreError> {
        let document = self.together(keys, context, EVENT_SOURCE, id, Some(CONFIG))?;
        serde_json::from_value(document).map(Arc::new).map_err(|error| unreadable("event source", id, error))
    }

    /// The record that was kept.
    pub fn into_record(
        self,
        keys: &Keys,
        context: Context,
        kind: Kind,
        id: String,
    ) -> Result<StoredRecord, StoreError> {
        let document = self.together(keys, context, kind.as_str(), &id, kind.secret())?;
        Ok(StoredRecord { context, kind, id, document: Arc::new(document) })
    }

    fn apart(
        keys: &Keys,
        context: Context,
        kind: &str,
        id: &str,
        secret: Option<&str>,
        mut document: Value,
    ) -> Result<Self, StoreError> {
        let secret = secret.and_then(|name| document.as_object_mut()?.shift_remove(name));
        let seal = |secret: Value| keys.seal(&place(context, kind, id), secret.to_string().as_bytes());
        let secret = secret.map(seal).transpose().map_err(|error| unstorable(kind, id, &error))?;
        Ok(Self { document: document.to_string(), secret })
    }

    fn together(
        self,
        keys: &Keys,
        context: Context,
        kind: &str,
        id: &str,
        secret: Option<&str>,
    ) -> Result<Value, StoreError> {
        let bad = |reason: String| unreadable(kind, id, reason);
        let mut document: Value = serde_json::from_str(&self.document).map_err(|error| bad(error.to_string()))?;
        if let (Some(name), Some(sealed), Some(object)) = (secret, self.secret, document.as_object_mut()) {
            let secret = keys.open(&place(context, kind, id), &sealed).map_err(|error| bad(error.to_string()))?;
            object.insert(name.to_owned(), serde_json::from_slice(&secret).map_err(|error| bad(error.to_string()))?);
        }
        Ok(document)
    }
}

/// Where a secret is sealed to: it opens nowhere else.
fn place(context: Context, kind: &str, id: &str) -> String {
    format!("{kind}/{}/{id}", number(context))
}

fn unstorable(kind: &str, id: &str, reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("{kind} {id}: {reason}"))
}
