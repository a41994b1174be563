//! Reading: pages, counts, histograms.
//!
//! | module | what for |
//! |---|---|
//! | `search` | one search, and a walk through an index at a point in time |
//! | `question` | what is asked of each document, by the index and in memory |
//! | `settle` | from a question to a query that has exactly the documents that are meant |
//! | `page` | a page of what a query has |
//! | `histogram` | counts over time |
//!
//! # The way of a query
//!
//! 1. A filter, words or a condition become queries of the facts of documents ([`tracardi_language::elastic`]): what is *sure*, and
//!    what is *open* and has to be asked in memory.
//! 2. The open ones are counted. Nearly always there are none: then what is sure is the answer. Otherwise they are read in
//!    pieces of bounded size and asked; those that are meant join the query by their keys. More than [`MAX_ASKED`] open ones
//!    are refused, [`StoreError::TooBroad`](tracardi_store::StoreError::TooBroad): no request reads a whole index by accident.
//! 3. A page is two requests: a search gives count, keys and lengths, and the documents that fit on the page are fetched by
//!    their keys. Behind the first [`WINDOW`] documents the way to the page is walked at a point in time, a search for each
//!    [`WINDOW`].
//!
//! Counted by a field is from facts as well: a value that a list has twice counts once.
//!
//! Words are looked for with one pass over the different facts of an index: some seconds for a hundred millions of them,
//! ended by the time that a request may take.

mod histogram;
mod page;
mod question;
mod search;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracardi_language::dot::Path;
use tracardi_language::elastic::{Mapping, Time, Values};
use tracardi_model::Context;
use tracardi_store::{Counts, Histogram, Holding, Index, Page, Select, StoreError};

use self::question::Question;
use self::search::Counted;
use self::settle::Ask;
use crate::Elastic;
use crate::names::Kind;
use crate::schema::{newest_first, scope};

pub use self::search::WINDOW;
pub use self::settle::MAX_ASKED;

/// How an index holds documents.
const fn mapping(index: Index) -> Mapping<'static> {
    // Profiles from elsewhere may lack it; they are listed as if it were 1970.
    let none = match index {
        Index::Event | Index::Session => None,
        Index::Profile => Some(0),
    };
    let time = Some(Time { path: "metadata.time.insert", field: "inserted", none });
    Mapping { source: index.source(), facts: "facts", time }
}

impl Elastic {
    /// [`Documents::count`](tracardi_store::Documents::count).
    pub(crate) async fn count_of(&self, context: Context, index: Index) -> Result<u64, StoreError> {
        Ok(self.0.count(index.into(), &scope(context)).await?)
    }

    /// [`Documents::select`](tracardi_store::Documents::select).
    pub(crate) async fn select_page(
        &self,
        context: Context,
        index: Index,
        select: &Select,
    ) -> Result<Page, StoreError> {
        let Select { from, to, matching, start, limit } = select;
        let question = Question::of(matching)?;
        let query = self.0.settled(&Ask { context, index, from: *from, to: *to, question }).await?;
        self.0.page(index.into(), &query, &newest_first(), *start, *limit).await
    }

    /// [`Documents::holding`](tracardi_store::Documents::holding).
    pub(crate) async fn holding_page(
        &self,
        context: Context,
        index: Index,
        holding: &Holding,
    ) -> Result<Page, StoreError> {
        holding.check(index)?;
        let question = Question::Condition(holding);
        let query = self.0.settled(&Ask { context, index, from: None, to: None, question }).await?;
        self.0.page(index.into(), &query, &newest_first(), holding.start, holding.limit).await
    }

    /// [`Documents::histogram`](tracardi_store::Documents::histogram).
    pub(crate) async fn counts(
        &self,
        context: Context,
        index: Index,
        histogram: &Histogram,
    ) -> Result<Counts, StoreError> {
        self.0.histogram(context, index, histogram).await
    }

    /// [`Documents::event_types`](tracardi_store::Documents::event_types). Those that stand in the envelope as their hash
    /// ([`term`](crate::names::term)) are told by the facts; of more than [`MAX_TEXT`](tracardi_language::elastic::MAX_TEXT) bytes not even these tell them.
    pub(crate) async fn types_of_events(&self, context: Context, limit: u32) -> Result<Vec<String>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let in_order = json!({"_key": "asc"});
        let size = limit.min(MAX_TYPES);
        let plain = json!({"terms": {"field": "type", "exclude": "\\#.*", "size": size, "order": in_order}});
        let found = self.0.aggregate(Kind::Event, &scope(context), &json!({ "types": plain })).await?;
        let mut types: BTreeSet<String> = found.of("types").buckets.into_iter().filter_map(Counted::text).collect();

        let hashed = every([scope(context), json!({"prefix": {"type": {"value": "#"}}})]);
        let values = Values::of(&Path::parse("type").map_err(|_| StoreError::BadField("type".to_owned()))?);
        let told = json!({"terms": {
            "field": "facts", "include": values.include(), "exclude": values.exclude(), "size": size,
            "execution_hint": "map", "order": in_order,
        }});
        let found = self.0.aggregate(Kind::Event, &hashed, &json!({ "types": told })).await?;
        let facts = found.of("types").buckets.into_iter().filter_map(Counted::text);
        types.extend(facts.filter_map(|fact| values.read(&fact).map(str::to_owned)));
        Ok(types.into_iter().take(limit as usize).collect())
    }
}

/// More types are not told.
const MAX_TYPES: u32 = 10_000;

/// All of these must hold; nothing is scored.
fn every(queries: impl IntoIterator<Item = Value>) -> Value {
    json!({"bool": {"filter": queries.into_iter().collect::<Vec<_>>()}})
}
