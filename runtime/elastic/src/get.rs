//! Reading by id: at once after the write, without waiting for a refresh.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tracardi_store::{StoreError, Version};

use crate::bulk::Place;
use crate::client::Body;
use crate::document::{Envelope, parse, text_of};
use crate::elastic::Inner;
use crate::error::{ElasticError, Said};
use crate::pending::Rest;

/// Documents of one request, at most.
const AT_ONCE: usize = 1_000;

/// A place and an `_id`.
pub(crate) type Spot = (Place, String);

/// A document in an index.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) version: Version,
    /// What the index keeps of it; none if only its version was asked for.
    source: Option<Arc<RawValue>>,
}

#[derive(Deserialize)]
struct Waits {
    pending: Option<Box<RawValue>>,
}

impl Held {
    /// Out of an answer.
    pub(crate) fn new(version: Version, source: Option<Box<RawValue>>) -> Self {
        Self { version, source: source.map(Arc::from) }
    }

    fn source(&self) -> Result<&RawValue, StoreError> {
        let none = || StoreError::Corrupt { what: "document".to_owned(), reason: "its source is missing".to_owned() };
        self.source.as_deref().ok_or_else(none)
    }

    /// The typed part.
    pub(crate) fn envelope(&self) -> Result<Envelope, StoreError> {
        parse(self.source()?.get(), "document of an index")
    }

    /// Our JSON.
    pub(crate) fn text(&self) -> Result<Box<RawValue>, StoreError> {
        text_of(self.source()?)
    }

    /// What followed it.
    pub(crate) fn pending(&self) -> Result<Option<Rest>, StoreError> {
        let Some(source) = self.source.as_deref() else { return Ok(None) };
        let waits: Waits = parse(source.get(), "document of an index")?;
        waits.pending.map(|text| Rest::read(text.get())).transpose()
    }
}

#[derive(Deserialize)]
struct Answer {
    docs: Vec<Doc>,
}

#[derive(Deserialize)]
struct Doc {
    #[serde(default)]
    found: bool,
    #[serde(rename = "_seq_no")]
    seq_no: Option<u64>,
    #[serde(rename = "_primary_term")]
    primary_term: Option<u64>,
    #[serde(rename = "_source")]
    source: Option<Box<RawValue>>,
    error: Option<Said>,
}

/// What was found out about documents.
#[derive(Debug, Default)]
pub(crate) struct Known {
    held: HashMap<Spot, Option<Held>>,
    /// Indices that do not exist.
    missing: Vec<Place>,
}

impl Known {
    /// The document, if it is known that there is one.
    pub(crate) fn get(&self, place: Place, key: &str) -> Option<&Held> {
        self.held.get(&(place, key.to_owned()))?.as_ref()
    }

    /// The document itself, if it is known that there is one.
    pub(crate) fn take(&mut self, place: Place, key: &str) -> Option<Held> {
        self.held.remove(&(place, key.to_owned()))?
    }

    /// Whether it was asked for.
    pub(crate) fn has(&self, spot: &Spot) -> bool {
        self.held.contains_key(spot)
    }

    /// Whether it was asked for with what the index keeps of it.
    pub(crate) fn has_whole(&self, spot: &Spot) -> bool {
        self.held.get(spot).is_some_and(|held| held.as_ref().is_none_or(|held| held.source.is_some()))
    }

    /// Whether an index was asked and does not exist.
    pub(crate) fn lacks(&self, place: Place) -> bool {
        self.missing.contains(&place)
    }
}

impl Inner {
    /// Looks documents up, with what the index keeps of them or (`false`) only whether they are there and in which version.
    pub(crate) async fn look_up(
        &self,
        known: &mut Known,
        wanted: impl IntoIterator<Item = (Spot, bool)>,
    ) -> Result<(), ElasticError> {
        let is_new = |(spot, whole): &(Spot, bool)| !known.has(spot) || *whole && !known.has_whole(spot);
        let mut asked: Vec<(Spot, bool)> = wanted.into_iter().filter(is_new).collect();
        asked.sort_by(|(a, _), (b, _)| (a.0.kind, a.0.generation, &a.1).cmp(&(b.0.kind, b.0.generation, &b.1)));
        asked.dedup_by(|(a, whole), (b, kept)| {
            let same = a == b;
            *kept |= same && *whole;
            same
        });
        for part in asked.chunks(AT_ONCE) {
            let docs: Vec<_> = part
                .iter()
                .map(|((place, key), whole)| {
                    let index = self.names.index(place.kind, place.generation);
                    json!({"_index": index, "_id": key, "_source": whole})
                })
                .collect();
            let body = json!({"docs": docs});
            let answer: Answer = self.client.json(Method::POST, "_mget", Body::from(&body)).await?;
            if answer.docs.len() != part.len() {
                return Err(ElasticError::Garbled("it tells of other documents than were asked for".to_owned()));
            }
            for ((spot, _), doc) in part.iter().zip(answer.docs) {
                let held = match doc {
                    Doc { found: true, seq_no: Some(seq_no), primary_term: Some(primary_term), source, .. } => {
                        Some(Held::new(Version { seq_no, primary_term }, source))
                    }
                    Doc { error: None, .. } => None,
                    Doc { error: Some(said), .. } if said.kind == "index_not_found_exception" => {
                        known.missing.push(spot.0);
                        None
                    }
                    // A shard that has no copy at the moment: whether the document exists nobody knows.
                    Doc { error: Some(said), .. } => {
                        let url = self.client.url().to_owned();
                        return Err(ElasticError::Busy { url, status: 503, reason: said.line() });
                    }
                };
                known.held.insert(spot.clone(), held);
            }
        }
        Ok(())
    }
}
