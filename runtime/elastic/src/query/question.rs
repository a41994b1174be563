//! What is asked of each document.

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracardi_language::elastic::{self, MAX_WORDS, Mapping, Queries};
use tracardi_language::filter::Filter;
use tracardi_store::documents::MAX_WILDCARDS;
use tracardi_store::{Holding, Index, Matching, StoreError};

use crate::document::parse;

/// What is asked.
#[derive(Clone, Copy)]
pub(super) enum Question<'a> {
    Everything,
    Filter(&'a Filter),
    Words(&'a str),
    Condition(&'a Holding),
}

impl<'a> Question<'a> {
    /// Fails for a pattern that is too much for a store.
    pub(super) fn of(matching: &'a Matching) -> Result<Self, StoreError> {
        Ok(match matching {
            Matching::Everything => Self::Everything,
            Matching::Words(words) => Self::Words(words),
            Matching::Filter(filter) => {
                check(filter)?;
                Self::Filter(filter)
            }
        })
    }

    /// What an index knows of the answer; None if there is nothing to ask.
    pub(super) fn queries(&self, mapping: Mapping<'_>) -> Option<Queries> {
        match self {
            Self::Everything => None,
            Self::Filter(Filter::All(parts)) if parts.is_empty() => None,
            Self::Filter(filter) => Some(elastic::filter(filter, mapping)),
            Self::Words(words) if words.trim().is_empty() => None,
            Self::Words(words) => Some(elastic::words(words, mapping)),
            Self::Condition(holding) => Some(elastic::condition(&holding.condition, mapping, holding.now)),
        }
    }

    /// The answer of a document.
    pub(super) fn holds(&self, index: Index, document: &str) -> Result<bool, StoreError> {
        let name = index.source().name();
        Ok(match self {
            Self::Everything => true,
            Self::Filter(filter) => filter.matches(&parse::<Value>(document, name)?),
            Self::Words(words) => {
                let document = document.to_ascii_lowercase();
                words.split_whitespace().take(MAX_WORDS).all(|word| document.contains(&escaped(word)))
            }
            Self::Condition(holding) => {
                let scope = Value::Object(Map::from_iter([(name.to_owned(), parse(document, name)?)]));
                holding.condition.evaluate(&scope, holding.now) == Ok(true)
            }
        })
    }
}

/// A word as it stands in JSON text.
fn escaped(word: &str) -> String {
    let quoted = Value::from(word.to_ascii_lowercase()).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

fn check(filter: &Filter) -> Result<(), StoreError> {
    match filter {
        Filter::All(parts) | Filter::Any(parts) => parts.iter().try_for_each(check),
        Filter::Not(part) => check(part),
        Filter::Like { pattern, .. } if pattern.as_str().matches('*').count() > MAX_WILDCARDS => {
            Err(StoreError::BadPattern(pattern.as_str().to_owned()))
        }
        _ => Ok(()),
    }
}

/// The query for what was inserted within these bounds, both included.
pub(super) fn inserted(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<Value> {
    let bounds = [("gte", from), ("lte", to)];
    let bounds = bounds.into_iter().filter_map(|(name, at)| Some((name.to_owned(), at?.as_microsecond().into())));
    let bounds: Map<String, Value> = bounds.collect();
    (!bounds.is_empty()).then(|| serde_json::json!({"range": {"inserted": bounds}}))
}
