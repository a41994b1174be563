//! A page of what a query has.

use serde_json::{Value, json};
use tracardi_store::{Page, StoreError};

use super::search::{Head, WINDOW, fitting};
use crate::elastic::Inner;
use crate::error::ElasticError;
use crate::names::Kind;

impl Inner {
    /// A page: how many there are, and the documents from `start` on, at most `limit` and as many as it holds.
    pub(crate) async fn page(
        &self,
        kind: Kind,
        query: &Value,
        order: &Value,
        start: u64,
        limit: u64,
    ) -> Result<Page, StoreError> {
        let limit = limit.min(WINDOW);
        let near = start.saturating_add(limit) <= WINDOW;
        let body = json!({
            "query": query, "sort": order, "track_total_hits": true,
            "from": if near { start } else { 0 }, "size": if near { limit } else { 0 },
            "_source": false, "docvalue_fields": ["bytes"],
        });
        let hits = self.find(kind, &body).await?.hits;
        let total = hits.total();
        let there = near || start >= total || limit == 0;
        let heads = if there { hits.hits } else { self.far(kind, query, order, start, limit).await? };
        let documents = self.keyed(fitting(&heads)).await?;
        Ok(Page { total, result: documents.into_iter().map(|(_, document)| document).collect() })
    }

    /// Documents behind those that a search skips.
    async fn far(
        &self,
        kind: Kind,
        query: &Value,
        order: &Value,
        start: u64,
        limit: u64,
    ) -> Result<Vec<Head>, ElasticError> {
        let mut walk = self.walk(kind, query, order).await?;
        let found = async {
            let mut skipped = 0;
            while skipped < start {
                let passed = walk.next(start - skipped).await?.len() as u64;
                if passed == 0 {
                    return Ok(Vec::new());
                }
                skipped += passed;
            }
            walk.next(limit).await
        }
        .await;
        walk.end().await;
        found
    }
}
