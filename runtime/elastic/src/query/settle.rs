//! From a question to a query that has exactly the documents that are meant.

use jiff::Timestamp;
use serde_json::{Value, json};
use tracardi_model::Context;
use tracardi_store::{Index, StoreError};

use super::question::{Question, inserted};
use super::search::{Walk, fitting};
use super::{every, mapping};
use crate::elastic::Inner;
use crate::schema::{newest_first, scope};

/// Documents that are asked in memory for one request, at most. Not more than a server takes keys in a query (65,536).
pub const MAX_ASKED: u64 = 50_000;
/// Documents whose lengths are looked at together.
const STEP: u64 = 1_000;

/// Which documents are asked what.
pub(super) struct Ask<'a> {
    pub(super) context: Context,
    pub(super) index: Index,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) question: Question<'a>,
}

impl Inner {
    /// The query for the documents that are meant.
    pub(super) async fn settled(&self, ask: &Ask<'_>) -> Result<Value, StoreError> {
        let mapping = mapping(ask.index);
        let range = [scope(ask.context)].into_iter().chain(inserted(ask.from, ask.to));
        let Some(queries) = ask.question.queries(mapping) else { return Ok(every(range)) };
        let range = every(range);
        let (sure, open) = (queries.sure(mapping), every([range.clone(), queries.open(mapping)]));
        let number = self.count(ask.index.into(), &open).await?;
        if number > MAX_ASKED {
            return Err(StoreError::TooBroad { found: number, most: MAX_ASKED });
        }
        if number == 0 {
            return Ok(every([range, sure]));
        }
        let order = newest_first();
        let mut walk = self.walk(ask.index.into(), &open, &order).await?;
        let keys = self.asked(ask, &mut walk).await;
        walk.end().await;
        let joined = json!({"bool": {"should": [sure, {"terms": {"key": keys?}}], "minimum_should_match": 1}});
        Ok(every([range, joined]))
    }

    /// The keys of those documents that are meant.
    async fn asked(&self, ask: &Ask<'_>, walk: &mut Walk<'_>) -> Result<Vec<String>, StoreError> {
        let (mut keys, mut number) = (Vec::new(), 0);
        loop {
            let heads = walk.next(STEP).await?;
            if heads.is_empty() {
                return Ok(keys);
            }
            // More may have come since they were counted.
            number += heads.len() as u64;
            if number > MAX_ASKED {
                return Err(StoreError::TooBroad { found: number, most: MAX_ASKED });
            }
            let mut rest = heads.as_slice();
            while !rest.is_empty() {
                let piece = fitting(rest);
                for (key, document) in self.keyed(piece).await? {
                    // Each costs some time.
                    tokio::task::coop::consume_budget().await;
                    if ask.question.holds(ask.index, document.get())? {
                        keys.push(key.to_owned());
                    }
                }
                rest = rest.get(piece.len()..).unwrap_or_default();
            }
        }
    }
}
