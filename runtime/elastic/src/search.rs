//! Small searches of our own: for what is found by what it names.

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracardi_store::{StoreError, Version};

use crate::bulk::{Op, Place};
use crate::client::Body;
use crate::elastic::Inner;
use crate::error::ElasticError;
use crate::get::Held;
use crate::names::Kind;

/// Documents that are removed at a time.
const AT_ONCE: usize = 1_000;

/// A document that was found.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) place: Place,
    pub(crate) key: String,
    pub(crate) held: Held,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "hits")]
    all: Hits,
}

#[derive(Deserialize)]
struct Hits {
    total: Total,
    hits: Vec<Raw>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    key: String,
    #[serde(rename = "_seq_no")]
    seq_no: u64,
    #[serde(rename = "_primary_term")]
    primary_term: u64,
    #[serde(rename = "_source")]
    source: Option<Box<RawValue>>,
}

impl Inner {
    /// Searches a kind; `body` has at least `query` and `size`. Gives how many there are, and those.
    pub(crate) async fn search(&self, kind: Kind, body: &Value) -> Result<(u64, Vec<Hit>), ElasticError> {
        let path = format!("{}/_search?seq_no_primary_term=true&track_total_hits=true", self.names.alias(kind));
        let answer: Answer = self.client.json(Method::POST, &path, Body::from(body)).await?;
        let hits = answer.all.hits.into_iter().filter_map(|raw| {
            let generation = self.names.generation(kind, &raw.index)?;
            let version = Version { seq_no: raw.seq_no, primary_term: raw.primary_term };
            Some(Hit { place: Place { kind, generation }, key: raw.key, held: Held::new(version, raw.source) })
        });
        Ok((answer.all.total.value, hits.collect()))
    }

    /// What was written of these kinds is found from now on.
    pub(crate) async fn refresh_kinds(&self, kinds: &[Kind]) -> Result<(), ElasticError> {
        let names: Vec<String> = kinds.iter().map(|kind| self.names.alias(*kind)).collect();
        self.client.send(Method::POST, &format!("{}/_refresh", names.join(",")), Body::Nothing).await.map(drop)
    }

    /// Removes everything of a kind that a query finds; how much that was.
    pub(crate) async fn remove_found(&self, kind: Kind, query: &Value) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            self.refresh_kinds(&[kind]).await?;
            let (_, hits) = self.search(kind, &json!({"query": query, "size": AT_ONCE, "_source": false})).await?;
            if hits.is_empty() {
                return Ok(removed);
            }
            removed += hits.len() as u64;
            let ops: Vec<Op> = hits.into_iter().map(|hit| Op::delete(hit.place, hit.key)).collect();
            self.bulk(&ops.iter().collect::<Vec<_>>()).await?;
        }
    }
}
