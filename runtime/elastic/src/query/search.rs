//! One search, and a walk through an index.

use std::collections::HashMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracardi_store::{PAGE_BYTES, StoreError};

use crate::client::{Body, read};
use crate::document::text_of;
use crate::elastic::Inner;
use crate::error::ElasticError;
use crate::names::Kind;

/// Documents that one search tells, at most: what servers allow unless they are told otherwise.
pub const WINDOW: u64 = 10_000;

/// An answer is of all shards or none at all.
const WHOLE: &str = "_search?allow_partial_search_results=false";

/// The answer to a search.
#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) hits: Hits,
    #[serde(default)]
    pub(super) aggregations: HashMap<String, Aggregation>,
    /// The point in time may get another name.
    pit_id: Option<String>,
}

/// The documents found.
#[derive(Deserialize)]
pub(super) struct Hits {
    total: Option<Total>,
    pub(super) hits: Vec<Head>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
}

impl Hits {
    /// How many there are, on all pages.
    pub(super) fn total(&self) -> u64 {
        self.total.as_ref().map_or(0, |total| total.value)
    }
}

/// A document that is found: everything but itself.
#[derive(Deserialize)]
pub(super) struct Head {
    #[serde(rename = "_index")]
    index: String,
    /// Its key.
    #[serde(rename = "_id")]
    pub(super) key: String,
    /// Its place in the order.
    #[serde(default)]
    sort: Vec<Value>,
    #[serde(default)]
    fields: Fields,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    bytes: Vec<u64>,
}

impl Head {
    /// The length of the document.
    fn bytes(&self) -> u64 {
        self.fields.bytes.first().copied().unwrap_or(0)
    }
}

/// The answer to an aggregation.
#[derive(Default, Deserialize)]
pub(super) struct Aggregation {
    #[serde(default)]
    pub(super) buckets: Vec<Counted>,
}

/// One bucket of it.
#[derive(Deserialize)]
pub(super) struct Counted {
    pub(super) key: Value,
    pub(super) doc_count: u64,
}

impl Counted {
    /// What is counted, if it is a text.
    pub(super) fn text(self) -> Option<String> {
        match self.key {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Answer {
    /// The aggregation of that name.
    pub(super) fn of(mut self, name: &str) -> Aggregation {
        self.aggregations.remove(name).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Fetched<'a> {
    #[serde(borrow)]
    docs: Vec<Document<'a>>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
}

/// The first documents of these, as many as a page holds: the first one, and what fits beside it.
pub(super) fn fitting(heads: &[Head]) -> &[Head] {
    let mut room = PAGE_BYTES;
    let fits = |(at, head): &(usize, &Head)| {
        let rest = room.checked_sub(head.bytes());
        room = rest.unwrap_or(0);
        *at == 0 || rest.is_some()
    };
    let number = heads.iter().enumerate().take_while(fits).count();
    heads.get(..number).unwrap_or_default()
}

impl Inner {
    /// How many documents a query has.
    pub(super) async fn count(&self, kind: Kind, query: &Value) -> Result<u64, ElasticError> {
        Ok(self.find(kind, &json!({"query": query, "size": 0, "track_total_hits": true})).await?.hits.total())
    }

    /// One search.
    pub(super) async fn find(&self, kind: Kind, body: &Value) -> Result<Answer, ElasticError> {
        self.client.json(Method::POST, &format!("{}/{WHOLE}", self.names.alias(kind)), body.into()).await
    }

    /// What aggregations say of the documents of a query.
    pub(super) async fn aggregate(&self, kind: Kind, query: &Value, wanted: &Value) -> Result<Answer, ElasticError> {
        let body = json!({"query": query, "size": 0, "track_total_hits": true, "aggs": wanted});
        self.find(kind, &body).await
    }

    /// The documents themselves, in this order and with their keys; without those that are gone since.
    pub(super) async fn keyed<'a>(&self, heads: &'a [Head]) -> Result<Vec<(&'a str, Box<RawValue>)>, StoreError> {
        if heads.is_empty() {
            return Ok(Vec::new());
        }
        let wanted: Vec<Value> = heads.iter().map(|head| json!({"_index": head.index, "_id": head.key})).collect();
        let body = json!({ "docs": wanted });
        let answer = self.client.send(Method::POST, "_mget?realtime=false", (&body).into()).await?;
        let Fetched { docs } = read(&answer)?;
        let found = heads.iter().zip(docs).filter_map(|(head, document)| Some((&*head.key, document.source?)));
        found.map(|(key, source)| Ok((key, text_of(source)?))).collect()
    }

    /// Begins a walk through the documents of a query.
    pub(super) async fn walk<'a>(
        &'a self,
        kind: Kind,
        query: &'a Value,
        order: &'a Value,
    ) -> Result<Walk<'a>, ElasticError> {
        let path = format!("{}/{}?keep_alive={KEPT}", self.names.alias(kind), self.dialect.point_in_time.open);
        let opened: HashMap<String, Value> = self.client.json(Method::POST, &path, Body::Nothing).await?;
        let point = opened.get(self.dialect.point_in_time.id).and_then(Value::as_str);
        let point = point.ok_or_else(|| ElasticError::Garbled("it names no point in time".to_owned()))?.to_owned();
        Ok(Walk { inner: self, query, order, point, after: None })
    }
}

/// How long a server keeps a point in time of which it hears nothing.
const KEPT: &str = "1m";

/// A walk through the documents of a query as they were when it began. To be [ended](Walk::end).
pub(super) struct Walk<'a> {
    inner: &'a Inner,
    query: &'a Value,
    order: &'a Value,
    point: String,
    after: Option<Vec<Value>>,
}

impl Walk<'_> {
    /// The next documents, at most so many; none at the end.
    pub(super) async fn next(&mut self, number: u64) -> Result<Vec<Head>, ElasticError> {
        let mut body = json!({
            "pit": {"id": self.point, "keep_alive": KEPT},
            "query": self.query, "sort": self.order, "size": number.min(WINDOW), "track_total_hits": false,
            "_source": false, "docvalue_fields": ["bytes"],
        });
        if let Some(after) = &self.after {
            body["search_after"] = after.clone().into();
        }
        let answer: Answer = self.inner.client.json(Method::POST, WHOLE, (&body).into()).await?;
        if let Some(point) = answer.pit_id {
            self.point = point;
        }
        if let Some(last) = answer.hits.hits.last() {
            self.after = Some(last.sort.clone());
        }
        Ok(answer.hits.hits)
    }

    /// Lets the point in time go. The server does that by itself a minute later.
    pub(super) async fn end(self) {
        let dialect = self.inner.dialect.point_in_time;
        let body = dialect.closing(&self.point);
        if let Err(error) = self.inner.client.send(Method::DELETE, dialect.close, (&body).into()).await {
            tracing::debug!(%error, "a point in time was not closed");
        }
    }
}
