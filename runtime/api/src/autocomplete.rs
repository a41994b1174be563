//! What may come next in a search: `/{index}/query/autocomplete`.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracardi_language::filter::{Completion, Next, complete};
use tracardi_model::{Context, Profile, Session};
use tracardi_store::{Index, Select};

use crate::app::App;
use crate::auth::{Allowed, Readers};
use crate::context::InContext;
use crate::errors::Refusal;
use crate::params::{Path, Query};
use crate::{event_type, page, select};

/// The newest documents, of which fields and values are told besides those that are known anyway.
const SAMPLE: u64 = 25;
/// Things that are offered at a time, at most.
const OFFERED: usize = 100;
/// Fields of one document that are looked at, at most.
const MAX_FIELDS: usize = 2_000;
/// Longest value that is offered, in bytes.
const MAX_VALUE: usize = 100;

/// How a field can be compared, and what that means.
const OPERATORS: [(&str, &str); 11] = [
    ("=", "Equals"),
    ("!=", "Not equals"),
    (">", "Greater, later"),
    (">=", "Greater or equal"),
    ("<", "Less, earlier"),
    ("<=", "Less or equal"),
    ("BETWEEN", "Between two values: BETWEEN 1 AND 5"),
    ("EXISTS", "Has a value"),
    ("NOT EXISTS", "Has no value"),
    ("IS NULL", "Has no value"),
    ("IS NOT NULL", "Has a value"),
];

/// Fields that every event has; others are those that predefined types make of its properties.
const EVENT_FIELDS: [&str; 14] = [
    "id",
    "name",
    "type",
    "source.id",
    "session.id",
    "session.start",
    "profile.id",
    "metadata.time.insert",
    "metadata.time.create",
    "metadata.channel",
    "metadata.status",
    "metadata.valid",
    "metadata.warning",
    "metadata.error",
];

/// `?query=`: what is written so far.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Written {
    #[serde(default)]
    query: String,
}

/// Something that may come next.
#[derive(Debug, Serialize)]
struct Offer {
    value: String,
    token: &'static str,
    name: &'static str,
    desc: String,
    /// How many blanks belong behind it.
    space: Option<u8>,
    color: &'static str,
}

impl Offer {
    fn new(token: &'static str, value: impl Into<String>, about: impl Into<String>) -> Self {
        let (name, color, space) = match token {
            "FIELD" => ("field", "#00acc1", Some(1)),
            "OP" => ("operation", "#ef6c00", Some(1)),
            "QUOTE" => ("text", "#546e7a", None),
            "VALUE" => ("value", "#afb42b", Some(1)),
            _ => ("join", "#ef6c00", Some(1)),
        };
        Self { value: value.into(), token, name, desc: about.into(), space, color }
    }
}

/// `GET /{index}/query/autocomplete?query=`: `{"next": [{"value", "token", "name", "desc", "space", "color"}], "current": {"token",
/// "value"}}`. `current` is what is begun, each `value` would stand in its place. Nothing is offered where the text has an error.
pub(crate) async fn autocomplete(
    _: Allowed<Readers>,
    InContext(context): InContext,
    State(app): State<App>,
    Path(of): Path<String>,
    Query(Written { query }): Query<Written>,
) -> Result<Json<Value>, Refusal> {
    let index = select::index(&of)?;
    let Some(Completion { next, begun }) = complete(&query) else {
        return Ok(Json(json!({"next": [], "current": {"token": Value::Null, "value": ""}})));
    };
    let (token, offers) = match next {
        Next::Field => ("FIELD", fields(&app, context, index).await?),
        Next::Operator => ("OP", OPERATORS.map(|(value, about)| Offer::new("OP", value, about)).into()),
        Next::Words(words) => ("OP", words.iter().map(|word| Offer::new("OP", *word, "")).collect()),
        Next::Join => {
            let words = [("AND", "Both hold"), ("OR", "One of them holds")];
            ("AND", words.map(|(word, about)| Offer::new(word, word, about)).into())
        }
        Next::Value(field) => {
            let known = values(&app, context, index, field).await?;
            let mut offers = vec![Offer::new("QUOTE", "\"", "A text; * in it stands for any characters")];
            offers.extend(known.into_iter().map(|value| Offer::new("VALUE", value, "")));
            ("VALUE", offers)
        }
        Next::Text(field) => {
            let known = values(&app, context, index, field).await?;
            let texts = known.iter().filter_map(|value| value.strip_prefix('"'));
            ("VALUE", texts.map(|text| Offer::new("VALUE", text, "")).collect())
        }
    };
    let wanted = begun.to_lowercase();
    let mut next: Vec<Offer> =
        offers.into_iter().filter(|offer| offer.value.to_lowercase().contains(&wanted)).collect();
    next.sort_by_cached_key(|offer| !offer.value.to_lowercase().starts_with(&wanted));
    next.truncate(OFFERED);
    Ok(Json(json!({"next": next, "current": {"token": token, "value": begun}})))
}

/// Fields that documents have by their shape, and those of the newest.
async fn fields(app: &App, context: Context, index: Index) -> Result<Vec<Offer>, Refusal> {
    let mut found = BTreeSet::new();
    let shape = match index {
        Index::Event => {
            found.extend(EVENT_FIELDS.map(str::to_owned));
            let settings = app.settings.borrow().clone();
            let copies = settings.event_types.list().iter().flat_map(|kind| &kind.copy);
            found.extend(copies.map(|copy| copy.destination.as_str().to_owned()));
            None
        }
        Index::Session => serde_json::to_value(Session::starting("", Timestamp::UNIX_EPOCH)).ok(),
        Index::Profile => serde_json::to_value(Profile::default()).ok(),
    };
    for document in sample(app, context, index).await?.iter().chain(&shape) {
        leaves(document, &mut |field, _| {
            found.insert(field.to_owned());
        });
    }
    Ok(found.into_iter().map(|field| Offer::new("FIELD", field, "")).collect())
}

/// What the field may be compared with, as it would be written.
async fn values(app: &App, context: Context, index: Index, field: &str) -> Result<BTreeSet<String>, Refusal> {
    let field = field.strip_suffix(".keyword").unwrap_or(field);
    let mut found = BTreeSet::new();
    for document in sample(app, context, index).await? {
        leaves(&document, &mut |name, value| {
            if name == field {
                found.extend(written(value));
            }
        });
    }
    let snapshot = app.configuration.watch().borrow().clone();
    match (index, field) {
        (Index::Event, "type") => {
            found.extend(event_type::known(app, context).await?.into_keys().filter_map(|id| written(&id.into())));
        }
        (Index::Event, "source.id") => {
            let sources = snapshot.event_sources(context);
            found.extend(sources.filter_map(|source| written(&source.id.as_str().into())));
        }
        _ => {}
    }
    Ok(found)
}

/// A value in the search language; none when it cannot be written or would be too long to be chosen.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() || text.len() > MAX_VALUE || text.contains(['"', '*', '\n']) => None,
        Value::String(text) => Some(format!("\"{text}\"")),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

async fn sample(app: &App, context: Context, index: Index) -> Result<Vec<Value>, Refusal> {
    let held = page::read(app, context, index, &Select { limit: SAMPLE, ..Select::default() }).await?;
    Ok(held.page.result.iter().filter_map(|document| serde_json::from_str(document.get()).ok()).collect())
}

/// Tells each field that a search can name, with its value; the elements of a list one by one.
fn leaves(document: &Value, tell: &mut impl FnMut(&str, &Value)) {
    fn walk(value: &Value, path: &mut String, left: &mut usize, tell: &mut impl FnMut(&str, &Value)) {
        if *left == 0 {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let length = path.len();
                    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
                        continue;
                    }
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    walk(member, path, left, tell);
                    path.truncate(length);
                }
            }
            Value::Array(elements) if !elements.is_empty() => {
                for element in elements.iter().filter(|element| !element.is_object() && !element.is_array()) {
                    *left = left.saturating_sub(1);
                    tell(path, element);
                }
            }
            leaf => {
                *left -= 1;
                tell(path, leaf);
            }
        }
    }
    walk(document, &mut String::new(), &mut MAX_FIELDS.clone(), tell);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_as_a_search_names_them() {
        let document = json!({"id": "a", "tags": ["x", "y"], "list": [{"n": 1}], "none": [], "deep": {"er": null, "no name": 1, "": 2}});
        let mut told = Vec::new();
        leaves(&document, &mut |field, value| told.push(format!("{field}={value}")));
        assert_eq!(told, ["id=\"a\"", "tags=\"x\"", "tags=\"y\"", "none=[]", "deep.er=null"]);
    }

    #[test]
    fn a_large_document_is_not_told_to_its_end() {
        let document = json!({"many": vec![1; 10_000], "more": 1});
        let mut told = 0;
        leaves(&document, &mut |_, _| told += 1);
        assert_eq!(told, 10_000, "a list is one field");
    }
}
